//! The table of what every instance must know to refuse access tokens without asking the database: sessions that ended,
//! accounts whose tokens were withdrawn, and accounts whose row changed.
//!
//! A row is written in the transaction of the change that it tells of. Reading goes on from a [`Position`]: each reading
//! gives exactly what was committed since the one before, however late and with however early a number. How the news are
//! followed is the feed's ([`crate::store::revocation_feed`]).

use std::cell::Cell;

use diesel::{
    pg::PgConnection,
    prelude::*,
    sql_types::{BigInt, Nullable, Text, Timestamp as SqlTimestamp},
    sqlite::SqliteConnection,
};

use crate::{
    clock::Timestamp,
    domain::{
        principal::{Principal, UserSeq, UserType},
        session::{RevocationReason, SessionId},
    },
    store::{
        engine::connection::Db,
        error::StoreError,
        schema::{revocations, sessions},
    },
};

/// The channel on which Postgres tells the other instances that there is news.
pub(super) const CHANNEL: &str = "munjigi_revocations";

/// What is written for a row that only changed.
const CHANGED: &str = "changed";

thread_local! {
    /// Whether the transaction that runs on this thread has written news.
    static WRITTEN: Cell<bool> = const { Cell::new(false) };
}

/// Runs a part of a transaction, and says whether it wrote news: they must be heard here before it is answered.
pub(super) fn with_change_flag<T>(f: impl FnOnce() -> T) -> (T, bool) {
    WRITTEN.set(false);
    let value = f();
    (value, WRITTEN.take())
}

/// What became of an account or a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevocationEvent {
    /// This session ended: its access tokens are refused.
    SessionEnded(SessionId, RevocationReason),
    /// The account's access tokens from before are refused; its sessions go on.
    TokensWithdrawn,
    /// The account's row changed, or went.
    AccountChanged,
}

/// One of the news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// The account.
    pub owner: Principal,
    /// What became of it.
    pub news: RevocationEvent,
    /// When.
    pub revoked_at: Timestamp,
    /// When the last access token that it speaks of expires, without any leeway.
    pub expires_at: Timestamp,
}

/// How far the news have been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// SQLite: the last number. One transaction writes at a time, so numbers are committed in their order.
    Number(i64),
    /// Postgres: which transactions were over when it was read (a `pg_snapshot` as text).
    Snapshot(String),
}

/// The number of the writing transaction, in SQL.
fn xact(connection: &Db) -> &'static str {
    match connection {
        Db::Postgres(_) => "pg_current_xact_id()::text::bigint",
        Db::Sqlite(_) => "0",
    }
}

/// Tells the other instances, once this transaction is committed, that there is news.
fn announce(connection: &mut Db) -> Result<(), StoreError> {
    WRITTEN.set(true);
    if let Db::Postgres(postgres) = connection {
        diesel::sql_query("SELECT pg_notify($1, '')")
            .bind::<Text, _>(CHANNEL)
            .execute(postgres)?;
    }
    Ok(())
}

/// Writes down the sessions of an account that ended just at `now`: all of them, or this one. A session from before the end
/// of access tokens was written down counts as having some until `unknown`.
///
/// Those whose access tokens have expired are told too, for a clock that is ahead: they are good again when it is set right,
/// and no instance may go on knowing such a session as live.
pub fn insert_ended(
    connection: &mut Db,
    owner: Principal,
    session: Option<&SessionId>,
    now: Timestamp,
    unknown: Timestamp,
) -> Result<(), StoreError> {
    // An account may have ended many: one alone is found by its key.
    let which = match session {
        Some(_) => "id = $5",
        None => "$5 IS NULL",
    };
    let statement = format!(
        "INSERT INTO revocations (xact, session_id, user_type, user_seq, reason, revoked_at, expires_at) \
         SELECT {}, id, user_type, user_seq, end_reason, ended_at, COALESCE(access_expires_at, $1) FROM sessions \
         WHERE ended_at = $2 AND user_type = $3 AND user_seq = $4 AND {which}",
        xact(connection)
    );
    let written = diesel::sql_query(statement)
        .bind::<SqlTimestamp, _>(unknown)
        .bind::<SqlTimestamp, _>(now)
        .bind::<Text, _>(owner.user_type)
        .bind::<BigInt, _>(owner.user_seq)
        .bind::<Nullable<Text>, _>(session)
        .execute(connection)?;
    if written > 0 {
        announce(connection)?;
    }
    Ok(())
}

/// Writes down that the access tokens of an account are refused which were issued until `at`. They live until `unknown` at
/// the latest.
pub fn insert_withdrawn(
    connection: &mut Db,
    owner: Principal,
    at: Timestamp,
    unknown: Timestamp,
) -> Result<(), StoreError> {
    let ends: Vec<Option<Timestamp>> = sessions::table
        .filter(sessions::user_type.eq(owner.user_type))
        .filter(sessions::user_seq.eq(owner.user_seq))
        .filter(sessions::ended_at.is_null())
        .select(sessions::access_expires_at)
        .load(connection)?;
    let last = ends.into_iter().map(|end| end.unwrap_or(unknown)).max();
    let reason = RevocationReason::RoleChanged.as_str();
    insert_for_account(connection, owner, reason, at, last.unwrap_or(at))
}

