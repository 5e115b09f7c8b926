//! The rotation of a refresh token: blacklists it, inserts its successor, updates the session and reads the account.
//! All of it happens or nothing, and only once for each token, however many requests present it at the same time.
//!
//! This is the most frequent write. On SQLite it is a few small statements in one transaction, on Postgres one prepared
//! statement and one round trip. Both must enforce the same rules; the tests run on both databases.

use diesel::{
    pg::Pg,
    prelude::*,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{BigInt, Bool, Nullable, Text, Timestamp as SqlTimestamp},
};

use crate::clock::Timestamp;
use crate::config::RotationPolicy;
use crate::domain::account::{Account, Role};
use crate::domain::account_claims::AccountClaims;
use crate::domain::principal::{Principal, UserType};
use crate::domain::second_factor::Authentication;
use crate::domain::session::{Jti, RevocationReason, SessionId};
use crate::domain::status_index::StatusIndex;
use crate::store::blacklisted_tokens::{self, NewBlacklistedToken};
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::outstanding_tokens::{self, NewOutstandingToken};
use crate::store::sessions::{self, SessionActivity};

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

/// Refreshes with a token, as the policy demands. Returns `None` if the account does not exist.
///
/// One statement with [`RotationPolicy::SingleUse`] on Postgres; otherwise it must run in a transaction. Without a rotation
/// the outcome is the expiry of the presented token.
pub fn rotate(
    connection: &mut Db,
    rotation: &Rotation,
    policy: RotationPolicy,
) -> Result<Option<Rotated>, StoreError> {
    match connection {
        Db::Postgres(postgres) if policy == RotationPolicy::SingleUse => {
            rotate_in_one_statement(postgres, rotation)
        }
        connection => rotate_in_steps(connection, rotation, policy),
    }
}

fn rotate_in_steps(
    connection: &mut Db,
    rotation: &Rotation,
    policy: RotationPolicy,
) -> Result<Option<Rotated>, StoreError> {
    let Some((account, session)) =
        sessions::find_account_and_session(connection, rotation.owner, &rotation.session)?
    else {
        return Ok(None);
    };
    let now = rotation.usage.now;
    let live = session.filter(|session| !session.ended && session.absolute_expires_at > now);
    let outcome = if !account.is_active {
        Err(NotRotated::Inactive)
    } else if blacklisted_tokens::contains(connection, &rotation.old)? {
        Err(NotRotated::Blacklisted)
    } else {
        // A token that was flushed with its blacklist entry: whether it was used is not known any more.
        let is_known = outstanding_tokens::contains(connection, &rotation.old)?;
        match live {
            Some(session) if is_known => {
                replace(connection, rotation, policy, session.absolute_expires_at)?
            }
            _ => Err(NotRotated::SessionEnded),
        }
    };
    Ok(Some(Rotated { account, outcome }))
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
    if policy == RotationPolicy::SingleUse && !blacklisted_tokens::insert(connection, &old)? {
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
    let Some(touched) = sessions::touch(connection, &rotation.session, &usage)? else {
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
        outstanding_tokens::insert(connection, &new)?;
    }
    Ok(Ok(NewToken {
        expires_at,
        status_index: touched.status_index,
        authentication: touched.authentication,
    }))
}

/// A row of the statement: eight columns of the account; whether the token was blacklisted before; whether the session
/// was updated; the expiry of the successor; the session's place in the status lists; when and how its owner proved who they are.
type StatementRow = (
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<Role>,
    Option<AccountClaims>,
    bool,
    Option<Timestamp>,
    bool,
    bool,
    Option<Timestamp>,
    Option<StatusIndex>,
    Option<Timestamp>,
    Option<String>,
);

fn rotate_in_one_statement(
    postgres: &mut PgConnection,
    rotation: &Rotation,
) -> Result<Option<Rotated>, StoreError> {
    let row: Option<StatementRow> = match rotation.owner.user_type {
        UserType::User => Statement::<true>(rotation).get_result(postgres),
        UserType::Client => Statement::<false>(rotation).get_result(postgres),
    }
    .optional()?;
    let Some(row) = row else { return Ok(None) };
    let (name, email, username, external_id, role, claims, is_active, verified_at, ..) = row;
    let (.., blacklisted, is_live, expires_at, index, at, amr) = row;
    let account = Account {
        principal: rotation.owner,
        name,
        email,
        username,
        external_id,
        role,
        is_active,
        claims,
        email_verified_at: verified_at,
    };
    let outcome = match expires_at {
        Some(expires_at) => Ok(NewToken {
            expires_at,
            status_index: index,
            authentication: Authentication::from_stored(at, amr),
        }),
        None if !is_active => Err(NotRotated::Inactive),
        None if !blacklisted && !is_live => Err(NotRotated::SessionEnded),
        // It was blacklisted before, or by a concurrent request.
        None => Err(NotRotated::Blacklisted),
    };
    Ok(Some(Rotated { account, outcome }))
}

/// The rotation as one statement. The `UPDATE` of the session comes first: it locks the row and checks it again after
/// waiting, so that a concurrent logout either sees the successor or has ended the session before. The `INSERT` into
/// the blacklist succeeds only once, and the `INSERT` of the successor depends on it.
///
/// There is one type for each user type: diesel caches prepared statements by type, and the two have different texts.
struct Statement<'a, const INTERNAL: bool>(&'a Rotation);

