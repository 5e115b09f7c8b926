//! The claims of a verified token. Each claim is checked; none has a default.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::config::TokensConfig;
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::session::{Jti, SessionId};
use crate::domain::text_enum::text_enum;
use crate::tokens::error::TokenDefect;

/// The latest time that is accepted: the last second of the year 9999.
const MAX_TIME: i64 = 253_402_300_799;

text_enum! {
    /// The claim `token_type`.
    TokenType {
        /// Authenticates requests as a bearer token.
        Access = "access",
        /// Gets new tokens, or logs out.
        Refresh = "refresh",
    }
}

/// The claims of a token with a valid signature.
#[derive(Clone, Debug)]
pub struct Claims {
    /// `token_type`.
    pub token_type: TokenType,
    /// The account: `user_type` and the account number.
    pub principal: Principal,
    /// `jti`.
    pub jti: Jti,
    /// `sid`.
    pub session: SessionId,
    /// `exp`.
    pub expires_at: Timestamp,
    /// `iat`.
    pub issued_at: Timestamp,
    not_before: Option<Timestamp>,
    all: Map<String, Value>,
}

impl Claims {
    /// Parses and checks the claims, except for whether the token is valid now.
    pub(super) fn parse(
        all: Map<String, Value>,
        settings: &TokensConfig,
    ) -> Result<Self, TokenDefect> {
        let wrong = |name: &str| TokenDefect::Claim(name.to_owned());
        let token_type = TokenType::from_word(text(&all, "token_type")?);
        let token_type = token_type.ok_or_else(|| wrong("token_type"))?;
        let principal = principal(&all, &settings.user_id_claim)?;
        if text(&all, "sub")? != principal.to_string() {
            return Err(TokenDefect::Subject);
        }
        check_issuer_and_audience(&all, settings)?;
        Ok(Self {
            token_type,
            principal,
            jti: Jti::parse(text(&all, "jti")?).ok_or_else(|| wrong("jti"))?,
            session: SessionId::parse(text(&all, "sid")?).ok_or_else(|| wrong("sid"))?,
            expires_at: time(&all, "exp")?.ok_or_else(|| wrong("exp"))?,
            issued_at: time(&all, "iat")?.ok_or_else(|| wrong("iat"))?,
            not_before: time(&all, "nbf")?,
            all,
        })
    }

    /// Checks the times: expired if `exp <= now - leeway`, not yet valid if `iat` or `nbf` is later than `now + leeway`.
    pub(super) fn check_times(&self, now: Timestamp, leeway: Duration) -> Result<(), TokenDefect> {
        let start = self
            .not_before
            .map_or(self.issued_at, |start| start.max(self.issued_at));
        if start > now + leeway {
            return Err(TokenDefect::NotYetValid(start));
        }
        if self.expires_at <= now - leeway {
            Err(TokenDefect::Expired(self.expires_at))
        } else {
            Ok(())
        }
    }

    /// All claims of the token.
    #[must_use]
    pub fn all(&self) -> &Map<String, Value> {
        &self.all
    }
}

fn text<'a>(all: &'a Map<String, Value>, name: &str) -> Result<&'a str, TokenDefect> {
    all.get(name)
        .and_then(Value::as_str)
        .ok_or_else(|| TokenDefect::Claim(name.to_owned()))
}

/// A `NumericDate` in whole seconds (RFC 7519 section 2), between 1970 and the year 9999.
fn time(all: &Map<String, Value>, name: &str) -> Result<Option<Timestamp>, TokenDefect> {
    let Some(value) = all.get(name) else {
        return Ok(None);
    };
    let seconds = value
        .as_i64()
        .filter(|seconds| (0..=MAX_TIME).contains(seconds));
    seconds
        .and_then(Timestamp::from_unix_seconds)
        .map(Some)
        .ok_or_else(|| TokenDefect::Claim(name.to_owned()))
}

/// The account. A missing `user_type` is an error; it has no default.
fn principal(all: &Map<String, Value>, user_id_claim: &str) -> Result<Principal, TokenDefect> {
    let user_type = match all.get("user_type") {
        None | Some(Value::Null) => return Err(TokenDefect::NoPrincipal),
        Some(value) => value.as_str().and_then(UserType::from_word),
    };
    let user_type = user_type.ok_or(TokenDefect::UnknownUserType)?;
    let user_seq = match all.get(user_id_claim) {
        None | Some(Value::Null) => return Err(TokenDefect::NoPrincipal),
        Some(Value::Number(number)) => number.as_i64().and_then(UserSeq::new),
        Some(Value::String(digits)) => UserSeq::from_digits(digits),
        Some(_) => None,
    };
    Ok(Principal {
        user_type,
        user_seq: user_seq.ok_or_else(|| TokenDefect::Claim(user_id_claim.to_owned()))?,
    })
}

/// If an issuer or audience is configured, the token must contain it.
fn check_issuer_and_audience(
    all: &Map<String, Value>,
    settings: &TokensConfig,
) -> Result<(), TokenDefect> {
    if let Some(issuer) = &settings.issuer
        && text(all, "iss").ok() != Some(issuer)
    {
        return Err(TokenDefect::Issuer);
    }
    if settings.audience.is_empty() {
        return Ok(());
    }
    let is_configured = |value: &Value| {
        value
            .as_str()
            .is_some_and(|text| settings.audience.iter().any(|audience| audience == text))
    };
    let is_accepted = match all.get("aud") {
        Some(Value::Array(many)) => many.iter().any(is_configured),
        Some(one) => is_configured(one),
        None => false,
    };
    if is_accepted {
        Ok(())
    } else {
        Err(TokenDefect::Audience)
    }
}
