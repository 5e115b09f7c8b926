//! The table `webhook_endpoints`: where events are sent.

use diesel::{prelude::*, sql_types::BigInt};

use crate::clock::Timestamp;
use crate::domain::principal::UserSeq;
use crate::domain::webhook::EventTypes;
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::pagination::statement::Sql;
use crate::store::schema::webhook_endpoints;

/// A row. It contains encrypted secrets and is therefore never serialised.
#[derive(Queryable, Clone)]
pub struct EndpointRow {
    /// The number of the endpoint.
    pub id: UserSeq,
    /// The unique name.
    pub name: String,
    /// The address.
    pub url: String,
    /// The types of events that it gets.
    pub events: EventTypes,
    /// The encrypted secret.
    pub secret: String,
    /// The encrypted secret before it.
    pub previous_secret: Option<String>,
    /// Until when events are signed with the previous secret too.
    pub previous_until: Option<Timestamp>,
    /// Whether it gets events.
    pub is_active: bool,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The time of the last change.
    pub updated_at: Timestamp,
}

/// A row to insert.
#[derive(Insertable, Clone)]
#[diesel(table_name = webhook_endpoints)]
pub struct NewEndpoint {
    /// The unique name.
    pub name: String,
    /// The address.
    pub url: String,
    /// The types of events that it gets.
    pub events: EventTypes,
    /// The encrypted secret.
    pub secret: String,
    /// Whether it gets events.
    pub is_active: bool,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The same time.
    pub updated_at: Timestamp,
}

/// The columns to update; `None` leaves a column unchanged.
#[derive(AsChangeset, Clone)]
#[diesel(table_name = webhook_endpoints)]
pub struct EndpointChanges {
    /// The address.
    pub url: Option<String>,
    /// The types of events that it gets.
    pub events: Option<EventTypes>,
    /// Whether it gets events.
    pub is_active: Option<bool>,
    /// The time of this change.
    pub updated_at: Timestamp,
}

/// The encrypted secrets of an endpoint.
#[derive(AsChangeset, Clone)]
#[diesel(table_name = webhook_endpoints)]
#[diesel(treat_none_as_null = true)]
pub struct Secrets {
    /// The encrypted secret.
    pub secret: String,
    /// The encrypted secret before it.
    pub previous_secret: Option<String>,
    /// Until when events are signed with the previous secret too.
    pub previous_until: Option<Timestamp>,
}

/// All endpoints, by name.
pub fn list(connection: &mut Db) -> Result<Vec<EndpointRow>, StoreError> {
    Ok(webhook_endpoints::table
        .order(webhook_endpoints::name)
        .load(connection)?)
}

/// The number of endpoints.
pub fn count(connection: &mut Db) -> Result<i64, StoreError> {
    Ok(webhook_endpoints::table.count().get_result(connection)?)
}

/// The active endpoints, with the types of events that they get.
pub fn list_wanted(connection: &mut Db) -> Result<Vec<(UserSeq, EventTypes)>, StoreError> {
    Ok(webhook_endpoints::table
        .filter(webhook_endpoints::is_active)
        .order(webhook_endpoints::id)
        .select((webhook_endpoints::id, webhook_endpoints::events))
        .load(connection)?)
}

/// The active endpoints that have a waiting event that is due.
pub fn list_due(connection: &mut Db, now: Timestamp) -> Result<Vec<UserSeq>, StoreError> {
    #[derive(QueryableByName)]
    struct Due {
        #[diesel(sql_type = BigInt)]
        id: UserSeq,
    }
    let mut statement = Sql::default();
    // Not EXISTS: Postgres would join all rows that are due.
    statement.push_with(
        "SELECT p.id AS id FROM webhook_endpoints p WHERE p.is_active AND (SELECT d.id FROM webhook_deliveries d \
         WHERE d.endpoint_id = p.id AND d.state = 'waiting' AND d.due_at <= ? ORDER BY d.due_at LIMIT 1) IS NOT NULL \
         ORDER BY p.id",
        [now.into()],
    );
    let due: Vec<Due> = statement.query().load(connection)?;
    Ok(due.into_iter().map(|row| row.id).collect())
}

/// Finds an endpoint by its number.
pub fn find_by_id(connection: &mut Db, id: UserSeq) -> Result<Option<EndpointRow>, StoreError> {
    let row = webhook_endpoints::table.find(id);
    Ok(row.get_result(connection).optional()?)
}

/// Finds an endpoint by its name.
pub fn find_by_name(connection: &mut Db, name: &str) -> Result<Option<EndpointRow>, StoreError> {
    Ok(webhook_endpoints::table
        .filter(webhook_endpoints::name.eq(name))
        .get_result(connection)
        .optional()?)
}

/// Finds an endpoint by its number, and locks its row until the transaction ends.
pub fn lock(connection: &mut Db, id: UserSeq) -> Result<Option<EndpointRow>, StoreError> {
    let row = webhook_endpoints::table.find(id);
    Ok(match connection {
        Db::Postgres(postgres) => row.for_update().get_result(postgres).optional()?,
        // SQLite's writer holds the only write lock already.
        Db::Sqlite(sqlite) => row.get_result(sqlite).optional()?,
    })
}

/// Inserts a row; [`StoreError::Conflict`] on `name` if that is taken.
pub fn insert(connection: &mut Db, new: &NewEndpoint) -> Result<EndpointRow, StoreError> {
    Ok(diesel::insert_into(webhook_endpoints::table)
        .values(new)
        .returning(webhook_endpoints::all_columns)
        .get_result(connection)?)
}

/// Updates a row and returns it; `None` if there is no such endpoint.
pub fn update(
    connection: &mut Db,
    id: UserSeq,
    changes: &EndpointChanges,
) -> Result<Option<EndpointRow>, StoreError> {
    Ok(diesel::update(webhook_endpoints::table.find(id))
        .set(changes)
        .returning(webhook_endpoints::all_columns)
        .get_result(connection)
        .optional()?)
}

/// Replaces the secrets of an endpoint if its secret is still the `old` one. Returns whether it was.
pub fn replace_secrets(
    connection: &mut Db,
    id: UserSeq,
    old: &str,
    new: &Secrets,
) -> Result<bool, StoreError> {
    let unchanged = webhook_endpoints::table
        .find(id)
        .filter(webhook_endpoints::secret.eq(old));
    Ok(diesel::update(unchanged).set(new).execute(connection)? == 1)
}

/// Deletes a row. Returns `true` if this call did it.
pub fn delete(connection: &mut Db, id: UserSeq) -> Result<bool, StoreError> {
    Ok(diesel::delete(webhook_endpoints::table.find(id)).execute(connection)? == 1)
}
