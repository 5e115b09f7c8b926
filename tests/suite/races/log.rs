//! What was asked and what was told, with the instants around it: all that the checker knows of a run.

use std::time::Duration;

use crate::support::claims_of;

/// A token by what it says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Token {
    /// Its id.
    pub jti: String,
    /// Its session.
    pub session: String,
    /// Whose it is, as `user:1`.
    pub account: String,
    /// The role that it gives, where it gives one.
    pub role: Option<String>,
}

impl Token {
    /// Of its text.
    pub fn read(text: &str) -> Self {
        let claims = claims_of(text);
        let word = |name: &str| {
            claims
                .get(name)
                .and_then(|word| word.as_str())
                .map(str::to_owned)
        };
        Self {
            jti: word("jti").unwrap(),
            session: word("sid").unwrap(),
            account: word("sub").unwrap(),
            role: word("role"),
        }
    }
}

/// The tokens of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The access token.
    pub access: Token,
    /// The refresh token.
    pub refresh: Token,
}

/// What was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Whether an access token is accepted.
    Use(Token),
    /// A new pair for a refresh token, honestly.
    Refresh(Token),
    /// The same for one whose repeat is theft.
    Replay(Token),
    /// A session by the password of this account.
    LogIn(String),
    /// A session by the code of this challenge.
    Code(String),
    /// The end of this session.
    End(String),
    /// The end of all sessions of this account, which is inactive from then on.
    Deactivate(String),
    /// The account is active again.
    Activate(String),
    /// Another role for this account.
    SetRole(String, String),
}

/// What was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalizedText {
    /// `200`, with tokens where there are any.
    Accepted(Option<Pair>),
    /// `401` with this code.
    Refused(String),
    /// `503`: a fault of ours.
    Ill,
    /// Anything else.
    Odd(String),
    /// Nothing: the answer was lost.
    Lost,
}

/// A line of the log.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Which instance was asked.
    pub instance: usize,
    /// Before the request was sent, from the beginning of the run.
    pub began: Duration,
    /// After the answer had come, or was given up.
    pub ended: Duration,
    /// What was asked.
    pub asked: Asked,
    /// What was told.
    pub told: LocalizedText,
}

impl Entry {
    /// Whether it was answered with yes.
    pub fn is_accepted(&self) -> bool {
        matches!(self.told, LocalizedText::Accepted(_))
    }
}
