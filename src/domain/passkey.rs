//! Passkeys: their names.

use crate::domain::problem::Problem;
use crate::domain::text::line;

/// The most passkeys of an account.
pub const MAX_PASSKEYS: usize = 10;

/// The name that its owner gives to a passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyName(String);

impl PasskeyName {
    /// Maximum number of characters.
    pub const MAX: usize = 64;

    /// Parses one line of at most [`PasskeyName::MAX`] characters.
    pub fn parse(typed: &str) -> Result<Self, Problem> {
        line(typed, Self::MAX).map(Self)
    }

    /// As typed, trimmed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
