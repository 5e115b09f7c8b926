//! The input of a refresh.

use crate::clock::Timestamp;
use crate::domain::audit::Actor;
use crate::domain::language::Language;
use crate::services::bootstrap::Services;
use crate::store::sessions::SessionActivity;

/// A refresh token that is presented.
pub struct RefreshRequest {
    /// The token.
    pub token: String,
    /// The origin of the request.
    pub actor: Actor,
    /// The language of the mail that is sent to the account's owner if the token was reused.
    pub language: Language,
}

impl RefreshRequest {
    /// The session activity of this request, with the expiry of a refresh token that is issued now.
    pub(super) fn activity(&self, services: &Services, now: Timestamp) -> SessionActivity {
        let expires_at = services.tokens.refresh_expiry(now);
        SessionActivity {
            now,
            expires_at,
            access_expires_at: services.tokens.access_expiry(now, expires_at),
            ip_address: self.actor.ip_address.map(|address| address.to_string()),
            user_agent: self.actor.user_agent.clone(),
        }
    }
}
