//! The table of revocation events, which let every instance refuse access tokens without a query: sessions that ended,
//! accounts whose access tokens were revoked, and accounts whose row changed.
//!
//! An event is inserted in the transaction of the change it describes. Reading continues from a [`Position`]: each read
//! returns exactly what was committed since the one before, independent of the order of the commits. The
//! [feed](crate::store::revocation_feed) reads them.

use diesel::{
    pg::PgConnection,
    prelude::*,
    sql_types::{BigInt, Nullable, Text, Timestamp as SqlTimestamp},
    sqlite::SqliteConnection,
};

use crate::clock::Timestamp;
use crate::config::MAX_ACCESS_LIFETIME;
use crate::domain::principal::{Principal, TokenOwner, UserSeq, UserType};
use crate::domain::session::{RevocationReason, SessionId};
use crate::domain::status_index::StatusIndex;
use crate::store::engine::connection::Db;
use crate::store::engine::transaction::Transaction;
use crate::store::error::StoreError;
use crate::store::schema::{revocations, sessions};

/// The Postgres notification channel for new events.
pub(super) const CHANNEL: &str = "munjigi_revocations";

/// The `reason` of an account whose row changed.
const CHANGED: &str = "changed";
/// The `reason` of an index of the status lists that is marked although its session continues.
const STATUS: &str = "status";

/// What an event revokes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevocationKind {
    /// The session ended: its access tokens are refused.
    SessionEnded(SessionId, RevocationReason),
    /// The owner's access tokens issued until now are refused; the sessions of an account continue.
    AccessTokensRevoked,
    /// The row of the account or service was changed or deleted.
    AccountChanged,
    /// Nothing but the mark at [`RevocationEvent::status_index`]: the access tokens that have this index are revoked.
    StatusMarked,
}

/// A revocation event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationEvent {
    /// The account or service.
    pub owner: TokenOwner,
    /// What it revokes.
    pub kind: RevocationKind,
    /// The time of the change. [`RevocationKind::AccessTokensRevoked`]: access tokens issued until then are refused.
    pub revoked_at: Timestamp,
    /// When the last of the revoked access tokens expires, without leeway.
    pub expires_at: Timestamp,
    /// The place in the status lists to be marked.
    pub status_index: Option<StatusIndex>,
}

/// How far the events have been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// SQLite: the last id. One transaction writes at a time, so ids are committed in their order.
    Id(i64),
    /// Postgres: which transactions had ended at the time of the read (a `pg_snapshot` as text).
    Snapshot(String),
}

/// The SQL expression for the id of the current transaction.
fn xact(connection: &Db) -> &'static str {
    match connection {
        Db::Postgres(_) => "pg_current_xact_id()::text::bigint",
        Db::Sqlite(_) => "0",
    }
}

/// Marks the transaction, and notifies the other instances on Postgres once it is committed.
pub(super) fn announce(transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
    if transaction.has_revocation_events {
        return Ok(());
    }
    transaction.has_revocation_events = true;
    if let Db::Postgres(postgres) = &mut **transaction {
        diesel::sql_query("SELECT pg_notify($1, '')")
            .bind::<Text, _>(CHANNEL)
            .execute(postgres)?;
    }
    Ok(())
}

/// Inserts an event for each session of an account that ended at `now`, or for `session` only. A session without a stored
/// expiry of its access tokens is assumed to have some of the greatest lifetime.
///
/// Sessions whose access tokens have expired get an event too, because the clock may be ahead: when it is set back those
/// tokens are valid again, and no instance may still treat the session as live.
pub fn insert_ended(
    transaction: &mut Transaction<'_>,
    owner: Principal,
    session: Option<&SessionId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    // An account may have many ended sessions: a single one is found by its key.
    let which = match session {
        Some(_) => "id = $5",
        None => "$5 IS NULL",
    };
    let statement = format!(
        "INSERT INTO revocations (xact, session_id, user_type, user_seq, reason, revoked_at, expires_at, status_index) \
         SELECT {}, id, user_type, user_seq, end_reason, ended_at, COALESCE(access_expires_at, $1), status_index FROM sessions \
         WHERE ended_at = $2 AND user_type = $3 AND user_seq = $4 AND {which}",
        xact(transaction)
    );
    let inserted = diesel::sql_query(statement)
        .bind::<SqlTimestamp, _>(now + MAX_ACCESS_LIFETIME.get())
        .bind::<SqlTimestamp, _>(now)
        .bind::<Text, _>(owner.user_type)
        .bind::<BigInt, _>(owner.user_seq)
        .bind::<Nullable<Text>, _>(session)
        .execute(&mut **transaction)?;
    if inserted > 0 {
        announce(transaction)?;
    }
    Ok(())
}

