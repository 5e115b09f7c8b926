//! Refreshing: a refresh token buys a new pair, once.

use super::{
    Error, Services,
    limits::addresses,
    sessions::{TokenPair, pair},
};
use crate::{
    clock::Timestamp,
    domain::{audit::Actor, limits::LimitKind, session::Jti},
    store::rotation::{self, NotRotated, Rotated, Rotation},
    tokens::{Claims, Issued, TokenType},
};

/// Exchanges a refresh token for a new pair. The claims are read from the row, never copied from the old token.
///
/// Of any number of refreshes of one token exactly one gets a new pair (`tokens.rotate_refresh_tokens` and
/// `tokens.blacklist_after_rotation`, as they are by default). Without rotation the same refresh token comes back with a
/// fresh access token.
///
/// # Errors
/// [`Error::Token`], [`Error::TokenUserNotFound`], [`Error::UserInactive`], [`Error::TokenBlacklisted`],
/// [`Error::SessionRevoked`], [`Error::RateLimited`] for texts that are no tokens of ours from an address that has sent too
/// many of them, and the store's.
pub async fn refresh(services: &Services, token: &str, actor: &Actor) -> Result<TokenPair, Error> {
    let now = services.clock.now();
    let claims = read(services, token, actor, now).await?;
    let rotation = Rotation {
        owner: claims.principal,
        session: claims.session,
        old: claims.jti,
        old_expires_at: claims.expires_at,
        new: Jti::new(now),
        new_expires_at: services.tokens.refresh_expiry(now),
        now,
    };
    let (session, new) = (rotation.session.clone(), rotation.new.clone());
    let settings = services.tokens.settings();
    let (may_rotate, may_blacklist) = (
        settings.rotate_refresh_tokens,
        settings.blacklist_after_rotation,
    );
    let rotated = if may_rotate && may_blacklist {
        services
            .store
            .write_statement(move |connection| rotation::rotate(connection, &rotation))
            .await
    } else if may_rotate {
        services
            .store
            .write(move |connection| rotation::succeed(connection, &rotation))
            .await
    } else {
        services
            .store
            .write(move |connection| rotation::keep(connection, &rotation))
            .await
    };
    let Some(Rotated { account, outcome }) = rotated? else {
        return Err(Error::TokenUserNotFound);
    };
    let expires_at = outcome.map_err(|refusal| match refusal {
        NotRotated::Inactive => Error::UserInactive,
        NotRotated::Blacklisted => Error::TokenBlacklisted,
        NotRotated::SessionEnded => Error::SessionRevoked,
    })?;
    let refresh = if may_rotate {
        services
            .tokens
            .issue_refresh(&account, &session, &new, now, expires_at)?
    } else {
        Issued {
            token: token.to_owned(),
            expires_at,
        }
    };
    pair(services, account, &session, refresh, now)
}

/// Reads a refresh token. What we did not sign is counted for its address; what we signed is nobody's guess, and whoever
/// holds it is told the truth, whatever others behind the same address have sent.
async fn read(
    services: &Services,
    token: &str,
    actor: &Actor,
    now: Timestamp,
) -> Result<Claims, Error> {
    let fault = match services
        .tokens
        .examine(token, Some(TokenType::Refresh), now)
    {
        Ok(claims) => return Ok(claims),
        Err(fault) => fault,
    };
    if !fault.is_signed() {
        addresses::admit(services, LimitKind::Refresh, actor.ip_address).await?;
        addresses::note_refused(services, LimitKind::Refresh, actor).await?;
    }
    Err(Error::Token(fault.into()))
}