impl<const INTERNAL: bool> QueryFragment<Pg> for Statement<'_, INTERNAL> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let rotation = self.0;
        out.push_sql(if INTERNAL {
            "WITH account AS (SELECT name, email, username, external_id, role, claims, is_active, email_verified_at FROM users WHERE id = "
        } else {
            "WITH account AS (SELECT name, email, username, external_id, NULL::text AS role, claims, is_active, email_verified_at FROM client_users WHERE id = "
        });
        out.push_bind_param::<BigInt, _>(&rotation.owner.user_seq)?;
        out.push_sql("), live AS (UPDATE sessions SET last_used_at = ");
        out.push_bind_param::<SqlTimestamp, _>(&rotation.usage.now)?;
        out.push_sql(", expires_at = LEAST(");
        out.push_bind_param::<SqlTimestamp, _>(&rotation.usage.expires_at)?;
        out.push_sql(", absolute_expires_at), access_expires_at = GREATEST(access_expires_at, ");
        out.push_bind_param::<SqlTimestamp, _>(&rotation.usage.access_expires_at)?;
        out.push_sql("), last_ip_address = ");
        out.push_bind_param::<Nullable<Text>, _>(&rotation.usage.ip_address)?;
        out.push_sql(", last_user_agent = ");
        out.push_bind_param::<Nullable<Text>, _>(&rotation.usage.user_agent)?;
        out.push_sql(", kid = COALESCE(");
        out.push_bind_param::<Nullable<Text>, _>(&rotation.usage.kid)?;
        out.push_sql(
            ", kid), refreshes = COALESCE(refreshes, 0) + 1, status_index = COALESCE(status_index, ",
        );
        out.push_bind_param::<Nullable<BigInt>, _>(&rotation.usage.status_index)?;
        out.push_sql(") WHERE id = ");
        out.push_bind_param::<Text, _>(&rotation.session)?;
        out.push_sql(" AND user_type = ");
        out.push_bind_param::<Text, _>(&rotation.owner.user_type)?;
        out.push_sql(" AND user_seq = ");
        out.push_bind_param::<BigInt, _>(&rotation.owner.user_seq)?;
        out.push_sql(" AND ended_at IS NULL AND absolute_expires_at > ");
        out.push_bind_param::<SqlTimestamp, _>(&rotation.usage.now)?;
        out.push_sql(
            " AND EXISTS (SELECT 1 FROM account WHERE is_active) \
             AND NOT EXISTS (SELECT 1 FROM blacklisted_tokens WHERE jti = ",
        );
        out.push_bind_param::<Text, _>(&rotation.old)?;
        out.push_sql(
            // A flushed token may have been used.
            ") AND EXISTS (SELECT 1 FROM outstanding_tokens WHERE jti = ",
        );
        out.push_bind_param::<Text, _>(&rotation.old)?;
        out.push_sql(
            ") RETURNING id, user_type, user_seq, expires_at, status_index, authenticated_at, amr), \
             old AS (INSERT INTO blacklisted_tokens \
             (jti, session_id, user_type, user_seq, reason, blacklisted_at, expires_at, successor) SELECT ",
        );
        out.push_bind_param::<Text, _>(&rotation.old)?;
        out.push_sql(", id, user_type, user_seq, 'rotated', ");
        out.push_bind_param::<SqlTimestamp, _>(&rotation.usage.now)?;
        out.push_sql(", ");
        out.push_bind_param::<SqlTimestamp, _>(&rotation.old_expires_at)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&rotation.new)?;
        out.push_sql(
            " FROM live ON CONFLICT DO NOTHING RETURNING jti), \
             new AS (INSERT INTO outstanding_tokens \
             (jti, session_id, user_type, user_seq, created_at, expires_at) SELECT ",
        );
        out.push_bind_param::<Text, _>(&rotation.new)?;
        out.push_sql(", live.id, live.user_type, live.user_seq, ");
        out.push_bind_param::<SqlTimestamp, _>(&rotation.usage.now)?;
        out.push_sql(
            ", live.expires_at FROM live, old RETURNING expires_at) \
             SELECT name, email, username, external_id, role, claims, is_active, email_verified_at, \
             EXISTS (SELECT 1 FROM blacklisted_tokens WHERE jti = ",
        );
        out.push_bind_param::<Text, _>(&rotation.old)?;
        out.push_sql(
            "), EXISTS (SELECT 1 FROM live), (SELECT expires_at FROM new), (SELECT status_index FROM live), \
             (SELECT authenticated_at FROM live), (SELECT amr FROM live) FROM account",
        );
        Ok(())
    }
}

impl<const INTERNAL: bool> QueryId for Statement<'_, INTERNAL> {
    type QueryId = Statement<'static, INTERNAL>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const INTERNAL: bool> Query for Statement<'_, INTERNAL> {
    type SqlType = (
        Text,
        Nullable<Text>,
        Nullable<Text>,
        Nullable<Text>,
        Nullable<Text>,
        Nullable<Text>,
        Bool,
        Nullable<SqlTimestamp>,
        Bool,
        Bool,
        Nullable<SqlTimestamp>,
        Nullable<BigInt>,
        Nullable<SqlTimestamp>,
        Nullable<Text>,
    );
}

impl<const INTERNAL: bool> RunQueryDsl<PgConnection> for Statement<'_, INTERNAL> {}