/// Inserts for each of these users the event that the access tokens issued until `until` are refused. A session without a
/// stored expiry of its access tokens is assumed to have some of the greatest lifetime.
pub fn insert_not_before(
    transaction: &mut Transaction<'_>,
    users: &[UserSeq],
    until: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let statement = format!(
        "INSERT INTO revocations (xact, session_id, user_type, user_seq, reason, revoked_at, expires_at) \
         SELECT {}, NULL, 'user', id, $1, $2, COALESCE((SELECT MAX(COALESCE(access_expires_at, $3)) FROM sessions \
         WHERE user_type = 'user' AND user_seq = users.id AND ended_at IS NULL), $2) FROM users WHERE id IN ({})",
        xact(transaction),
        numbers(users)
    );
    diesel::sql_query(statement)
        .bind::<Text, _>(RevocationReason::RoleChanged.as_str())
        .bind::<SqlTimestamp, _>(until)
        .bind::<SqlTimestamp, _>(now + MAX_ACCESS_LIFETIME.get())
        .execute(&mut **transaction)?;
    announce(transaction)
}

fn numbers(users: &[UserSeq]) -> String {
    let numbers: Vec<String> = users.iter().map(ToString::to_string).collect();
    numbers.join(", ")
}

/// Marks the indexes of the live sessions of these users in the status lists, and takes them from the sessions: a refresh
/// sets new ones. Part of a transaction that has locked the rows of the users, so that no session begins meanwhile.
pub fn mark_status(
    transaction: &mut Transaction<'_>,
    users: &[UserSeq],
    now: Timestamp,
) -> Result<(), StoreError> {
    let indexed = || {
        sessions::table
            .filter(sessions::user_type.eq(UserType::User))
            .filter(sessions::user_seq.eq_any(users.to_vec()))
            .filter(sessions::ended_at.is_null())
            .filter(sessions::status_index.is_not_null())
    };
    // Locks the rows on Postgres: without a lock, a refresh could set an index between the two statements that follow.
    let locked = diesel::update(indexed())
        .set(sessions::status_index.eq(sessions::status_index))
        .execute(&mut **transaction)?;
    if locked == 0 {
        return Ok(());
    }
    let statement = format!(
        "INSERT INTO revocations (xact, session_id, user_type, user_seq, reason, revoked_at, expires_at, status_index) \
         SELECT {}, NULL, user_type, user_seq, $1, $2, COALESCE(access_expires_at, $3), status_index FROM sessions \
         WHERE user_type = 'user' AND user_seq IN ({}) AND ended_at IS NULL AND status_index IS NOT NULL",
        xact(transaction),
        numbers(users)
    );
    diesel::sql_query(statement)
        .bind::<Text, _>(STATUS)
        .bind::<SqlTimestamp, _>(now)
        .bind::<SqlTimestamp, _>(now + MAX_ACCESS_LIFETIME.get())
        .execute(&mut **transaction)?;
    diesel::update(indexed())
        .set(sessions::status_index.eq(None::<StatusIndex>))
        .execute(&mut **transaction)?;
    announce(transaction)
}

/// Inserts the event that the access tokens of a service issued until `until` are refused. They are not stored: some are
/// assumed to have the greatest lifetime.
pub fn insert_not_before_of_service(
    transaction: &mut Transaction<'_>,
    service: UserSeq,
    until: Timestamp,
    reason: RevocationReason,
) -> Result<(), StoreError> {
    let expires_at = until + MAX_ACCESS_LIFETIME.get();
    insert_for_owner(
        transaction,
        TokenOwner::Service(service),
        reason.as_str(),
        until,
        expires_at,
    )
}

/// Inserts the event that the row of an account or service was changed or deleted.
pub fn insert_changed(
    transaction: &mut Transaction<'_>,
    owner: impl Into<TokenOwner>,
    now: Timestamp,
) -> Result<(), StoreError> {
    insert_for_owner(transaction, owner.into(), CHANGED, now, now)
}

fn insert_for_owner(
    transaction: &mut Transaction<'_>,
    owner: TokenOwner,
    reason: &str,
    revoked_at: Timestamp,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    let statement = format!(
        "INSERT INTO revocations (xact, session_id, user_type, user_seq, reason, revoked_at, expires_at) \
         VALUES ({}, NULL, $1, $2, $3, $4, $5)",
        xact(transaction)
    );
    diesel::sql_query(statement)
        .bind::<Text, _>(owner.user_type())
        .bind::<BigInt, _>(owner.user_seq())
        .bind::<Text, _>(reason)
        .bind::<SqlTimestamp, _>(revoked_at)
        .bind::<SqlTimestamp, _>(expires_at)
        .execute(&mut **transaction)?;
    announce(transaction)
}

/// The time until which the access tokens of an account or service are refused; `None` when they were never revoked.
pub fn find_not_before(
    connection: &mut Db,
    owner: impl Into<TokenOwner>,
) -> Result<Option<Timestamp>, StoreError> {
    let owner = owner.into();
    Ok(revocations::table
        .filter(revocations::user_type.eq(owner.user_type()))
        .filter(revocations::user_seq.eq(owner.user_seq()))
        .filter(revocations::session_id.is_null())
        .filter(revocations::reason.ne_all([CHANGED, STATUS]))
        .select(diesel::dsl::max(revocations::revoked_at))
        .get_result(connection)?)
}

