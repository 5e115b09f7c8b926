//! `[django]`: the key with which Django signed the tokens that are still in use after a move from SimpleJWT.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::algorithm::{Algorithm, KeyKind};
use crate::config::error::Checks;
use crate::config::values::Secret;
use crate::domain::account_claims::is_claim_name;

/// The key of Django. It verifies tokens and never signs any.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DjangoConfig {
    /// `SIGNING_KEY` of SimpleJWT, by default the `SECRET_KEY` of Django.
    pub secret_key: Option<Secret>,
    /// A file with it.
    pub secret_key_file: Option<PathBuf>,
    /// `ALGORITHM` of SimpleJWT.
    pub algorithm: Algorithm,
    /// `ISSUER` of SimpleJWT. If set, tokens of Django without it are rejected.
    pub issuer: Option<String>,
    /// `AUDIENCE` of SimpleJWT. If not empty, tokens of Django must contain one of these values.
    pub audience: Vec<String>,
    /// `REVOKE_TOKEN_CLAIM` of SimpleJWT, if its `CHECK_REVOKE_TOKEN` is on. If set, tokens of Django are rejected in which this
    /// claim is not the digest of the password hash that was imported.
    pub revoke_token_claim: Option<String>,
    /// Accepts, once, refresh tokens whose ids were not imported.
    pub accept_unbooked: bool,
}

impl Default for DjangoConfig {
    fn default() -> Self {
        Self {
            secret_key: None,
            secret_key_file: None,
            algorithm: Algorithm::Hs256,
            issuer: None,
            audience: Vec::new(),
            revoke_token_claim: None,
            accept_unbooked: false,
        }
    }
}

impl DjangoConfig {
    /// Whether tokens of Django are accepted.
    #[must_use]
    pub fn has_key(&self) -> bool {
        self.secret_key.is_some() || self.secret_key_file.is_some()
    }

    pub(super) fn check(&self, checks: &mut Checks) {
        if self.secret_key.is_some() && self.secret_key_file.is_some() {
            checks.refuse(
                "django.secret_key_file",
                "the key is in `django.secret_key` already: remove one of the two settings",
            );
        }
        if self.algorithm.kind() != KeyKind::Secret {
            checks.refuse(
                "django.algorithm",
                "not an algorithm with a secret: give `HS256`, `HS384` or `HS512`",
            );
        }
        if self.audience.iter().any(|value| value.trim().is_empty()) {
            checks.refuse(
                "django.audience",
                "contains an empty value: give for example `[\"api.example.org\"]`",
            );
        }
        if self
            .revoke_token_claim
            .as_deref()
            .is_some_and(|name| !is_claim_name(name))
        {
            checks.refuse(
                "django.revoke_token_claim",
                "not the name of a claim: give for example `hash_password`",
            );
        }
        if self.accept_unbooked && !self.has_key() {
            checks.refuse(
                "django.accept_unbooked",
                "requires the key of Django: set `django.secret_key` or `django.secret_key_file`",
            );
        }
    }
}
