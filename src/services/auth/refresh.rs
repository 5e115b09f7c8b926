//! Exchanging a refresh token for a new token pair. A token that was used before is handled by `reuse`.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::config::RotationPolicy;
use crate::domain::audit::Actor;
use crate::domain::limits::LimitKind;
use crate::services::auth::refresh_request::RefreshRequest;
use crate::services::auth::token_pair::{TokenIds, TokenPair};
use crate::services::auth::{django_adoption, reuse};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::{addresses, refused_tokens};
use crate::services::metrics::counters::Operation;
use crate::services::status_lists::indexes::{next_index, settle};
use crate::store::rotation::{self, NewToken, NotRotated, Rotated, Rotation};
use crate::tokens::{Claims, DjangoClaims, Issued, TokenError, TokenType};

/// Exchanges a refresh token for a new pair. The claims are read from the account's row, never copied from the old
/// token.
///
/// With `RotationPolicy::SingleUse` exactly one of any number of refreshes with the same token creates a successor;
/// within `tokens.reuse_grace` the others get the same successor.
///
/// # Errors
/// [`Error::Token`], [`Error::TokenUserNotFound`], [`Error::UserInactive`], [`Error::TokenBlacklisted`],
/// [`Error::TokenReused`], [`Error::SessionRevoked`], [`Error::RateLimited`] for too many tokens with an invalid
/// signature from one address or too many refusals of one token, and the store's.
pub async fn refresh(services: &Services, request: RefreshRequest) -> Result<TokenPair, Error> {
    admit_and_exchange(services, request)
        .await
        .inspect_err(|error| services.metrics.refused(Operation::Refresh, error))
}

async fn admit_and_exchange(
    services: &Services,
    request: RefreshRequest,
) -> Result<TokenPair, Error> {
    let now = services.clock.now();
    let claims = read(services, &request.token, request.token_type, &request.actor).await?;
    refused_tokens::admit(services, &claims, now)?;
    exchange(services, claims.clone(), request, now)
        .await
        .inspect_err(|error| refused_tokens::record(services, &claims, error, now))
}

async fn exchange(
    services: &Services,
    claims: Claims,
    request: RefreshRequest,
    now: Timestamp,
) -> Result<TokenPair, Error> {
    let (owner, session) = (claims.principal, claims.session.clone());
    let ids = TokenIds::new(services, Some(owner), session.clone(), now);
    let spare_index = next_index(services).await?;
    let rotation = Rotation {
        owner,
        session,
        old: claims.jti.clone(),
        old_expires_at: claims.refresh_until,
        new: ids.refresh.clone(),
        usage: request.activity(services, owner.user_type, now, spare_index),
    };
    let policy = services.tokens.settings().rotation_policy();
    let rotated = rotate(services, policy, rotation).await?;
    let Rotated { account, outcome } = rotated.ok_or(Error::TokenUserNotFound)?;
    if outcome.is_err() {
        services.status_lists.add_free(spare_index);
    }
    let NewToken {
        expires_at,
        status_index,
        authentication,
    } = match outcome {
        Ok(token) => token,
        Err(NotRotated::Inactive) => return Err(Error::UserInactive),
        Err(NotRotated::SessionEnded) => return Err(Error::SessionRevoked),
        Err(NotRotated::Blacklisted) if policy == RotationPolicy::SingleUse => {
            return reuse::resolve(services, claims, request, ids).await;
        }
        Err(NotRotated::Blacklisted) => return Err(Error::TokenBlacklisted),
    };
    services.metrics.refreshed(account.principal.user_type);
    let account = settle(services, account, spare_index, status_index).await?;
    let ids = ids.at(status_index).authenticated(authentication);
    if policy == RotationPolicy::NoRotation {
        let refresh = Issued {
            token: request.token,
            expires_at,
        };
        let ids = ids.with_refresh(claims.jti);
        return ids.issue(services, account, refresh);
    }
    let refresh =
        services
            .tokens
            .issue_refresh(&account, &ids.session, &ids.refresh, now, expires_at)?;
    ids.issue(services, account, refresh)
}

async fn rotate(
    services: &Services,
    policy: RotationPolicy,
    rotation: Rotation,
) -> Result<Option<Rotated>, Error> {
    let store = &services.store;
    if policy == RotationPolicy::SingleUse {
        return Ok(store.rotate(rotation).await?);
    }
    let rotated = store
        .write(move |connection| rotation::rotate(connection, &rotation, policy))
        .await;
    Ok(rotated?)
}

/// Reads a refresh token or a sliding token. Tokens with an invalid signature are counted for their address; tokens with a
/// valid signature are exempt from that limit. A session begins for a token of Django that has none yet.
///
/// # Errors
/// As [`refresh`].
pub async fn read(
    services: &Services,
    token: &str,
    token_type: TokenType,
    actor: &Actor,
) -> Result<Claims, Error> {
    match authentic(services, token, token_type, actor).await? {
        Authentic::Own(claims) => Ok(*claims),
        Authentic::OfDjango(claims) => {
            django_adoption::adopt(services, &claims, actor, services.clock.now()).await
        }
    }
}

/// The same for a log-out: no session begins for a token of Django.
///
/// # Errors
/// As [`refresh`].
pub async fn read_to_log_out(
    services: &Services,
    token: &str,
    token_type: TokenType,
    actor: &Actor,
) -> Result<Claims, Error> {
    match authentic(services, token, token_type, actor).await? {
        Authentic::Own(claims) => Ok(*claims),
        Authentic::OfDjango(claims) => {
            django_adoption::read(services, &claims, services.clock.now()).await
        }
    }
}

/// The claims of an authentic token.
enum Authentic {
    Own(Box<Claims>),
    OfDjango(Arc<DjangoClaims>),
}

async fn authentic(
    services: &Services,
    token: &str,
    token_type: TokenType,
    actor: &Actor,
) -> Result<Authentic, Error> {
    let now = services.clock.now();
    let defect = match services.tokens.examine(token, Some(token_type), now) {
        Ok(claims) => return Ok(Authentic::Own(Box::new(claims))),
        Err(defect) => defect,
    };
    let of_django = services.tokens.examine_django(token, now);
    if let Some(claims) = of_django.filter(|_| defect.is_of_another_key()) {
        let claims = claims.map_err(TokenError::from)?;
        if claims.token_type != token_type {
            return Err(TokenError::Invalid.into());
        }
        return Ok(Authentic::OfDjango(claims));
    }
    if !defect.is_signed() {
        addresses::admit(services, LimitKind::Refresh, actor.ip_address).await?;
        addresses::record_failure(services, LimitKind::Refresh, actor).await?;
    }
    Err(Error::Token(defect.into()))
}
