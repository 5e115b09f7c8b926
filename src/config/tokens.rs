//! `[tokens]`: what tokens say, how long they live and what signs them. Signing and reading them is the tokens room's.

use std::{path::PathBuf, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::config::{
    browsers::Transport,
    database::Database,
    error::Checks,
    values::{InvalidValue, Secret, Span, parsed},
};

/// The greatest leeway that can be configured. The flush keeps what has expired for as long, so that raising the leeway
/// never makes a refused token good again.
pub const MAX_LEEWAY: Span = Span::minutes(5);

/// The longest life that an access token can be given.
pub const MAX_ACCESS_LIFETIME: Span = Span::days(1);

/// What tokens say, how long they live, and what signs them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting of its own, as in SimpleJWT"
)]
pub struct TokensConfig {
    /// How long an access token is valid.
    pub access_lifetime: Span,
    /// How long a refresh token is valid: the idle end of a login.
    pub refresh_lifetime: Span,
    /// How long a login lasts however often it is refreshed.
    pub session_lifetime: Span,
    /// Which way refresh tokens travel.
    pub transport: Transport,
    /// Whether a refresh answers with a new refresh token.
    pub rotate_refresh_tokens: bool,
    /// Whether a refresh token that was replaced is void.
    pub blacklist_after_rotation: bool,
    /// How long a refresh token that was replaced still gets the same successor; zero: not at all.
    pub reuse_grace: Span,
    /// Whether a replaced refresh token gets its successor even later, as long as nothing that came with it was used.
    pub recover_lost_answer: bool,
    /// How many sessions of an account live at once; one more ends the one used longest ago.
    pub sessions_per_account: u32,
    /// How old the news of revocations may be before the database is asked at every call.
    pub revocation_max_lag: Span,
    /// The one algorithm that signs and is accepted.
    pub algorithm: Algorithm,
    /// The key; the bytes of this text are it.
    pub signing_key: Option<Secret>,
    /// The file that holds the key; see [`crate::config::Config::signing_key_file`] for what `None` means.
    pub signing_key_file: Option<PathBuf>,
    /// The `iss` of every token, then required.
    pub issuer: Option<String>,
    /// The `aud` of every token; when not empty, one of them is required.
    pub audience: Vec<String>,
    /// How far other clocks may be off.
    pub leeway: Span,
    /// What an access token says of its account.
    pub claims: Vec<ClaimName>,
    /// Claims of fixed value in every access token: text, numbers, true or false.
    pub extra_claims: Map<String, Value>,
    /// The name of the claim that holds the account's number.
    pub user_id_claim: String,
    /// The schemes accepted in the `Authorization` header.
    pub auth_header_types: Vec<String>,
    /// Whether a login is noted on its account.
    pub update_last_login: bool,
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
            recover_lost_answer: false,
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

/// How tokens are signed: HMAC (RFC 7518 section 3.2) with one key that munjigi alone, or its instances, hold.
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
    /// The name in a token's header.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    /// The least length of a key: that of the hash (RFC 7518 section 3.2).
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
            _ if text.eq_ignore_ascii_case("none") => {
                "`none` would accept tokens that nobody signed"
            }
            "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" | "ES256" | "ES384"
            | "ES512" | "EdDSA" => {
                "algorithms with a public key are not supported: munjigi checks its own tokens"
            }
            _ => "not an algorithm that munjigi signs with",
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

/// What an access token can say of its account, when the account has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClaimName {
    /// The e-mail address.
    Email,
    /// The role of an internal user.
    Role,
    /// The name of an internal user.
    Name,
    /// The username of an external client.
    Username,
}

