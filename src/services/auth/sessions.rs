//! Beginning a session, making the pair of tokens that it hands out; which sessions an account has, and their ending by
//! their owner or an administrator.

use crate::{
    clock::Timestamp,
    domain::{
        account::Account,
        audit::{Action, Actor, Subject},
        principal::{Principal, UserType},
        session::{Device, Jti, LoginMethod, RevocationReason, SessionId},
    },
    services::{
        audit::log::{AuditContext, Event},
        auth::logout::{end_all, end_one, enforce_session_limit},
        bootstrap::Services,
        error::{Error, Missing},
    },
    store::{
        Db, StoreError, client_users,
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
pub(crate) struct SessionStart {
    pub session: SessionId,
    pub refresh: Jti,
    pub refresh_expires_at: Timestamp,
    access: Jti,
    session_expires_at: Timestamp,
    access_expires_at: Timestamp,
    sessions_per_account: u32,
    method: LoginMethod,
    device: Device,
    now: Timestamp,
}

impl SessionStart {
    /// For the account whose row is read after this; none: it is not known yet, and none whose tokens can be withdrawn.
    pub(crate) fn new(
        services: &Services,
        owner: Option<Principal>,
        method: LoginMethod,
        device: Device,
        now: Timestamp,
    ) -> Self {
        let session_expires_at = services.tokens.session_expiry(now);
        let refresh_expires_at = services.tokens.refresh_expiry(now).min(session_expires_at);
        Self {
            session: SessionId::new(now),
            refresh: Jti::new(now),
            access: owner.map_or_else(|| Jti::new(now), |owner| access_id(services, owner, now)),
            access_expires_at: services.tokens.access_expiry(now, refresh_expires_at),
            sessions_per_account: services.tokens.settings().sessions_per_account,
            refresh_expires_at,
            session_expires_at,
            method,
            device,
            now,
        }
    }

    /// Books the session and its refresh token; part of the log-in's transaction. Where the account has too many then, those
    /// used longest ago end: which they are.
    pub(crate) fn book(
        &self,
        connection: &mut Db,
        owner: Principal,
    ) -> Result<Vec<SessionId>, StoreError> {
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
                access_expires_at: Some(self.access_expires_at),
            },
        )?;
        let most = self.sessions_per_account;
        let ended = enforce_session_limit(connection, owner, most, &self.session, self.now)?;
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
        )?;
        Ok(ended)
    }

    /// Adds to the record that an account was let in, and which of its sessions `ended` for that; part of the same
    /// transaction.
    pub(crate) fn record(
        &self,
        connection: &mut Db,
        audit_context: &AuditContext,
        account: &Account,
        ended: &[SessionId],
    ) -> Result<(), StoreError> {
        let (audit_context, subject) = (
            audit_context.known_as(account),
            Subject::account(account.principal, account.login()),
        );
        for id in ended {
            let event = Event::new(Action::SessionEnded)
                .to(subject.clone())
                .of_session(id)
                .with_detail("reason", RevocationReason::TooMany);
            audit_context.record(connection, &event)?;
        }
        let event = Event::new(Action::LoggedIn)
            .to(subject)
            .of_session(&self.session)
            .with_detail("method", self.method);
        audit_context.record(connection, &event)
    }

    /// The pair of tokens, once the booking is committed.
    pub(crate) fn tokens(&self, services: &Services, account: Account) -> Result<TokenPair, Error> {
        let refresh = services.tokens.issue_refresh(
            &account,
            &self.session,
            &self.refresh,
            self.now,
            self.refresh_expires_at,
        )?;
        pair(
            services,
            account,
            &self.session,
            refresh,
            &self.access,
            self.now,
        )
    }
}

/// The id of an access token that is about to be made. To be taken before the account is read: when the account's tokens
/// are withdrawn between the two, this one is among them, and does not tell of a role that is gone.
pub(crate) fn access_id(services: &Services, owner: Principal, now: Timestamp) -> Jti {
    Jti::new(services.revocations.issue_time(owner, now))
}

