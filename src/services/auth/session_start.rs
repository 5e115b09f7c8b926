//! Starting a session.

use crate::clock::Timestamp;
use crate::domain::account::Account;
use crate::domain::audit::{Action, Subject};
use crate::domain::principal::{Principal, UserType};
use crate::domain::second_factor::{Authentication, SecondFactorMethod};
use crate::domain::session::{Device, LoginMethod, RevocationReason, SessionId};
use crate::services::audit::log::{AuditContext, Event};
use crate::services::auth::ended_sessions::device;
use crate::services::auth::logout::enforce_session_limit;
use crate::services::auth::token_pair::{TokenIds, TokenPair};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::device_tokens::NewToken;
use crate::services::limits::login_context::LoginContext;
use crate::services::status_lists::indexes::next_index;
use crate::store::outstanding_tokens::{self, NewOutstandingToken};
use crate::store::sessions::{self, NewSession};
use crate::store::{StoreError, Transaction};

/// A session that is about to start, and its first tokens.
#[derive(Clone)]
pub(super) struct SessionStart {
    ids: TokenIds,
    refresh_expires_at: Timestamp,
    session_expires_at: Timestamp,
    access_expires_at: Timestamp,
    kid: String,
    sessions_per_account: u32,
    method: LoginMethod,
    factor: Option<SecondFactorMethod>,
    device: Device,
    device_token: NewToken,
}

/// A session that has just started.
pub struct LoggedIn {
    /// Its first tokens.
    pub tokens: TokenPair,
    /// The device token for the next login with this device.
    pub device_token: String,
    /// New recovery codes, which are shown once, if the login has set a second factor up.
    pub recovery_codes: Vec<String>,
}

impl SessionStart {
    /// `owner` as for [`TokenIds::new`]. `known_device` is the device that the login came from, if it is known.
    ///
    /// # Errors
    /// [`Error::Internal`] if the system's random generator fails, and the store's.
    pub(super) async fn new(
        services: &Services,
        owner: Option<Principal>,
        method: LoginMethod,
        login_context: &LoginContext,
        known_device: Option<&str>,
    ) -> Result<Self, Error> {
        let now = services.clock.now();
        let tokens = &services.tokens;
        // Only the account of a client may still be unknown.
        let user_type = owner.map_or(UserType::Client, |owner| owner.user_type);
        let session_expires_at = tokens.session_expiry(user_type, now);
        let refresh_expires_at = tokens
            .refresh_expiry(user_type, now)
            .min(session_expires_at);
        let status_index = next_index(services).await?;
        let ids = TokenIds::new(services, owner, SessionId::new(now), now);
        Ok(Self {
            ids: ids.at(status_index),
            access_expires_at: tokens.last_access_expiry(user_type, now, refresh_expires_at),
            kid: tokens.key_id(),
            sessions_per_account: tokens.settings().sessions_per_account,
            refresh_expires_at,
            session_expires_at,
            method,
            factor: None,
            device: login_context.device(),
            device_token: NewToken::new(services, known_device, now)?,
        })
    }

    /// The same with a second factor that was proved.
    pub(super) fn with_factor(self, factor: SecondFactorMethod) -> Self {
        Self {
            factor: Some(factor),
            ..self
        }
    }

    /// Gives back what was reserved for it: it does not start.
    pub(super) fn cancel(&self, services: &Services) {
        services.status_lists.add_free(self.ids.status_index);
    }

    fn authentication(&self) -> Authentication {
        Authentication::new(self.ids.now, self.method, self.factor)
    }

    /// When it starts.
    pub(super) fn now(&self) -> Timestamp {
        self.ids.now
    }

    /// Inserts the session and its refresh token; part of the transaction of the login. Returns the sessions that were
    /// ended because the account had too many.
    pub(super) fn insert(
        &self,
        connection: &mut Transaction<'_>,
        owner: Principal,
    ) -> Result<Vec<SessionId>, StoreError> {
        let (session, now) = (&self.ids.session, self.ids.now);
        let authentication = self.authentication();
        self.device_token.insert(connection, owner)?;
        sessions::insert(
            connection,
            &NewSession {
                id: session.clone(),
                user_type: owner.user_type,
                user_seq: owner.user_seq,
                method: self.method,
                ip_address: self.device.ip_address.map(|address| address.to_string()),
                user_agent: self.device.user_agent.clone(),
                created_at: now,
                last_used_at: now,
                expires_at: self.refresh_expires_at,
                absolute_expires_at: self.session_expires_at,
                access_expires_at: Some(self.access_expires_at),
                kid: Some(self.kid.clone()),
                status_index: self.ids.status_index,
                authenticated_at: Some(authentication.at),
                amr: Some(authentication.amr().to_owned()),
            },
        )?;
        let limit = self.sessions_per_account;
        let ended = enforce_session_limit(connection, owner, limit, session, now)?;
        outstanding_tokens::insert(
            connection,
            &NewOutstandingToken {
                jti: self.ids.refresh.clone(),
                session_id: session.clone(),
                user_type: owner.user_type,
                user_seq: owner.user_seq,
                created_at: now,
                expires_at: self.refresh_expires_at,
            },
        )?;
        Ok(ended)
    }

    /// Records the login and the sessions that it `ended` in the audit log; part of the same transaction.
    pub(super) fn record(
        &self,
        connection: &mut Transaction<'_>,
        audit_context: &AuditContext,
        account: &Account,
        ended: &[SessionId],
    ) -> Result<(), StoreError> {
        let audit_context = audit_context.known_as(account);
        let subject = Subject::of(account);
        for id in ended {
            let session = sessions::find_by_id(connection, id)?;
            let event = Event::new(Action::SessionEnded)
                .to(subject.clone())
                .of_session(id)
                .with_detail("reason", RevocationReason::TooMany)
                .with_changes(session.as_ref().map(device));
            audit_context.record(connection, &event)?;
        }
        let mut event = Event::new(Action::LoggedIn)
            .to(subject)
            .of_session(&self.ids.session)
            .with_detail("method", self.method);
        if let Some(factor) = self.factor {
            event = event.with_detail("second_factor", factor);
        }
        audit_context.record(connection, &event)
    }

    /// Issues the tokens, once the session is committed.
    pub(super) fn issue(&self, services: &Services, account: Account) -> Result<LoggedIn, Error> {
        let device_token = self.device_token.text(services, &account);
        let (ids, expires_at) = (&self.ids, self.refresh_expires_at);
        let refresh = services.tokens.issue_refresh(
            &account,
            &ids.session,
            &ids.refresh,
            ids.now,
            expires_at,
        )?;
        let ids = ids.clone().authenticated(Some(self.authentication()));
        let tokens = ids.issue(services, account, refresh)?;
        Ok(LoggedIn {
            tokens,
            device_token,
            recovery_codes: Vec::new(),
        })
    }
}
