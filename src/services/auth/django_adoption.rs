//! Refresh tokens that Django signed: the start of their sessions.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::domain::account::Account;
use crate::domain::audit::{Action, Actor, Subject};
use crate::domain::principal::Principal;
use crate::domain::session::{LoginMethod, RevocationReason, SessionId};
use crate::services::audit::log::{AuditContext, Event};
use crate::services::auth::django::{Rules, live_account};
use crate::services::auth::logout::enforce_session_limit;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::refused_tokens;
use crate::store::Transaction;
use crate::store::django_tokens::{self, DjangoTokenRow};
use crate::store::outstanding_tokens::{self, NewOutstandingToken};
use crate::store::sessions::{self, NewSession};
use crate::tokens::{Claims, DjangoClaims};

/// Begins the session of a refresh token or sliding token of Django, once. Its end is the expiry of the token. If the session
/// began before, nothing changes. The id in the claims is the one that the tables have.
///
/// # Errors
/// [`Error::TokenUserNotFound`], [`Error::UserInactive`], [`Error::TokenBlacklisted`] if Django blacklisted it,
/// [`Error::SessionRevoked`] for a token that was not imported or is older than a log-out from everywhere,
/// [`Error::RateLimited`] for too many refusals, and the store's.
pub async fn adopt(
    services: &Services,
    claims: &Arc<DjangoClaims>,
    actor: &Actor,
    now: Timestamp,
) -> Result<Claims, Error> {
    let (mut claims_of_token, exchanged_at) = find(services, claims, now).await?;
    let owner = claims_of_token.principal;
    let began = match exchanged_at {
        Ok(Some(at)) => Ok(at),
        Ok(None) => begin(services, claims, owner, actor, now).await,
        Err(error) => Err(error),
    };
    match began {
        Ok(at) => {
            claims_of_token.jti = DjangoClaims::key(&claims.jti, at);
            Ok(claims_of_token)
        }
        Err(error) => {
            refused_tokens::record(services, &claims_of_token, &error, now);
            Err(error)
        }
    }
}

/// Reads a refresh token or sliding token of Django that is to be logged out. No session begins: if the token was not exchanged,
/// the id in the claims is that of Django.
///
/// # Errors
/// As [`adopt`], except that a blacklisted token is none.
pub async fn read(
    services: &Services,
    claims: &Arc<DjangoClaims>,
    now: Timestamp,
) -> Result<Claims, Error> {
    let (mut claims_of_token, mut exchanged_at) = find(services, claims, now).await?;
    let mut result = Ok(());
    if let Ok(None) = exchanged_at {
        let (rules, checked) = (Rules::of(services), Arc::clone(claims));
        let store = &services.store;
        result = store
            .read(move |connection| rules.check(connection, &checked))
            .await
            .map(|_| ());
        if result.is_err() {
            // It may have been exchanged meanwhile.
            exchanged_at = find(services, claims, now).await?.1;
        }
    }
    match exchanged_at {
        Ok(Some(at)) => {
            claims_of_token.jti = DjangoClaims::key(&claims.jti, at);
            return Ok(claims_of_token);
        }
        // It is logged out already.
        Err(Error::TokenBlacklisted) => return Ok(claims_of_token),
        Ok(None) => {}
        Err(error) => result = Err(error),
    }
    if let Err(error) = result {
        refused_tokens::record(services, &claims_of_token, &error, now);
        return Err(error);
    }
    Ok(claims_of_token)
}

/// When a token was exchanged, or why it is refused.
type ExchangedAt = Result<Option<Timestamp>, Error>;

/// The claims of a token with its account, and when it was exchanged.
async fn find(
    services: &Services,
    claims: &Arc<DjangoClaims>,
    now: Timestamp,
) -> Result<(Claims, ExchangedAt), Error> {
    let (rules, read) = (Rules::of(services), Arc::clone(claims));
    let (owner, exchanged_at) = services
        .store
        .read(move |connection| {
            let owner = rules.find_owner(connection, &read)?;
            Ok::<_, Error>((owner, rules.check_token(connection, &read, owner)))
        })
        .await?;
    let settings = services.tokens.settings();
    let claims_of_token = DjangoClaims::clone(claims).into_claims(owner, settings);
    refused_tokens::admit(services, &claims_of_token, now)?;
    Ok((claims_of_token, exchanged_at))
}

