//! Ending sessions: one, or all of an account.

use std::time::Duration;

use crate::{
    clock::Timestamp,
    config::MAX_ACCESS_LIFETIME,
    domain::{
        account::Account,
        audit::{Action, Actor, Subject},
        principal::{Principal, UserType},
        session::{RevocationReason, SessionId},
    },
    services::{
        audit::log::Event, auth::bearer::Caller, bootstrap::Services, error::Error,
        maintenance::flush::cutoff,
    },
    store::{
        Db, StoreError,
        blacklisted_tokens::{self, NewBlacklistedToken},
        browser_sessions, revocations, sessions,
    },
    tokens::{Claims, TokenType},
};

/// Ends the session that a refresh token belongs to, with its access tokens; the caller must be its owner. A token that is
/// blacklisted already is no error: what was wanted is so.
///
/// # Errors
/// [`Error::InvalidLogoutToken`] when it is no refresh token of ours, [`Error::Forbidden`] when it is somebody else's
/// (and then nothing changes), and the store's.
pub async fn log_out(
    services: &Services,
    actor: &Actor,
    caller: &Caller,
    refresh: &str,
) -> Result<(), Error> {
    let audit_context = services.audit_context(actor);
    let now = audit_context.now;
    let claims = services
        .tokens
        .read(refresh, Some(TokenType::Refresh), now)
        .map_err(|_| Error::InvalidLogoutToken)?;
    if claims.principal != caller.account.principal {
        return Err(Error::Forbidden);
    }
    let reason = RevocationReason::Logout;
    let token = NewBlacklistedToken {
        jti: claims.jti,
        session_id: claims.session.clone(),
        user_type: claims.principal.user_type,
        user_seq: claims.principal.user_seq,
        reason,
        blacklisted_at: now,
        expires_at: claims.expires_at,
        successor: None,
    };
    let event = Event::new(Action::LoggedOut)
        .to(subject_of(&caller.account))
        .of_session(&claims.session);
    services
        .store
        .write(move |connection| {
            // Always the session first and its tokens then, as a refresh does: two who lock them do not wait crosswise.
            if end_one(connection, claims.principal, &claims.session, now, reason)? {
                audit_context.record(connection, &event)?;
            }
            blacklisted_tokens::insert(connection, &token)?;
            Ok::<(), Error>(())
        })
        .await
}

/// Ends the session that the caller calls from, with its access tokens; and that of the refresh token which his browser
/// `kept`, where it is another one of his. Somebody else's is left alone: the browser was used by two.
///
/// # Errors
/// The store's.
pub async fn log_out_here(
    services: &Services,
    actor: &Actor,
    caller: &Caller,
    kept: Option<&Claims>,
) -> Result<(), Error> {
    let (owner, audit_context) = (caller.account.principal, services.audit_context(actor));
    let reason = RevocationReason::Logout;
    let mut ended = vec![caller.session.clone()];
    ended.extend(
        kept.filter(|kept| kept.principal == owner && kept.session != caller.session)
            .map(|kept| kept.session.clone()),
    );
    let event = Event::new(Action::LoggedOut).to(subject_of(&caller.account));
    services
        .store
        .write(move |connection| {
            for session in &ended {
                if end_one(connection, owner, session, audit_context.now, reason)? {
                    audit_context.record(connection, &event.clone().of_session(session))?;
                }
            }
            Ok::<(), Error>(())
        })
        .await
}

/// Ends all sessions of the caller, a user's in the panel among them; the one he calls from goes on where `keep_current`
/// says so. How many, those in the panel not counted.
///
/// # Errors
/// The store's.
pub async fn log_out_all(
    services: &Services,
    actor: &Actor,
    caller: &Caller,
    keep_current: bool,
) -> Result<usize, Error> {
    let (owner, audit_context) = (caller.account.principal, services.audit_context(actor));
    let now = audit_context.now;
    let event = Event::new(Action::SessionsEnded).to(subject_of(&caller.account));
    let kept = keep_current.then(|| caller.session.clone());
    let reason = RevocationReason::LogoutAll;
    services
        .store
        .write(move |connection| {
            let ended = match &kept {
                Some(kept) => end_all_except(connection, owner, kept, now, reason)?,
                None => end_all(connection, owner, now, reason)?,
            };
            let event = event.clone().noting("sessions", ended);
            audit_context.record(connection, &event)?;
            Ok(ended)
        })
        .await
}

