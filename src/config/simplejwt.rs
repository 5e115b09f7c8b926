//! `[simplejwt]`: the routes of djangorestframework-simplejwt, and claims that it reads.

use serde::{Deserialize, Serialize};

use crate::config::error::{Checks, check_ranges};
use crate::config::tokens::{MAX_ACCESS_LIFETIME, MAX_SESSION_LIFETIME, TokensConfig};
use crate::config::values::Span;
use crate::domain::account_claims::{is_claim_name, is_reserved};

/// The routes of SimpleJWT, and the names of claims in its tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SimplejwtConfig {
    /// Whether the routes are served.
    pub enabled: bool,
    /// The path below which they are.
    pub prefix: String,
    /// The field of a log-in with the username or e-mail address: `USERNAME_FIELD` of the user model.
    pub username_field: String,
    /// Whether sliding tokens are issued and accepted.
    pub sliding: bool,
    /// `SLIDING_TOKEN_LIFETIME`.
    pub sliding_lifetime: Span,
    /// `SLIDING_TOKEN_REFRESH_LIFETIME`.
    pub sliding_refresh_lifetime: Span,
    /// `USER_ID_CLAIM`: a further claim of the tokens of internal users. `None`: no claim is added, and tokens of Django
    /// are read with [`SimplejwtConfig::DEFAULT_ID_CLAIM`].
    pub user_id_claim: Option<String>,
    /// `USER_ID_FIELD`: what that claim contains.
    pub user_id_field: UserIdField,
    /// `TOKEN_TYPE_CLAIM`.
    pub token_type_claim: String,
    /// `JTI_CLAIM`.
    pub jti_claim: String,
    /// `SLIDING_TOKEN_REFRESH_EXP_CLAIM`.
    pub refresh_exp_claim: String,
}

/// What identifies an account in the tokens of SimpleJWT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserIdField {
    /// The account number, which is the primary key in Django.
    #[default]
    UserSeq,
    /// The external id.
    ExternalId,
    /// The username.
    Username,
    /// The e-mail address.
    Email,
}

impl Default for SimplejwtConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            prefix: "/api/token".to_owned(),
            username_field: "username".to_owned(),
            sliding: false,
            sliding_lifetime: Span::minutes(5),
            sliding_refresh_lifetime: Span::days(1),
            user_id_claim: None,
            user_id_field: UserIdField::UserSeq,
            token_type_claim: "token_type".to_owned(),
            jti_claim: "jti".to_owned(),
            refresh_exp_claim: "refresh_exp".to_owned(),
        }
    }
}

/// The first segments of paths that munjigi has routes below.
const RESERVED_SEGMENTS: &[&str] = &[
    ".well-known",
    "account",
    "admin",
    "clients",
    "docs",
    "favicon.ico",
    "healthz",
    "oauth",
    "openapi.json",
    "readyz",
    "static",
];
/// The same for the paths `/auth/…` and `/api/…`, where other names are free.
const RESERVED_BELOW: &[(&str, &[&str])] = &[
    (
        "api",
        &[
            "audit-events",
            "blacklist",
            "clients",
            "jobs",
            "keys",
            "locks",
            "me",
            "services",
            "sessions",
            "tokens",
            "users",
        ],
    ),
    (
        "auth",
        &[
            "email",
            "forward",
            "login",
            "logout",
            "logout-all",
            "password",
            "reauthenticate",
            "refresh",
            "second-factors",
            "sessions",
            "verify",
        ],
    ),
];

impl SimplejwtConfig {
    /// `USER_ID_CLAIM` by default.
    pub const DEFAULT_ID_CLAIM: &'static str = "user_id";

    /// The prefix without a slash at the end.
    #[must_use]
    pub fn path(&self) -> &str {
        self.prefix.trim_end_matches('/')
    }

    /// Whether a decoded path is that of a route, or below them. Several slashes count as one.
    #[must_use]
    pub fn contains(&self, path: &str) -> bool {
        let mut segments = path.split('/').filter(|segment| !segment.is_empty());
        self.enabled
            && self
                .path()
                .split('/')
                .skip(1)
                .all(|own| segments.next() == Some(own))
    }

    /// Whether the tokens of internal users have `USER_ID_CLAIM` in place of the usual value of `sub`.
    #[must_use]
    pub fn replaces_subject(&self) -> bool {
        self.user_id_claim.as_deref() == Some("sub")
    }

