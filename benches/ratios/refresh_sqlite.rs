//! Refreshing on SQLite against a bare loop that commits the same rows one transaction at a time: what it is worth that
//! many requests share one commit.

use std::{
    path::Path,
    time::{Duration, Instant},
};

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
    database::{Database, add_members, add_users},
    options::Options,
    refresh::{CLIENTS, Refreshers},
    server::Server,
    table::{Row, Target},
    workplace::Workplace,
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

/// 32 clients against the loop.
pub fn measure(options: &Options, workplace: &Workplace) -> Result<Vec<Row>> {
    let directory = workplace.directory("refresh-sqlite")?;
    let database = Database::Sqlite(directory.join("munjigi.db"));
    let members = add_members(&mut database.migrate()?, 0..CLIENTS)?;
    let munjigi = Server::munjigi(&database, &directory)?;
    let mut refreshers = Refreshers::new(munjigi.address, &members);
    let mut one_by_one = OneByOne::new(&directory.join("one-by-one.db"))?;
    refreshers.take_turn(options)?;
    one_by_one.take_turn(options.turn / 4)?;
    let (mut subject, mut baseline) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        subject.push(refreshers.take_turn(options)?);
        baseline.push(one_by_one.take_turn(options.turn)?);
    }
    refreshers.check(&database)?;
    Ok(vec![Row::ratio(
        "refresh-sqlite",
        "/s",
        &subject,
        &baseline,
        Target::AtLeast(2.0),
    )])
}

/// The loop: one connection, one thread, prepared statements, `synchronous = FULL`, a database of its own.
struct OneByOne {
    connection: SqliteConnection,
    members: Vec<Rotating>,
}

/// A session of the loop, and the token that is its newest.
struct Rotating {
    user: i64,
    session: String,
    token: String,
}

impl OneByOne {
    fn new(path: &Path) -> Result<Self> {
        let mut migrated = Database::Sqlite(path.to_owned()).migrate()?;
        let accounts = add_users(&mut migrated, 0..CLIENTS, true)?;
        drop(migrated);
        let mut connection = SqliteConnection::establish(&path.to_string_lossy())?;
        connection.batch_execute(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;",
        )?;
        let members = connection.transaction(|connection| {
            accounts
                .iter()
                .map(|account| begin_session(connection, account))
                .collect::<Result<_>>()
        })?;
        Ok(Self {
            connection,
            members,
        })
    }

    /// Rotations, one after the other; how many each second.
    fn take_turn(&mut self, turn: Duration) -> Result<f64> {
        let (began, mut rotations) = (Instant::now(), 0_u32);
        let mut turns = (0..self.members.len()).cycle();
        while began.elapsed() < turn {
            let member = turns
                .next()
                .and_then(|next| self.members.get_mut(next))
                .ok_or("nobody rotates")?;
            self.connection
                .immediate_transaction(|connection| rotate(connection, member))?;
            rotations += 1;
        }
        Ok(f64::from(rotations) / began.elapsed().as_secs_f64())
    }
}

fn begin_session(connection: &mut SqliteConnection, account: &Account) -> Result<Rotating> {
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
    Ok(Rotating {
        user,
        session: id,
        token: Jti::new(now).to_string(),
    })
}

/// What a rotation reads and writes, and nothing else.
fn rotate(connection: &mut SqliteConnection, member: &mut Rotating) -> Result<()> {
    let now = Clock::System.now();
    let expires_at: Timestamp = now.whole_seconds() + Duration::from_hours(30 * 24);
    let fresh = Jti::new(now).to_string();
    let (account, session) = find(connection, member)?;
    let used: bool =
        select(exists(blacklisted_tokens::table.find(&member.token))).get_result(connection)?;
    if !account.3 || session.1.is_some() || used {
        return Err("the loop's own rows are not as they should be".into());
    }
    diesel::insert_into(blacklisted_tokens::table)
        .values((
            blacklisted_tokens::jti.eq(&member.token),
            blacklisted_tokens::session_id.eq(&member.session),
            blacklisted_tokens::user_type.eq("user"),
            blacklisted_tokens::user_seq.eq(member.user),
            blacklisted_tokens::reason.eq("rotated"),
            blacklisted_tokens::blacklisted_at.eq(now.naive_utc()),
            blacklisted_tokens::expires_at.eq(expires_at.naive_utc()),
        ))
        .on_conflict_do_nothing()
        .execute(connection)?;
    diesel::insert_into(outstanding_tokens::table)
        .values((
            outstanding_tokens::jti.eq(&fresh),
            outstanding_tokens::session_id.eq(&member.session),
            outstanding_tokens::user_type.eq("user"),
            outstanding_tokens::user_seq.eq(member.user),
            outstanding_tokens::created_at.eq(now.naive_utc()),
            outstanding_tokens::expires_at.eq(expires_at.naive_utc()),
        ))
        .execute(connection)?;
    let touch = Touch {
        session: &member.session,
        now: *now.naive_utc(),
        expires_at: *expires_at.naive_utc(),
    };
    touch.execute(connection)?;
    member.token = fresh;
    Ok(())
}

type Account4 = (String, String, String, bool);
type SessionEnds = (chrono::NaiveDateTime, Option<chrono::NaiveDateTime>);

fn find(
    connection: &mut SqliteConnection,
    member: &Rotating,
) -> QueryResult<(Account4, SessionEnds)> {
    let its_session = sessions::id
        .eq(&member.session)
        .and(sessions::user_type.eq("user"))
        .and(sessions::user_seq.eq(member.user));
    users::table
        .inner_join(sessions::table.on(its_session))
        .filter(users::id.eq(member.user))
        .select((
            (users::email, users::name, users::role, users::is_active),
            (sessions::absolute_expires_at, sessions::ended_at),
        ))
        .get_result(connection)
}

/// The update of a session as a statement that stays prepared, which diesel's own does not.
struct Touch<'a> {
    session: &'a str,
    now: chrono::NaiveDateTime,
    expires_at: chrono::NaiveDateTime,
}

impl QueryFragment<Sqlite> for Touch<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("UPDATE sessions SET last_used_at = ");
        out.push_bind_param::<sql_types::Timestamp, _>(&self.now)?;
        out.push_sql(", expires_at = ");
        out.push_bind_param::<sql_types::Timestamp, _>(&self.expires_at)?;
        out.push_sql(" WHERE id = ");
        out.push_bind_param::<sql_types::Text, _>(self.session)
    }
}

impl QueryId for Touch<'_> {
    type QueryId = Touch<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl RunQueryDsl<SqliteConnection> for Touch<'_> {}
