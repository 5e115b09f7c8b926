//! `[tokens]`: claims, lifetimes, rotation and the signing keys.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::config::algorithm::Algorithm;
use crate::config::browsers::Transport;
use crate::config::error::{Checks, check_ranges};
use crate::config::server::ServerConfig;
use crate::config::values::Span;
use crate::domain::account_claims::{is_claim_name, is_reserved};

/// The maximum leeway. The flush keeps expired rows for this time, so that raising the leeway never makes a revoked token
/// valid again.
pub const MAX_LEEWAY: Span = Span::minutes(5);

/// The maximum lifetime of an access token.
pub const MAX_ACCESS_LIFETIME: Span = Span::days(1);

/// The minimum and the maximum lifetime of a session.
pub(super) const MIN_SESSION_LIFETIME: Span = Span::seconds(2);
pub(super) const MAX_SESSION_LIFETIME: Span = Span::days(3_650);

/// Claims, lifetimes, rotation and the signing keys.
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
    /// Whether access tokens refer to a status list, which tells other services what was revoked.
    pub status_list: bool,
    /// How long other services may use a status list before they get it again.
    pub status_list_ttl: Span,
    /// Which standard access tokens follow.
    pub profile: TokenProfile,
    /// The algorithm of the first signing key, and of those that the rotation makes.
    pub algorithm: Algorithm,
    /// Files with signing keys, instead of those in the database: the first signs, all verify.
    pub keys: Vec<PathBuf>,
    /// How often the signing key is replaced by a new one. Zero: never.
    pub rotate_keys_every: Span,
    /// How long services that check tokens may keep the public keys.
    pub jwks_max_age: Span,
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
    /// The request header with the access token.
    pub auth_header_name: String,
    /// Accepted schemes of that header.
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
            status_list: false,
            status_list_ttl: Span::seconds(10),
            profile: TokenProfile::Rfc9068,
            algorithm: Algorithm::Hs256,
            keys: Vec::new(),
            rotate_keys_every: Span::seconds(0),
            jwks_max_age: Span::minutes(15),
            issuer: None,
            audience: Vec::new(),
            leeway: Span::seconds(0),
            claims: vec![ClaimName::Email, ClaimName::Role],
            extra_claims: Map::new(),
            user_id_claim: "user_seq".to_owned(),
            auth_header_name: "Authorization".to_owned(),
            auth_header_types: vec!["Bearer".to_owned()],
            update_last_login: true,
        }
    }
}

/// Which standard access tokens follow. Tokens of both are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenProfile {
    /// RFC 9068: `typ` is `at+jwt`; there is a `client_id`, and an `iss` if the issuer is known.
    Rfc9068,
    /// `typ` is `JWT`, and no claim is added.
    Classic,
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
    /// The claims of the account's own, which administrators set, under their own names.
    Account,
}

impl ClaimName {
    /// The name in the setting, and of the claim except for [`ClaimName::Account`].
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Role => "role",
            Self::Name => "name",
            Self::Username => "username",
            Self::Account => "account",
        }
    }
}

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

    pub(super) fn check(&self, checks: &mut Checks) {
        self.check_lifetimes(checks);
        self.check_rotation(checks);
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

    /// The list's address is part of each token.
    pub(super) fn check_status_list(&self, server: &ServerConfig, checks: &mut Checks) {
        if self.status_list && server.public_url.is_none() {
            checks.refuse(
                "tokens.status_list",
                "requires `server.public_url`, because tokens contain the address of the list: \
                 set it, for example to `https://auth.example.org`",
            );
        }
    }

    fn check_lifetimes(&self, checks: &mut Checks) {
        for (key, span) in [
            ("tokens.access_lifetime", self.access_lifetime),
            ("tokens.refresh_lifetime", self.refresh_lifetime),
            ("tokens.session_lifetime", self.session_lifetime),
            ("tokens.leeway", self.leeway),
            ("tokens.status_list_ttl", self.status_list_ttl),
        ] {
            checks.whole_seconds(key, span);
        }
        check_ranges!(checks, "tokens", self, {
            access_lifetime: Span::seconds(1)..=MAX_ACCESS_LIFETIME,
            leeway: Span::seconds(0)..=MAX_LEEWAY,
            reuse_grace: Span::seconds(0)..=Span::minutes(1),
            sessions_per_account: 1..=10_000,
            status_list_ttl: Span::seconds(1)..=Span::minutes(1),
            revocation_max_lag: Span::seconds(2)..=Span::minutes(1),
            session_lifetime: MIN_SESSION_LIFETIME..=MAX_SESSION_LIFETIME,
            jwks_max_age: Span::seconds(0)..=Span::days(1),
        });
        checks.longer(
            ("tokens.refresh_lifetime", self.refresh_lifetime),
            ("tokens.access_lifetime", self.access_lifetime),
        );
        checks.not_shorter(
            "tokens.session_lifetime",
            self.session_lifetime,
            "tokens.refresh_lifetime",
            self.refresh_lifetime,
        );
    }

    fn check_rotation(&self, checks: &mut Checks) {
        let every = self.rotate_keys_every;
        let is_used = !every.get().is_zero();
        if is_used {
            checks.within(
                "tokens.rotate_keys_every",
                &every,
                Span::hours(1)..=Span::days(3_650),
            );
            checks.not_shorter(
                "tokens.rotate_keys_every",
                every,
                "tokens.jwks_max_age",
                self.jwks_max_age,
            );
        }
        if is_used && !self.keys.is_empty() {
            checks.refuse(
                "tokens.rotate_keys_every",
                "the keys are files (`tokens.keys`), which munjigi does not replace: remove one of the two settings",
            );
        }
    }

    fn check_claims(&self, checks: &mut Checks) {
        let id = self.user_id_claim.as_str();
        if is_reserved(id) {
            checks.refuse(
                "tokens.user_id_claim",
                format!("`{id}` is a reserved claim: give another name, for example `user_seq`"),
            );
        } else if !is_claim_name(id) {
            checks.refuse(
                "tokens.user_id_claim",
                "not a claim name: give 1 to 64 of the characters A-Z a-z 0-9 _ : / . -, for example `user_seq`",
            );
        }
        for (name, value) in &self.extra_claims {
            let key = format!("tokens.extra_claims.{name}");
            if name.is_empty() {
                checks.refuse(&key, "the name of the claim is empty: give a name");
            } else if name == id || is_reserved(name) {
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
        if !is_token(&self.auth_header_name) {
            checks.refuse(
                "tokens.auth_header_name",
                "not the name of a header (RFC 9110 section 5.1): give for example `Authorization`",
            );
        }
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
