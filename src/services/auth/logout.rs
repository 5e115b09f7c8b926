//! Logging out, and ending sessions: one, or all of an account.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::domain::audit::{Action, Actor, Subject};
use crate::domain::principal::{Principal, TokenOwner, UserType};
use crate::domain::session::{Jti, RevocationReason, SessionId};
use crate::services::account_lookup::find_account;
use crate::services::audit::log::{AuditContext, Event};
use crate::services::auth::bearer::Caller;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::maintenance::retention::cutoff;
use crate::store::blacklisted_tokens::{self, NewBlacklistedToken};
use crate::store::django_tokens::{self, DjangoTokenRow};
use crate::store::outstanding_tokens::{self, NewOutstandingToken};
use crate::store::{StoreError, Transaction, browser_sessions, revocations, sessions};
use crate::tokens::{Claims, DjangoClaims, TokenType};

/// The valid tokens that a logout presents.
pub struct Logout {
    /// The caller, if the access token is valid.
    pub caller: Option<Caller>,
    /// Further tokens. Possession suffices to end their sessions (RFC 7009).
    pub tokens: Vec<Claims>,
}

impl Logout {
    /// The sessions that it ends, with their owners.
    fn sessions(&self) -> Vec<(Principal, SessionId)> {
        let of_caller = |caller: &Caller| (caller.account.principal, caller.session.clone());
        let mut sessions: Vec<_> = self.caller.iter().map(of_caller).collect();
        for claims in &self.tokens {
            let session = (claims.principal, claims.session.clone());
            if !sessions.contains(&session) {
                sessions.push(session);
            }
        }
        sessions
    }
}

/// Ends the sessions of the caller and of the tokens. Sessions that have ended already are no error.
///
/// # Errors
/// The store's.
pub async fn log_out(services: &Services, actor: &Actor, logout: Logout) -> Result<(), Error> {
    services
        .write_as(actor, move |connection, audit_context| {
            let (now, reason) = (audit_context.now, RevocationReason::Logout);
            // First: it waits for an exchange of such a token, whose session is then ended.
            for claims in &logout.tokens {
                if let Some(jti) = unexchanged(claims) {
                    end_of_django(connection, audit_context, claims, jti)?;
                }
            }
            // The sessions before their tokens, in the same order as a refresh, so that the two cannot deadlock.
            for (owner, session) in logout.sessions() {
                if end_one(connection, owner, &session, now, reason)? {
                    let event = Event::new(Action::LoggedOut).of_session(&session);
                    record_log_out(connection, audit_context, owner, event)?;
                }
            }
            let has_session = |claims: &&Claims| {
                claims.token_type != TokenType::Access && unexchanged(claims).is_none()
            };
            for claims in logout.tokens.iter().filter(has_session) {
                blacklisted_tokens::insert(connection, &blacklisted(claims, now))?;
            }
            Ok(())
        })
        .await
}

/// The `jti` of a refresh token of Django that was not exchanged when it was read.
fn unexchanged(claims: &Claims) -> Option<&Jti> {
    let of_django = claims.django_jti.as_ref();
    of_django.filter(|jti| **jti == claims.jti && claims.token_type != TokenType::Access)
}

/// Blacklists a token of Django, if it was not exchanged meanwhile. No session begins.
fn end_of_django(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    claims: &Claims,
    jti: &Jti,
) -> Result<(), Error> {
    let (owner, now) = (claims.principal, audit_context.now);
    let row = DjangoTokenRow {
        jti: jti.clone(),
        user_type: owner.user_type,
        user_seq: owner.user_seq,
        expires_at: claims.refresh_until,
        blacklisted_at: Some(now),
        session_id: None,
    };
    if !django_tokens::blacklist(connection, &row)? {
        return Ok(());
    }
    // The lists of tokens show it, with the reason.
    let mut listed = claims.clone();
    listed.jti = DjangoClaims::key(jti, now);
    let token = NewOutstandingToken {
        jti: listed.jti.clone(),
        session_id: listed.session.clone(),
        user_type: owner.user_type,
        user_seq: owner.user_seq,
        created_at: now,
        expires_at: listed.refresh_until,
    };
    outstanding_tokens::insert(connection, &token)?;
    blacklisted_tokens::insert(connection, &blacklisted(&listed, now))?;
    let event = Event::new(Action::LoggedOut).with_detail("token", &listed.jti);
    record_log_out(connection, audit_context, owner, event)
}

/// Records a log-out of an account. Without a caller, or a service in place of one, the owner of the session is the
/// actor.
fn record_log_out(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    owner: Principal,
    event: Event,
) -> Result<(), Error> {
    let Some(account) = find_account(connection, owner)? else {
        return Ok(());
    };
    let actor = &audit_context.actor;
    let audit_context = if actor.principal.is_some() || actor.name.is_some() {
        audit_context.clone()
    } else {
        audit_context.known_as(&account)
    };
    Ok(audit_context.record(connection, &event.to(Subject::of(&account)))?)
}

/// The row of a logged out refresh token.
fn blacklisted(claims: &Claims, now: Timestamp) -> NewBlacklistedToken {
    NewBlacklistedToken {
        jti: claims.jti.clone(),
        session_id: claims.session.clone(),
        user_type: claims.principal.user_type,
        user_seq: claims.principal.user_seq,
        reason: RevocationReason::Logout,
        blacklisted_at: now,
        expires_at: claims.refresh_until,
        successor: None,
    }
}

