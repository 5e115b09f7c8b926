//! `INSERT … ON CONFLICT DO NOTHING` for both databases: a uniqueness check without a race. diesel supports it on
//! each backend, but not on the enum over both.

use diesel::{
    QueryResult, QuerySource, RunQueryDsl,
    backend::Backend,
    query_builder::{AstPass, InsertStatement, QueryFragment, QueryId},
};

/// An insert that leaves existing rows unchanged. Its row count is 1 when this call inserted the row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OrIgnore<Q>(Q);

impl<Q: QueryId> QueryId for OrIgnore<Q> {
    type QueryId = OrIgnore<Q::QueryId>;
    const HAS_STATIC_QUERY_ID: bool = Q::HAS_STATIC_QUERY_ID;
}

impl<DB: Backend, Q: QueryFragment<DB>> QueryFragment<DB> for OrIgnore<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(" ON CONFLICT DO NOTHING");
        Ok(())
    }
}

impl<Q, C> RunQueryDsl<C> for OrIgnore<Q> {}

/// Adds `or_ignore` to insert statements.
pub(crate) trait OrIgnoreExt: Sized {
    /// Leaves existing rows unchanged.
    fn or_ignore(self) -> OrIgnore<Self> {
        OrIgnore(self)
    }
}

impl<T: QuerySource, U, Op, Ret> OrIgnoreExt for InsertStatement<T, U, Op, Ret> {}
