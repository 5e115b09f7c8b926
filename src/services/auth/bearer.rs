//! Verification of bearer tokens: first the token itself, then the revocation cache, and the database only if the cache
//! does not suffice.

use std::sync::Arc;

use crate::domain::account::Account;
use crate::domain::principal::Principal;
use crate::domain::session::{RevocationReason, SessionId};
use crate::services::auth::django;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::metrics::counters::Operation;
use crate::services::revocations::{Revocations, TokenStatus};
use crate::store::{Db, Store, blacklisted_tokens, outstanding_tokens, revocations, sessions};
use crate::tokens::{Claims, TokenError, TokenType};

/// The caller of a request with a valid access token.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The account, possibly from the cache.
    pub account: Arc<Account>,
    /// The session the token belongs to.
    pub session: SessionId,
}

/// Verifies an access token. The database is not queried while the revocation cache is up to date and contains the
/// account and the session.
///
/// # Errors
/// [`Error::Token`], [`Error::TokenUserNotFound`], [`Error::UserInactive`], [`Error::SessionRevoked`], and the store's.
pub async fn authenticate(services: &Services, token: &str) -> Result<Caller, Error> {
    find_caller(services, token)
        .await
        .inspect_err(|error| services.metrics.refused(Operation::Access, error))
}

async fn find_caller(services: &Services, token: &str) -> Result<Caller, Error> {
    let claims = match services.tokens.read_access(token, services.clock.now()) {
        Ok(claims) => claims,
        Err(error) if services.tokens.has_django() => {
            let found = django::authenticate(services, token).await;
            let (account, session) = found.unwrap_or(Err(error.into()))?;
            return Ok(Caller { account, session });
        }
        Err(error) => return Err(error.into()),
    };
    let account = find_account(services, &claims).await?;
    record_use(services, &claims);
    Ok(Caller {
        account,
        session: claims.session.clone(),
    })
}

/// Verifies a token of any type, and returns its claims.
///
/// # Errors
/// As [`authenticate`], and [`Error::TokenBlacklisted`] for a refresh token.
pub async fn verify(services: &Services, token: &str) -> Result<Claims, Error> {
    let claims = match services.tokens.read(token, None, services.clock.now()) {
        Ok(claims) => claims,
        Err(error) => {
            let of_django = django::verify(services, token).await;
            return of_django.unwrap_or(Err(error.into()));
        }
    };
    if claims.token_type == TokenType::Sliding && !services.config.simplejwt.sliding {
        return Err(TokenError::Invalid.into());
    }
    if claims.token_type != TokenType::Refresh {
        find_account(services, &claims).await?;
        record_use(services, &claims);
        return Ok(claims);
    }
    let (principal, session, jti) = (claims.principal, claims.session.clone(), claims.jti.clone());
    services
        .store
        .read(move |connection| {
            let account = live_account(connection, principal, &session);
            // A used or logged-out refresh token has an error of its own, even after its session has ended.
            let may_be_blacklisted = matches!(account, Ok(_) | Err(Error::SessionRevoked));
            if may_be_blacklisted && blacklisted_tokens::contains(connection, &jti)? {
                return Err(Error::TokenBlacklisted);
            }
            account?;
            if !outstanding_tokens::contains(connection, &jti)? {
                return Err(Error::SessionRevoked);
            }
            Ok(())
        })
        .await?;
    Ok(claims)
}

fn record_use(services: &Services, claims: &Claims) {
    if services.tokens.settings().recover_lost_answer {
        services.access_token_usage.record(claims);
    }
}

/// The account of a valid access token, if neither the token nor its session was revoked.
async fn find_account(services: &Services, claims: &Claims) -> Result<Arc<Account>, Error> {
    let (owner, session) = (claims.principal, &claims.session);
    let load = || {
        load_account(
            &services.store,
            &services.revocations,
            owner,
            session.clone(),
        )
    };
    match services
        .revocations
        .status(owner, session, claims.issued_at_millis())
    {
        TokenStatus::Valid if services.revocations.has_session(session, owner) => {
            match cached_account(services, claims) {
                Some(account) if account.is_active => Ok(account),
                Some(_) => Err(Error::UserInactive),
                None => load().await,
            }
        }
        TokenStatus::Valid => load().await,
        // Treated as expired: the session continues, and a refresh issues a token with the current claims.
        TokenStatus::Revoked => Err(TokenError::Expired.into()),
        TokenStatus::SessionEnded(RevocationReason::Deleted) => Err(Error::TokenUserNotFound),
        // The account may have been activated again.
        TokenStatus::SessionEnded(RevocationReason::Deactivated) => {
            match cached_account(services, claims) {
                Some(account) if account.is_active => Err(Error::SessionRevoked),
                Some(_) => Err(Error::UserInactive),
                None => load().await,
            }
        }
        TokenStatus::SessionEnded(_) => Err(Error::SessionRevoked),
        TokenStatus::Unknown => load_with_revocations(services, claims).await,
    }
}

/// The cached account of a token. An old cache entry is returned and read again in the background.
fn cached_account(services: &Services, claims: &Claims) -> Option<Arc<Account>> {
    let (account, is_old) = services.revocations.account(claims.principal)?;
    if is_old {
        let (store, revocations) = (services.store.clone(), services.revocations.clone());
        let (principal, session) = (claims.principal, claims.session.clone());
        tokio::spawn(async move {
            // On failure it is read again later. Revocations do not depend on it.
            let _ = load_account(&store, &revocations, principal, session).await;
        });
    }
    Some(account)
}

/// Like [`load_account`], but also checks in the database whether the token was revoked, because the cache is outdated.
async fn load_with_revocations(
    services: &Services,
    claims: &Claims,
) -> Result<Arc<Account>, Error> {
    let owner = claims.principal;
    let withdrawn = services
        .store
        .read(move |connection| revocations::find_not_before(connection, owner))
        .await?;
    let issued_at = i64::try_from(claims.issued_at_millis()).unwrap_or(i64::MAX);
    if withdrawn.is_some_and(|at| issued_at <= at.unix_micros() / 1_000) {
        return Err(TokenError::Expired.into());
    }
    let session = claims.session.clone();
    load_account(&services.store, &services.revocations, owner, session).await
}

/// Reads an account and one of its sessions from the database, and caches both.
async fn load_account(
    store: &Store,
    revocations: &Revocations,
    owner: Principal,
    session: SessionId,
) -> Result<Arc<Account>, Error> {
    let generation = revocations.generation();
    let id = session.clone();
    let account = store
        .read(move |connection| live_account(connection, owner, &id))
        .await;
    if let Err(Error::UserInactive | Error::TokenUserNotFound | Error::SessionRevoked) = &account {
        // A manual change in SQL creates no revocation event.
        revocations.remove(owner, &session);
    }
    let account = Arc::new(account?);
    revocations.insert_account(&account, generation);
    revocations.insert_session(&session, owner);
    Ok(account)
}

/// The account of a token, if it is active and the session has not ended.
fn live_account(
    connection: &mut Db,
    principal: Principal,
    session: &SessionId,
) -> Result<Account, Error> {
    let found = sessions::find_account_and_session(connection, principal, session)?;
    let (account, session) = found.ok_or(Error::TokenUserNotFound)?;
    if !account.is_active {
        return Err(Error::UserInactive);
    }
    match session {
        Some(state) if !state.ended => Ok(account),
        _ => Err(Error::SessionRevoked),
    }
}
