//! The table of browsers that are signed in to the panel: known by the hash of their cookie.

use diesel::prelude::*;

use crate::{
    clock::Timestamp,
    domain::{
        account::{Account, Role},
        principal::UserSeq,
        session::{BrowserSessionId, RevocationReason},
    },
    store::{
        engine::connection::Db,
        error::StoreError,
        schema::{browser_sessions, panel_preferences, users},
    },
};

/// What a new row is made of.
#[derive(Insertable, Clone)]
#[diesel(table_name = browser_sessions)]
pub struct NewBrowserSession {
    /// Its id, by which it is listed and ended.
    pub id: BrowserSessionId,
    /// The hash of its cookie.
    pub token_hash: String,
    /// Whose it is.
    pub user_seq: UserSeq,
    /// From which address it began.
    pub ip_address: Option<String>,
    /// From which browser.
    pub user_agent: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Timestamp,
    /// When it ends if it is not used any more.
    pub expires_at: Timestamp,
    /// When it ends however often it is used.
    pub absolute_expires_at: Timestamp,
}

/// A session as its owner's page lists it.
#[derive(Queryable, Clone, Debug)]
pub struct BrowserSessionRow {
    /// Its id.
    pub id: BrowserSessionId,
    /// From which address it began.
    pub ip_address: Option<String>,
    /// From which browser.
    pub user_agent: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Timestamp,
    /// When it ends if it is not used any more.
    pub expires_at: Timestamp,
}

/// A live session with its account and what that one wishes.
#[derive(Clone, Debug)]
pub struct Live {
    /// Its id.
    pub id: BrowserSessionId,
    /// Whose it is, as the row is now.
    pub account: Account,
    /// When it was last used.
    pub last_used_at: Timestamp,
    /// When it ends however often it is used.
    pub absolute_expires_at: Timestamp,
    /// Language, theme and time zone, where they were ever chosen.
    pub preferences: Option<(Option<String>, String, Option<String>)>,
}

/// Begins a session.
pub fn insert(connection: &mut Db, new: &NewBrowserSession) -> Result<(), StoreError> {
    diesel::insert_into(browser_sessions::table)
        .values(new)
        .execute(connection)?;
    Ok(())
}

/// The live session of this cookie's hash. One query.
pub fn find_live(
    connection: &mut Db,
    token_hash: &str,
    now: Timestamp,
) -> Result<Option<Live>, StoreError> {
    type Row = (
        BrowserSessionId,
        Timestamp,
        Timestamp,
        (UserSeq, String, String, Role, bool),
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
                users::id,
                users::email,
                users::name,
                users::role,
                users::is_active,
            ),
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
        |(id, last_used_at, absolute_expires_at, (seq, email, name, role, active), preferences)| {
            Live {
                id,
                account: Account::user(seq, email, name, role, active),
                last_used_at,
                absolute_expires_at,
                preferences,
            }
        },
    ))
}

/// Notes that a session was used, and until when it lives without further use.
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

/// The live sessions of a user, the one used last first.
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
        .select((
            browser_sessions::id,
            browser_sessions::ip_address,
            browser_sessions::user_agent,
            browser_sessions::created_at,
            browser_sessions::last_used_at,
            browser_sessions::expires_at,
        ))
        .limit(100)
        .load(connection)?)
}

/// Ends a session of this user, if it was not ended before; whether it was I.
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

/// Ends all sessions of a user but the one that is to be kept; how many.
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