impl ClaimName {
    /// The claim's name in a token.
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

/// The claims that munjigi writes itself: neither an extra claim nor `user_id_claim` may take their names.
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
                "one of the names is empty: give each a name, for example `[\"api.example.org\"]`",
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
                    format!("`{span}` has a fraction of a second, which token times cannot hold: give whole seconds"),
                );
            }
        }
        checks.within(
            "tokens.access_lifetime",
            &self.access_lifetime,
            Span::seconds(1)..=MAX_ACCESS_LIFETIME,
        );
        checks.within("tokens.leeway", &self.leeway, Span::seconds(0)..=MAX_LEEWAY);
        checks.within(
            "tokens.reuse_grace",
            &self.reuse_grace,
            Span::seconds(0)..=Span::minutes(1),
        );
        checks.within(
            "tokens.sessions_per_account",
            &self.sessions_per_account,
            1..=10_000,
        );
        checks.within(
            "tokens.revocation_max_lag",
            &self.revocation_max_lag,
            Span::seconds(2)..=Span::minutes(1),
        );
        checks.within(
            "tokens.session_lifetime",
            &self.session_lifetime,
            Span::seconds(2)..=Span::days(3_650),
        );
        if self.refresh_lifetime <= self.access_lifetime {
            checks.refuse(
                "tokens.refresh_lifetime",
                format!(
                    "`{}` is not longer than `tokens.access_lifetime` ({}): give more, for example `30d`",
                    self.refresh_lifetime, self.access_lifetime
                ),
            );
        }
        if self.session_lifetime < self.refresh_lifetime {
            checks.refuse(
                "tokens.session_lifetime",
                format!(
                    "`{}` is shorter than `tokens.refresh_lifetime` ({}): give at least as much",
                    self.session_lifetime, self.refresh_lifetime
                ),
            );
        }
    }

    fn check_key(&self, database: &Database, checks: &mut Checks) {
        let Some(key) = &self.signing_key else {
            if self.signing_key_file.is_none() && matches!(database, Database::Postgres(_)) {
                checks.refuse(
                    "tokens.signing_key",
                    "on Postgres all instances must share one key: add `signing_key = \"…\"` under `[tokens]` with the \
                     output of `openssl rand -base64 48`, or name a file that holds it with `signing_key_file`",
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
                "`tokens.signing_key` is set too, and only one key can sign: give one of the two",
            );
        }
    }

    fn check_claims(&self, checks: &mut Checks) {
        let id = self.user_id_claim.as_str();
        if RESERVED.contains(&id) {
            checks.refuse(
                "tokens.user_id_claim",
                format!("`{id}` is a claim of another meaning: give a name of its own, for example `user_seq`"),
            );
        } else if !(1..=64).contains(&id.len())
            || !id
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_:/.-".contains(c))
        {
            checks.refuse(
                "tokens.user_id_claim",
                "not a claim's name: give 1 to 64 of the characters A-Z a-z 0-9 _ : / . -, for example `user_seq`",
            );
        }
        for (name, value) in &self.extra_claims {
            let key = format!("tokens.extra_claims.{name}");
            if name.is_empty() {
                checks.refuse(&key, "a claim has no name: give it one");
            } else if name == id || RESERVED.contains(&name.as_str()) {
                checks.refuse(
                    &key,
                    "munjigi writes this claim itself: give the fixed one another name",
                );
            } else if !is_scalar(value) {
                checks.refuse(
                    &key,
                    "not a fixed value: give text, a number, `true` or `false`",
                );
            }
        }
    }

    fn check_header_types(&self, checks: &mut Checks) {
        let count = self.auth_header_types.len();
        if !(1..=8).contains(&count) {
            checks.refuse(
                "tokens.auth_header_types",
                format!("{count} schemes are listed: give 1 to 8, for example `[\"Bearer\"]`"),
            );
        }
        if !self.auth_header_types.iter().all(|scheme| is_token(scheme)) {
            checks.refuse(
                "tokens.auth_header_types",
                "a scheme is one word of letters, digits and marks such as `-` (RFC 9110): give for example `[\"Bearer\"]`",
            );
        }
    }
}

/// Text, a truth value, or a number that TOML can hold too.
fn is_scalar(value: &Value) -> bool {
    match value {
        Value::String(_) | Value::Bool(_) => true,
        Value::Number(number) => number.is_i64() || number.is_f64(),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

/// A `token` as RFC 9110 section 5.6.2 defines it.
fn is_token(text: &str) -> bool {
    let is_token_char = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !text.is_empty() && text.chars().all(is_token_char)
}
