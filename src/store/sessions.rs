//! The table of sessions (token families), and the accounts that their tokens stand for.

use diesel::{
    prelude::*,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{Nullable, Text, Timestamp as SqlTimestamp},
};

use crate::{
    clock::Timestamp,
    domain::{
        account::Account,
        principal::{Principal, UserSeq, UserType},
        session::{Jti, LoginMethod, RevocationReason, SessionId},
    },
    store::{
        engine::connection::{Db, MultiBackend},
        error::StoreError,
        schema::{client_users, sessions, users},
    },
};

/// What a new row is made of.
#[derive(Insertable, Clone)]
#[diesel(table_name = sessions)]
pub struct NewSession {
    /// Its id, the `sid` of its tokens.
    pub id: SessionId,
    /// Whose it is: the population …
    pub user_type: UserType,
    /// … and the number in it.
    pub user_seq: UserSeq,
    /// How it began.
    pub method: LoginMethod,
    /// From which address.
    pub ip_address: Option<String>,
    /// From which program.
    pub user_agent: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub last_used_at: Timestamp,
    /// When its newest refresh token expires.
    pub expires_at: Timestamp,
    /// When it ends however often it is refreshed.
    pub absolute_expires_at: Timestamp,
    /// Until when its first access token lives.
    pub access_expires_at: Option<Timestamp>,
}

/// What is known of a session when one of its tokens is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionState {
    /// Whether it was ended.
    pub ended: bool,
    /// When it ends however often it is refreshed.
    pub absolute_expires_at: Timestamp,
}

/// Begins a session.
pub fn insert(connection: &mut Db, new: &NewSession) -> Result<(), StoreError> {
    diesel::insert_into(sessions::table)
        .values(new)
        .execute(connection)?;
    Ok(())
}

/// A session as it is shown.
#[derive(Queryable, Selectable, Clone, Debug)]
#[diesel(table_name = sessions)]
pub struct SessionRow {
    /// Its id.
    pub id: SessionId,
    /// Whose it is: the population …
    pub user_type: UserType,
    /// … and the number in it.
    pub user_seq: UserSeq,
    /// How it began.
    pub method: LoginMethod,
    /// From which address.
    pub ip_address: Option<String>,
    /// From which program.
    pub user_agent: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub last_used_at: Timestamp,
    /// When its newest refresh token expires.
    pub expires_at: Timestamp,
    /// When it ends however often it is refreshed.
    pub absolute_expires_at: Timestamp,
    /// When it was ended.
    pub ended_at: Option<Timestamp>,
    /// Why it was ended.
    pub end_reason: Option<RevocationReason>,
    /// From which address it was last refreshed; none: never.
    pub last_ip_address: Option<String>,
    /// By which program it was last refreshed.
    pub last_user_agent: Option<String>,
    /// When the newest of its access tokens that were used was issued, as far as that is noted.
    pub access_used_at: Option<Timestamp>,
    /// The refresh token that came again after it was used, and so ended the session.
    pub reused_jti: Option<Jti>,
    /// How often it was refreshed; none: never.
    pub refreshes: Option<i64>,
}

/// The session of this id.
pub fn find_by_id(connection: &mut Db, id: &SessionId) -> Result<Option<SessionRow>, StoreError> {
    Ok(sessions::table
        .find(id)
        .select(SessionRow::as_select())
        .get_result(connection)
        .optional()?)
}

/// The live sessions of an account, the one used last first.
pub fn list_live(
    connection: &mut Db,
    owner: Principal,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<SessionRow>, StoreError> {
    Ok(sessions::table
        .filter(sessions::user_type.eq(owner.user_type))
        .filter(sessions::user_seq.eq(owner.user_seq))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now))
        .order((sessions::last_used_at.desc(), sessions::id.desc()))
        .select(SessionRow::as_select())
        .limit(limit)
        .load(connection)?)
}

/// Ends a session of this account, if it was not ended before; whether it was I.
pub fn end(
    connection: &mut Db,
    owner: Principal,
    id: &SessionId,
    now: Timestamp,
    reason: RevocationReason,
) -> Result<bool, StoreError> {
    let live = sessions::table
        .find(id)
        .filter(sessions::user_type.eq(owner.user_type))
        .filter(sessions::user_seq.eq(owner.user_seq))
        .filter(sessions::ended_at.is_null());
    let set = (
        sessions::ended_at.eq(Some(now)),
        sessions::end_reason.eq(Some(reason)),
    );
    Ok(diesel::update(live).set(set).execute(connection)? == 1)
}

/// Ends all sessions of an account; how many of them have a refresh token that expires after `alive_after`. The others end
/// too: a clock that is ahead calls expired what is good again when it is set right.
pub fn end_all(
    connection: &mut Db,
    owner: Principal,
    alive_after: Timestamp,
    now: Timestamp,
    reason: RevocationReason,
) -> Result<usize, StoreError> {
    let live = sessions::table
        .filter(sessions::user_type.eq(owner.user_type))
        .filter(sessions::user_seq.eq(owner.user_seq))
        .filter(sessions::ended_at.is_null());
    let set = (
        sessions::ended_at.eq(Some(now)),
        sessions::end_reason.eq(Some(reason)),
    );
    let alive = live.filter(sessions::expires_at.gt(alive_after));
    let ended = diesel::update(alive).set(set).execute(connection)?;
    diesel::update(live).set(set).execute(connection)?;
    Ok(ended)
}

