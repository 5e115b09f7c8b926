//! The indexes that make searches on Postgres fast. The migrations create them where the extension `pg_trgm` exists or can be
//! created; elsewhere searches read the rows.

use diesel::{
    OptionalExtension, QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_types::Text,
};

use crate::store::engine::connection::Db;
use crate::store::error::StoreError;

/// The indexes and their tables.
const INDEXES: [(&str, &str); 3] = [
    ("users_search", "users"),
    ("client_users_search", "client_users"),
    ("audit_events_search", "audit_events"),
];

/// Creates the missing indexes if the extension exists, in whichever schema.
///
/// # Errors
/// [`StoreError`].
pub fn create_missing(connection: &mut Db) -> Result<(), StoreError> {
    #[derive(QueryableByName)]
    struct Extension {
        #[diesel(sql_type = Text)]
        schema: String,
    }
    let Db::Postgres(postgres) = connection else {
        return Ok(());
    };
    let statement = "SELECT quote_ident(nspname) AS schema FROM pg_extension \
        JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname = 'pg_trgm'";
    let found: Option<Extension> = diesel::sql_query(statement)
        .get_result(postgres)
        .optional()?;
    let Some(Extension { schema }) = found else {
        return Ok(());
    };
    for (index, table) in INDEXES {
        postgres.batch_execute(&format!(
            "CREATE INDEX IF NOT EXISTS {index} ON {table} USING gin (search_text {schema}.gin_trgm_ops)"
        ))?;
    }
    Ok(())
}
