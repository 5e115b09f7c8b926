//! Beginning a session, and making the pair of tokens that it hands out.

use super::{Error, Services};
use crate::{
    clock::Timestamp,
    domain::{
        account::Account,
        principal::Principal,
        session::{Device, Jti, LoginMethod, SessionId},
    },
    store::{
        Db, StoreError,
        outstanding_tokens::{self, NewOutstandingToken},
        sessions::{self, NewSession},
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
