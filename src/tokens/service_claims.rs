//! The claims of a verified access token of a service. Such a token belongs to no session: it ends with its lifetime, or when
//! the tokens of the service are revoked.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::config::TokensConfig;
use crate::domain::principal::{TokenOwner, UserSeq};
use crate::domain::service::Scopes;
use crate::domain::session::Jti;
use crate::tokens::claims::{TokenType, check_times, owner, text, time, token_type};
use crate::tokens::error::TokenDefect;

/// The claims of an access token of a service, with a valid signature.
#[derive(Clone, Debug)]
pub struct ServiceClaims {
    /// The number of the service.
    pub service: UserSeq,
    /// `jti`.
    pub jti: Jti,
    /// `exp`.
    pub expires_at: Timestamp,
    issued_at: Timestamp,
    all: Map<String, Value>,
}

impl ServiceClaims {
    /// Parses and checks the claims, except for whether the token is valid now.
    pub(super) fn parse(
        all: Map<String, Value>,
        settings: &TokensConfig,
    ) -> Result<Self, TokenDefect> {
        let wrong = |name: &str| TokenDefect::Claim(name.to_owned());
        if token_type(&all)? != TokenType::Access {
            return Err(TokenDefect::Type);
        }
        let TokenOwner::Service(service) = owner(&all, settings, false)? else {
            return Err(TokenDefect::OfAccount);
        };
        Ok(Self {
            service,
            jti: Jti::parse(text(&all, "jti")?).ok_or_else(|| wrong("jti"))?,
            expires_at: time(&all, "exp")?.ok_or_else(|| wrong("exp"))?,
            issued_at: time(&all, "iat")?.ok_or_else(|| wrong("iat"))?,
            all,
        })
    }

    /// Checks the times, as [`check_times`].
    pub(super) fn check_times(&self, now: Timestamp, leeway: Duration) -> Result<(), TokenDefect> {
        check_times((self.issued_at, self.expires_at), now, leeway)
    }

    /// The scopes of the token.
    #[must_use]
    pub fn scopes(&self) -> Scopes {
        let text = self.all.get("scope").and_then(Value::as_str);
        text.and_then(Scopes::from_stored).unwrap_or_default()
    }

    /// All claims of the token.
    #[must_use]
    pub fn all(&self) -> &Map<String, Value> {
        &self.all
    }
}