/// Writes down that the row of an account changed, or went.
pub fn insert_changed(
    connection: &mut Db,
    owner: Principal,
    now: Timestamp,
) -> Result<(), StoreError> {
    insert_for_account(connection, owner, CHANGED, now, now)
}

fn insert_for_account(
    connection: &mut Db,
    owner: Principal,
    reason: &str,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    let statement = format!(
        "INSERT INTO revocations (xact, session_id, user_type, user_seq, reason, revoked_at, expires_at) \
         VALUES ({}, NULL, $1, $2, $3, $4, $5)",
        xact(connection)
    );
    diesel::sql_query(statement)
        .bind::<Text, _>(owner.user_type)
        .bind::<BigInt, _>(owner.user_seq)
        .bind::<Text, _>(reason)
        .bind::<SqlTimestamp, _>(now)
        .bind::<SqlTimestamp, _>(expires_at)
        .execute(connection)?;
    announce(connection)
}

/// Since when the access tokens of an account are good; none: since ever.
pub fn find_withdrawal(
    connection: &mut Db,
    owner: Principal,
) -> Result<Option<Timestamp>, StoreError> {
    Ok(revocations::table
        .filter(revocations::user_type.eq(owner.user_type))
        .filter(revocations::user_seq.eq(owner.user_seq))
        .filter(revocations::session_id.is_null())
        .filter(revocations::reason.ne(CHANGED))
        .select(diesel::dsl::max(revocations::revoked_at))
        .get_result(connection)?)
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Nullable<Text>)]
    session_id: Option<SessionId>,
    #[diesel(sql_type = Text)]
    user_type: UserType,
    #[diesel(sql_type = BigInt)]
    user_seq: UserSeq,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = SqlTimestamp)]
    revoked_at: Timestamp,
    #[diesel(sql_type = SqlTimestamp)]
    expires_at: Timestamp,
}

impl Row {
    fn read(self) -> Revocation {
        let news = match self.session_id {
            // A reason of a later version ends a session all the same.
            Some(session) => RevocationEvent::SessionEnded(
                session,
                RevocationReason::from_word(&self.reason)
                    .unwrap_or(RevocationReason::Administrator),
            ),
            None if self.reason == CHANGED => RevocationEvent::AccountChanged,
            None => RevocationEvent::TokensWithdrawn,
        };
        Revocation {
            owner: Principal {
                user_type: self.user_type,
                user_seq: self.user_seq,
            },
            news,
            revoked_at: self.revoked_at,
            expires_at: self.expires_at,
        }
    }
}

const COLUMNS: &str = "session_id, user_type, user_seq, reason, revoked_at, expires_at";

/// The news since a position, or all that are left; and how far they have been read with it.
pub(super) fn read_since(
    connection: &mut Db,
    position: Option<&Position>,
) -> Result<(Vec<Revocation>, Position), StoreError> {
    match connection {
        Db::Sqlite(sqlite) => read_by_number(sqlite, position),
        Db::Postgres(postgres) => read_by_snapshot(postgres, position),
    }
}

fn read_by_number(
    connection: &mut SqliteConnection,
    position: Option<&Position>,
) -> Result<(Vec<Revocation>, Position), StoreError> {
    #[derive(QueryableByName)]
    struct Numbered {
        #[diesel(sql_type = BigInt)]
        id: i64,
        #[diesel(embed)]
        row: Row,
    }
    let read = match position {
        Some(Position::Number(number)) => *number,
        _ => 0,
    };
    let statement = format!("SELECT id, {COLUMNS} FROM revocations WHERE id > $1 ORDER BY id");
    let rows: Vec<Numbered> = diesel::sql_query(statement)
        .bind::<BigInt, _>(read)
        .load(connection)?;
    let read = rows.last().map_or(read, |last| last.id);
    let news = rows.into_iter().map(|numbered| numbered.row.read());
    Ok((news.collect(), Position::Number(read)))
}

/// What this statement sees and the one before did not see is what was committed in between: a transaction is seen or not
/// as a whole, whatever its number.
fn read_by_snapshot(
    connection: &mut PgConnection,
    position: Option<&Position>,
) -> Result<(Vec<Revocation>, Position), StoreError> {
    #[derive(QueryableByName)]
    struct Seen {
        #[diesel(sql_type = Text)]
        snapshot: String,
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
    // The row of the left side is there when there is no news, so the position always comes.
    let statement = format!(
        "SELECT now.snapshot, r.session_id, r.user_type, r.user_seq, r.reason, r.revoked_at, r.expires_at \
         FROM (SELECT pg_current_snapshot()::text AS snapshot) now LEFT JOIN revocations r ON TRUE {since} ORDER BY r.id"
    );
    let rows: Vec<Seen> = diesel::sql_query(statement)
        .bind::<Text, _>(text)
        .load(connection)?;
    let snapshot = rows
        .first()
        .map(|seen| seen.snapshot.clone())
        .ok_or_else(|| StoreError::Query("no snapshot".into()))?;
    let news = rows.into_iter().filter_map(|seen| seen.row.map(Row::read));
    Ok((news.collect(), Position::Snapshot(snapshot)))
}
