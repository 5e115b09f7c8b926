//! The table `sessions`: one row for each login. Also finds an account together with a session, for tokens that name
//! both.

use diesel::{
    backend::Backend,
    prelude::*,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    serialize::ToSql,
    sql_types::{BigInt, HasSqlType, Nullable, Text, Timestamp as SqlTimestamp},
};

use crate::clock::Timestamp;
use crate::domain::account::Account;
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::second_factor::Authentication;
use crate::domain::session::{Jti, LoginMethod, RevocationReason, SessionId};
use crate::domain::status_index::StatusIndex;
use crate::store::client_users::ClientAccount;
use crate::store::engine::connection::{Db, each};
use crate::store::error::StoreError;
use crate::store::schema::{client_users, sessions, users};
use crate::store::users::UserAccount;

/// A row to insert.
#[derive(Insertable, Clone)]
#[diesel(table_name = sessions)]
pub struct NewSession {
    /// The id, which is the `sid` of its tokens.
    pub id: SessionId,
    /// The user type of its account.
    pub user_type: UserType,
    /// The id of its account within the user type.
    pub user_seq: UserSeq,
    /// How the user logged in.
    pub method: LoginMethod,
    /// The IP address of the client.
    pub ip_address: Option<String>,
    /// The `User-Agent` of the client.
    pub user_agent: Option<String>,
    /// The time of the login.
    pub created_at: Timestamp,
    /// The time of the last refresh.
    pub last_used_at: Timestamp,
    /// The expiry of the newest refresh token.
    pub expires_at: Timestamp,
    /// The end of the session, which refreshes do not extend.
    pub absolute_expires_at: Timestamp,
    /// The expiry of the first access token.
    pub access_expires_at: Option<Timestamp>,
    /// The signing key of the first refresh token.
    pub kid: Option<String>,
    /// Its place in the status lists.
    pub status_index: Option<StatusIndex>,
    /// When its owner last proved who they are, if it is known.
    pub authenticated_at: Option<Timestamp>,
    /// By which methods.
    pub amr: Option<String>,
}

/// The state of a session when one of its tokens is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionState {
    /// Whether the session was ended.
    pub ended: bool,
    /// The end of the session, which refreshes do not extend.
    pub absolute_expires_at: Timestamp,
}

/// Inserts a session.
pub fn insert(connection: &mut Db, new: &NewSession) -> Result<(), StoreError> {
    diesel::insert_into(sessions::table)
        .values(new)
        .execute(connection)?;
    Ok(())
}

/// A session in lists and on pages.
#[derive(Queryable, Selectable, Clone, Debug)]
#[diesel(table_name = sessions)]
pub struct SessionRow {
    /// The id.
    pub id: SessionId,
    /// The user type of its account.
    pub user_type: UserType,
    /// The id of its account within the user type.
    pub user_seq: UserSeq,
    /// How the user logged in.
    pub method: LoginMethod,
    /// The IP address of the client.
    pub ip_address: Option<String>,
    /// The `User-Agent` of the client.
    pub user_agent: Option<String>,
    /// The time of the login.
    pub created_at: Timestamp,
    /// The time of the last refresh.
    pub last_used_at: Timestamp,
    /// The expiry of the newest refresh token.
    pub expires_at: Timestamp,
    /// The end of the session, which refreshes do not extend.
    pub absolute_expires_at: Timestamp,
    /// When it was ended.
    pub ended_at: Option<Timestamp>,
    /// The reason for its end.
    pub end_reason: Option<RevocationReason>,
    /// The IP address of the last refresh; `None` if there was none.
    pub last_ip_address: Option<String>,
    /// The `User-Agent` of the last refresh.
    pub last_user_agent: Option<String>,
    /// The issue time of the newest access token that was used, as far as it was recorded.
    pub access_used_at: Option<Timestamp>,
    /// The refresh token that was used twice and so ended the session.
    pub reused_jti: Option<Jti>,
    /// The number of refreshes; `None` if there was none.
    pub refreshes: Option<i64>,
}

/// Finds a session by its id.
pub fn find_by_id(connection: &mut Db, id: &SessionId) -> Result<Option<SessionRow>, StoreError> {
    Ok(sessions::table
        .find(id)
        .select(SessionRow::as_select())
        .get_result(connection)
        .optional()?)
}