fn subject_of(account: &Account) -> Subject {
    Subject::account(account.principal, account.login())
}

/// Ends a session of this account and blacklists its refresh tokens; part of a transaction. Whether it had not ended before.
pub(crate) fn end_one(
    connection: &mut Db,
    owner: Principal,
    id: &SessionId,
    now: Timestamp,
    reason: RevocationReason,
) -> Result<bool, StoreError> {
    let ended = sessions::end(connection, owner, id, now, reason)?;
    if ended {
        tell(connection, owner, Some(id), now)?;
    }
    blacklisted_tokens::insert_for_session(connection, id, cutoff(now), now, reason)?;
    Ok(ended)
}

/// Ends all sessions of an account, a user's in the panel among them, and blacklists its refresh tokens; part of a
/// transaction. How many sessions, those in the panel not counted.
///
/// What has expired within the leeway may still be accepted, so it counts; what expired before ends uncounted.
pub(crate) fn end_all(
    connection: &mut Db,
    owner: Principal,
    now: Timestamp,
    reason: RevocationReason,
) -> Result<usize, StoreError> {
    if owner.user_type == UserType::User {
        browser_sessions::end_all(connection, owner.user_seq, None, now, reason)?;
    }
    end_tokens(connection, owner, now, reason)
}

/// The same, but the session `kept` goes on. The others are ended one by one, each by [`end_one`].
pub(crate) fn end_all_except(
    connection: &mut Db,
    owner: Principal,
    kept: &SessionId,
    now: Timestamp,
    reason: RevocationReason,
) -> Result<usize, StoreError> {
    if owner.user_type == UserType::User {
        browser_sessions::end_all(connection, owner.user_seq, None, now, reason)?;
    }
    let mut ended = 0;
    // What the clock calls expired ends too: it may be a clock that is ahead.
    for session in sessions::list_live(connection, owner, Timestamp::EPOCH, i64::MAX)? {
        if session.id != *kept && end_one(connection, owner, &session.id, now, reason)? {
            ended += usize::from(session.expires_at > cutoff(now));
        }
    }
    Ok(ended)
}

/// Ends all sessions of an account, but a user's sessions in the panel go on.
pub(crate) fn end_tokens(
    connection: &mut Db,
    owner: Principal,
    now: Timestamp,
    reason: RevocationReason,
) -> Result<usize, StoreError> {
    let ended = sessions::end_all(connection, owner, cutoff(now), now, reason)?;
    tell(connection, owner, None, now)?;
    blacklisted_tokens::insert_for_account(connection, owner, cutoff(now), now, reason)?;
    Ok(ended)
}

/// Tells every instance of the sessions of an account that ended just now, of all or of this one.
fn tell(
    connection: &mut Db,
    owner: Principal,
    session: Option<&SessionId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let unknown = now + MAX_ACCESS_LIFETIME.get();
    revocations::insert_ended(connection, owner, session, now, unknown)
}

/// For how long after a change its account's tokens are withdrawn too: one that is being made beside it may tell how the
/// account was before. Much longer than a transaction takes.
const BESIDE: Duration = Duration::from_secs(2);

/// Withdraws the access tokens that an account has, as when its role changed; its sessions go on, and are refreshed by
/// new ones. Part of a transaction, after the account's row was locked.
pub(crate) fn withdraw_access(
    connection: &mut Db,
    owner: Principal,
    now: Timestamp,
) -> Result<(), StoreError> {
    // Those that were made after the last withdrawal may be dated behind it.
    let last = revocations::find_withdrawal(connection, owner)?;
    let dated = last.map_or(now, |last| now.max(last + Duration::from_millis(1)));
    let until = dated.max(now + BESIDE);
    revocations::insert_withdrawn(connection, owner, until, now + MAX_ACCESS_LIFETIME.get())
}

/// Ends the sessions of an account beyond the `keep` that were used last, of which the one that just `begun` is one
/// whatever the clock says; part of its transaction. Which.
pub(crate) fn enforce_session_limit(
    connection: &mut Db,
    owner: Principal,
    keep: u32,
    begun: &SessionId,
    now: Timestamp,
) -> Result<Vec<SessionId>, StoreError> {
    let beyond = sessions::list_exceeding(connection, owner, begun, now, i64::from(keep) - 1)?;
    for id in &beyond {
        end_one(connection, owner, id, now, RevocationReason::TooMany)?;
    }
    Ok(beyond)
}
