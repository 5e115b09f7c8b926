//! Database work as a span of the request that it belongs to.

use std::future::Future;

use crate::store::engine::connection::Target;
use crate::store::error::StoreFailure;
use crate::traces::{Kind, child};

/// Runs work in a span of this name, if the request is traced. The statements are not in it.
pub(crate) async fn traced<T, E: StoreFailure>(
    target: &Target,
    name: &'static str,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let span = child(name, Kind::Client);
    let result = work.await;
    if let Some(mut span) = span {
        let system = match target {
            Target::Sqlite { .. } => "sqlite",
            Target::Postgres { .. } => "postgresql",
        };
        span.set("db.system.name", system);
        if result.as_ref().is_err_and(StoreFailure::is_failure) {
            span.fail();
        }
    }
    result
}
