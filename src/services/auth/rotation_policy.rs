//! What happens to a refresh token when it is used.

use crate::config::TokensConfig;

/// The policy that `tokens.rotate_refresh_tokens` and `tokens.blacklist_after_rotation` configure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::services) enum RotationPolicy {
    /// A refresh issues a successor and blacklists the token (the default).
    SingleUse,
    /// A refresh issues a successor, and the token stays valid.
    KeepOld,
    /// A refresh returns the same refresh token.
    NoRotation,
}

impl RotationPolicy {
    pub(in crate::services) fn of(settings: &TokensConfig) -> Self {
        match (
            settings.rotate_refresh_tokens,
            settings.blacklist_after_rotation,
        ) {
            (true, true) => Self::SingleUse,
            (true, false) => Self::KeepOld,
            (false, _) => Self::NoRotation,
        }
    }
}
