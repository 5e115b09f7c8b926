//! The queries of single rows that both account tables have.

/// Defines the queries of an account table with the types of its rows, new rows and changes.
macro_rules! account_queries {
    ($table:ident, $row:ty, $new:ty, $changes:ty) => {
        /// Finds an account by id.
        pub fn find_by_id(connection: &mut Db, id: UserSeq) -> Result<Option<$row>, StoreError> {
            Ok($table::table.find(id).get_result(connection).optional()?)
        }

        /// Finds an account by id, and locks its row until the transaction ends.
        pub fn lock(connection: &mut Db, id: UserSeq) -> Result<Option<$row>, StoreError> {
            let row = $table::table.find(id);
            Ok(match connection {
                Db::Postgres(postgres) => row.for_update().get_result(postgres).optional()?,
                // SQLite's writer holds the only write lock already.
                Db::Sqlite(sqlite) => row.get_result(sqlite).optional()?,
            })
        }

        /// Inserts a row; [`StoreError::Conflict`] on its normalised login name if that is taken.
        pub fn insert(connection: &mut Db, new: &$new) -> Result<$row, StoreError> {
            Ok(diesel::insert_into($table::table)
                .values(new)
                .returning($table::all_columns)
                .get_result(connection)?)
        }

        /// Updates a row and returns it; `None` if there is no such account.
        pub fn update(
            connection: &mut Db,
            id: UserSeq,
            changes: &$changes,
        ) -> Result<Option<$row>, StoreError> {
            Ok(diesel::update($table::table.find(id))
                .set(changes)
                .returning($table::all_columns)
                .get_result(connection)
                .optional()?)
        }

        /// Deletes a row. Returns `true` if this call did it.
        pub fn delete(connection: &mut Db, id: UserSeq) -> Result<bool, StoreError> {
            Ok(diesel::delete($table::table.find(id)).execute(connection)? == 1)
        }

        /// Records a login, and locks the row, so that a concurrent deactivation is either seen or has to wait. Returns
        /// `false` if the account is not active any more, or if `hash` (for a login by password) is not its password
        /// hash any more.
        pub fn record_login(
            connection: &mut Db,
            id: UserSeq,
            hash: Option<&str>,
            last_login_at: Option<Timestamp>,
        ) -> Result<bool, StoreError> {
            let mut update = diesel::update($table::table.find(id)).into_boxed::<MultiBackend>();
            update = update.filter($table::is_active.eq(true));
            if let Some(hash) = hash {
                update = update.filter($table::password_hash.eq(hash.to_owned()));
            }
            let changed = match last_login_at {
                Some(now) => update
                    .set($table::last_login_at.eq(now))
                    .execute(connection)?,
                None => update
                    .set($table::last_login_at.eq($table::last_login_at))
                    .execute(connection)?,
            };
            Ok(changed == 1)
        }

        /// Replaces the hash `old` by a stronger one of the same password. Returns `false` if the stored hash is not
        /// `old` any more.
        pub fn replace_hash(
            connection: &mut Db,
            id: UserSeq,
            old: &str,
            new: &str,
        ) -> Result<bool, StoreError> {
            let row = $table::table.find(id).filter($table::password_hash.eq(old));
            let changed = diesel::update(row).set($table::password_hash.eq(new));
            Ok(changed.execute(connection)? == 1)
        }
    };
}
pub(super) use account_queries;
