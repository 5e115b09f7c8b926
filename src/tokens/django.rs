//! Tokens that Django signed with djangorestframework-simplejwt, read by the rules of that library. Its key only verifies.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::config::{DjangoConfig, SimplejwtConfig, TokensConfig};
use crate::domain::principal::{Principal, TokenOwner, UserSeq, UserType};
use crate::domain::session::{Jti, SessionId};
use crate::tokens::cache::VerifiedTokens;
use crate::tokens::claims::{
    Claims, TokenType, check_issuer_and_audience, check_times, text, time,
};
use crate::tokens::error::TokenDefect;
use crate::tokens::verifying_key::VerifyingKey;

/// The key of Django, and the tokens that it verified.
pub struct DjangoKey {
    key: VerifyingKey,
    /// In bytes.
    pub(super) length: usize,
    issuer: Option<String>,
    audience: Vec<String>,
    revoke_token_claim: Option<String>,
    verified: VerifiedTokens<DjangoClaims>,
}

impl DjangoKey {
    /// A key from its text, without the whitespace around it.
    #[must_use]
    pub fn new(config: &DjangoConfig, secret: &[u8]) -> Self {
        Self {
            key: VerifyingKey::of_secret(config.algorithm, secret.trim_ascii()),
            length: secret.trim_ascii().len(),
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            revoke_token_claim: config.revoke_token_claim.clone(),
            verified: VerifiedTokens::default(),
        }
    }
}

/// The claims of a token with a valid signature of Django.
#[derive(Clone, Debug)]
pub struct DjangoClaims {
    /// `token_type`.
    pub token_type: TokenType,
    /// The population: `user_type`, or internal users without that claim.
    pub user_type: UserType,
    /// The value of the claim that identifies the user, as text.
    pub user: String,
    /// `jti`.
    pub jti: Jti,
    /// `exp`.
    pub expires_at: Timestamp,
    /// When a sliding token can be refreshed for the last time; of other tokens `exp`.
    pub refresh_until: Timestamp,
    /// `iat`, which SimpleJWT does not require.
    pub issued_at: Timestamp,
    /// The digest of the password hash at the time of issue, empty if the token has none; `None` unless it is checked.
    pub password_digest: Option<String>,
    start: Timestamp,
    all: Map<String, Value>,
}

impl DjangoClaims {
    fn parse(
        all: Map<String, Value>,
        key: &DjangoKey,
        names: &SimplejwtConfig,
    ) -> Result<Self, TokenDefect> {
        let wrong = |name: &str| TokenDefect::Claim(name.to_owned());
        check_issuer_and_audience(&all, key.issuer.as_deref(), &key.audience)?;
        let type_claim = &names.token_type_claim;
        let token_type = TokenType::from_word(text(&all, type_claim)?);
        let token_type = token_type.ok_or_else(|| wrong(type_claim))?;
        let user_type = match all.get("user_type") {
            None => UserType::User,
            Some(word) => word
                .as_str()
                .and_then(UserType::from_word)
                .ok_or(TokenDefect::UnknownUserType)?,
        };
        let id_claim = names.user_id_claim.as_deref();
        let id_claim = id_claim.unwrap_or(SimplejwtConfig::DEFAULT_ID_CLAIM);
        let user = match all.get(id_claim).or_else(|| all.get("user_seq")) {
            Some(Value::String(text)) if !text.is_empty() => text.clone(),
            Some(Value::Number(number)) if number.is_i64() => number.to_string(),
            None | Some(Value::Null) => return Err(TokenDefect::NoPrincipal),
            Some(_) => return Err(wrong(id_claim)),
        };
        let expires_at = time(&all, "exp")?.ok_or_else(|| wrong("exp"))?;
        let issued_at = time(&all, "iat")?.unwrap_or(Timestamp::EPOCH);
        let start = time(&all, "nbf")?.map_or(issued_at, |start| start.max(issued_at));
        let refresh_until = match token_type {
            TokenType::Sliding => time(&all, &names.refresh_exp_claim)?,
            TokenType::Access | TokenType::Refresh => None,
        };
        let password_digest = key.revoke_token_claim.as_ref().map(|claim| {
            let digest = all.get(claim).and_then(Value::as_str);
            digest.unwrap_or_default().to_owned()
        });
        Ok(Self {
            token_type,
            user_type,
            user,
            jti: Jti::parse(text(&all, &names.jti_claim)?).ok_or_else(|| wrong("jti"))?,
            expires_at,
            refresh_until: refresh_until.unwrap_or(expires_at),
            issued_at,
            password_digest,
            start,
            all,
        })
    }

