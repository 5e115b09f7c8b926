//! The input of a refresh.

use crate::clock::Timestamp;
use crate::config::RotationPolicy;
use crate::domain::audit::Actor;
use crate::domain::language::Language;
use crate::domain::principal::UserType;
use crate::domain::status_index::StatusIndex;
use crate::services::bootstrap::Services;
use crate::store::sessions::SessionActivity;
use crate::tokens::TokenType;

/// A refresh token that is presented.
pub struct RefreshRequest {
    /// The token.
    pub token: String,
    /// The type that it must have.
    pub token_type: TokenType,
    /// The origin of the request.
    pub actor: Actor,
    /// The language of the mail that is sent to the account's owner if the token was reused.
    pub language: Language,
}

impl RefreshRequest {
    /// The session activity of this request for a token of this population, with the expiry of a refresh token that is
    /// issued now, and an index of the status lists for a session that has none.
    pub(super) fn activity(
        &self,
        services: &Services,
        user_type: UserType,
        now: Timestamp,
        status_index: Option<StatusIndex>,
    ) -> SessionActivity {
        let expires_at = services.tokens.refresh_expiry(user_type, now);
        SessionActivity {
            now,
            expires_at,
            access_expires_at: services
                .tokens
                .last_access_expiry(user_type, now, expires_at),
            ip_address: self.actor.ip_address.map(|address| address.to_string()),
            user_agent: self.actor.user_agent.clone(),
            kid: match services.tokens.settings().rotation_policy() {
                RotationPolicy::NoRotation => None,
                _ => Some(services.tokens.key_id()),
            },
            status_index,
        }
    }
}
