//! The table `webhook_deliveries`: each event for each endpoint that wants it. A row is inserted in the transaction of
//! its event.
//!
//! An instance claims a row before it sends the event, by the number of attempts: of two that claim the same attempt,
//! one succeeds. The next row of an account is claimed only when no earlier one of the same endpoint is waiting.

use diesel::{
    dsl::sql,
    prelude::*,
    sql_types::{BigInt, Bool, Nullable, Timestamp as SqlTimestamp},
};

use crate::clock::Timestamp;
use crate::domain::principal::UserSeq;
use crate::domain::webhook::WebhookState;
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::pagination::statement::Sql;
use crate::store::schema::webhook_deliveries;

/// A row.
#[derive(Queryable, Clone, Debug)]
pub struct WebhookDeliveryRow {
    /// The id, in the order of writing.
    pub id: i64,
    /// The number of the endpoint.
    pub endpoint_id: UserSeq,
    /// The id of the event, the same for all endpoints and attempts.
    pub message_id: String,
    /// The type of the event.
    pub event_type: String,
    /// The account of the event, such as `user:7`. Events of one account are sent in their order.
    pub account: Option<String>,
    /// The body of the request.
    pub body: String,
    /// What became of it.
    pub state: WebhookState,
    /// How often an attempt was begun.
    pub attempts: i64,
    /// While it is waiting: the time of the next attempt, or the end of the lease of the current one.
    pub due_at: Timestamp,
    /// From when on a failed attempt is the last one.
    pub retry_until: Timestamp,
    /// The time of the event.
    pub created_at: Timestamp,
    /// The time of the last attempt.
    pub attempted_at: Option<Timestamp>,
    /// Why the last attempt failed.
    pub reason: Option<String>,
    /// When the row can be deleted.
    pub expires_at: Timestamp,
}

/// A row to insert.
#[derive(Insertable, Clone)]
#[diesel(table_name = webhook_deliveries)]
pub struct NewWebhookDelivery {
    /// The number of the endpoint.
    pub endpoint_id: UserSeq,
    /// The id of the event.
    pub message_id: String,
    /// The type of the event.
    pub event_type: String,
    /// The account of the event.
    pub account: Option<String>,
    /// The body of the request.
    pub body: String,
    /// `waiting`.
    pub state: WebhookState,
    /// 0.
    pub attempts: i64,
    /// The time of the first attempt.
    pub due_at: Timestamp,
    /// From when on a failed attempt is the last one.
    pub retry_until: Timestamp,
    /// The time of the event.
    pub created_at: Timestamp,
    /// When the row can be deleted.
    pub expires_at: Timestamp,
}

/// The result of an attempt.
#[derive(AsChangeset, Clone, Debug)]
#[diesel(table_name = webhook_deliveries)]
#[diesel(treat_none_as_null = true)]
pub struct AttemptResult {
    /// What became of the event.
    pub state: WebhookState,
    /// If it is still waiting: the time of the next attempt.
    pub due_at: Timestamp,
    /// Why the attempt failed.
    pub reason: Option<String>,
    /// When the row can be deleted.
    pub expires_at: Timestamp,
}

/// A waiting row that is due.
#[derive(QueryableByName, Clone, Copy, Debug)]
pub struct DueRow {
    /// The id.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// The first row of the same endpoint and account that is waiting, if that is another one.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub behind: Option<i64>,
}

/// What is waiting.
#[derive(QueryableByName, Clone, Copy, Debug, Default)]
pub struct Backlog {
    /// The number of waiting rows.
    #[diesel(sql_type = BigInt)]
    pub waiting: i64,
    /// The time of the oldest event among them.
    #[diesel(sql_type = Nullable<SqlTimestamp>)]
    pub oldest: Option<Timestamp>,
}

/// Rows in this state. The state is a literal: SQLite uses a partial index only if it sees the value.
macro_rules! in_state {
    ($state:literal) => {
        sql::<Bool>(concat!("state = '", $state, "'"))
    };
}

/// Inserts rows.
pub fn insert(connection: &mut Db, new: &[NewWebhookDelivery]) -> Result<(), StoreError> {
    // A batch of rows cannot be inserted on both databases with one statement; there are as many as endpoints.
    for row in new {
        diesel::insert_into(webhook_deliveries::table)
            .values(row)
            .execute(connection)?;
    }
    Ok(())
}