/// The live sessions of an account, the most recently used one first.
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

/// Ends a session of this account. Returns `true` if this call did it, `false` if the session had ended or belongs to
/// another account.
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

/// Ends all sessions of an account. Returns the number of those whose refresh token expires after `alive_after`. The
/// others are ended too: if the clock is fast and is corrected later, their tokens would be valid again.
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

/// A use of a session: the client that presented a refresh token, and the expiry of the tokens that it gets.
#[derive(Clone, Debug)]
pub struct SessionActivity {
    /// The time of the refresh.
    pub now: Timestamp,
    /// The expiry of the new refresh token.
    pub expires_at: Timestamp,
    /// The expiry of the new access token.
    pub access_expires_at: Timestamp,
    /// The IP address of the client.
    pub ip_address: Option<String>,
    /// The `User-Agent` of the client.
    pub user_agent: Option<String>,
    /// The signing key of the new refresh token; `None` if there is no new one.
    pub kid: Option<String>,
    /// An index of the status lists for a session that has none.
    pub status_index: Option<StatusIndex>,
}

/// A session that was used.
#[derive(Clone, Debug)]
pub struct Touched {
    /// Its place in the status lists.
    pub status_index: Option<StatusIndex>,
    /// When and how its owner proved who they are.
    pub authentication: Option<Authentication>,
}

/// The columns that a use of a session returns.
type TouchedRow = (Option<StatusIndex>, Option<Timestamp>, Option<String>);

/// Records a use of a session. Returns `None`, and changes nothing, if the session has ended.
pub fn touch(
    connection: &mut Db,
    id: &SessionId,
    usage: &SessionActivity,
) -> Result<Option<Touched>, StoreError> {
    let update = Touch { id, usage };
    let row: Option<TouchedRow> = each!(connection, each => update.get_result(each)).optional()?;
    Ok(row.map(|(status_index, at, amr)| Touched {
        status_index,
        authentication: Authentication::from_stored(at, amr),
    }))
}

/// The update as a statement that diesel keeps prepared. It would prepare an `UPDATE` built with its query builder each
/// time.
struct Touch<'a> {
    id: &'a SessionId,
    usage: &'a SessionActivity,
}

impl<DB: Backend> QueryFragment<DB> for Touch<'_>
where
    Timestamp: ToSql<SqlTimestamp, DB>,
    Option<String>: ToSql<Nullable<Text>, DB>,
    Option<StatusIndex>: ToSql<Nullable<BigInt>, DB>,
    SessionId: ToSql<Text, DB>,
    DB: HasSqlType<SqlTimestamp> + HasSqlType<Text> + HasSqlType<BigInt>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let usage = self.usage;
        out.push_sql("UPDATE sessions SET last_used_at = ");
        out.push_bind_param::<SqlTimestamp, _>(&usage.now)?;
        out.push_sql(", expires_at = ");
        out.push_bind_param::<SqlTimestamp, _>(&usage.expires_at)?;
        // An earlier access token can expire later if the configured lifetime was shortened since.
        out.push_sql(", access_expires_at = CASE WHEN access_expires_at > ");
        out.push_bind_param::<SqlTimestamp, _>(&usage.access_expires_at)?;
        out.push_sql(" THEN access_expires_at ELSE ");
        out.push_bind_param::<SqlTimestamp, _>(&usage.access_expires_at)?;
        out.push_sql(" END, last_ip_address = ");
        out.push_bind_param::<Nullable<Text>, _>(&usage.ip_address)?;
        out.push_sql(", last_user_agent = ");
        out.push_bind_param::<Nullable<Text>, _>(&usage.user_agent)?;
        out.push_sql(", kid = COALESCE(");
        out.push_bind_param::<Nullable<Text>, _>(&usage.kid)?;
        out.push_sql(
            ", kid), refreshes = COALESCE(refreshes, 0) + 1, status_index = COALESCE(status_index, ",
        );
        out.push_bind_param::<Nullable<BigInt>, _>(&usage.status_index)?;
        out.push_sql(") WHERE id = ");
        out.push_bind_param::<Text, _>(self.id)?;
        out.push_sql(" AND ended_at IS NULL RETURNING status_index, authenticated_at, amr");
        Ok(())
    }
}

