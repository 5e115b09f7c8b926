//! The claims of a verified token. Each claim is checked; none has a default.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::config::{SimplejwtConfig, TokensConfig};
use crate::domain::principal::{Principal, TokenOwner, UserSeq, UserType};
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
        /// A sliding token of SimpleJWT: both of them.
        Sliding = "sliding",
    }
}

/// The claims of a token with a valid signature.
#[derive(Clone, Debug)]
pub struct Claims {
    /// `token_type`.
    pub token_type: TokenType,
    /// The account: `user_type` and the account number.
    pub principal: Principal,
    /// `jti`; of an exchanged token of Django the id in the tables (`DjangoClaims::key`).
    pub jti: Jti,
    /// The `jti` that Django gave the token, if Django signed it.
    pub django_jti: Option<Jti>,
    /// `sid`.
    pub session: SessionId,
    /// `exp`.
    pub expires_at: Timestamp,
    /// `iat`.
    pub issued_at: Timestamp,
    /// When a sliding token can be refreshed for the last time; of other tokens `exp`.
    pub refresh_until: Timestamp,
    pub(super) not_before: Option<Timestamp>,
    pub(super) all: Map<String, Value>,
}

impl Claims {
    /// Parses and checks the claims, except for whether the token is valid now.
    pub(super) fn parse(
        all: Map<String, Value>,
        settings: &TokensConfig,
        names: &SimplejwtConfig,
    ) -> Result<Self, TokenDefect> {
        let wrong = |name: &str| TokenDefect::Claim(name.to_owned());
        let token_type = token_type(&all)?;
        let TokenOwner::Account(principal) = owner(&all, settings, names.replaces_subject())?
        else {
            return Err(TokenDefect::OfService);
        };
        let expires_at = time(&all, "exp")?.ok_or_else(|| wrong("exp"))?;
        let refresh_until = match token_type {
            TokenType::Sliding => time(&all, &names.refresh_exp_claim)?,
            TokenType::Access | TokenType::Refresh => None,
        };
        Ok(Self {
            token_type,
            principal,
            jti: Jti::parse(text(&all, "jti")?).ok_or_else(|| wrong("jti"))?,
            django_jti: None,
            session: SessionId::parse(text(&all, "sid")?).ok_or_else(|| wrong("sid"))?,
            expires_at,
            refresh_until: refresh_until.unwrap_or(expires_at),
            issued_at: time(&all, "iat")?.ok_or_else(|| wrong("iat"))?,
            not_before: time(&all, "nbf")?,
            all,
        })
    }

    /// Checks the times, as [`check_times`].
    pub(super) fn check_times(&self, now: Timestamp, leeway: Duration) -> Result<(), TokenDefect> {
        let start = self
            .not_before
            .map_or(self.issued_at, |start| start.max(self.issued_at));
        check_times((start, self.expires_at), now, leeway)
    }

    /// When the token was issued, in milliseconds: the time in its id. A sliding token may have the id of an older token, and
    /// that of one of Django contains no time: then `iat`.
    #[must_use]
    pub fn issued_at_millis(&self) -> u64 {
        let of_id = self.jti.unix_millis();
        let seconds = u64::try_from(self.issued_at.unix_seconds()).unwrap_or(0);
        if self.token_type == TokenType::Sliding && of_id / 1_000 != seconds {
            seconds * 1_000
        } else {
            of_id
        }
    }

    /// All claims of the token.
    #[must_use]
    pub fn all(&self) -> &Map<String, Value> {
        &self.all
    }
}

/// Checks the times: expired if the end is not later than `now - leeway`, not yet valid if the start is later than
/// `now + leeway`.
pub(super) fn check_times(
    (start, expires_at): (Timestamp, Timestamp),
    now: Timestamp,
    leeway: Duration,
) -> Result<(), TokenDefect> {
    if start > now + leeway {
        return Err(TokenDefect::NotYetValid(start));
    }
    if expires_at <= now - leeway {
        Err(TokenDefect::Expired(expires_at))
    } else {
        Ok(())
    }
}

/// `token_type`.
pub(super) fn token_type(all: &Map<String, Value>) -> Result<TokenType, TokenDefect> {
    let token_type = TokenType::from_word(text(all, "token_type")?);
    token_type.ok_or_else(|| TokenDefect::Claim("token_type".to_owned()))
}

/// The owner that the claims name consistently, of a token with the configured issuer and audience. `other_subject`: internal
/// users may have another value in `sub`.
pub(super) fn owner(
    all: &Map<String, Value>,
    settings: &TokensConfig,
    other_subject: bool,
) -> Result<TokenOwner, TokenDefect> {
    let owner = named_owner(all, &settings.user_id_claim)?;
    let may_differ = other_subject && owner.user_type() == UserType::User.as_str();
    if text(all, "sub")? != owner.to_string() && !may_differ {
        return Err(TokenDefect::Subject);
    }
    check_issuer_and_audience(all, settings.issuer.as_deref(), &settings.audience)?;
    Ok(owner)
}

pub(super) fn text<'a>(all: &'a Map<String, Value>, name: &str) -> Result<&'a str, TokenDefect> {
    all.get(name)
        .and_then(Value::as_str)
        .ok_or_else(|| TokenDefect::Claim(name.to_owned()))
}

/// A `NumericDate` in whole seconds (RFC 7519 section 2), between 1970 and the year 9999.
pub(super) fn time(all: &Map<String, Value>, name: &str) -> Result<Option<Timestamp>, TokenDefect> {
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

/// The owner. A missing `user_type` is an error; it has no default.
fn named_owner(all: &Map<String, Value>, user_id_claim: &str) -> Result<TokenOwner, TokenDefect> {
    let user_type = match all.get("user_type") {
        None | Some(Value::Null) => return Err(TokenDefect::NoPrincipal),
        Some(value) => value.as_str().unwrap_or_default(),
    };
    if !TokenOwner::is_user_type(user_type) {
        return Err(TokenDefect::UnknownUserType);
    }
    let user_seq = match all.get(user_id_claim) {
        None | Some(Value::Null) => return Err(TokenDefect::NoPrincipal),
        Some(Value::Number(number)) => number.as_i64().and_then(UserSeq::new),
        Some(Value::String(digits)) => UserSeq::from_digits(digits),
        Some(_) => None,
    };
    let owner = user_seq.and_then(|user_seq| TokenOwner::from_parts(user_type, user_seq));
    owner.ok_or_else(|| TokenDefect::Claim(user_id_claim.to_owned()))
}

/// If an issuer or audience is configured, the token must contain it.
pub(super) fn check_issuer_and_audience(
    all: &Map<String, Value>,
    issuer: Option<&str>,
    audience: &[String],
) -> Result<(), TokenDefect> {
    if issuer.is_some() && text(all, "iss").ok() != issuer {
        return Err(TokenDefect::Issuer);
    }
    if audience.is_empty() {
        return Ok(());
    }
    let is_configured = |value: &Value| {
        value
            .as_str()
            .is_some_and(|text| audience.iter().any(|audience| audience == text))
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
