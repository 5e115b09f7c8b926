//! The log of a run: every request with its outcome and the times before and after it. The checker uses nothing else.

use std::time::Duration;

use crate::support::claims_of;

/// The claims of a token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Token {
    /// `jti`.
    pub jti: String,
    /// `sid`.
    pub session: String,
    /// `sub`, for example `user:1`.
    pub account: String,
    /// `role`, if the token has one.
    pub role: Option<String>,
}

impl Token {
    /// Decodes a token without verifying it.
    pub fn read(text: &str) -> Self {
        let claims = claims_of(text);
        let text_claim = |name: &str| {
            claims
                .get(name)
                .and_then(|claim| claim.as_str())
                .map(str::to_owned)
        };
        Self {
            jti: text_claim("jti").unwrap(),
            session: text_claim("sid").unwrap(),
            account: text_claim("sub").unwrap(),
            role: text_claim("role"),
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

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// A call with an access token.
    Use(Token),
    /// A refresh by the owner of the token.
    Refresh(Token),
    /// A refresh with a stolen token, after the grace period.
    Replay(Token),
    /// A login with the password of this account.
    LogIn(String),
    /// A login with the code of this challenge.
    Code(String),
    /// A logout of this session.
    End(String),
    /// This account is deactivated, which ends all its sessions.
    Deactivate(String),
    /// This account is activated.
    Activate(String),
    /// This account gets another role.
    SetRole(String, String),
    /// A flush of expired rows.
    Flush,
    /// A new signing key.
    ChangeKey,
}

impl Request {
    /// Whether it is a refresh by the owner of the token.
    pub fn is_refresh(&self) -> bool {
        matches!(self, Self::Refresh(_))
    }

    /// Whether it is a login with a code.
    pub fn is_code(&self) -> bool {
        matches!(self, Self::Code(_))
    }

    /// Whether it is a logout.
    pub fn is_logout(&self) -> bool {
        matches!(self, Self::End(_))
    }

    /// Whether an administrator deactivates the account or changes its role.
    pub fn is_change(&self) -> bool {
        matches!(self, Self::Deactivate(_) | Self::SetRole(..))
    }

    /// Whether it is a flush.
    pub fn is_flush(&self) -> bool {
        matches!(self, Self::Flush)
    }

    /// Whether it is a new signing key.
    pub fn is_change_of_key(&self) -> bool {
        matches!(self, Self::ChangeKey)
    }

    /// Whether it revokes tokens.
    pub fn is_revocation(&self) -> bool {
        self.is_logout() || self.is_change()
    }

    /// Whether both requests concern the same session, account or challenge. A flush concerns all of them.
    fn concerns(&self, other: &Self) -> bool {
        let keys = |request: &Self| match request {
            Self::Use(token) | Self::Refresh(token) | Self::Replay(token) => {
                vec![token.session.clone(), token.account.clone()]
            }
            Self::End(key)
            | Self::LogIn(key)
            | Self::Code(key)
            | Self::Deactivate(key)
            | Self::Activate(key)
            | Self::SetRole(key, _) => vec![key.clone()],
            Self::Flush | Self::ChangeKey => Vec::new(),
        };
        let theirs = keys(other);
        let concerns_all = |request: &Self| request.is_flush() || request.is_change_of_key();
        concerns_all(self)
            || concerns_all(other)
            || keys(self).iter().any(|key| theirs.contains(key))
    }
}

/// The outcome of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// `200`, with the tokens of the response, if it has any.
    Accepted(Option<Pair>),
    /// `401` with this code.
    Refused(String),
    /// `503`.
    Unavailable,
    /// Any other response.
    Unexpected(String),
    /// No response was read.
    Lost,
}

/// One request of the log.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The number of the instance.
    pub instance: usize,
    /// The time before the request was sent, since the start of the run.
    pub began: Duration,
    /// The time after the response was read, or was given up, since the start of the run.
    pub ended: Duration,
    /// The request.
    pub request: Request,
    /// The outcome.
    pub outcome: Outcome,
}

impl Entry {
    /// Whether the response was a success.
    pub fn is_accepted(&self) -> bool {
        matches!(self.outcome, Outcome::Accepted(_))
    }
}

/// The number of pairs of an answered request of one side and one of the other that ran at the same time and concern
/// the same session, account or challenge.
pub fn overlaps(log: &[Entry], side: fn(&Request) -> bool, other: fn(&Request) -> bool) -> usize {
    let of = |fits: fn(&Request) -> bool| {
        let answered = log.iter().enumerate().filter(|(_, entry)| {
            matches!(entry.outcome, Outcome::Accepted(_) | Outcome::Refused(_))
        });
        answered.filter(move |(_, entry)| fits(&entry.request))
    };
    let others: Vec<_> = of(other).collect();
    of(side)
        .map(|(number, entry)| {
            let concurrent = others.iter().filter(|(theirs, their)| {
                *theirs != number
                    && their.began < entry.ended
                    && entry.began < their.ended
                    && entry.request.concerns(&their.request)
            });
            concurrent.count()
        })
        .sum()
}
