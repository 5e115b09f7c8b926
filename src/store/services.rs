//! The table `services`: programs that check tokens and call each other with a secret of their own.

use diesel::prelude::*;

use crate::clock::Timestamp;
use crate::domain::principal::UserSeq;
use crate::domain::service::Scopes;
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::schema::services;

/// A row. It contains the hash of a secret and is therefore never serialised.
#[derive(Queryable, Clone)]
pub struct ServiceRow {
    /// The number of the service.
    pub id: UserSeq,
    /// The unique name, which is the `client_id`.
    pub name: String,
    /// What it is for; possibly empty.
    pub description: String,
    /// The hash of the secret.
    pub secret_hash: String,
    /// The scopes that it may have.
    pub scopes: Scopes,
    /// Whether it may authenticate.
    pub is_active: bool,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The time of the last change.
    pub updated_at: Timestamp,
    /// When it last authenticated, to within a minute.
    pub last_used_at: Option<Timestamp>,
}

/// A row to insert.
#[derive(Insertable, Clone)]
#[diesel(table_name = services)]
pub struct NewService {
    /// The unique name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The hash of the secret.
    pub secret_hash: String,
    /// The scopes that it may have.
    pub scopes: Scopes,
    /// Whether it may authenticate.
    pub is_active: bool,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The same time.
    pub updated_at: Timestamp,
}

/// The columns to update; `None` leaves a column unchanged.
#[derive(AsChangeset, Clone)]
#[diesel(table_name = services)]
pub struct ServiceChanges {
    /// What it is for.
    pub description: Option<String>,
    /// The hash of the secret.
    pub secret_hash: Option<String>,
    /// The scopes that it may have.
    pub scopes: Option<Scopes>,
    /// Whether it may authenticate.
    pub is_active: Option<bool>,
    /// The time of this change.
    pub updated_at: Timestamp,
}

/// All services, by name.
pub fn list(connection: &mut Db) -> Result<Vec<ServiceRow>, StoreError> {
    Ok(services::table.order(services::name).load(connection)?)
}

/// Finds a service by its number.
pub fn find_by_id(connection: &mut Db, id: UserSeq) -> Result<Option<ServiceRow>, StoreError> {
    Ok(services::table.find(id).get_result(connection).optional()?)
}

/// Finds a service by its name.
pub fn find_by_name(connection: &mut Db, name: &str) -> Result<Option<ServiceRow>, StoreError> {
    Ok(services::table
        .filter(services::name.eq(name))
        .get_result(connection)
        .optional()?)
}

/// Finds a service by its number, and locks its row until the transaction ends.
pub fn lock(connection: &mut Db, id: UserSeq) -> Result<Option<ServiceRow>, StoreError> {
    let row = services::table.find(id);
    Ok(match connection {
        Db::Postgres(postgres) => row.for_update().get_result(postgres).optional()?,
        // SQLite's writer holds the only write lock already.
        Db::Sqlite(sqlite) => row.get_result(sqlite).optional()?,
    })
}

/// Inserts a row; [`StoreError::Conflict`] on `name` if that is taken.
pub fn insert(connection: &mut Db, new: &NewService) -> Result<ServiceRow, StoreError> {
    Ok(diesel::insert_into(services::table)
        .values(new)
        .returning(services::all_columns)
        .get_result(connection)?)
}

/// Updates a row and returns it; `None` if there is no such service.
pub fn update(
    connection: &mut Db,
    id: UserSeq,
    changes: &ServiceChanges,
) -> Result<Option<ServiceRow>, StoreError> {
    Ok(diesel::update(services::table.find(id))
        .set(changes)
        .returning(services::all_columns)
        .get_result(connection)
        .optional()?)
}

/// Deletes a row. Returns `true` if this call did it.
pub fn delete(connection: &mut Db, id: UserSeq) -> Result<bool, StoreError> {
    Ok(diesel::delete(services::table.find(id)).execute(connection)? == 1)
}

/// Records that a service authenticated, unless a later time is recorded.
pub fn record_use(connection: &mut Db, id: UserSeq, now: Timestamp) -> Result<(), StoreError> {
    let not_later = services::last_used_at
        .is_null()
        .or(services::last_used_at.lt(now));
    diesel::update(services::table.find(id).filter(not_later))
        .set(services::last_used_at.eq(Some(now)))
        .execute(connection)?;
    Ok(())
}