/// Ends all sessions of the caller, including sessions in the admin panel; with `keep_current` all but the current
/// session. Returns how many, without those in the admin panel.
///
/// # Errors
/// The store's.
pub async fn log_out_all(
    services: &Services,
    actor: &Actor,
    caller: &Caller,
    keep_current: bool,
) -> Result<usize, Error> {
    let owner = caller.account.principal;
    let event = Event::new(Action::SessionsEnded).to(Subject::of(&caller.account));
    let kept = keep_current.then(|| caller.session.clone());
    services
        .write_as(actor, move |connection, audit_context| {
            let (now, reason) = (audit_context.now, RevocationReason::LogoutAll);
            let ended = match &kept {
                Some(kept) => end_all_except(connection, owner, kept, now, reason)?,
                None => end_all(connection, owner, now, reason)?,
            };
            let event = event.clone().with_detail("sessions", ended);
            audit_context.record(connection, &event)?;
            Ok(ended)
        })
        .await
}

/// Ends a session of this account and blacklists its refresh tokens; part of a transaction. Returns `true` if this call
/// ended it.
pub(crate) fn end_one(
    connection: &mut Transaction<'_>,
    owner: Principal,
    id: &SessionId,
    now: Timestamp,
    reason: RevocationReason,
) -> Result<bool, StoreError> {
    let ended = sessions::end(connection, owner, id, now, reason)?;
    if ended {
        revocations::insert_ended(connection, owner, Some(id), now)?;
    }
    blacklisted_tokens::insert_for_session(connection, id, cutoff(now), now, reason)?;
    Ok(ended)
}

/// Ends all sessions of an account, including sessions in the admin panel, and blacklists its refresh tokens; part of a
/// transaction. Returns how many sessions, without those in the admin panel and without those that expired before the
/// greatest leeway (see [`cutoff`]).
pub(crate) fn end_all(
    connection: &mut Transaction<'_>,
    owner: Principal,
    now: Timestamp,
    reason: RevocationReason,
) -> Result<usize, StoreError> {
    if owner.user_type == UserType::User {
        browser_sessions::end_all(connection, owner.user_seq, None, now, reason)?;
    }
    end_token_sessions(connection, owner, now, reason)
}

/// Like [`end_all`], but the session `kept` is not ended.
pub(crate) fn end_all_except(
    connection: &mut Transaction<'_>,
    owner: Principal,
    kept: &SessionId,
    now: Timestamp,
    reason: RevocationReason,
) -> Result<usize, StoreError> {
    if owner.user_type == UserType::User {
        browser_sessions::end_all(connection, owner.user_seq, None, now, reason)?;
    }
    django_tokens::refuse_earlier(connection, owner, now)?;
    let mut ended = 0;
    // Expired sessions too: they may be live by the clock of another instance.
    for session in sessions::list_live(connection, owner, Timestamp::EPOCH, i64::MAX)? {
        if session.id != *kept && end_one(connection, owner, &session.id, now, reason)? {
            ended += usize::from(session.expires_at > cutoff(now));
        }
    }
    Ok(ended)
}

/// Like [`end_all`], but sessions in the admin panel are not ended.
pub(crate) fn end_token_sessions(
    connection: &mut Transaction<'_>,
    owner: Principal,
    now: Timestamp,
    reason: RevocationReason,
) -> Result<usize, StoreError> {
    // First: it waits for an exchange of such a token, whose session is then ended too.
    django_tokens::refuse_earlier(connection, owner, now)?;
    let ended = sessions::end_all(connection, owner, cutoff(now), now, reason)?;
    revocations::insert_ended(connection, owner, None, now)?;
    blacklisted_tokens::insert_for_account(connection, owner, cutoff(now), now, reason)?;
    Ok(ended)
}

/// Access tokens that are issued within this time after a change are revoked too: they may have been issued by a
/// concurrent transaction that read the account before the change. Much longer than a transaction takes.
const CONCURRENT: Duration = Duration::from_secs(2);

/// The time until which the access tokens of an owner must have been issued to be revoked by a change at `now`; part of a
/// transaction that has locked the owner's row.
pub(crate) fn revoked_until(
    connection: &mut Transaction<'_>,
    owner: impl Into<TokenOwner>,
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    // Tokens issued after the last revocation may have issue times after it.
    let last = revocations::find_not_before(connection, owner)?;
    let issued_until = last.map_or(now, |last| now.max(last + Duration::from_millis(1)));
    Ok(issued_until.max(now + CONCURRENT))
}

/// Revokes the access tokens of an account, for example after a change of its role. Its sessions continue, and a
/// refresh issues a new access token. Part of a transaction that has locked the account's row.
pub(crate) fn withdraw_access(
    connection: &mut Transaction<'_>,
    owner: Principal,
    now: Timestamp,
) -> Result<(), StoreError> {
    let until = revoked_until(connection, owner, now)?;
    revocations::mark_status(connection, owner, now)?;
    revocations::insert_not_before(connection, owner, until, now)
}

/// Ends all sessions of an account but the `limit` last used ones; part of the transaction that starts the session
/// `started`, which always counts as last used. Returns the ended sessions.
pub(crate) fn enforce_session_limit(
    connection: &mut Transaction<'_>,
    owner: Principal,
    limit: u32,
    started: &SessionId,
    now: Timestamp,
) -> Result<Vec<SessionId>, StoreError> {
    let excess = sessions::list_exceeding(connection, owner, started, now, i64::from(limit) - 1)?;
    for id in &excess {
        end_one(connection, owner, id, now, RevocationReason::TooMany)?;
    }
    Ok(excess)
}