    /// The settings with the names of claims, and the names.
    pub fn claim_names(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let id = self.user_id_claim.as_deref();
        [
            ("simplejwt.token_type_claim", self.token_type_claim.as_str()),
            ("simplejwt.jti_claim", self.jti_claim.as_str()),
            (
                "simplejwt.refresh_exp_claim",
                self.refresh_exp_claim.as_str(),
            ),
        ]
        .into_iter()
        .chain(id.map(|id| ("simplejwt.user_id_claim", id)))
    }

    pub(super) fn check(&self, tokens: &TokensConfig, checks: &mut Checks) {
        self.check_prefix(checks);
        self.check_claims(tokens, checks);
        check_ranges!(checks, "simplejwt", self, {
            sliding_lifetime: Span::seconds(1)..=MAX_ACCESS_LIFETIME,
            sliding_refresh_lifetime: Span::seconds(2)..=MAX_SESSION_LIFETIME,
        });
        for (key, span) in [
            ("simplejwt.sliding_lifetime", self.sliding_lifetime),
            (
                "simplejwt.sliding_refresh_lifetime",
                self.sliding_refresh_lifetime,
            ),
        ] {
            checks.whole_seconds(key, span);
        }
        checks.longer(
            (
                "simplejwt.sliding_refresh_lifetime",
                self.sliding_refresh_lifetime,
            ),
            ("simplejwt.sliding_lifetime", self.sliding_lifetime),
        );
        let field = self.username_field.as_str();
        if !is_claim_name(field) || field == "password" {
            checks.refuse(
                "simplejwt.username_field",
                "not the name of a field: give `USERNAME_FIELD` of the user model, for example `username` or `email`",
            );
        }
    }

    fn check_prefix(&self, checks: &mut Checks) {
        let segments: Vec<_> = self.path().split('/').skip(1).collect();
        let is_plain = |segment: &&str| {
            let is_unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
            !segment.is_empty() && segment.bytes().all(is_unreserved)
        };
        if !self.prefix.starts_with('/') || segments.is_empty() || !segments.iter().all(is_plain) {
            checks.refuse(
                "simplejwt.prefix",
                "not a path: give segments of the characters A-Z a-z 0-9 - . _ ~, each after a slash, for example \
                 `/api/token`",
            );
        } else if collides(&segments) {
            checks.refuse(
                "simplejwt.prefix",
                "munjigi has routes of its own there: give another path, for example `/api/token`",
            );
        }
    }

    fn check_claims(&self, tokens: &TokensConfig, checks: &mut Checks) {
        // A claim of the standard or of munjigi, except that these two are its own.
        let is_free = |name: &str, own: &str| {
            let is_usable = name == own
                || (is_claim_name(name) && !is_reserved(name) && name != tokens.user_id_claim);
            is_usable && !tokens.extra_claims.contains_key(name)
        };
        let owns = ["token_type", "jti", "refresh_exp", "sub"];
        for ((key, name), own) in self.claim_names().zip(owns) {
            if is_free(name, own) {
                continue;
            }
            if own != "sub" {
                checks.refuse(
                    key,
                    format!(
                        "not a claim name, or the name of another claim: give for example `{own}`"
                    ),
                );
                continue;
            }
            checks.refuse(
                "simplejwt.user_id_claim",
                "not a claim name, or the name of another claim: give `USER_ID_CLAIM` of SimpleJWT, for example \
                 `user_id`, and set `tokens.user_id_claim` to another name",
            );
        }
        let mut all: Vec<&str> = self.claim_names().map(|(_, name)| name).collect();
        all.sort_unstable();
        if all.windows(2).any(|pair| pair[0] == pair[1]) {
            checks.refuse(
                "simplejwt.user_id_claim",
                "two claims have one name: give `simplejwt.user_id_claim`, `token_type_claim`, `jti_claim` and \
                 `refresh_exp_claim` different names",
            );
        }
    }
}

/// Whether munjigi has routes at this path or below it, or at one that a route of SimpleJWT would have.
fn collides(segments: &[&str]) -> bool {
    if RESERVED_SEGMENTS.contains(&segments[0]) {
        return true;
    }
    let below = RESERVED_BELOW
        .iter()
        .find(|(first, _)| *first == segments[0]);
    below.is_some_and(|(_, names)| match segments.get(1) {
        None => true,
        Some(second) => names.contains(second),
    })
}