    /// Checks the times, as [`check_times`].
    pub(super) fn check_times(&self, now: Timestamp, leeway: Duration) -> Result<(), TokenDefect> {
        check_times((self.start, self.expires_at), now, leeway)
    }

    /// The session that begins when the token is exchanged. It is computed from the id of the token, so that a token has one
    /// session however often it is presented.
    #[must_use]
    pub fn session(&self) -> SessionId {
        let text = format!("django:{}", self.jti);
        let hash = digest(&SHA256, text.as_bytes());
        let mut id = [0; 16];
        id.copy_from_slice(&hash.as_ref()[..16]);
        SessionId::from_bytes(id)
    }

    /// The id of the token with this `jti` in the tables of this server, whose lists are in the order of ids: the time of the
    /// exchange, and a hash of `jti`, which Django makes at random.
    #[must_use]
    pub fn key(jti: &Jti, at: Timestamp) -> Jti {
        let text = format!("django-token:{jti}");
        let hash = digest(&SHA256, text.as_bytes());
        let bound = Jti::lower_bound(at).bytes().unwrap_or_default();
        let mut id = [0; 16];
        id[..6].copy_from_slice(&bound[..6]);
        id[6..].copy_from_slice(&hash.as_ref()[..10]);
        // Before the ids of the same millisecond, which are of version 7: before its successor.
        id[6] &= 0x0f;
        Jti::from_bytes(id)
    }

    /// The number of the account, where the token names one.
    #[must_use]
    pub fn user_seq(&self) -> Option<UserSeq> {
        UserSeq::from_digits(&self.user)
    }

    /// The same as the claims of a token of this server. The claims that identify the account are added.
    #[must_use]
    pub fn into_claims(self, owner: Principal, settings: &TokensConfig) -> Claims {
        let session = self.session();
        let mut all = self.all;
        let of_account = [
            ("user_type", owner.user_type.as_str().into()),
            (settings.user_id_claim.as_str(), owner.user_seq.get().into()),
            ("sub", TokenOwner::from(owner).to_string().into()),
            ("sid", session.as_str().into()),
        ];
        for (name, value) in of_account {
            all.entry(name).or_insert(value);
        }
        Claims {
            token_type: self.token_type,
            principal: owner,
            jti: self.jti.clone(),
            django_jti: Some(self.jti),
            session,
            expires_at: self.expires_at,
            issued_at: self.issued_at,
            refresh_until: self.refresh_until,
            not_before: None,
            all,
        }
    }
}

impl DjangoKey {
    /// The claims of a token that this key signed; whether it is valid now is not checked. `None` for every other token.
    pub(super) fn read(
        &self,
        token: &str,
        names: &SimplejwtConfig,
    ) -> Option<Result<Arc<DjangoClaims>, TokenDefect>> {
        if let Some(claims) = self.verified.find(token) {
            return Some(Ok(claims));
        }
        let header = jsonwebtoken::decode_header(token).ok()?;
        let claims = self.key.decode(token).ok()?;
        if header.crit.is_some() {
            return Some(Err(TokenDefect::Unsupported("crit")));
        }
        let claims = DjangoClaims::parse(claims, self, names).map(Arc::new);
        if let Ok(claims) = &claims {
            self.verified.insert(token, claims);
        }
        Some(claims)
    }
}