impl QueryId for Touch<'_> {
    type QueryId = Touch<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for Touch<'_> {
    type SqlType = (Nullable<BigInt>, Nullable<SqlTimestamp>, Nullable<Text>);
}

impl<C> RunQueryDsl<C> for Touch<'_> {}

/// When and how the owner of a live session last proved who they are; `None` if it is not known or the session has ended.
pub fn find_authentication(
    connection: &mut Db,
    id: &SessionId,
) -> Result<Option<Authentication>, StoreError> {
    let row: Option<(Option<Timestamp>, Option<String>)> = sessions::table
        .find(id)
        .filter(sessions::ended_at.is_null())
        .select((sessions::authenticated_at, sessions::amr))
        .get_result(connection)
        .optional()?;
    Ok(row.and_then(|(at, amr)| Authentication::from_stored(at, amr)))
}

/// Records that the owner of a session proved again who they are. Returns `false` if the session has ended.
pub fn set_authentication(
    connection: &mut Db,
    id: &SessionId,
    new: &Authentication,
) -> Result<bool, StoreError> {
    let live = sessions::table
        .find(id)
        .filter(sessions::ended_at.is_null());
    let set = (
        sessions::authenticated_at.eq(Some(new.at)),
        sessions::amr.eq(Some(new.amr())),
    );
    Ok(diesel::update(live).set(set).execute(connection)? == 1)
}

/// Records the refresh token that was used twice and ended this session.
pub fn record_reuse(connection: &mut Db, id: &SessionId, jti: &Jti) -> Result<(), StoreError> {
    diesel::update(sessions::table.find(id))
        .set(sessions::reused_jti.eq(Some(jti)))
        .execute(connection)?;
    Ok(())
}

/// Records the use of an access token that was issued at this time, unless a newer one is recorded.
pub fn record_access(
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

/// The live sessions of an account that exceed a limit: without this one and without the `keep` most recently used
/// ones.
pub fn list_exceeding(
    connection: &mut Db,
    owner: Principal,
    except: &SessionId,
    now: Timestamp,
    keep: i64,
) -> Result<Vec<SessionId>, StoreError> {
    Ok(sessions::table
        .filter(sessions::user_type.eq(owner.user_type))
        .filter(sessions::user_seq.eq(owner.user_seq))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now))
        .filter(sessions::id.ne(except))
        .order((sessions::last_used_at.desc(), sessions::id.desc()))
        .select(sessions::id)
        .offset(keep)
        .limit(i64::MAX)
        .load(connection)?)
}

/// Finds the account that a token names, and the session that it names if the session belongs to this account. One
/// query.
pub fn find_account_and_session(
    connection: &mut Db,
    principal: Principal,
    session: &SessionId,
) -> Result<Option<(Account, Option<SessionState>)>, StoreError> {
    type State = Option<(Option<Timestamp>, Timestamp)>;
    let user_seq = principal.user_seq;
    let this_session = sessions::id
        .eq(session)
        .and(sessions::user_type.eq(principal.user_type))
        .and(sessions::user_seq.eq(user_seq));
    let state = (sessions::ended_at, sessions::absolute_expires_at).nullable();
    let found: Option<(Account, State)> = match principal.user_type {
        UserType::User => users::table
            .left_join(sessions::table.on(this_session))
            .filter(users::id.eq(user_seq))
            .select((UserAccount::as_select(), state))
            .get_result::<(UserAccount, State)>(connection)
            .optional()?
            .map(|(row, state)| (row.into(), state)),
        UserType::Client => client_users::table
            .left_join(sessions::table.on(this_session))
            .filter(client_users::id.eq(user_seq))
            .select((ClientAccount::as_select(), state))
            .get_result::<(ClientAccount, State)>(connection)
            .optional()?
            .map(|(row, state)| (row.into(), state)),
    };
    Ok(found.map(|(account, state)| {
        let state = state.map(|(ended_at, absolute_expires_at)| SessionState {
            ended: ended_at.is_some(),
            absolute_expires_at,
        });
        (account, state)
    }))
}
