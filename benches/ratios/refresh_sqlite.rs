//! Throughput of refreshes on SQLite, compared with a loop that commits the same rows one transaction at a time. Shows the
//! effect of group commit.

use std::{path::Path, time::Duration};

use diesel::{
    connection::SimpleConnection,
    dsl::{exists, select},
    prelude::*,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types,
    sqlite::Sqlite,
};
use munjigi::{
    clock::{Clock, Timestamp},
    domain::{account::Account, session::Jti},
};

use crate::{
    Result,
    cpu::{self, Sample},
    database::{Database, add_logged_in, add_users},
    options::Options,
    refresh::{NUMBERS_OF_CLIENTS, Refreshers, check_rotated},
    server::Server,
    table::{Row, Target},
    work_dir::WorkDir,
};

diesel::table! {
    users (id) {
        id -> BigInt,
        email -> Text,
        name -> Text,
        role -> Text,
        is_active -> Bool,
    }
}
diesel::table! {
    sessions (id) {
        id -> Text,
        user_type -> Text,
        user_seq -> BigInt,
        method -> Text,
        created_at -> Timestamp,
        last_used_at -> Timestamp,
        expires_at -> Timestamp,
        absolute_expires_at -> Timestamp,
        ended_at -> Nullable<Timestamp>,
    }
}
diesel::table! {
    outstanding_tokens (jti) {
        jti -> Text,
        session_id -> Text,
        user_type -> Text,
        user_seq -> BigInt,
        created_at -> Timestamp,
        expires_at -> Timestamp,
    }
}
diesel::table! {
    blacklisted_tokens (jti) {
        jti -> Text,
        session_id -> Text,
        user_type -> Text,
        user_seq -> BigInt,
        reason -> Text,
        blacklisted_at -> Timestamp,
        expires_at -> Timestamp,
    }
}
diesel::allow_tables_to_appear_in_same_query!(users, sessions);

/// Compares munjigi with the loop.
pub fn measure(options: &Options, work_dir: &WorkDir) -> Result<Vec<Row>> {
    let directory = work_dir.directory("refresh-sqlite")?;
    let database = Database::Sqlite(directory.join("munjigi.db"));
    let users = add_logged_in(&mut database.migrate()?, 0..NUMBERS_OF_CLIENTS.iter().sum())?;
    let munjigi = Server::munjigi(&database, &directory)?;
    let mut one_by_one = OneByOne::new(&directory.join("one-by-one.db"))?;
    one_by_one.run(options.duration / 4)?;
    let mut rows = Vec::new();
    let (mut acknowledged, mut users) = (0, users.as_slice());
    for (clients, least) in NUMBERS_OF_CLIENTS.into_iter().zip([4.0, 6.0]) {
        let (these, others) = users.split_at(clients);
        users = others;
        let mut refreshers = Refreshers::new(munjigi.address, these);
        refreshers.run(&munjigi, options)?;
        let (mut subject, mut baseline) = (Vec::new(), Vec::new());
        for _ in 0..options.rounds {
            subject.push(refreshers.run(&munjigi, options)?);
            baseline.push(one_by_one.run(options.duration)?);
        }
        acknowledged += refreshers.acknowledged;
        let title = format!("refresh on SQLite, {clients} clients");
        let (rate, cpu_time) = (Target::AtLeast(least), Target::None);
        rows.extend(cpu::rows(&title, &subject, &baseline, rate, cpu_time));
    }
    check_rotated(&database, acknowledged)?;
    Ok(rows)
}

/// The loop: one connection, one thread, prepared statements, `synchronous = FULL`, its own database.
struct OneByOne {
    connection: SqliteConnection,
    sessions: Vec<LoopSession>,
}

/// A session of the loop with its current token.
struct LoopSession {
    user: i64,
    session: String,
    token: String,
}

impl OneByOne {
    fn new(path: &Path) -> Result<Self> {
        let mut migrated = Database::Sqlite(path.to_owned()).migrate()?;
        let accounts = add_users(&mut migrated, 0..NUMBERS_OF_CLIENTS[0], true)?;
        drop(migrated);
        let mut connection = SqliteConnection::establish(&path.to_string_lossy())?;
        connection.batch_execute(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;",
        )?;
        let sessions = connection.transaction(|connection| {
            accounts
                .iter()
                .map(|account| insert_session(connection, account))
                .collect::<Result<_>>()
        })?;
        Ok(Self {
            connection,
            sessions,
        })
    }