/// The first waiting rows of an endpoint that are due.
pub fn list_due(
    connection: &mut Db,
    endpoint: UserSeq,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<DueRow>, StoreError> {
    let mut statement = Sql::default();
    statement.push_with(
        "SELECT d.id AS id, (SELECT MIN(e.id) FROM webhook_deliveries e WHERE e.state = 'waiting' \
         AND e.endpoint_id = d.endpoint_id AND e.account = d.account AND e.id < d.id) AS behind \
         FROM webhook_deliveries d WHERE d.state = 'waiting' AND d.endpoint_id = ? AND d.due_at <= ? \
         ORDER BY d.due_at LIMIT ?",
        [endpoint.get().into(), now.into(), limit.into()],
    );
    Ok(statement.query().load(connection)?)
}

/// Lets rows wait until the row before them is due, or at least until `at_least`, if that is still waiting.
pub fn postpone(
    connection: &mut Db,
    rows: &[i64],
    before: i64,
    at_least: Timestamp,
) -> Result<(), StoreError> {
    let before = webhook_deliveries::table
        .find(before)
        .filter(in_state!("waiting"))
        .select(webhook_deliveries::due_at);
    // Locked, so that the end of its attempt comes either before this or after: it makes the next row due.
    let due_at: Option<Timestamp> = match connection {
        Db::Postgres(postgres) => before.for_update().get_result(postgres).optional()?,
        Db::Sqlite(sqlite) => before.get_result(sqlite).optional()?,
    };
    let Some(due_at) = due_at else {
        return Ok(());
    };
    let rows = webhook_deliveries::table
        .filter(webhook_deliveries::id.eq_any(rows))
        .filter(in_state!("waiting"));
    diesel::update(rows)
        .set(webhook_deliveries::due_at.eq(due_at.max(at_least)))
        .execute(connection)?;
    Ok(())
}

/// Begins an attempt of a row that is due: nobody else does until `lease`. `None` if another instance has begun it, if
/// an earlier row of its account is waiting, or if it is not waiting any more.
pub fn claim(
    connection: &mut Db,
    id: i64,
    now: Timestamp,
    lease: Timestamp,
) -> Result<Option<WebhookDeliveryRow>, StoreError> {
    let found = webhook_deliveries::table
        .find(id)
        .filter(in_state!("waiting"))
        .filter(webhook_deliveries::due_at.le(now))
        .first::<WebhookDeliveryRow>(connection)
        .optional()?;
    let Some(row) = found else {
        return Ok(None);
    };
    if let Some(account) = &row.account
        && first_of_account(connection, row.endpoint_id, account)? != Some(id)
    {
        return Ok(None);
    }
    let unclaimed = webhook_deliveries::table
        .find(id)
        .filter(in_state!("waiting"))
        .filter(webhook_deliveries::attempts.eq(row.attempts));
    Ok(diesel::update(unclaimed)
        .set((
            webhook_deliveries::attempts.eq(row.attempts + 1),
            webhook_deliveries::due_at.eq(lease),
            webhook_deliveries::attempted_at.eq(Some(now)),
        ))
        .returning(webhook_deliveries::all_columns)
        .get_result(connection)
        .optional()?)
}

fn first_of_account(
    connection: &mut Db,
    endpoint: UserSeq,
    account: &str,
) -> Result<Option<i64>, StoreError> {
    Ok(webhook_deliveries::table
        .filter(in_state!("waiting"))
        .filter(webhook_deliveries::endpoint_id.eq(endpoint))
        .filter(webhook_deliveries::account.eq(account))
        .order(webhook_deliveries::id)
        .select(webhook_deliveries::id)
        .first(connection)
        .optional()?)
}

/// Ends an attempt that was begun with this number of attempts. Returns `false` if its lease had ended and another
/// attempt was begun. If the row waits no more, the next one of its account is due.
pub fn finish(
    connection: &mut Db,
    row: &WebhookDeliveryRow,
    result: &AttemptResult,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let own = webhook_deliveries::table
        .find(row.id)
        .filter(in_state!("waiting"))
        .filter(webhook_deliveries::attempts.eq(row.attempts));
    if diesel::update(own).set(result).execute(connection)? == 0 {
        return Ok(false);
    }
    if result.state != WebhookState::Waiting
        && let Some(account) = &row.account
        && let Some(next) = first_of_account(connection, row.endpoint_id, account)?
    {
        let postponed = webhook_deliveries::table
            .find(next)
            .filter(webhook_deliveries::due_at.gt(now));
        diesel::update(postponed)
            .set(webhook_deliveries::due_at.eq(now))
            .execute(connection)?;
    }
    Ok(true)
}

/// Lets a row that is not waiting be sent again, until `retry_until`. Returns whether this call did it.
pub fn resend(
    connection: &mut Db,
    id: i64,
    now: Timestamp,
    retry_until: Timestamp,
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let ended = webhook_deliveries::table
        .find(id)
        .filter(webhook_deliveries::state.ne(WebhookState::Waiting));
    Ok(diesel::update(ended)
        .set((
            webhook_deliveries::state.eq(WebhookState::Waiting),
            webhook_deliveries::due_at.eq(now),
            webhook_deliveries::retry_until.eq(retry_until),
            webhook_deliveries::expires_at.eq(expires_at),
        ))
        .execute(connection)?
        == 1)
}

/// The first dead letters of an endpoint.
pub fn list_dead_ids(
    connection: &mut Db,
    endpoint: UserSeq,
    limit: i64,
) -> Result<Vec<i64>, StoreError> {
    Ok(webhook_deliveries::table
        .filter(in_state!("dead"))
        .filter(webhook_deliveries::endpoint_id.eq(endpoint))
        .order(webhook_deliveries::id)
        .select(webhook_deliveries::id)
        .limit(limit)
        .load(connection)?)
}

/// The newest rows of an endpoint.
pub fn list_newest(
    connection: &mut Db,
    endpoint: UserSeq,
    limit: i64,
) -> Result<Vec<WebhookDeliveryRow>, StoreError> {
    Ok(webhook_deliveries::table
        .filter(webhook_deliveries::endpoint_id.eq(endpoint))
        .order(webhook_deliveries::id.desc())
        .limit(limit)
        .load(connection)?)
}

/// The newest dead letters of an endpoint.
pub fn list_dead(
    connection: &mut Db,
    endpoint: UserSeq,
    limit: i64,
) -> Result<Vec<WebhookDeliveryRow>, StoreError> {
    Ok(webhook_deliveries::table
        .filter(in_state!("dead"))
        .filter(webhook_deliveries::endpoint_id.eq(endpoint))
        .order(webhook_deliveries::id.desc())
        .limit(limit)
        .load(connection)?)
}

/// Finds a row.
pub fn find(connection: &mut Db, id: i64) -> Result<Option<WebhookDeliveryRow>, StoreError> {
    let row = webhook_deliveries::table.find(id);
    Ok(row.first(connection).optional()?)
}

/// Counts the waiting rows of an endpoint, or of all.
pub fn backlog(connection: &mut Db, endpoint: Option<UserSeq>) -> Result<Backlog, StoreError> {
    let mut statement = Sql::new(
        "SELECT COUNT(*) AS waiting, MIN(created_at) AS oldest FROM webhook_deliveries WHERE state = 'waiting'",
    );
    if let Some(endpoint) = endpoint {
        statement.push_with(" AND endpoint_id = ?", [endpoint.get().into()]);
    }
    Ok(statement.query().get_result(connection)?)
}

/// Whether a row of an endpoint is waiting after an attempt that failed for this reason.
pub fn is_waiting_after(
    connection: &mut Db,
    endpoint: UserSeq,
    reason: &str,
) -> Result<bool, StoreError> {
    let row = webhook_deliveries::table
        .filter(in_state!("waiting"))
        .filter(webhook_deliveries::endpoint_id.eq(endpoint))
        .filter(webhook_deliveries::reason.eq(reason))
        .select(webhook_deliveries::id)
        .first::<i64>(connection);
    Ok(row.optional()?.is_some())
}

/// Deletes rows of an endpoint, at most `limit`. Returns their number.
pub fn delete_some(
    connection: &mut Db,
    endpoint: UserSeq,
    limit: i64,
) -> Result<usize, StoreError> {
    let ids: Vec<i64> = webhook_deliveries::table
        .filter(webhook_deliveries::endpoint_id.eq(endpoint))
        .order(webhook_deliveries::id)
        .select(webhook_deliveries::id)
        .limit(limit)
        .load(connection)?;
    let found = webhook_deliveries::table.filter(webhook_deliveries::id.eq_any(ids));
    Ok(diesel::delete(found).execute(connection)?)
}
