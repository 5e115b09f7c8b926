//! Whether a token is accepted now: its own text first, then what is known of revocations, and only where that is not
//! enough the database.

use std::sync::Arc;

use crate::{
    domain::{
        account::Account,
        principal::Principal,
        session::{RevocationReason, SessionId},
    },
    services::{
        bootstrap::Services,
        error::Error,
        revocations::{Revocations, TokenStatus},
    },
    store::{Db, Store, blacklisted_tokens, outstanding_tokens, revocations, sessions},
    tokens::{Claims, TokenError, TokenType},
};

/// Somebody who called with an access token that is accepted.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The account as its row is.
    pub account: Arc<Account>,
    /// The session the token belongs to.
    pub session: SessionId,
}

/// Accepts an access token, or says why not. No question to the database, as long as the news of revocations are fresh
/// and the account is known here.
///
/// # Errors
/// [`Error::Token`], [`Error::TokenUserNotFound`], [`Error::UserInactive`], [`Error::SessionRevoked`], and the store's.
pub async fn authenticate(services: &Services, token: &str) -> Result<Caller, Error> {
    let claims = services.tokens.read_access(token, services.clock.now())?;
    let account = account_behind(services, &claims).await?;
    note_use(services, &claims);
    Ok(Caller {
        account,
        session: claims.session.clone(),
    })
}

/// Says of a token of either type whether it would be accepted now, and gives its claims.
///
/// # Errors
/// As [`authenticate`], and [`Error::TokenBlacklisted`] for a refresh token.
pub async fn verify(services: &Services, token: &str) -> Result<Claims, Error> {
    let claims = services.tokens.read(token, None, services.clock.now())?;
    if claims.token_type == TokenType::Access {
        account_behind(services, &claims).await?;
        note_use(services, &claims);
        return Ok(claims);
    }
    let (principal, session, jti) = (claims.principal, claims.session.clone(), claims.jti.clone());
    services
        .store
        .read(move |connection| {
            let account = live_account(connection, principal, &session);
            // A used or logged-out refresh token is told apart from a session that ended otherwise.
            let known = matches!(account, Ok(_) | Err(Error::SessionRevoked));
            if known && blacklisted_tokens::contains(connection, &jti)? {
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

fn note_use(services: &Services, claims: &Claims) {
    if services.tokens.settings().recover_lost_answer {
        services.access_token_usage.note(claims);
    }
}

/// The account of an access token whose own text is good, if nothing was revoked.
async fn account_behind(services: &Services, claims: &Claims) -> Result<Arc<Account>, Error> {
    let (owner, session) = (claims.principal, &claims.session);
    match services.revocations.status(owner, session, &claims.jti) {
        TokenStatus::Valid if services.revocations.has_session(session, owner) => {
            match known(services, claims) {
                Some(account) if account.is_active => Ok(account),
                Some(_) => Err(Error::UserInactive),
                None => ask(services, claims).await,
            }
        }
        TokenStatus::Valid => ask(services, claims).await,
        // It expired before its time: its session goes on, and a refresh gives one that says how things are now.
        TokenStatus::Revoked => Err(TokenError::Expired.into()),
        TokenStatus::SessionEnded(RevocationReason::Deleted) => Err(Error::TokenUserNotFound),
        // Unless the account was activated again.
        TokenStatus::SessionEnded(RevocationReason::Deactivated) => match known(services, claims) {
            Some(account) if account.is_active => Err(Error::SessionRevoked),
            Some(_) => Err(Error::UserInactive),
            None => ask(services, claims).await,
        },
        TokenStatus::SessionEnded(_) => Err(Error::SessionRevoked),
        TokenStatus::Unknown => ask_for_all(services, claims).await,
    }
}

/// The account of a token as it is known here. Now and then it is read again, behind this call.
fn known(services: &Services, claims: &Claims) -> Option<Arc<Account>> {
    let (account, is_old) = services.revocations.account(claims.principal)?;
    if is_old {
        let (store, revocations) = (services.store.clone(), services.revocations.clone());
        let (principal, session) = (claims.principal, claims.session.clone());
        tokio::spawn(async move {
            // When it cannot be read just now it is read later; what was revoked is told otherwise.
            let _ = read(&store, &revocations, principal, session).await;
        });
    }
    Some(account)
}

/// Asks the database for the account and the session of an access token.
async fn ask(services: &Services, claims: &Claims) -> Result<Arc<Account>, Error> {
    let (store, revocations) = (&services.store, &services.revocations);
    read(store, revocations, claims.principal, claims.session.clone()).await
}

/// The same where nothing is known: for what was withdrawn too.
async fn ask_for_all(services: &Services, claims: &Claims) -> Result<Arc<Account>, Error> {
    let owner = claims.principal;
    let withdrawn = services
        .store
        .read(move |connection| revocations::find_not_before(connection, owner))
        .await?;
    let issued_at = i64::try_from(claims.jti.unix_millis()).unwrap_or(i64::MAX);
    if withdrawn.is_some_and(|at| issued_at <= at.unix_micros() / 1_000) {
        return Err(TokenError::Expired.into());
    }
    ask(services, claims).await
}

/// Reads an account and a session of its, and keeps them.
async fn read(
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
        // A change by hand, in SQL: it was told to nobody.
        revocations.remove(owner, &session);
    }
    let account = Arc::new(account?);
    revocations.insert_account(&account, generation);
    revocations.insert_session(&session, owner);
    Ok(account)
}

/// The account a token names, if it may use its tokens and the token's session has not ended.
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
