//! The keys and settings of tokens, and the verification of JWTs.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use jsonwebtoken::Header;
use serde_json::{Map, Value, json};

use crate::clock::Timestamp;
use crate::config::{Lifetimes, SimplejwtConfig, TokensConfig};
use crate::domain::principal::UserType;
use crate::tokens::cache::VerifiedTokens;
use crate::tokens::claims::{Claims, TokenType};
use crate::tokens::django::{DjangoClaims, DjangoKey};
use crate::tokens::error::{TokenDefect, TokenError, json_object, undecodable, unverified};
use crate::tokens::key_ring::KeyRing;
use crate::tokens::keys::SigningKey;
use crate::tokens::service_claims::ServiceClaims;
use crate::tokens::status_list::StatusListUris;
use crate::tokens::verifying_key::VerifyingKey;

/// Maximum length of a token in bytes. Longer tokens are rejected without decoding; issued tokens are much shorter.
pub const MAX_LENGTH: usize = 16 * 1024;

/// Issues and verifies tokens with the keys of this server and the settings of `[tokens]`.
pub struct Tokens {
    keys: ArcSwap<Keys>,
    pub(super) settings: TokensConfig,
    lifetimes: Lifetimes,
    /// `iss` of access tokens that follow RFC 9068. Only that of the settings is required when a token is verified.
    pub(super) issuer: Option<String>,
    pub(super) status_lists: Option<StatusListUris>,
    pub(super) simplejwt: SimplejwtConfig,
    pub(super) django: Option<DjangoKey>,
}

/// The keys, and the tokens that they verified. Other keys come with an empty cache, so a token of a removed key is never found
/// in it, even if it was being verified meanwhile.
struct Keys {
    ring: KeyRing,
    verified: VerifiedTokens<Claims>,
    verified_of_services: VerifiedTokens<ServiceClaims>,
}

impl From<KeyRing> for Keys {
    fn from(ring: KeyRing) -> Self {
        Self {
            ring,
            verified: VerifiedTokens::default(),
            verified_of_services: VerifiedTokens::default(),
        }
    }
}

impl Tokens {
    /// `keys` is a key ring or a single key.
    #[must_use]
    pub fn new(settings: TokensConfig, keys: impl Into<KeyRing>) -> Self {
        Self {
            keys: ArcSwap::from_pointee(keys.into().into()),
            lifetimes: Lifetimes::from(&settings),
            issuer: settings.issuer.clone(),
            status_lists: None,
            simplejwt: SimplejwtConfig::default(),
            django: None,
            settings,
        }
    }

    /// The same with an issuer for access tokens, which no token is required to have.
    #[must_use]
    pub fn issued_by(self, issuer: Option<&str>) -> Self {
        Self {
            issuer: issuer.map(str::to_owned),
            ..self
        }
    }

    /// The same with these claims and settings of SimpleJWT.
    #[must_use]
    pub fn with_simplejwt(self, simplejwt: SimplejwtConfig) -> Self {
        Self { simplejwt, ..self }
    }

    /// The same with a key of Django.
    #[must_use]
    pub fn with_django(self, django: Option<DjangoKey>) -> Self {
        Self { django, ..self }
    }

    /// Replaces the keys. Tokens of removed keys are rejected from now on.
    pub fn set_keys(&self, keys: KeyRing) {
        self.keys.store(Arc::new(keys.into()));
    }

    /// The same with a claim `status` in access tokens that refers to these lists.
    #[must_use]
    pub fn with_status_lists(self, uris: Option<StatusListUris>) -> Self {
        Self {
            status_lists: uris,
            ..self
        }
    }

