//! The sessions of an account, and ending them by their owner or by an administrator.

use crate::domain::account::Account;
use crate::domain::audit::{Action, Actor, Subject};
use crate::domain::principal::Principal;
use crate::domain::session::{RevocationReason, SessionId};
use crate::services::account_lookup::{find_existing, subject};
use crate::services::audit::log::Event;
use crate::services::auth::ended_sessions::{LiveSessions, device};
use crate::services::auth::logout::{end_all, end_one};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::store::sessions::{self, SessionRow};

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
    services
        .write_as(actor, move |connection, audit_context| {
            let Some(session) = sessions::find_by_id(connection, &id)? else {
                return Ok(RevocationOutcome::NotFound);
            };
            let actual = Principal::new(session.user_type, session.user_seq);
            if owner.is_some_and(|owner| owner != actual) {
                return Ok(RevocationOutcome::NotFound);
            }
            let (now, reason) = (audit_context.now, RevocationReason::Administrator);
            if !end_one(connection, actual, &id, now, reason)? {
                return Ok(RevocationOutcome::AlreadyRevoked);
            }
            let event = Event::new(Action::SessionEnded)
                .to(subject(connection, actual)?)
                .of_session(&id)
                .with_changes([device(&session)]);
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
    let principal = owner.principal;
    let event = Event::new(Action::SessionEnded)
        .to(Subject::of(owner))
        .of_session(&id);
    services
        .write_as(actor, move |connection, audit_context| {
            let now = audit_context.now;
            let found = sessions::find_by_id(connection, &id)?;
            let live = found.filter(|session| {
                let own = Principal::new(session.user_type, session.user_seq) == principal;
                own && session.expires_at > now
            });
            let Some(session) = live else {
                return Ok(false);
            };
            let ended = end_one(connection, principal, &id, now, RevocationReason::Logout)?;
            if ended {
                let event = event.clone().with_changes([device(&session)]);
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
pub async fn list_live(services: &Services, owner: Principal) -> Result<Vec<SessionRow>, Error> {
    let now = services.clock.now();
    let live = services
        .store
        .read(move |connection| sessions::list_live(connection, owner, now, MAX_LISTED))
        .await?;
    Ok(live)
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
    services
        .write_as(actor, move |connection, audit_context| {
            let account = find_existing(connection, owner)?;
            let (now, reason) = (audit_context.now, RevocationReason::Administrator);
            let live = LiveSessions::read(connection, owner, now)?;
            let ended = end_all(connection, owner, now, reason)?;
            let event = Event::new(Action::SessionsEnded).to(Subject::of(&account));
            audit_context.record(connection, &live.add_to(event, ended))?;
            Ok(ended)
        })
        .await
}