async fn begin(
    services: &Services,
    claims: &Arc<DjangoClaims>,
    owner: Principal,
    actor: &Actor,
    now: Timestamp,
) -> Result<Timestamp, Error> {
    let adoption = Adoption {
        rules: Rules::of(services),
        claims: Arc::clone(claims),
        owner,
        sessions_per_account: services.tokens.settings().sessions_per_account,
        audit_context: services.audit_log.audit_context(actor, now),
    };
    services
        .store
        .write(move |connection| adoption.run(connection))
        .await
}

/// The start of the session of a token of Django.
#[derive(Clone)]
struct Adoption {
    rules: Rules,
    claims: Arc<DjangoClaims>,
    owner: Principal,
    sessions_per_account: u32,
    audit_context: AuditContext,
}

impl Adoption {
    /// Returns when the session began.
    fn run(&self, connection: &mut Transaction<'_>) -> Result<Timestamp, Error> {
        let (claims, owner) = (&self.claims, self.owner);
        let imported = django_tokens::lock_imported(connection, owner)?;
        let account = live_account(connection, claims, owner, imported)?;
        let session = claims.session();
        if let Some(begun) = sessions::find_by_id(connection, &session)? {
            return Ok(begun.created_at);
        }
        let until = claims.refresh_until;
        let is_first = django_tokens::set_session(connection, &claims.jti, &session, until)?
            || (self.rules.accept_unbooked && self.insert_unbooked(connection, &session)?);
        if !is_first {
            // Another request was faster, or the token is not accepted.
            let exchanged = self.rules.check_token(connection, claims, owner)?;
            return exchanged.ok_or(Error::SessionRevoked);
        }
        self.insert_session(connection, &session)?;
        self.record(connection, &account, &session)?;
        Ok(self.audit_context.now)
    }

    fn insert_unbooked(
        &self,
        connection: &mut Transaction<'_>,
        session: &SessionId,
    ) -> Result<bool, Error> {
        let row = DjangoTokenRow {
            jti: self.claims.jti.clone(),
            user_type: self.owner.user_type,
            user_seq: self.owner.user_seq,
            expires_at: self.claims.refresh_until,
            blacklisted_at: None,
            session_id: Some(session.clone()),
        };
        Ok(django_tokens::insert(connection, &row)?)
    }

    fn insert_session(
        &self,
        connection: &mut Transaction<'_>,
        session: &SessionId,
    ) -> Result<(), Error> {
        let (owner, now) = (self.owner, self.audit_context.now);
        let (expires_at, actor) = (self.claims.refresh_until, &self.audit_context.actor);
        let new = NewSession {
            id: session.clone(),
            user_type: owner.user_type,
            user_seq: owner.user_seq,
            method: LoginMethod::Django,
            ip_address: actor.ip_address.map(|address| address.to_string()),
            user_agent: actor.user_agent.clone(),
            created_at: now,
            last_used_at: now,
            expires_at,
            absolute_expires_at: expires_at,
            access_expires_at: Some(now),
            kid: None,
            status_index: None,
            authenticated_at: None,
            amr: None,
        };
        sessions::insert(connection, &new)?;
        let token = NewOutstandingToken {
            jti: DjangoClaims::key(&self.claims.jti, now),
            session_id: session.clone(),
            user_type: owner.user_type,
            user_seq: owner.user_seq,
            created_at: now,
            expires_at,
        };
        outstanding_tokens::insert(connection, &token)?;
        Ok(())
    }

    fn record(
        &self,
        connection: &mut Transaction<'_>,
        account: &Account,
        session: &SessionId,
    ) -> Result<(), Error> {
        let (owner, now) = (self.owner, self.audit_context.now);
        let audit_context = self.audit_context.known_as(account);
        let subject = Subject::of(account);
        let limit = self.sessions_per_account;
        for id in enforce_session_limit(connection, owner, limit, session, now)? {
            let event = Event::new(Action::SessionEnded)
                .to(subject.clone())
                .of_session(&id)
                .with_detail("reason", RevocationReason::TooMany);
            audit_context.record(connection, &event)?;
        }
        let event = Event::new(Action::LoggedIn)
            .to(subject)
            .of_session(session)
            .with_detail("method", LoginMethod::Django);
        Ok(audit_context.record(connection, &event)?)
    }
}
