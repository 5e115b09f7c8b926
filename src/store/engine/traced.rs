//! Database work as a span of the request that it belongs to.

use crate::store::engine::connection::Target;
use crate::store::error::StoreFailure;
use crate::traces::{Kind, Span, child};

/// The span of database work, if its request is traced. The statements are not in it.
pub(crate) struct Traced(Option<Span>);

impl Traced {
    /// Begins a span of this name.
    pub(crate) fn begin(target: &Target, name: &'static str) -> Self {
        let mut span = child(name, Kind::Client);
        if let Some(span) = &mut span {
            let system = match target {
                Target::Sqlite { .. } => "sqlite",
                Target::Postgres { .. } => "postgresql",
            };
            span.set("db.system.name", system);
        }
        Self(span)
    }

    /// Ends it with the result of the work. It has failed if the database has.
    pub(crate) fn end<T, E: StoreFailure>(self, result: Result<T, E>) -> Result<T, E> {
        if let Some(mut span) = self.0
            && result.as_ref().is_err_and(StoreFailure::is_failure)
        {
            span.fail();
        }
        result
    }
}