#[derive(QueryableByName)]
#[diesel(table_name = revocations)]
struct Row {
    session_id: Option<SessionId>,
    user_type: String,
    user_seq: UserSeq,
    reason: String,
    revoked_at: Timestamp,
    expires_at: Timestamp,
    status_index: Option<StatusIndex>,
}

impl Row {
    /// `None` for a type of owner that only a later version knows: this version accepts no token of it.
    fn into_event(self) -> Option<RevocationEvent> {
        let owner = TokenOwner::from_parts(&self.user_type, self.user_seq)?;
        let kind = match self.session_id {
            // A reason that only a later version knows ends the session as well.
            Some(session) => RevocationKind::SessionEnded(
                session,
                RevocationReason::from_word(&self.reason)
                    .unwrap_or(RevocationReason::Administrator),
            ),
            None if self.reason == CHANGED => RevocationKind::AccountChanged,
            None if self.reason == STATUS => RevocationKind::StatusMarked,
            None => RevocationKind::AccessTokensRevoked,
        };
        Some(RevocationEvent {
            owner,
            kind,
            revoked_at: self.revoked_at,
            expires_at: self.expires_at,
            status_index: self.status_index,
        })
    }
}

const COLUMNS: &str =
    "session_id, user_type, user_seq, reason, revoked_at, expires_at, status_index";

/// The events since a position, or all stored ones; and the new position.
pub(super) fn read_since(
    connection: &mut Db,
    position: Option<&Position>,
) -> Result<(Vec<RevocationEvent>, Position), StoreError> {
    match connection {
        Db::Sqlite(sqlite) => read_by_id(sqlite, position),
        Db::Postgres(postgres) => read_by_snapshot(postgres, position),
    }
}

fn read_by_id(
    connection: &mut SqliteConnection,
    position: Option<&Position>,
) -> Result<(Vec<RevocationEvent>, Position), StoreError> {
    #[derive(QueryableByName)]
    struct WithId {
        #[diesel(sql_type = BigInt)]
        id: i64,
        #[diesel(embed)]
        row: Row,
    }
    let last_id = match position {
        Some(Position::Id(id)) => *id,
        _ => 0,
    };
    let statement = format!("SELECT id, {COLUMNS} FROM revocations WHERE id > $1 ORDER BY id");
    let rows: Vec<WithId> = diesel::sql_query(statement)
        .bind::<BigInt, _>(last_id)
        .load(connection)?;
    let last_id = rows.last().map_or(last_id, |last| last.id);
    let events = rows
        .into_iter()
        .filter_map(|with_id| with_id.row.into_event());
    Ok((events.collect(), Position::Id(last_id)))
}

/// The rows that this statement sees and the one before did not see are those committed in between: a snapshot sees a
/// transaction as a whole or not at all, independent of its id.
fn read_by_snapshot(
    connection: &mut PgConnection,
    position: Option<&Position>,
) -> Result<(Vec<RevocationEvent>, Position), StoreError> {
    #[derive(QueryableByName)]
    struct WithSnapshot {
        #[diesel(sql_type = Text)]
        snapshot: String,
        #[diesel(sql_type = Text)]
        is_read_only: String,
        #[diesel(embed)]
        row: Option<Row>,
    }
    let since = match position {
        Some(Position::Snapshot(_)) => {
            "AND r.xact >= pg_snapshot_xmin($1::pg_snapshot)::text::bigint \
             AND NOT pg_visible_in_snapshot(r.xact::text::xid8, $1::pg_snapshot)"
        }
        _ => "AND $1 = ''",
    };
    let text = match position {
        Some(Position::Snapshot(text)) => text.as_str(),
        _ => "",
    };
    // The left side returns a row even when there are no events, so there is always a position.
    let statement = format!(
        "SELECT now.snapshot, now.is_read_only, r.session_id, r.user_type, r.user_seq, r.reason, r.revoked_at, r.expires_at, \
         r.status_index \
         FROM (SELECT pg_current_snapshot()::text AS snapshot, current_setting('transaction_read_only') AS is_read_only) now \
         LEFT JOIN revocations r ON TRUE {since} ORDER BY r.id"
    );
    let rows: Vec<WithSnapshot> = diesel::sql_query(statement)
        .bind::<Text, _>(text)
        .load(connection)?;
    let first = rows
        .first()
        .ok_or_else(|| StoreError::Query("no snapshot".into()))?;
    // Revocations may be written to another server meanwhile.
    if first.is_read_only != "off" {
        return Err(StoreError::unavailable("the server only accepts reads"));
    }
    let snapshot = first.snapshot.clone();
    let events = rows
        .into_iter()
        .filter_map(|row| row.row.and_then(Row::into_event));
    Ok((events.collect(), Position::Snapshot(snapshot)))
}
