//! The sessions of an account, and ending them by their owner or by an administrator.

use crate::clock::Timestamp;
use crate::domain::account::Account;
use crate::domain::audit::{Action, Actor, Subject};
use crate::domain::principal::Principal;
use crate::domain::session::{Jti, LoginMethod, RevocationReason, SessionId};
use crate::services::account_lookup::{find_login, subject};
use crate::services::audit::log::Event;
use crate::services::auth::logout::{end_all, end_one};
use crate::services::bootstrap::Services;
use crate::services::error::{Error, Missing};
use crate::store::sessions::{self, SessionRow};

/// A session.
#[derive(Clone, Debug)]
pub struct Session {
    /// The id of the session.
    pub id: SessionId,
    /// How the account logged in.
    pub method: LoginMethod,
    /// The address of the login.
    pub ip_address: Option<String>,
    /// The `User-Agent` of the login.
    pub user_agent: Option<String>,
    /// When the session started.
    pub created_at: Timestamp,
    /// The last login or refresh.
    pub last_used_at: Timestamp,
    /// When the newest refresh token expires.
    pub expires_at: Timestamp,
    /// When the session ends even if it is refreshed.
    pub absolute_expires_at: Timestamp,
    /// When the session was ended early.
    pub ended_at: Option<Timestamp>,
    /// Why the session was ended early.
    pub end_reason: Option<RevocationReason>,
    /// The reused refresh token that ended the session.
    pub reused: Option<Jti>,
    /// The number of refreshes.
    pub refreshes: i64,
}

impl From<SessionRow> for Session {
    fn from(row: SessionRow) -> Self {
        Self {
            id: row.id,
            method: row.method,
            ip_address: row.ip_address,
            user_agent: row.user_agent,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            expires_at: row.expires_at,
            absolute_expires_at: row.absolute_expires_at,
            ended_at: row.ended_at,
            end_reason: row.end_reason,
            reused: row.reused_jti,
            refreshes: row.refreshes.unwrap_or(0),
        }
    }
}

/// The result of ending a session or blacklisting a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationOutcome {
    /// Revoked by this call.
    Revoked,
    /// Revoked before this call.
    AlreadyRevoked,
    /// No such session or token, or it belongs to another account.
    NotFound,
}

/// Ends a session as an administrator: its access tokens are rejected from now on, and its refresh tokens are
/// blacklisted. If `owner` is given, the session must belong to that account.
///
/// # Errors
/// The store's.
pub async fn end_by_administrator(
    services: &Services,
    actor: &Actor,
    id: SessionId,
    owner: Option<Principal>,
) -> Result<RevocationOutcome, Error> {
    let audit_context = services.audit_context(actor);
    let now = audit_context.now;
    services
        .store
        .write(move |connection| {
            let Some(session) = sessions::find_by_id(connection, &id)? else {
                return Ok(RevocationOutcome::NotFound);
            };
            let actual = Principal {
                user_type: session.user_type,
                user_seq: session.user_seq,
            };
            if owner.is_some_and(|owner| owner != actual) {
                return Ok(RevocationOutcome::NotFound);
            }
            if !end_one(
                connection,
                actual,
                &id,
                now,
                RevocationReason::Administrator,
            )? {
                return Ok(RevocationOutcome::AlreadyRevoked);
            }
            let event = Event::new(Action::SessionEnded)
                .to(subject(connection, actual)?)
                .of_session(&id);
            audit_context.record(connection, &event)?;
            Ok(RevocationOutcome::Revoked)
        })
        .await
}

/// Ends a live session as its owner, like [`end_by_administrator`]. Returns `false`, and changes nothing, if the owner
/// has no such live session.
///
/// # Errors
/// The store's.
pub async fn end_own(
    services: &Services,
    actor: &Actor,
    owner: &Account,
    id: SessionId,
) -> Result<bool, Error> {
    let (audit_context, principal) = (services.audit_context(actor), owner.principal);
    let now = audit_context.now;
    let event = Event::new(Action::SessionEnded)
        .to(Subject::account(principal, owner.login()))
        .of_session(&id);
    services
        .store
        .write(move |connection| {
            let found = sessions::find_by_id(connection, &id)?;
            let is_live = found.is_some_and(|session| {
                let own = (session.user_type, session.user_seq);
                own == (principal.user_type, principal.user_seq) && session.expires_at > now
            });
            let reason = RevocationReason::Logout;
            let ended = is_live && end_one(connection, principal, &id, now, reason)?;
            if ended {
                audit_context.record(connection, &event)?;
            }
            Ok(ended)
        })
        .await
}

/// The maximum number of sessions of an account that are listed.
const MAX_LISTED: i64 = 100;

/// The live sessions of an account, the last used first, at most `MAX_LISTED`.
///
/// # Errors
/// The store's.
pub async fn list_live(services: &Services, owner: Principal) -> Result<Vec<Session>, Error> {
    let now = services.clock.now();
    let rows = services
        .store
        .read(move |connection| sessions::list_live(connection, owner, now, MAX_LISTED))
        .await?;
    Ok(rows.into_iter().map(Session::from).collect())
}

/// Ends all sessions of an account as an administrator, including sessions in the admin panel. Returns how many,
/// without those in the admin panel.
///
/// # Errors
/// [`Error::AccountNotFound`], and the store's.
pub async fn end_all_by_administrator(
    services: &Services,
    actor: &Actor,
    owner: Principal,
) -> Result<usize, Error> {
    let audit_context = services.audit_context(actor);
    let now = audit_context.now;
    services
        .store
        .write(move |connection| {
            let missing = Error::AccountNotFound(Missing::of(owner.user_type));
            let login = find_login(connection, owner)?.ok_or(missing)?;
            let ended = end_all(connection, owner, now, RevocationReason::Administrator)?;
            let event = Event::new(Action::SessionsEnded)
                .to(Subject::account(owner, login))
                .with_detail("sessions", ended);
            audit_context.record(connection, &event)?;
            Ok(ended)
        })
        .await
}