/// A use of a session: who hands it a refresh token, and what he gets.
#[derive(Clone, Debug)]
pub struct SessionActivity {
    /// When.
    pub now: Timestamp,
    /// Until when its newest refresh token lives.
    pub expires_at: Timestamp,
    /// Until when the access token lives that is handed out now.
    pub access_expires_at: Timestamp,
    /// From which address.
    pub ip_address: Option<String>,
    /// By which program.
    pub user_agent: Option<String>,
}

/// Notes a use of a session that has not ended; whether it has not.
pub fn touch(
    connection: &mut Db,
    id: &SessionId,
    usage: &SessionActivity,
) -> Result<bool, StoreError> {
    Ok(Touch { id, usage }.execute(connection)? == 1)
}

/// The update as a statement that stays prepared: diesel parses an UPDATE of its own again at every use.
struct Touch<'a> {
    id: &'a SessionId,
    usage: &'a SessionActivity,
}

impl QueryFragment<MultiBackend> for Touch<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        let usage = self.usage;
        out.push_sql("UPDATE sessions SET last_used_at = ");
        out.push_bind_param::<SqlTimestamp, _>(&usage.now)?;
        out.push_sql(", expires_at = ");
        out.push_bind_param::<SqlTimestamp, _>(&usage.expires_at)?;
        // An access token from before may live longer: the configured life may have been shortened since.
        out.push_sql(", access_expires_at = CASE WHEN access_expires_at > ");
        out.push_bind_param::<SqlTimestamp, _>(&usage.access_expires_at)?;
        out.push_sql(" THEN access_expires_at ELSE ");
        out.push_bind_param::<SqlTimestamp, _>(&usage.access_expires_at)?;
        out.push_sql(" END, last_ip_address = ");
        out.push_bind_param::<Nullable<Text>, _>(&usage.ip_address)?;
        out.push_sql(", last_user_agent = ");
        out.push_bind_param::<Nullable<Text>, _>(&usage.user_agent)?;
        out.push_sql(", refreshes = COALESCE(refreshes, 0) + 1 WHERE id = ");
        out.push_bind_param::<Text, _>(self.id)?;
        out.push_sql(" AND ended_at IS NULL");
        Ok(())
    }
}

impl QueryId for Touch<'_> {
    type QueryId = Touch<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl RunQueryDsl<Db> for Touch<'_> {}

/// Notes the refresh token that came again and ended this session.
pub fn note_reuse(connection: &mut Db, id: &SessionId, jti: &Jti) -> Result<(), StoreError> {
    diesel::update(sessions::table.find(id))
        .set(sessions::reused_jti.eq(Some(jti)))
        .execute(connection)?;
    Ok(())
}

/// Notes that an access token of a session was used that was issued at this time; a later one that is noted stays.
pub fn note_access(
    connection: &mut Db,
    id: &SessionId,
    issued_at: Timestamp,
) -> Result<(), StoreError> {
    let not_later = sessions::access_used_at
        .is_null()
        .or(sessions::access_used_at.lt(issued_at));
    diesel::update(sessions::table.find(id).filter(not_later))
        .set(sessions::access_used_at.eq(Some(issued_at)))
        .execute(connection)?;
    Ok(())
}

/// The live sessions of an account, without this one, beyond the `keep` that were used last.
pub fn list_beyond(
    connection: &mut Db,
    owner: Principal,
    without: &SessionId,
    now: Timestamp,
    keep: i64,
) -> Result<Vec<SessionId>, StoreError> {
    Ok(sessions::table
        .filter(sessions::user_type.eq(owner.user_type))
        .filter(sessions::user_seq.eq(owner.user_seq))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now))
        .filter(sessions::id.ne(without))
        .order((sessions::last_used_at.desc(), sessions::id.desc()))
        .select(sessions::id)
        .offset(keep)
        .limit(i64::MAX)
        .load(connection)?)
}

/// The account that a token names, looked up in the table of its population, with the session that the token names if
/// that is one of this account's. One query.
pub fn find_account_and_session(
    connection: &mut Db,
    principal: Principal,
    session: &SessionId,
) -> Result<Option<(Account, Option<SessionState>)>, StoreError> {
    type State = Option<(Option<Timestamp>, Timestamp)>;
    let user_seq = principal.user_seq;
    let its_session = sessions::id
        .eq(session)
        .and(sessions::user_type.eq(principal.user_type))
        .and(sessions::user_seq.eq(user_seq));
    let state = (sessions::ended_at, sessions::absolute_expires_at).nullable();
    let found: Option<(Account, State)> = match principal.user_type {
        UserType::User => users::table
            .left_join(sessions::table.on(its_session))
            .filter(users::id.eq(user_seq))
            .select((
                users::email,
                users::name,
                users::role,
                users::is_active,
                state,
            ))
            .get_result(connection)
            .optional()?
            .map(|(email, name, role, is_active, state)| {
                (Account::user(user_seq, email, name, role, is_active), state)
            }),
        UserType::Client => client_users::table
            .left_join(sessions::table.on(its_session))
            .filter(client_users::id.eq(user_seq))
            .select((
                client_users::username,
                client_users::name,
                client_users::email,
                client_users::is_active,
                state,
            ))
            .get_result(connection)
            .optional()?
            .map(|(username, name, email, is_active, state)| {
                (
                    Account::client(user_seq, username, name, email, is_active),
                    state,
                )
            }),
    };
    Ok(found.map(|(account, state)| {
        let state = state.map(|(ended_at, absolute_expires_at)| SessionState {
            ended: ended_at.is_some(),
            absolute_expires_at,
        });
        (account, state)
    }))
}