    /// Runs rotations sequentially.
    fn run(&mut self, duration: Duration) -> Result<Sample> {
        let mut indexes = (0..self.sessions.len()).cycle();
        Sample::of_loop(duration, || {
            let session = indexes
                .next()
                .and_then(|index| self.sessions.get_mut(index))
                .ok_or("no sessions")?;
            self.connection
                .immediate_transaction(|connection| rotate(connection, session))
        })
    }
}

fn insert_session(connection: &mut SqliteConnection, account: &Account) -> Result<LoopSession> {
    let now = Clock::System.now();
    let in_thirty_days = now + Duration::from_hours(30 * 24);
    let id = Jti::new(now).to_string();
    let user = account.principal.user_seq.get();
    diesel::insert_into(sessions::table)
        .values((
            sessions::id.eq(&id),
            sessions::user_type.eq("user"),
            sessions::user_seq.eq(user),
            sessions::method.eq("password"),
            sessions::created_at.eq(now.naive_utc()),
            sessions::last_used_at.eq(now.naive_utc()),
            sessions::expires_at.eq(in_thirty_days.naive_utc()),
            sessions::absolute_expires_at.eq((now + Duration::from_hours(90 * 24)).naive_utc()),
        ))
        .execute(connection)?;
    Ok(LoopSession {
        user,
        session: id,
        token: Jti::new(now).to_string(),
    })
}

/// Reads and writes the same rows as a rotation of munjigi.
fn rotate(connection: &mut SqliteConnection, current: &mut LoopSession) -> Result<()> {
    let now = Clock::System.now();
    let expires_at: Timestamp = now.whole_seconds() + Duration::from_hours(30 * 24);
    let fresh = Jti::new(now).to_string();
    let (account, session) = find(connection, current)?;
    let used: bool =
        select(exists(blacklisted_tokens::table.find(&current.token))).get_result(connection)?;
    if !account.3 || session.1.is_some() || used {
        return Err("unexpected rows in the database of the loop".into());
    }
    diesel::insert_into(blacklisted_tokens::table)
        .values((
            blacklisted_tokens::jti.eq(&current.token),
            blacklisted_tokens::session_id.eq(&current.session),
            blacklisted_tokens::user_type.eq("user"),
            blacklisted_tokens::user_seq.eq(current.user),
            blacklisted_tokens::reason.eq("rotated"),
            blacklisted_tokens::blacklisted_at.eq(now.naive_utc()),
            blacklisted_tokens::expires_at.eq(expires_at.naive_utc()),
        ))
        .on_conflict_do_nothing()
        .execute(connection)?;
    diesel::insert_into(outstanding_tokens::table)
        .values((
            outstanding_tokens::jti.eq(&fresh),
            outstanding_tokens::session_id.eq(&current.session),
            outstanding_tokens::user_type.eq("user"),
            outstanding_tokens::user_seq.eq(current.user),
            outstanding_tokens::created_at.eq(now.naive_utc()),
            outstanding_tokens::expires_at.eq(expires_at.naive_utc()),
        ))
        .execute(connection)?;
    let update = UpdateSession {
        session: &current.session,
        now: *now.naive_utc(),
        expires_at: *expires_at.naive_utc(),
    };
    update.execute(connection)?;
    current.token = fresh;
    Ok(())
}

type AccountRow = (String, String, String, bool);
type SessionRow = (chrono::NaiveDateTime, Option<chrono::NaiveDateTime>);

fn find(
    connection: &mut SqliteConnection,
    current: &LoopSession,
) -> QueryResult<(AccountRow, SessionRow)> {
    let join = sessions::id
        .eq(&current.session)
        .and(sessions::user_type.eq("user"))
        .and(sessions::user_seq.eq(current.user));
    users::table
        .inner_join(sessions::table.on(join))
        .filter(users::id.eq(current.user))
        .select((
            (users::email, users::name, users::role, users::is_active),
            (sessions::absolute_expires_at, sessions::ended_at),
        ))
        .get_result(connection)
}

/// The update of a session. Unlike an update built with diesel, it is cached as a prepared statement.
struct UpdateSession<'a> {
    session: &'a str,
    now: chrono::NaiveDateTime,
    expires_at: chrono::NaiveDateTime,
}

impl QueryFragment<Sqlite> for UpdateSession<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("UPDATE sessions SET last_used_at = ");
        out.push_bind_param::<sql_types::Timestamp, _>(&self.now)?;
        out.push_sql(", expires_at = ");
        out.push_bind_param::<sql_types::Timestamp, _>(&self.expires_at)?;
        out.push_sql(" WHERE id = ");
        out.push_bind_param::<sql_types::Text, _>(self.session)
    }
}

impl QueryId for UpdateSession<'_> {
    type QueryId = UpdateSession<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl RunQueryDsl<SqliteConnection> for UpdateSession<'_> {}