/// The pair of a refresh token and a fresh access token beside it.
pub(crate) fn pair(
    services: &Services,
    account: Account,
    session: &SessionId,
    refresh: Issued,
    access: &Jti,
    now: Timestamp,
) -> Result<TokenPair, Error> {
    let expires_at = services.tokens.access_expiry(now, refresh.expires_at);
    services
        .revocations
        .keep_session(session, account.principal);
    let access = services
        .tokens
        .issue_access(&account, session, access, now, expires_at)?;
    Ok(TokenPair {
        access,
        refresh,
        account,
        issued_at: now,
    })
}

/// A session as the doors show it.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// How it began.
    pub method: LoginMethod,
    /// From which address.
    pub ip_address: Option<String>,
    /// From which program.
    pub user_agent: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub last_used_at: Timestamp,
    /// When its newest refresh token expires.
    pub expires_at: Timestamp,
    /// When it ends however often it is refreshed.
    pub absolute_expires_at: Timestamp,
    /// When it was ended.
    pub ended_at: Option<Timestamp>,
    /// Why it was ended.
    pub end_reason: Option<RevocationReason>,
    /// The refresh token that came again after it was used, and so ended it.
    pub reused: Option<Jti>,
    /// How often it was refreshed.
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

/// What came of an administrator's word to end a session, or to blacklist a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is refused from now on.
    Done,
    /// It was refused before.
    Before,
    /// There is no such thing, or it is not whose it was said to be.
    Unknown,
}

/// Ends a session on an administrator's word, with its access tokens, and blacklists its refresh tokens. Where its `owner`
/// is given it must be his.
///
/// # Errors
/// The store's.
pub async fn end_by_administrator(
    services: &Services,
    actor: &Actor,
    id: SessionId,
    owner: Option<Principal>,
) -> Result<Ending, Error> {
    let audit_context = services.audit_context(actor);
    let now = audit_context.now;
    services
        .store
        .write(move |connection| {
            let Some(session) = sessions::find_by_id(connection, &id)? else {
                return Ok(Ending::Unknown);
            };
            let actual = Principal {
                user_type: session.user_type,
                user_seq: session.user_seq,
            };
            if owner.is_some_and(|owner| owner != actual) {
                return Ok(Ending::Unknown);
            }
            if !end_one(
                connection,
                actual,
                &id,
                now,
                RevocationReason::Administrator,
            )? {
                return Ok(Ending::Before);
            }
            let event = Event::new(Action::SessionEnded)
                .to(subject(connection, actual)?)
                .of_session(&id);
            audit_context.record(connection, &event)?;
            Ok(Ending::Done)
        })
        .await
}

/// Ends a live session on its owner's word, with its access tokens, and blacklists its refresh tokens. Whether he had such
/// a live one; otherwise nothing changes.
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

/// What an account logs in by; none when it is gone.
fn login_of(connection: &mut Db, owner: Principal) -> Result<Option<String>, StoreError> {
    Ok(match owner.user_type {
        UserType::User => users::find_by_id(connection, owner.user_seq)?.map(|row| row.email),
        UserType::Client => {
            client_users::find_by_id(connection, owner.user_seq)?.map(|row| row.username)
        }
    })
}

/// An account as the record names it: by what it logs in by, and where it is gone by its number.
pub(crate) fn subject(connection: &mut Db, owner: Principal) -> Result<Subject, StoreError> {
    let name = login_of(connection, owner)?.unwrap_or_else(|| owner.to_string());
    Ok(Subject::account(owner, name))
}

/// The most sessions that a page lists.
const LISTED: i64 = 100;

/// The live sessions of an account, the one used last first; the newest hundred.
///
/// # Errors
/// The store's.
pub async fn list_live(services: &Services, owner: Principal) -> Result<Vec<Session>, Error> {
    let now = services.clock.now();
    let rows = services
        .store
        .read(move |connection| sessions::list_live(connection, owner, now, LISTED))
        .await?;
    Ok(rows.into_iter().map(Session::from).collect())
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
    let audit_context = services.audit_context(actor);
    let now = audit_context.now;
    services
        .store
        .write(move |connection| {
            let missing = Error::AccountNotFound(Missing::of(owner.user_type));
            let login = login_of(connection, owner)?.ok_or(missing)?;
            let ended = end_all(connection, owner, now, RevocationReason::Administrator)?;
            let event = Event::new(Action::SessionsEnded)
                .to(Subject::account(owner, login))
                .with_detail("sessions", ended);
            audit_context.record(connection, &event)?;
            Ok(ended)
        })
        .await
}
