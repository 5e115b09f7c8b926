//! Sliding tokens of SimpleJWT: an access token with the id of the session's refresh token. It is refreshed like one.

use crate::clock::Timestamp;
use crate::services::auth::token_pair::TokenPair;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::tokens::{Issued, Part, TokenType, readable_parts};

/// Issues a sliding token in place of a pair. `until` is when it can be refreshed for the last time; `None` for a log-in.
///
/// # Errors
/// [`Error::Token`] if signing fails, which does not happen with a valid key.
pub fn issue(
    services: &Services,
    pair: &TokenPair,
    until: Option<Timestamp>,
) -> Result<Issued, Error> {
    let tokens = &services.tokens;
    let lifetime = services.config.simplejwt.sliding_refresh_lifetime.get();
    let user_type = pair.account.principal.user_type;
    let latest = tokens.session_expiry(user_type, pair.issued_at);
    let until = until.unwrap_or((pair.issued_at.whole_seconds() + lifetime).min(latest));
    let (session, jti) = (&pair.session, &pair.refresh_id);
    Ok(tokens.issue_sliding(&pair.account, session, jti, pair.issued_at, until)?)
}

/// Why a valid sliding token cannot be refreshed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRefreshable {
    /// It does not have the claim with its end.
    NoEnd,
    /// Its end has passed.
    Over,
}

/// When a sliding token can be refreshed for the last time; `None` if it is not a valid one, which a refresh refuses.
///
/// # Errors
/// [`NotRefreshable`].
pub fn refresh_until(
    services: &Services,
    token: &str,
) -> Result<Option<Timestamp>, NotRefreshable> {
    let (tokens, now) = (&services.tokens, services.clock.now());
    let (token_type, until) = match tokens.examine(token, None, now) {
        Ok(claims) => (claims.token_type, claims.refresh_until),
        Err(_) => match tokens.examine_django(token, now) {
            Some(Ok(claims)) => (claims.token_type, claims.refresh_until),
            _ => return Ok(None),
        },
    };
    if token_type != TokenType::Sliding {
        return Ok(None);
    }
    let end = &services.config.simplejwt.refresh_exp_claim;
    let has_end = |claims: Part| claims.contains_key(end);
    if !readable_parts(token).1.is_some_and(has_end) {
        return Err(NotRefreshable::NoEnd);
    }
    if until <= now - tokens.leeway() {
        return Err(NotRefreshable::Over);
    }
    Ok(Some(until))
}