    /// The addresses of the status lists; `None` if tokens do not refer to any.
    #[must_use]
    pub fn status_lists(&self) -> Option<&StatusListUris> {
        self.status_lists.as_ref()
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &TokensConfig {
        &self.settings
    }

    /// The key that signs now.
    #[must_use]
    pub fn key(&self) -> SigningKey {
        self.keys.load().ring.active().clone()
    }

    /// The id of the key that signs now.
    #[must_use]
    pub fn key_id(&self) -> String {
        self.keys.load().ring.active().id().to_owned()
    }

    /// Signs a document with the key that signs now.
    pub(super) fn sign_document(
        &self,
        typ: &'static str,
        claims: &Map<String, Value>,
    ) -> Result<String, TokenError> {
        self.keys.load().ring.active().sign(typ, claims)
    }

    /// The public keys that verify tokens, as a JSON Web Key Set (RFC 7517 section 5). Secrets are left out.
    #[must_use]
    pub fn public_keys(&self) -> Value {
        let keys = self.keys.load();
        let public = keys
            .ring
            .verifying()
            .iter()
            .filter_map(VerifyingKey::public_jwk);
        json!({"keys": public.collect::<Vec<_>>()})
    }

    /// The same with lifetimes of each population. Without them, those of the settings apply to users and clients.
    #[must_use]
    pub fn with_lifetimes(self, lifetimes: Lifetimes) -> Self {
        Self { lifetimes, ..self }
    }

    /// When an access token issued now expires: not later than the refresh token of its session.
    #[must_use]
    pub fn access_expiry(
        &self,
        user_type: UserType,
        now: Timestamp,
        refresh_expires_at: Timestamp,
    ) -> Timestamp {
        let lifetime = self.lifetimes.of(user_type).access;
        (now.whole_seconds() + lifetime).min(refresh_expires_at)
    }

    /// When the last token expires that is issued now and accepted as an access token: also a sliding token.
    #[must_use]
    pub fn last_access_expiry(
        &self,
        user_type: UserType,
        now: Timestamp,
        refresh_expires_at: Timestamp,
    ) -> Timestamp {
        let access = self.access_expiry(user_type, now, refresh_expires_at);
        if self.simplejwt.sliding {
            access.max(now.whole_seconds() + self.simplejwt.sliding_lifetime.get())
        } else {
            access
        }
    }

    /// When an access token issued to a service now expires.
    #[must_use]
    pub fn service_access_expiry(&self, now: Timestamp) -> Timestamp {
        now.whole_seconds() + self.lifetimes.service_access
    }

    /// When a refresh token issued now expires, unless its session ends earlier.
    #[must_use]
    pub fn refresh_expiry(&self, user_type: UserType, now: Timestamp) -> Timestamp {
        now.whole_seconds() + self.lifetimes.of(user_type).refresh
    }

    /// When a session started now ends at the latest.
    #[must_use]
    pub fn session_expiry(&self, user_type: UserType, now: Timestamp) -> Timestamp {
        now.whole_seconds() + self.lifetimes.of(user_type).session
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
        let keys = self.keys.load();
        if let Some(claims) = keys.verified.find(token) {
            claims.check_times(now, self.leeway())?;
            return Ok(claims);
        }
        let claims = self.examine_with(&keys.ring, token, Some(TokenType::Access), now)?;
        let claims = Arc::new(claims);
        keys.verified.insert(token, &claims);
        Ok(claims)
    }

    /// Verifies an access token of a service, with a cache as in [`Tokens::read_access`].
    ///
    /// # Errors
    /// As [`Tokens::read`]; [`TokenError::OtherOwner`] for a token of an account.
    pub fn read_of_service(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Arc<ServiceClaims>, TokenError> {
        let keys = self.keys.load();
        if let Some(claims) = keys.verified_of_services.find(token) {
            claims.check_times(now, self.leeway())?;
            return Ok(claims);
        }
        let (claims, _) = decode(&keys.ring, token)?;
        let claims = ServiceClaims::parse(claims, &self.settings)?;
        let claims = Arc::new(claims);
        claims.check_times(now, self.leeway())?;
        keys.verified_of_services.insert(token, &claims);
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
        self.examine_with(&self.keys.load().ring, token, expected, now)
    }

    fn examine_with(
        &self,
        ring: &KeyRing,
        token: &str,
        expected: Option<TokenType>,
        now: Timestamp,
    ) -> Result<Claims, TokenDefect> {
        let (claims, typ) = decode(ring, token)?;
        let claims = Claims::parse(claims, &self.settings, &self.simplejwt)?;
        if typ == Typ::Access && claims.token_type != TokenType::Access {
            return Err(TokenDefect::Unsupported("typ"));
        }
        // A sliding token is an access token too.
        let is_sliding = claims.token_type == TokenType::Sliding;
        let is_expected = match expected {
            Some(TokenType::Access) if is_sliding => self.simplejwt.sliding,
            Some(expected) => expected == claims.token_type,
            None => true,
        };
        if !is_expected {
            return Err(TokenDefect::Type);
        }
        claims.check_times(now, self.leeway())?;
        Ok(claims)
    }

    /// Whether there is a key of Django.
    #[must_use]
    pub fn has_django(&self) -> bool {
        self.django.is_some()
    }

    /// The length of the key of Django in bytes; `None` if there is none.
    #[must_use]
    pub fn django_key_length(&self) -> Option<usize> {
        self.django.as_ref().map(|key| key.length)
    }

    /// Verifies a token of Django, with a cache as in [`Tokens::read_access`]. `None` if there is no key of Django, or it did
    /// not sign the token.
    #[must_use]
    pub fn examine_django(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Option<Result<Arc<DjangoClaims>, TokenDefect>> {
        let key = self.django.as_ref().filter(|_| token.len() <= MAX_LENGTH)?;
        let read = key.read(token, &self.simplejwt)?;
        Some(read.and_then(|claims| {
            claims.check_times(now, self.leeway())?;
            Ok(claims)
        }))
    }

    /// The allowed clock skew.
    #[must_use]
    pub fn leeway(&self) -> Duration {
        self.settings.leeway.get()
    }
}

/// The `typ` of a token.
pub(super) const TYP: &str = "JWT";
/// The `typ` of an access token that follows RFC 9068 (section 2.1).
pub(super) const ACCESS_TYP: &str = "at+jwt";
/// The type of a token by its header.
#[derive(PartialEq, Eq)]
enum Typ {
    /// [`TYP`], or none.
    Any,
    /// [`ACCESS_TYP`].
    Access,
}

/// Verifies the signature and the header.
fn decode(ring: &KeyRing, token: &str) -> Result<(Map<String, Value>, Typ), TokenDefect> {
    if token.len() > MAX_LENGTH {
        return Err(TokenDefect::TooLong);
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| undecodable(token))?;
    let claims = verify(ring, &header, token)?;
    if header.crit.is_some() {
        return Err(TokenDefect::Unsupported("crit"));
    }
    let typ = match header.typ.as_deref() {
        Some(typ) if typ.eq_ignore_ascii_case(ACCESS_TYP) => Typ::Access,
        Some(typ) if !typ.eq_ignore_ascii_case(TYP) => return Err(TokenDefect::Unsupported("typ")),
        _ => Typ::Any,
    };
    Ok((claims, typ))
}

/// Verifies the signature. A token that names a key is verified with that key and no other. One that names none is tried with
/// the keys of its algorithm. The header only chooses among the keys of this server.
fn verify(ring: &KeyRing, header: &Header, token: &str) -> Result<Map<String, Value>, TokenDefect> {
    let other_algorithm = || TokenDefect::Algorithm(format!("{:?}", header.alg));
    if let Some(id) = &header.kid {
        let key = ring.find(id).ok_or(TokenDefect::Key)?;
        if !key.is_for(header.alg) {
            return Err(other_algorithm());
        }
        return key.decode(token).map_err(|_| unverified(token));
    }
    let mut keys = ring.of_algorithm(header.alg).peekable();
    if keys.peek().is_none() {
        return Err(other_algorithm());
    }
    keys.find_map(|key| key.decode(token).ok())
        .ok_or_else(|| unverified(token))
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
