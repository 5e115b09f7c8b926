//! What a token is: its claims, the key that signs it, how it is made and how it is read. Pure computation: no database,
//! no clock of its own. Whether a token that reads well is still accepted (blacklist, session, account) is a matter of
//! the services.

mod claims;
mod fault;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod keys;
mod recent;
mod strength;

use std::{sync::Arc, time::Duration};

use jsonwebtoken::{Header, Validation};
use serde_json::{Map, Value};

use crate::{
    clock::Timestamp,
    config::{ClaimName, TokensConfig},
    domain::{
        account::Account,
        principal::Principal,
        session::{Jti, SessionId},
    },
    tokens::recent::Recent,
};

pub use crate::tokens::claims::{Claims, TokenType};
pub use crate::tokens::fault::TokenDefect;
pub use crate::tokens::keys::{KeyError, SigningKey, algorithm};
pub use crate::tokens::strength::{KeyStrength, Weakness};

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Malformed, not signed by our key and algorithm, of another type than is used here, or with odd claims.
    #[error("the token is invalid")]
    Invalid,
    /// It says nothing about whose it is.
    #[error("the token does not name an account")]
    NoPrincipal,
    /// It names a population that does not exist. The name is not repeated.
    #[error("the token names an unknown user type")]
    UnknownUserType,
    /// Its time has passed.
    #[error("the token has expired")]
    Expired,
}

/// A token that was just made.
#[derive(Clone)]
pub struct Issued {
    /// The token, in the JWS compact form (RFC 7515 section 7.1).
    pub token: String,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// Longer than any token of ours by far; what is longer need not be decoded to be refused.
pub const MAX_LENGTH: usize = 16 * 1024;

/// Makes and reads tokens by one key, one algorithm and the settings of `[tokens]`.
pub struct Tokens {
    key: SigningKey,
    header: Header,
    validation: Validation,
    settings: TokensConfig,
    recent: Recent,
}

impl Tokens {
    /// A maker and reader of tokens.
    #[must_use]
    pub fn new(settings: TokensConfig, key: SigningKey) -> Self {
        let algorithm = algorithm(settings.algorithm);
        let mut header = Header::new(algorithm);
        header.kid = Some(key.id().to_owned());
        // The library checks the signature and the algorithm; the claims are checked by ours, against our clock.
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
            recent: Recent::default(),
        }
    }

    /// The settings these tokens are made by.
    #[must_use]
    pub fn settings(&self) -> &TokensConfig {
        &self.settings
    }

    /// The key, for what else is derived from it.
    #[must_use]
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// When an access token issued now expires: never after its session's refresh token.
    #[must_use]
    pub fn access_expiry(&self, now: Timestamp, refresh_expires_at: Timestamp) -> Timestamp {
        (now.whole_seconds() + self.settings.access_lifetime.get()).min(refresh_expires_at)
    }

    /// When a refresh token issued now expires, if its session's absolute end does not come first.
    #[must_use]
    pub fn refresh_expiry(&self, now: Timestamp) -> Timestamp {
        now.whole_seconds() + self.settings.refresh_lifetime.get()
    }

    /// When a session begun now ends, however often it is refreshed.
    #[must_use]
    pub fn session_expiry(&self, now: Timestamp) -> Timestamp {
        now.whole_seconds() + self.settings.session_lifetime.get()
    }

    /// Makes an access token. `account` must be the row as it is now: its e-mail and role go into the claims.
    ///
    /// # Errors
    /// [`TokenError::Invalid`] when the library cannot sign, which a checked key does not let happen.
    pub fn issue_access(
        &self,
        account: &Account,
        session: &SessionId,
        jti: &Jti,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Issued, TokenError> {
        let mut claims = self.base(
            TokenType::Access,
            account.principal,
            session,
            jti,
            now,
            expires_at,
        );
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
        for (name, value) in &self.settings.extra_claims {
            claims.insert(name.clone(), value.clone());
        }
        self.sign(&claims, expires_at)
    }

    /// Makes a refresh token with the id under which it is booked. It carries nothing of the row.
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

    /// What a refresh token holds that was issued at `issued_at`. It carries nothing of its account's row.
    #[must_use]
    pub fn refresh_claims(
        &self,
        owner: Principal,
        session: &SessionId,
        jti: &Jti,
        issued_at: Timestamp,
        expires_at: Timestamp,
    ) -> Map<String, Value> {
        self.base(
            TokenType::Refresh,
            owner,
            session,
            jti,
            issued_at,
            expires_at,
        )
    }

    /// Reads a token that must be of type `expected`, or of either type where that is `None`.
    ///
    /// # Errors
    /// The first reason to refuse it: signature and form before claims, claims before time.
    pub fn read(
        &self,
        token: &str,
        expected: Option<TokenType>,
        now: Timestamp,
    ) -> Result<Claims, TokenError> {
        Ok(self.examine(token, expected, now)?)
    }

    /// Reads an access token, as [`Tokens::read`] does. One that was read lately is not taken apart again; whether its time
    /// has come and not passed is looked at each time.
    ///
    /// # Errors
    /// As [`Tokens::read`].
    pub fn read_access(&self, token: &str, now: Timestamp) -> Result<Arc<Claims>, TokenError> {
        if let Some(claims) = self.recent.find(token) {
            claims
                .check_times(now, self.leeway())
                .map_err(TokenError::from)?;
            return Ok(claims);
        }
        let claims = Arc::new(self.read(token, Some(TokenType::Access), now)?);
        self.recent.keep(token, &claims);
        Ok(claims)
    }

    /// The same, and why exactly it is refused: for a person who looks into a token, not for whoever presents one.
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
        .map_err(|error| fault::of_library(token, self.header.alg, &error))?;
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

    /// How much clocks may differ.
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
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Map<String, Value> {
        let mut claims = Map::new();
        claims.insert("token_type".into(), token_type.as_str().into());
        claims.insert("exp".into(), expires_at.unix_seconds().into());
        claims.insert("iat".into(), now.unix_seconds().into());
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

/// Header and claims of a token as they stand in it, for a person to look at. **Nothing is checked**, least of all the
/// signature. `None`: it is no token.
#[must_use]
pub fn unverified_parts(token: &str) -> Option<(Map<String, Value>, Map<String, Value>)> {
    let (header, claims) = readable_parts(token);
    Some((header?, claims?))
}

/// A header or the claims of a token: a JSON object.
pub type Part = Map<String, Value>;

/// The same, each part for itself: what can be read of a token that is damaged.
#[must_use]
pub fn readable_parts(token: &str) -> (Option<Part>, Option<Part>) {
    let mut parts = token.split('.').map(fault::object);
    let header = parts.next().flatten();
    (header, parts.next().flatten())
}
