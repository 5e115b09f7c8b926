//! `[tokens]`: claims, lifetimes, rotation and the signing key.

use std::{path::PathBuf, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::config::browsers::Transport;
use crate::config::database::Database;
use crate::config::error::{Checks, check_ranges};
use crate::config::values::{InvalidValue, Secret, Span, parsed};

/// The maximum leeway. The flush keeps expired rows for this time, so that raising the leeway never makes a revoked token
/// valid again.
pub const MAX_LEEWAY: Span = Span::minutes(5);

/// The maximum lifetime of an access token.
pub const MAX_ACCESS_LIFETIME: Span = Span::days(1);

/// Claims, lifetimes, rotation and the signing key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent settings, as in SimpleJWT"
)]
pub struct TokensConfig {
    /// Lifetime of an access token.
    pub access_lifetime: Span,
    /// Lifetime of a refresh token, and so the idle timeout of a session.
    pub refresh_lifetime: Span,
    /// Maximum lifetime of a session, however often it is refreshed.
    pub session_lifetime: Span,
    /// How refresh tokens are transported.
    pub transport: Transport,
    /// Whether a refresh returns a new refresh token.
    pub rotate_refresh_tokens: bool,
    /// Whether a refresh token is revoked after rotation.
    pub blacklist_after_rotation: bool,
    /// Grace period: how long a rotated refresh token still returns the same successor. Zero disables it.
    pub reuse_grace: Span,
    /// Whether a rotated refresh token returns its successor after the grace period if neither the successor nor its
    /// access token was used.
    pub recover_lost_answer: bool,
    /// Maximum number of sessions of an account. A further login ends the least recently used one.
    pub sessions_per_account: u32,
    /// Maximum age of the revocation cache. When it is older, each request reads the database.
    pub revocation_max_lag: Span,
    /// The algorithm for signing and the only one accepted.
    pub algorithm: Algorithm,
    /// The signing key: the bytes of this text.
    pub signing_key: Option<Secret>,
    /// File that contains the signing key; for `None` see [`crate::config::Config::signing_key_file`].
    pub signing_key_file: Option<PathBuf>,
    /// The `iss` claim. If set, tokens without it are rejected.
    pub issuer: Option<String>,
    /// The `aud` claim. If not empty, tokens must contain one of these values.
    pub audience: Vec<String>,
    /// Allowed clock skew.
    pub leeway: Span,
    /// Account data that access tokens contain.
    pub claims: Vec<ClaimName>,
    /// Additional claims of access tokens with fixed values: text, numbers, booleans.
    pub extra_claims: Map<String, Value>,
    /// Name of the claim that contains the account number.
    pub user_id_claim: String,
    /// Accepted schemes of the `Authorization` header.
    pub auth_header_types: Vec<String>,
    /// Whether a login updates the last-login time of its account.
    pub update_last_login: bool,
}

/// What happens to a refresh token when it is used: `tokens.rotate_refresh_tokens` and `tokens.blacklist_after_rotation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotationPolicy {
    /// A refresh issues a successor and blacklists the token (the default).
    SingleUse,
    /// A refresh issues a successor, and the token stays valid.
    KeepOld,
    /// A refresh returns the same refresh token.
    NoRotation,
}

impl Default for TokensConfig {
    fn default() -> Self {
        Self {
            access_lifetime: Span::minutes(30),
            refresh_lifetime: Span::days(30),
            session_lifetime: Span::days(90),
            transport: Transport::default(),
            rotate_refresh_tokens: true,
            blacklist_after_rotation: true,
            reuse_grace: Span::seconds(10),
            recover_lost_answer: true,
            sessions_per_account: 50,
            revocation_max_lag: Span::seconds(5),
            algorithm: Algorithm::Hs256,
            signing_key: None,
            signing_key_file: None,
            issuer: None,
            audience: Vec::new(),
            leeway: Span::seconds(0),
            claims: vec![ClaimName::Email, ClaimName::Role],
            extra_claims: Map::new(),
            user_id_claim: "user_seq".to_owned(),
            auth_header_types: vec!["Bearer".to_owned()],
            update_last_login: true,
        }
    }
}

/// The signing algorithm: HMAC (RFC 7518 section 3.2), with a key shared by all instances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Algorithm {
    /// HMAC with SHA-256.
    #[default]
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

impl Algorithm {
    /// The `alg` value (RFC 7518 section 3.1).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    /// The minimum key length: the size of the hash (RFC 7518 section 3.2).
    #[must_use]
    pub fn min_key_bytes(self) -> usize {
        match self {
            Self::Hs256 => 32,
            Self::Hs384 => 48,
            Self::Hs512 => 64,
        }
    }
}

impl FromStr for Algorithm {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let wrong = match text {
            "HS256" => return Ok(Self::Hs256),
            "HS384" => return Ok(Self::Hs384),
            "HS512" => return Ok(Self::Hs512),
            _ if text.eq_ignore_ascii_case("none") => "`none` would accept unsigned tokens",
            "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" | "ES256" | "ES384"
            | "ES512" | "EdDSA" => "public-key algorithms are not supported",
            _ => "unknown algorithm",
        };
        Err(InvalidValue(format!(
            "{wrong}: give `HS256`, `HS384` or `HS512`"
        )))
    }
}

impl<'de> Deserialize<'de> for Algorithm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer)
    }
}

/// Account data that an access token can contain. It is left out if the account does not have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClaimName {
    /// E-mail address.
    Email,
    /// Role of an internal user.
    Role,
    /// The name of an internal user.
    Name,
    /// Username of an external client.
    Username,
}

impl ClaimName {
    /// The name of the claim.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Role => "role",
            Self::Name => "name",
            Self::Username => "username",
        }
    }
}

