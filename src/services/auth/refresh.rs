//! Refreshing: a refresh token buys a new pair, once. What comes of one that was used before is `reuse`'s.

use crate::{
    clock::Timestamp,
    domain::{audit::Actor, language::Language, limits::LimitKind, session::Jti},
    services::{
        auth::{
            reuse,
            sessions::{TokenPair, access_id, pair},
        },
        bootstrap::Services,
        error::Error,
        limits::addresses,
    },
    store::{
        rotation::{self, NotRotated, Rotated, Rotation},
        sessions::SessionActivity,
    },
    tokens::{Claims, Issued, TokenType},
};

/// Somebody who shows a refresh token.
pub struct RefreshRequest {
    /// The token.
    pub token: String,
    /// Who shows it, as far as that is known.
    pub actor: Actor,
    /// In which language its owner is written to, should the token turn out to be stolen.
    pub language: Language,
}

/// Exchanges a refresh token for a new pair. The claims are read from the row, never copied from the old token.
///
/// Of any number of refreshes of one token one books a successor (`tokens.rotate_refresh_tokens` and
/// `tokens.blacklist_after_rotation`, as they are by default); within `tokens.reuse_grace` the others are given the same.
/// Without rotation the same refresh token comes back with a fresh access token.
///
/// # Errors
/// [`Error::Token`], [`Error::TokenUserNotFound`], [`Error::UserInactive`], [`Error::TokenBlacklisted`],
/// [`Error::TokenReused`], [`Error::SessionRevoked`], [`Error::RateLimited`] for texts that are no tokens of ours from an
/// address that has sent too many of them, and the store's.
pub async fn refresh(services: &Services, request: RefreshRequest) -> Result<TokenPair, Error> {
    let now = services.clock.now();
    let claims = read(services, &request.token, &request.actor, now).await?;
    let access = access_id(services, claims.principal, now);
    let rotation = rotation(services, &claims, &request.actor, now);
    let new = rotation.new.clone();
    let settings = services.tokens.settings();
    let may_rotate = settings.rotate_refresh_tokens;
    let is_line = may_rotate && settings.blacklist_after_rotation;
    let Some(Rotated { account, outcome }) = exchange(services, rotation).await? else {
        return Err(Error::TokenUserNotFound);
    };
    let expires_at = match outcome {
        Ok(expires_at) => expires_at,
        Err(NotRotated::Inactive) => return Err(Error::UserInactive),
        Err(NotRotated::SessionEnded) => return Err(Error::SessionRevoked),
        Err(NotRotated::Blacklisted) if is_line => {
            return reuse::resolve(services, &claims, request, now).await;
        }
        Err(NotRotated::Blacklisted) => return Err(Error::TokenBlacklisted),
    };
    services.metrics.refreshed(account.principal.user_type);
    let refresh = if may_rotate {
        let session = &claims.session;
        services
            .tokens
            .issue_refresh(&account, session, &new, now, expires_at)?
    } else {
        Issued {
            token: request.token,
            expires_at,
        }
    };
    pair(services, account, &claims.session, refresh, &access, now)
}

fn rotation(services: &Services, claims: &Claims, actor: &Actor, now: Timestamp) -> Rotation {
    Rotation {
        owner: claims.principal,
        session: claims.session.clone(),
        old: claims.jti.clone(),
        old_expires_at: claims.expires_at,
        new: Jti::new(now),
        usage: usage(services, actor, now),
    }
}

/// The use of a session that showing one of its refresh tokens is, with a refresh token made now.
pub(crate) fn usage(services: &Services, actor: &Actor, now: Timestamp) -> SessionActivity {
    let expires_at = services.tokens.refresh_expiry(now);
    SessionActivity {
        now,
        expires_at,
        access_expires_at: services.tokens.access_expiry(now, expires_at),
        ip_address: actor.ip_address.map(|address| address.to_string()),
        user_agent: actor.user_agent.clone(),
    }
}

async fn exchange(services: &Services, rotation: Rotation) -> Result<Option<Rotated>, Error> {
    let (settings, store) = (services.tokens.settings(), &services.store);
    Ok(
        if settings.rotate_refresh_tokens && settings.blacklist_after_rotation {
            store
                .write_statement(move |connection| rotation::rotate(connection, &rotation))
                .await
        } else if settings.rotate_refresh_tokens {
            store
                .write(move |connection| rotation::issue_successor(connection, &rotation))
                .await
        } else {
            store
                .write(move |connection| rotation::refresh_without_rotation(connection, &rotation))
                .await
        }?,
    )
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
