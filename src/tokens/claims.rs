//! The claims of a token that was read: typed, checked one by one, nothing defaulted.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::{
    clock::Timestamp,
    config::TokensConfig,
    domain::{
        principal::{Principal, UserSeq, UserType},
        session::{Jti, SessionId},
    },
    tokens::fault::TokenDefect,
};

/// The latest time a token may name: the last second of the year 9999. What lies beyond is no date but a trick.
const LATEST: i64 = 253_402_300_799;

/// What a token may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenType {
    /// As a bearer.
    Access,
    /// To get a new pair, or to log out.
    Refresh,
}

impl TokenType {
    /// The word in the claim `token_type`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Refresh => "refresh",
        }
    }
}

/// The claims of a token whose signature was good.
#[derive(Clone, Debug)]
pub struct Claims {
    /// What it may be used for.
    pub token_type: TokenType,
    /// Whose it is.
    pub principal: Principal,
    /// Its id.
    pub jti: Jti,
    /// Its session.
    pub session: SessionId,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When it was issued.
    pub issued_at: Timestamp,
    not_before: Option<Timestamp>,
    all: Map<String, Value>,
}

impl Claims {
    /// Reads the claims; everything but the times' relation to now is checked.
    pub(super) fn parse(
        all: Map<String, Value>,
        settings: &TokensConfig,
    ) -> Result<Self, TokenDefect> {
        let wrong = |name: &str| TokenDefect::Claim(name.to_owned());
        let token_type = match text(&all, "token_type")? {
            "access" => TokenType::Access,
            "refresh" => TokenType::Refresh,
            _ => return Err(wrong("token_type")),
        };
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

    /// Compares the times with now: expired when `exp <= now - leeway`; issued or good only from the future on: invalid.
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

    /// All claims as they stand in the token.
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
        .filter(|seconds| (0..=LATEST).contains(seconds));
    seconds
        .and_then(Timestamp::from_unix_seconds)
        .map(Some)
        .ok_or_else(|| TokenDefect::Claim(name.to_owned()))
}

/// The pair of population and number. A missing population is refused, never taken for the internal one.
fn principal(all: &Map<String, Value>, user_id_claim: &str) -> Result<Principal, TokenDefect> {
    let user_type: UserType = match all.get("user_type") {
        None | Some(Value::Null) => return Err(TokenDefect::NoPrincipal),
        Some(Value::String(word)) => word.parse().map_err(|_| TokenDefect::UnknownUserType)?,
        Some(_) => return Err(TokenDefect::UnknownUserType),
    };
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

/// Where an issuer or audience is configured, a token without it is refused too.
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
    let ours = |value: &Value| {
        value
            .as_str()
            .is_some_and(|one| settings.audience.iter().any(|ours| ours == one))
    };
    let meant_for_us = match all.get("aud") {
        Some(Value::Array(many)) => many.iter().any(ours),
        Some(one) => ours(one),
        None => false,
    };
    if meant_for_us {
        Ok(())
    } else {
        Err(TokenDefect::Audience)
    }
}
