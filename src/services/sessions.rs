//! Beginning a session, making the pair of tokens that it hands out; which sessions an account has, and an administrator's
//! ending one or all of them.

use super::{
    Error, Missing, Services,
    audit::{Event, record},
    flush::cutoff,
    logout::end_all,
};
use crate::{
    clock::Timestamp,
    domain::{
        account::Account,
        audit::{Action, Actor, Subject},
        principal::{Principal, UserType},
        session::{Device, Jti, LoginMethod, RevocationReason, SessionId},
    },
    store::{
        Db, StoreError, blacklisted_tokens, client_users,
        outstanding_tokens::{self, NewOutstandingToken},
        sessions::{self, NewSession, SessionRow},
        users,
    },
    tokens::Issued,
};

/// What a log-in or a refresh hands out.
#[derive(Clone)]
pub struct TokenPair {
    /// The access token.
    pub access: Issued,
    /// The refresh token.
    pub refresh: Issued,
    /// Whose they are.
    pub account: Account,
    /// When they were handed out.
    pub issued_at: Timestamp,
}

/// A session about to begin, and its first refresh token.
#[derive(Clone)]
pub(super) struct Opening {
    pub session: SessionId,
    pub refresh: Jti,
    pub refresh_expires_at: Timestamp,
    session_expires_at: Timestamp,
    method: LoginMethod,
    device: Device,
    now: Timestamp,
}

impl Opening {
    pub(super) fn new(
        services: &Services,
        method: LoginMethod,
        device: Device,
        now: Timestamp,
    ) -> Self {
        let session_expires_at = services.tokens.session_expiry(now);
        Self {
            session: SessionId::new(now),
            refresh: Jti::new(now),
            refresh_expires_at: services.tokens.refresh_expiry(now).min(session_expires_at),
            session_expires_at,
            method,
            device,
            now,
        }
    }

    /// Books the session and its refresh token; part of the log-in's transaction.
    pub(super) fn book(&self, connection: &mut Db, owner: Principal) -> Result<(), StoreError> {
        sessions::insert(
            connection,
            &NewSession {
                id: self.session.clone(),
                user_type: owner.user_type,
                user_seq: owner.user_seq,
                method: self.method,
                ip_address: self.device.ip_address.map(|address| address.to_string()),
                user_agent: self.device.user_agent.clone(),
                created_at: self.now,
                last_used_at: self.now,
                expires_at: self.refresh_expires_at,
                absolute_expires_at: self.session_expires_at,
            },
        )?;
        outstanding_tokens::insert(
            connection,
            &NewOutstandingToken {
                jti: self.refresh.clone(),
                session_id: self.session.clone(),
                user_type: owner.user_type,
                user_seq: owner.user_seq,
                created_at: self.now,
                expires_at: self.refresh_expires_at,
            },
        )
    }

    /// The pair of tokens, once the booking is committed.
    pub(super) fn tokens(&self, services: &Services, account: Account) -> Result<TokenPair, Error> {
        let refresh = services.tokens.issue_refresh(
            &account,
            &self.session,
            &self.refresh,
            self.now,
            self.refresh_expires_at,
        )?;
        pair(services, account, &self.session, refresh, self.now)
    }
}

/// The pair of a refresh token and a fresh access token beside it.
pub(super) fn pair(
    services: &Services,
    account: Account,
    session: &SessionId,
    refresh: Issued,
    now: Timestamp,
) -> Result<TokenPair, Error> {
    let expires_at = services.tokens.access_expiry(now, refresh.expires_at);
    let access = services
        .tokens
        .issue_access(&account, session, now, expires_at)?;
    Ok(TokenPair {
        access,
        refresh,
        account,
        issued_at: now,
    })
}

/// Ends a session on an administrator's word, with its access tokens, and blacklists its refresh tokens; whether there was
/// such a session that had not ended.
///
/// # Errors
/// The store's.
pub async fn end_by_administrator(
    services: &Services,
    actor: &Actor,
    id: SessionId,
) -> Result<bool, Error> {
    let (actor, now) = (actor.clone(), services.clock.now());
    let reason = RevocationReason::Administrator;
    services
        .store
        .write(move |connection| {
            let Some(session) = sessions::find_by_id(connection, &id)? else {
                return Ok(false);
            };
            let owner = Principal {
                user_type: session.user_type,
                user_seq: session.user_seq,
            };
            if !sessions::end(connection, owner, &id, now, reason)? {
                return Ok(false);
            }
            blacklisted_tokens::insert_for_session(connection, &id, cutoff(now), now, reason)?;
            let event = Event::new(Action::SessionEnded)
                .to(subject(connection, owner)?)
                .noting("session", &id);
            record(connection, &actor, &event, now)?;
            Ok(true)
        })
        .await
}

/// An account as the record names it: by what it logs in by, and where it is gone by its number.
pub(super) fn subject(connection: &mut Db, owner: Principal) -> Result<Subject, StoreError> {
    let login = match owner.user_type {
        UserType::User => users::find_by_id(connection, owner.user_seq)?.map(|row| row.email),
        UserType::Client => {
            client_users::find_by_id(connection, owner.user_seq)?.map(|row| row.username)
        }
    };
    let name = login.unwrap_or_else(|| owner.to_string());
    Ok(Subject::account(owner, name))
}

/// The most sessions that a page lists.
const LISTED: i64 = 100;

/// The live sessions of an account, the one used last first; the newest hundred.
///
/// # Errors
/// The store's.
pub async fn list_live(services: &Services, owner: Principal) -> Result<Vec<SessionRow>, Error> {
    let now = services.clock.now();
    Ok(services
        .store
        .read(move |connection| sessions::list_live(connection, owner, now, LISTED))
        .await?)
}

/// Whose a session is; none when there is no such session (any more).
///
/// # Errors
/// The store's.
pub async fn owner_of(services: &Services, id: SessionId) -> Result<Option<Principal>, Error> {
    let row = services
        .store
        .read(move |connection| sessions::find_by_id(connection, &id))
        .await?;
    Ok(row.map(|row| Principal {
        user_type: row.user_type,
        user_seq: row.user_seq,
    }))
}

/// Ends all sessions of an account on an administrator's word, a user's in the panel among them; how many, those in the
/// panel not counted.
///
/// # Errors
/// [`Error::AccountNotFound`], and the store's.
pub async fn end_all_by_administrator(
    services: &Services,
    actor: &Actor,
    owner: Principal,
) -> Result<usize, Error> {
    let (actor, now) = (actor.clone(), services.clock.now());
    services
        .store
        .write(move |connection| {
            let exists = match owner.user_type {
                UserType::User => users::find_by_id(connection, owner.user_seq)?.is_some(),
                UserType::Client => client_users::find_by_id(connection, owner.user_seq)?.is_some(),
            };
            if !exists {
                return Err(Error::AccountNotFound(match owner.user_type {
                    UserType::User => Missing::User,
                    UserType::Client => Missing::Client,
                }));
            }
            let ended = end_all(connection, owner, now, RevocationReason::Administrator)?;
            let event = Event::new(Action::SessionsEnded)
                .to(subject(connection, owner)?)
                .noting("sessions", ended);
            record(connection, &actor, &event, now)?;
            Ok(ended)
        })
        .await
}
