//! Issues and verifies JWTs.

use std::{sync::Arc, time::Duration};

use jsonwebtoken::{Header, Validation};
use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::config::{ClaimName, TokensConfig};
use crate::domain::account::Account;
use crate::domain::principal::Principal;
use crate::domain::session::{Jti, SessionId};
use crate::tokens::cache::VerifiedTokens;
use crate::tokens::claims::{Claims, TokenType};
use crate::tokens::error::{TokenDefect, TokenError, defect_from_library, json_object};
use crate::tokens::keys::{SigningKey, algorithm};

/// A new token.
#[derive(Clone)]
pub struct Issued {
    /// The token, in the JWS compact form (RFC 7515 section 7.1).
    pub token: String,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// Maximum length of a token in bytes. Longer tokens are rejected without decoding; issued tokens are much shorter.
pub const MAX_LENGTH: usize = 16 * 1024;

/// Issues and verifies tokens with one key, one algorithm and the settings of `[tokens]`.
pub struct Tokens {
    key: SigningKey,
    header: Header,
    validation: Validation,
    settings: TokensConfig,
    verified: VerifiedTokens,
}

impl Tokens {
    /// The key must be long enough for `settings.algorithm`; the configuration checks it.
    #[must_use]
    pub fn new(settings: TokensConfig, key: SigningKey) -> Self {
        let algorithm = algorithm(settings.algorithm);
        let mut header = Header::new(algorithm);
        header.kid = Some(key.id().to_owned());
        // The library verifies signature and algorithm. `Claims` checks the claims.
        let mut validation = Validation::new(algorithm);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        Self {
            key,
            header,
            validation,
            settings,
            verified: VerifiedTokens::default(),
        }
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &TokensConfig {
        &self.settings
    }

    /// The signing key.
    #[must_use]
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// When an access token issued now expires: not later than the refresh token of its session.
    #[must_use]
    pub fn access_expiry(&self, now: Timestamp, refresh_expires_at: Timestamp) -> Timestamp {
        (now.whole_seconds() + self.settings.access_lifetime.get()).min(refresh_expires_at)
    }

    /// When a refresh token issued now expires, unless its session ends earlier.
    #[must_use]
    pub fn refresh_expiry(&self, now: Timestamp) -> Timestamp {
        now.whole_seconds() + self.settings.refresh_lifetime.get()
    }

    /// When a session started now ends at the latest.
    #[must_use]
    pub fn session_expiry(&self, now: Timestamp) -> Timestamp {
        now.whole_seconds() + self.settings.session_lifetime.get()
    }

    /// Issues an access token. `account` must be current, because its e-mail and role become claims.
    ///
    /// # Errors
    /// [`TokenError::Invalid`] if signing fails, which does not happen with a valid key.
    pub fn issue_access(
        &self,
        account: &Account,
        session: &SessionId,
        jti: &Jti,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Issued, TokenError> {
        let times = (now, expires_at);
        let mut claims = self.base(TokenType::Access, account.principal, session, jti, times);
        for name in &self.settings.claims {
            let value = match name {
                ClaimName::Email => account.email.clone(),
                ClaimName::Role => account.role.map(|role| role.as_str().to_owned()),
                ClaimName::Name => Some(account.name.clone()),
                ClaimName::Username => account.username.clone(),
            };
            if let Some(value) = value {
                claims.insert(name.as_str().into(), value.into());
            }
        }
        claims.extend(self.settings.extra_claims.clone());
        self.sign(&claims, expires_at)
    }

    /// Issues a refresh token. It contains no account data.
    ///
    /// # Errors
    /// As [`Tokens::issue_access`].
    pub fn issue_refresh(
        &self,
        account: &Account,
        session: &SessionId,
        jti: &Jti,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Issued, TokenError> {
        let claims = self.refresh_claims(account.principal, session, jti, now, expires_at);
        self.sign(&claims, expires_at)
    }

    /// The claims of a refresh token.
    #[must_use]
    pub fn refresh_claims(
        &self,
        owner: Principal,
        session: &SessionId,
        jti: &Jti,
        issued_at: Timestamp,
        expires_at: Timestamp,
    ) -> Map<String, Value> {
        let times = (issued_at, expires_at);
        self.base(TokenType::Refresh, owner, session, jti, times)
    }

    /// Verifies a token. `expected` is the required type; `None` accepts both.
    ///
    /// # Errors
    /// The first problem found: signature and format, then claims, then times.
    pub fn read(
        &self,
        token: &str,
        expected: Option<TokenType>,
        now: Timestamp,
    ) -> Result<Claims, TokenError> {
        Ok(self.examine(token, expected, now)?)
    }

    /// Like [`Tokens::read`] for access tokens, with a cache of verified tokens. The times are checked at each call.
    ///
    /// # Errors
    /// As [`Tokens::read`].
    pub fn read_access(&self, token: &str, now: Timestamp) -> Result<Arc<Claims>, TokenError> {
        if let Some(claims) = self.verified.find(token) {
            claims.check_times(now, self.leeway())?;
            return Ok(claims);
        }
        let claims = Arc::new(self.read(token, Some(TokenType::Access), now)?);
        self.verified.insert(token, &claims);
        Ok(claims)
    }

    /// Like [`Tokens::read`], with the exact problem. For administrators; API clients get a [`TokenError`].
    ///
    /// # Errors
    /// As [`Tokens::read`].
    pub fn examine(
        &self,
        token: &str,
        expected: Option<TokenType>,
        now: Timestamp,
    ) -> Result<Claims, TokenDefect> {
        if token.len() > MAX_LENGTH {
            return Err(TokenDefect::TooLong);
        }
        let data = jsonwebtoken::decode::<Map<String, Value>>(
            token,
            self.key.decoding(),
            &self.validation,
        )
        .map_err(|error| defect_from_library(token, self.header.alg, &error))?;
        let header = data.header;
        if header.crit.is_some() {
            return Err(TokenDefect::Unsupported("crit"));
        }
        if !header.typ.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT")) {
            return Err(TokenDefect::Unsupported("typ"));
        }
        if header.kid.is_some_and(|kid| kid != self.key.id()) {
            return Err(TokenDefect::Key);
        }
        let claims = Claims::parse(data.claims, &self.settings)?;
        if expected.is_some_and(|expected| expected != claims.token_type) {
            return Err(TokenDefect::Type);
        }
        claims.check_times(now, self.leeway())?;
        Ok(claims)
    }

    /// The allowed clock skew.
    #[must_use]
    pub fn leeway(&self) -> Duration {
        self.settings.leeway.get()
    }

    fn base(
        &self,
        token_type: TokenType,
        principal: Principal,
        session: &SessionId,
        jti: &Jti,
        (issued_at, expires_at): (Timestamp, Timestamp),
    ) -> Map<String, Value> {
        let mut claims = Map::new();
        claims.insert("token_type".into(), token_type.as_str().into());
        claims.insert("exp".into(), expires_at.unix_seconds().into());
        claims.insert("iat".into(), issued_at.unix_seconds().into());
        claims.insert("jti".into(), jti.as_str().into());
        claims.insert("sid".into(), session.as_str().into());
        claims.insert("sub".into(), principal.to_string().into());
        claims.insert("user_type".into(), principal.user_type.as_str().into());
        claims.insert(
            self.settings.user_id_claim.clone(),
            principal.user_seq.get().into(),
        );
        if let Some(issuer) = &self.settings.issuer {
            claims.insert("iss".into(), issuer.as_str().into());
        }
        match self.settings.audience.as_slice() {
            [] => {}
            [one] => drop(claims.insert("aud".into(), one.as_str().into())),
            many => drop(claims.insert("aud".into(), many.into())),
        }
        claims
    }

    fn sign(
        &self,
        claims: &Map<String, Value>,
        expires_at: Timestamp,
    ) -> Result<Issued, TokenError> {
        jsonwebtoken::encode(&self.header, claims, self.key.encoding())
            .map(|token| Issued { token, expires_at })
            .map_err(|_| TokenError::Invalid)
    }
}

/// Decodes header and claims **without verifying anything**, for display. `None` if it is not a token.
#[must_use]
pub fn unverified_parts(token: &str) -> Option<(Map<String, Value>, Map<String, Value>)> {
    let (header, claims) = readable_parts(token);
    Some((header?, claims?))
}

/// The header or the claims of a token.
pub type Part = Map<String, Value>;

/// Like [`unverified_parts`], but each part is decoded independently, for damaged tokens.
#[must_use]
pub fn readable_parts(token: &str) -> (Option<Part>, Option<Part>) {
    let mut parts = token.split('.').map(json_object);
    let header = parts.next().flatten();
    (header, parts.next().flatten())
}
