//! The rotation of a refresh token: blacklists it, inserts its successor, updates the session and reads the account.
//! All of it happens or nothing, and only once for each token, however many requests present it at the same time.
//!
//! Here it is a few small statements in one transaction. On Postgres, where each is a round trip, `rotation_batch` has one
//! statement for many tokens. Both enforce the same rules: `tests/suite/store/rotation.rs` has one table of cases.

use diesel::{dsl::exists, prelude::*};

use crate::clock::Timestamp;
use crate::config::RotationPolicy;
use crate::domain::account::Account;
use crate::domain::principal::{Principal, UserType};
use crate::domain::second_factor::Authentication;
use crate::domain::session::{Jti, RevocationReason, SessionId};
use crate::domain::status_index::StatusIndex;
use crate::store::blacklisted_tokens::NewBlacklistedToken;
use crate::store::client_users::ClientAccount;
use crate::store::engine::connection::{Db, each};
use crate::store::error::StoreError;
use crate::store::outstanding_tokens::NewOutstandingToken;
use crate::store::schema::{blacklisted_tokens, client_users, outstanding_tokens, sessions, users};
use crate::store::sessions::{SessionActivity, touch};
use crate::store::users::UserAccount;
use crate::store::{blacklisted_tokens as blacklist, outstanding_tokens as outstanding};

/// A presented refresh token, and its intended successor.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// The account.
    pub owner: Principal,
    /// The session of both tokens.
    pub session: SessionId,
    /// The presented token.
    pub old: Jti,
    /// The expiry of the presented token.
    pub old_expires_at: Timestamp,
    /// The id of the successor.
    pub new: Jti,
    /// The use of the session. Its expiry is that of the successor, unless the session ends before.
    pub usage: SessionActivity,
}

/// The result of a rotation.
#[derive(Clone, Debug)]
pub struct Rotated {
    /// The account as it is stored now.
    pub account: Account,
    /// The successor, or why there is none.
    pub outcome: Result<NewToken, NotRotated>,
}

/// The successor of a rotated token.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Its expiry.
    pub expires_at: Timestamp,
    /// The place of its session in the status lists.
    pub status_index: Option<StatusIndex>,
    /// When and how the owner of its session proved who they are.
    pub authentication: Option<Authentication>,
}

/// Why a token was not rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRotated {
    /// The account is inactive.
    Inactive,
    /// The token is blacklisted: it was used or revoked.
    Blacklisted,
    /// The session has ended or does not exist, or the token was flushed.
    SessionEnded,
}

/// Refreshes with a token, as the policy demands, in a transaction. Returns `None` if the account does not exist. Without a
/// rotation the outcome is the expiry of the presented token.
pub fn rotate(
    connection: &mut Db,
    rotation: &Rotation,
    policy: RotationPolicy,
) -> Result<Option<Rotated>, StoreError> {
    let Some(presented) = find(connection, rotation)? else {
        return Ok(None);
    };
    let outcome = if !presented.account.is_active {
        Err(NotRotated::Inactive)
    } else if presented.is_blacklisted {
        Err(NotRotated::Blacklisted)
    } else {
        match presented.session_end {
            Some(end) if presented.is_known => replace(connection, rotation, policy, end)?,
            _ => Err(NotRotated::SessionEnded),
        }
    };
    Ok(Some(Rotated {
        account: presented.account,
        outcome,
    }))
}

/// What is stored about a presented token.
struct Presented {
    account: Account,
    /// The end of its session, if that is live.
    session_end: Option<Timestamp>,
    is_blacklisted: bool,
    /// Whether it was issued, and not flushed since. Otherwise it is not known whether it was used.
    is_known: bool,
}

/// One query instead of three: 6 of 60 µs of the time of SQLite's only writer.
fn find(connection: &mut Db, rotation: &Rotation) -> Result<Option<Presented>, StoreError> {
    type Found<A> = (A, Option<Timestamp>, bool, bool);
    let owner = rotation.owner;
    macro_rules! find_in {
        ($accounts:ident, $row:ty) => {{
            let live = sessions::id
                .eq(&rotation.session)
                .and(sessions::user_type.eq(owner.user_type))
                .and(sessions::user_seq.eq(owner.user_seq))
                .and(sessions::ended_at.is_null())
                .and(sessions::absolute_expires_at.gt(rotation.usage.now));
            let query = $accounts::table
                .left_join(sessions::table.on(live))
                .filter($accounts::id.eq(owner.user_seq));
            let found: Option<Found<$row>> = each!(connection, each => query
                .select((
                    <$row>::as_select(),
                    sessions::absolute_expires_at.nullable(),
                    exists(blacklisted_tokens::table.find(&rotation.old)),
                    exists(outstanding_tokens::table.find(&rotation.old)),
                ))
                .get_result(each))
            .optional()?;
            found.map(|(row, session_end, is_blacklisted, is_known)| Presented {
                account: row.into(),
                session_end,
                is_blacklisted,
                is_known,
            })
        }};
    }
    Ok(match owner.user_type {
        UserType::User => find_in!(users, UserAccount),
        UserType::Client => find_in!(client_users, ClientAccount),
    })
}

/// Blacklists the presented token, records the use of its session and inserts the successor, which it returns. The first
/// two may fail after the checks: on Postgres, with another policy than [`RotationPolicy::SingleUse`].
fn replace(
    connection: &mut Db,
    rotation: &Rotation,
    policy: RotationPolicy,
    session_end: Timestamp,
) -> Result<Result<NewToken, NotRotated>, StoreError> {
    let (owner, now) = (rotation.owner, rotation.usage.now);
    let old = NewBlacklistedToken {
        jti: rotation.old.clone(),
        session_id: rotation.session.clone(),
        user_type: owner.user_type,
        user_seq: owner.user_seq,
        reason: RevocationReason::Rotated,
        blacklisted_at: now,
        expires_at: rotation.old_expires_at,
        successor: Some(rotation.new.clone()),
    };
    if policy == RotationPolicy::SingleUse && !blacklist::insert(connection, &old)? {
        return Ok(Err(NotRotated::Blacklisted));
    }
    let expires_at = match policy {
        RotationPolicy::NoRotation => rotation.old_expires_at,
        _ => rotation.usage.expires_at.min(session_end),
    };
    let usage = SessionActivity {
        expires_at,
        ..rotation.usage.clone()
    };
    let Some(touched) = touch(connection, &rotation.session, &usage)? else {
        return Ok(Err(NotRotated::SessionEnded));
    };
    if policy != RotationPolicy::NoRotation {
        let new = NewOutstandingToken {
            jti: rotation.new.clone(),
            session_id: rotation.session.clone(),
            user_type: owner.user_type,
            user_seq: owner.user_seq,
            created_at: now,
            expires_at,
        };
        outstanding::insert(connection, &new)?;
    }
    Ok(Ok(NewToken {
        expires_at,
        status_index: touched.status_index,
        authentication: touched.authentication,
    }))
}
