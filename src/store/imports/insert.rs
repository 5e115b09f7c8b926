//! Inserting many rows: `COPY` on Postgres, prepared statements of many rows on SQLite.

/// The number of rows of a statement on SQLite.
pub(super) const ROWS: usize = 32;

/// Defines a function that inserts rows into a table.
macro_rules! insert_many {
    ($(#[$doc:meta])* $name:ident, $table:ident, $row:ty) => {
        $(#[$doc])*
        pub fn $name(
            connection: &mut $crate::store::engine::connection::Db,
            rows: &[$row],
        ) -> Result<(), $crate::store::error::StoreError> {
            use $crate::store::engine::connection::Db;
            if rows.is_empty() {
                return Ok(());
            }
            match connection {
                Db::Postgres(postgres) => {
                    diesel::copy_from($table::table)
                        .from_insertable(rows)
                        .execute(postgres)?;
                }
                Db::Sqlite(sqlite) => {
                    for chunk in rows.chunks($crate::store::imports::insert::ROWS) {
                        let insert = diesel::insert_into($table::table);
                        match <&[_; $crate::store::imports::insert::ROWS]>::try_from(chunk) {
                            Ok(full) => insert.values(full).execute(sqlite)?,
                            Err(_) => insert.values(chunk).execute(sqlite)?,
                        };
                    }
                }
            }
            Ok(())
        }
    };
}
pub(super) use insert_many;
