//! The indexes that make searches on Postgres fast. The migrations create them where the extension `pg_trgm` exists or can be
//! created; elsewhere searches read the rows.

use diesel::{QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_types::Text};

use crate::store::engine::connection::Db;
use crate::store::error::StoreError;

/// The missing indexes that this role may create: it owns the tables, and may use the extension, in whichever schema.
const MISSING: &str = "SELECT names.index_name, names.table_name, quote_ident(nspname) AS extension_schema \
    FROM (VALUES ('users_search', 'users'), ('client_users_search', 'client_users'), \
        ('audit_events_search', 'audit_events')) AS names (index_name, table_name) \
    JOIN pg_class ON pg_class.oid = to_regclass(names.table_name) \
    JOIN pg_extension ON extname = 'pg_trgm' JOIN pg_namespace ON pg_namespace.oid = extnamespace \
    WHERE to_regclass(names.index_name) IS NULL AND pg_has_role(pg_class.relowner, 'USAGE') \
        AND has_schema_privilege(pg_class.relnamespace, 'CREATE') AND has_schema_privilege(extnamespace, 'USAGE')";

#[derive(QueryableByName)]
struct MissingIndex {
    #[diesel(sql_type = Text)]
    index_name: String,
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    extension_schema: String,
}

/// Creates the missing indexes if the extension exists and this role owns the tables.
///
/// # Errors
/// [`StoreError`].
pub fn create_missing(connection: &mut Db) -> Result<(), StoreError> {
    let Db::Postgres(postgres) = connection else {
        return Ok(());
    };
    let missing: Vec<MissingIndex> = diesel::sql_query(MISSING).load(postgres)?;
    for index in missing {
        postgres.batch_execute(&format!(
            "CREATE INDEX IF NOT EXISTS {} ON {} USING gin (search_text {}.gin_trgm_ops)",
            index.index_name, index.table_name, index.extension_schema
        ))?;
    }
    Ok(())
}
