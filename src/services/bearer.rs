//! Whether a token is accepted now: its own text first, then its account and its session.

use super::{Error, Services};
use crate::{
    domain::{account::Account, principal::Principal, session::SessionId},
    store::{Db, blacklisted_tokens, sessions},
    tokens::{Claims, TokenType},
};

/// Somebody who called with an access token that is accepted.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The account as its row is now.
    pub account: Account,
    /// The session the token belongs to.
    pub session: SessionId,
}

/// Accepts an access token, or says why not.
///
/// # Errors
/// [`Error::Token`], [`Error::TokenUserNotFound`], [`Error::UserInactive`], [`Error::SessionRevoked`], and the store's.
pub async fn authenticate(services: &Services, token: &str) -> Result<Caller, Error> {
    let claims = services
        .tokens
        .read(token, Some(TokenType::Access), services.clock.now())?;
    let (principal, session) = (claims.principal, claims.session.clone());
    let account = services
        .store
        .look_up(move |connection| live_account(connection, principal, &session))
        .await?;
    Ok(Caller {
        account,
        session: claims.session,
    })
}

/// Says of a token of either type whether it would be accepted now, and gives its claims.
///
/// # Errors
/// As [`authenticate`], and [`Error::TokenBlacklisted`] for a refresh token.
pub async fn verify(services: &Services, token: &str) -> Result<Claims, Error> {
    let claims = services.tokens.read(token, None, services.clock.now())?;
    let (principal, session, jti) = (claims.principal, claims.session.clone(), claims.jti.clone());
    let is_refresh = claims.token_type == TokenType::Refresh;
    services
        .store
        .look_up(move |connection| {
            let account = live_account(connection, principal, &session);
            // A used or logged-out refresh token is told apart from a session that ended otherwise.
            let known = matches!(account, Ok(_) | Err(Error::SessionRevoked));
            if is_refresh && known && blacklisted_tokens::contains(connection, &jti)? {
                return Err(Error::TokenBlacklisted);
            }
            account.map(|_| ())
        })
        .await?;
    Ok(claims)
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
