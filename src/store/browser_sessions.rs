//! The table `browser_sessions`: logins to the admin panel, found by the hash of their cookie.

use diesel::prelude::*;

use crate::clock::Timestamp;
use crate::domain::account::Account;
use crate::domain::principal::UserSeq;
use crate::domain::session::{BrowserSessionId, RevocationReason};
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::schema::{browser_sessions, panel_preferences, users};
use crate::store::users::UserAccount;

/// A live session, as it is inserted and listed.
#[derive(Insertable, Queryable, Selectable, Clone)]
#[diesel(table_name = browser_sessions)]
pub struct BrowserSessionRow {
    /// The id, by which it is listed and ended.
    pub id: BrowserSessionId,
    /// The hash of the cookie.
    pub token_hash: String,
    /// The id of the user.
    pub user_seq: UserSeq,
    /// The IP address of the login.
    pub ip_address: Option<String>,
    /// The `User-Agent` of the browser.
    pub user_agent: Option<String>,
    /// The time of the login.
    pub created_at: Timestamp,
    /// The time of the last use.
    pub last_used_at: Timestamp,
    /// The end if it is not used any more.
    pub expires_at: Timestamp,
    /// The end, which uses do not extend.
    pub absolute_expires_at: Timestamp,
    /// When its owner last proved who they are; `None` for that of the login.
    pub authenticated_at: Option<Timestamp>,
}

/// A live session with its user and the preferences of the user.
#[derive(Clone, Debug)]
pub struct LiveSession {
    /// The id.
    pub id: BrowserSessionId,
    /// The user as stored now.
    pub account: Account,
    /// The time of the last use.
    pub last_used_at: Timestamp,
    /// The end, which uses do not extend.
    pub absolute_expires_at: Timestamp,
    /// When its owner last proved who they are.
    pub authenticated_at: Timestamp,
    /// Language, theme and time zone, if the user has chosen them.
    pub preferences: Option<(Option<String>, String, Option<String>)>,
}

/// Inserts a session.
pub fn insert(connection: &mut Db, new: &BrowserSessionRow) -> Result<(), StoreError> {
    diesel::insert_into(browser_sessions::table)
        .values(new)
        .execute(connection)?;
    Ok(())
}

/// Finds a live session by the hash of its cookie. One query.
pub fn find_live(
    connection: &mut Db,
    token_hash: &str,
    now: Timestamp,
) -> Result<Option<LiveSession>, StoreError> {
    type Row = (
        BrowserSessionId,
        Timestamp,
        Timestamp,
        (Timestamp, Option<Timestamp>),
        UserAccount,
        Option<(Option<String>, String, Option<String>)>,
    );
    let found: Option<Row> = browser_sessions::table
        .inner_join(users::table.on(users::id.eq(browser_sessions::user_seq)))
        .left_join(panel_preferences::table.on(panel_preferences::user_seq.eq(users::id)))
        .filter(browser_sessions::token_hash.eq(token_hash))
        .filter(browser_sessions::ended_at.is_null())
        .filter(browser_sessions::expires_at.gt(now))
        .filter(browser_sessions::absolute_expires_at.gt(now))
        .select((
            browser_sessions::id,
            browser_sessions::last_used_at,
            browser_sessions::absolute_expires_at,
            (
                browser_sessions::created_at,
                browser_sessions::authenticated_at,
            ),
            UserAccount::as_select(),
            (
                panel_preferences::language,
                panel_preferences::theme,
                panel_preferences::time_zone,
            )
                .nullable(),
        ))
        .get_result(connection)
        .optional()?;
    Ok(found.map(
        |(id, last_used_at, absolute_expires_at, proofs, user, preferences)| LiveSession {
            id,
            authenticated_at: proofs.1.unwrap_or(proofs.0),
            account: user.into(),
            last_used_at,
            absolute_expires_at,
            preferences,
        },
    ))
}

/// Records a use of a session, and its end if it is not used any more.
pub fn touch(
    connection: &mut Db,
    id: &BrowserSessionId,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    diesel::update(browser_sessions::table.find(id))
        .set((
            browser_sessions::last_used_at.eq(now),
            browser_sessions::expires_at.eq(expires_at),
        ))
        .execute(connection)?;
    Ok(())
}

/// Records that the owner of a session proved again who they are.
pub fn set_authenticated(
    connection: &mut Db,
    id: &BrowserSessionId,
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::update(browser_sessions::table.find(id))
        .set(browser_sessions::authenticated_at.eq(Some(now)))
        .execute(connection)?;
    Ok(())
}

/// The live sessions of a user, the most recently used one first.
pub fn list_live(
    connection: &mut Db,
    user_seq: UserSeq,
    now: Timestamp,
) -> Result<Vec<BrowserSessionRow>, StoreError> {
    Ok(browser_sessions::table
        .filter(browser_sessions::user_seq.eq(user_seq))
        .filter(browser_sessions::ended_at.is_null())
        .filter(browser_sessions::expires_at.gt(now))
        .order((
            browser_sessions::last_used_at.desc(),
            browser_sessions::id.desc(),
        ))
        .select(BrowserSessionRow::as_select())
        .limit(100)
        .load(connection)?)
}

/// Ends a session of this user. Returns `true` if this call did it.
pub fn end(
    connection: &mut Db,
    user_seq: UserSeq,
    id: &BrowserSessionId,
    now: Timestamp,
    reason: RevocationReason,
) -> Result<bool, StoreError> {
    let live = browser_sessions::table
        .find(id)
        .filter(browser_sessions::user_seq.eq(user_seq))
        .filter(browser_sessions::ended_at.is_null());
    Ok(diesel::update(live)
        .set((
            browser_sessions::ended_at.eq(Some(now)),
            browser_sessions::end_reason.eq(Some(reason)),
        ))
        .execute(connection)?
        == 1)
}

/// Ends all sessions of a user except `keep`. Returns their number.
pub fn end_all(
    connection: &mut Db,
    user_seq: UserSeq,
    keep: Option<&BrowserSessionId>,
    now: Timestamp,
    reason: RevocationReason,
) -> Result<usize, StoreError> {
    let kept = keep.map_or_else(String::new, ToString::to_string);
    let live = browser_sessions::table
        .filter(browser_sessions::user_seq.eq(user_seq))
        .filter(browser_sessions::ended_at.is_null())
        .filter(browser_sessions::id.ne(kept));
    Ok(diesel::update(live)
        .set((
            browser_sessions::ended_at.eq(Some(now)),
            browser_sessions::end_reason.eq(Some(reason)),
        ))
        .execute(connection)?)
}
