//! Sliding tokens of SimpleJWT: an access token with the id of the session's refresh token. It is refreshed like one.

use crate::clock::Timestamp;
use crate::services::auth::token_pair::TokenPair;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::tokens::{Issued, TokenSession, TokenType};

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
    let session = TokenSession {
        id: &pair.session,
        status: None,
        authentication: pair.authentication.as_ref(),
    };
    let (jti, now) = (&pair.refresh_id, pair.issued_at);
    Ok(tokens.issue_sliding(&pair.account, &session, jti, now, until)?)
}

/// When a sliding token can be refreshed for the last time; `None` if it is not a valid one.
#[must_use]
pub fn refresh_until(services: &Services, token: &str) -> Option<Timestamp> {
    let (tokens, now) = (&services.tokens, services.clock.now());
    let (token_type, until) = if let Ok(claims) = tokens.examine(token, None, now) {
        (claims.token_type, claims.refresh_until)
    } else {
        let claims = tokens.examine_django(token, now)?.ok()?;
        (claims.token_type, claims.refresh_until)
    };
    (token_type == TokenType::Sliding).then_some(until)
}