/// Names that neither `extra_claims` nor `user_id_claim` may use.
const RESERVED: &[&str] = &[
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "sid",
    "token_type",
    "user_type",
    "email",
    "role",
    "name",
    "username",
];

impl TokensConfig {
    /// What happens to a refresh token when it is used.
    #[must_use]
    pub fn rotation_policy(&self) -> RotationPolicy {
        match (self.rotate_refresh_tokens, self.blacklist_after_rotation) {
            (true, true) => RotationPolicy::SingleUse,
            (true, false) => RotationPolicy::KeepOld,
            (false, _) => RotationPolicy::NoRotation,
        }
    }

    pub(super) fn check(&self, database: &Database, checks: &mut Checks) {
        self.check_lifetimes(checks);
        self.check_key(database, checks);
        self.check_claims(checks);
        self.check_header_types(checks);
        if self
            .audience
            .iter()
            .any(|audience| audience.trim().is_empty())
        {
            checks.refuse(
                "tokens.audience",
                "contains an empty value: give for example `[\"api.example.org\"]`",
            );
        }
    }

    fn check_lifetimes(&self, checks: &mut Checks) {
        for (key, span) in [
            ("tokens.access_lifetime", self.access_lifetime),
            ("tokens.refresh_lifetime", self.refresh_lifetime),
            ("tokens.session_lifetime", self.session_lifetime),
            ("tokens.leeway", self.leeway),
        ] {
            if !span.is_whole_seconds() {
                checks.refuse(
                    key,
                    format!("`{span}` is not a whole number of seconds: give whole seconds"),
                );
            }
        }
        check_ranges!(checks, "tokens", self, {
            access_lifetime: Span::seconds(1)..=MAX_ACCESS_LIFETIME,
            leeway: Span::seconds(0)..=MAX_LEEWAY,
            reuse_grace: Span::seconds(0)..=Span::minutes(1),
            sessions_per_account: 1..=10_000,
            revocation_max_lag: Span::seconds(2)..=Span::minutes(1),
            session_lifetime: Span::seconds(2)..=Span::days(3_650),
        });
        if self.refresh_lifetime <= self.access_lifetime {
            checks.refuse(
                "tokens.refresh_lifetime",
                format!(
                    "`{}` is not longer than `tokens.access_lifetime` ({}): give a longer time, for example `30d`",
                    self.refresh_lifetime, self.access_lifetime
                ),
            );
        }
        checks.not_shorter(
            "tokens.session_lifetime",
            self.session_lifetime,
            "tokens.refresh_lifetime",
            self.refresh_lifetime,
        );
    }

    fn check_key(&self, database: &Database, checks: &mut Checks) {
        let Some(key) = &self.signing_key else {
            if self.signing_key_file.is_none() && matches!(database, Database::Postgres(_)) {
                checks.refuse(
                    "tokens.signing_key",
                    "required on Postgres, where all instances must use the same key: add `signing_key = \"…\"` under \
                     `[tokens]` with the output of `openssl rand -base64 48`, or set `signing_key_file`",
                );
            }
            return;
        };
        let (bytes, least) = (key.reveal().len(), self.algorithm.min_key_bytes());
        if bytes < least {
            checks.refuse(
                "tokens.signing_key",
                format!(
                    "{bytes} bytes are too few for {}: give at least {least} random bytes, \
                     for example from `openssl rand -base64 {}`",
                    self.algorithm.as_str(),
                    least + 16
                ),
            );
        }
        if self.signing_key_file.is_some() {
            checks.refuse(
                "tokens.signing_key_file",
                "`tokens.signing_key` is also set: give only one of the two",
            );
        }
    }

    fn check_claims(&self, checks: &mut Checks) {
        let id = self.user_id_claim.as_str();
        if RESERVED.contains(&id) {
            checks.refuse(
                "tokens.user_id_claim",
                format!("`{id}` is a reserved claim: give another name, for example `user_seq`"),
            );
        } else if !(1..=64).contains(&id.len())
            || !id
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_:/.-".contains(c))
        {
            checks.refuse(
                "tokens.user_id_claim",
                "not a claim name: give 1 to 64 of the characters A-Z a-z 0-9 _ : / . -, for example `user_seq`",
            );
        }
        for (name, value) in &self.extra_claims {
            let key = format!("tokens.extra_claims.{name}");
            if name.is_empty() {
                checks.refuse(&key, "the name of the claim is empty: give a name");
            } else if name == id || RESERVED.contains(&name.as_str()) {
                checks.refuse(&key, "reserved claim: give the claim another name");
            } else if !is_scalar(value) {
                checks.refuse(
                    &key,
                    "not a single value: give text, a number, `true` or `false`",
                );
            }
        }
    }

    fn check_header_types(&self, checks: &mut Checks) {
        let count = self.auth_header_types.len();
        if !(1..=8).contains(&count) {
            checks.refuse(
                "tokens.auth_header_types",
                format!("contains {count} schemes: give 1 to 8, for example `[\"Bearer\"]`"),
            );
        }
        if !self.auth_header_types.iter().all(|scheme| is_token(scheme)) {
            checks.refuse(
                "tokens.auth_header_types",
                "contains a scheme that is not a token (RFC 9110 section 5.6.2): give for example `[\"Bearer\"]`",
            );
        }
    }
}

/// Whether the value is text, a boolean, or a number that TOML can represent.
fn is_scalar(value: &Value) -> bool {
    match value {
        Value::String(_) | Value::Bool(_) => true,
        Value::Number(number) => number.is_i64() || number.is_f64(),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

/// Whether the text is a `token` (RFC 9110 section 5.6.2).
fn is_token(text: &str) -> bool {
    let is_token_char = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !text.is_empty() && text.chars().all(is_token_char)
}
