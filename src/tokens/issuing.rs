//! Issues tokens, and signs other documents.

use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::config::{ClaimName, TokenProfile, UserIdField};
use crate::domain::account::Account;
use crate::domain::account_claims::AccountClaims;
use crate::domain::principal::{Principal, TokenOwner, UserSeq, UserType};
use crate::domain::second_factor::Authentication;
use crate::domain::service::Scopes;
use crate::domain::session::{Jti, SessionId};
use crate::domain::status_index::StatusIndex;
use crate::tokens::claims::TokenType;
use crate::tokens::error::TokenError;
use crate::tokens::jwt::{ACCESS_TYP, TYP, Tokens};

/// A new token.
#[derive(Clone)]
pub struct Issued {
    /// The token, in the JWS compact form (RFC 7515 section 7.1).
    pub token: String,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// `client_id` of the tokens of users and clients: RFC 9068 requires one, but apps in which they log in are not registered.
const CLIENT_ID: &str = "munjigi";

/// The session that an access token belongs to.
pub struct TokenSession<'a> {
    /// Its id.
    pub id: &'a SessionId,
    /// Its place in the status lists.
    pub status: Option<StatusIndex>,
    /// When and how its owner proved who they are, if it is known.
    pub authentication: Option<&'a Authentication>,
}

/// The service that an access token is issued to.
pub struct TokenService<'a> {
    /// Its number.
    pub number: UserSeq,
    /// Its name, the claim `client_id`.
    pub name: &'a str,
    /// The claim `scope`.
    pub scopes: &'a Scopes,
}

impl Tokens {
    /// Issues an access token. `account` must be current, because its e-mail and role become claims.
    ///
    /// # Errors
    /// [`TokenError::Invalid`] if signing fails, which does not happen with a valid key.
    pub fn issue_access(
        &self,
        account: &Account,
        session: &TokenSession<'_>,
        jti: &Jti,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Issued, TokenError> {
        let times = (now, expires_at);
        let claims = self.account_claims(TokenType::Access, account, session, jti, times);
        self.sign_access(claims, expires_at)
    }

    /// Issues a sliding token of SimpleJWT: an access token with the id of a refresh token. It can be refreshed until
    /// `refresh_until`.
    ///
    /// # Errors
    /// As [`Tokens::issue_access`].
    pub fn issue_sliding(
        &self,
        account: &Account,
        session: &TokenSession<'_>,
        jti: &Jti,
        now: Timestamp,
        refresh_until: Timestamp,
    ) -> Result<Issued, TokenError> {
        let lifetime = self.simplejwt.sliding_lifetime.get();
        let expires_at = (now.whole_seconds() + lifetime).min(refresh_until);
        let times = (now, expires_at);
        let mut claims = self.account_claims(TokenType::Sliding, account, session, jti, times);
        let name = self.simplejwt.refresh_exp_claim.clone();
        claims.insert(name, refresh_until.unix_seconds().into());
        self.sign(TYP, &claims, expires_at)
    }

    fn account_claims(
        &self,
        token_type: TokenType,
        account: &Account,
        session: &TokenSession<'_>,
        jti: &Jti,
        times: (Timestamp, Timestamp),
    ) -> Map<String, Value> {
        let owner = account.principal.into();
        let mut claims = self.base(token_type, owner, Some(session.id), jti, times);
        if let Some(authentication) = session.authentication {
            let methods: Vec<&str> = authentication.methods().collect();
            claims.insert("auth_time".into(), authentication.at.unix_seconds().into());
            claims.insert("amr".into(), methods.into());
        }
        for name in &self.settings.claims {
            let value = match name {
                ClaimName::Email => account.email.clone(),
                ClaimName::Role => account.role.as_ref().map(|role| role.as_str().to_owned()),
                ClaimName::Name => Some(account.name.clone()),
                ClaimName::Username => account.username.clone(),
                ClaimName::Account => {
                    insert_own(&mut claims, account);
                    None
                }
            };
            if let Some(value) = value {
                claims.insert(name.as_str().into(), value.into());
            }
        }
        self.insert_user_id(&mut claims, account);
        if let Some((uris, index)) = self.status_lists.as_ref().zip(session.status) {
            claims.insert("status".into(), uris.claim(index));
        }
        claims.extend(self.settings.extra_claims.clone());
        claims
    }

    /// Inserts `USER_ID_CLAIM` of SimpleJWT, as text, if the account is an internal user that has the field. SimpleJWT would
    /// take a client for the user with the same number.
    fn insert_user_id(&self, claims: &mut Map<String, Value>, account: &Account) {
        let Some(name) = &self.simplejwt.user_id_claim else {
            return;
        };
        // Also that of a client: the account may have had the claim before it got this meaning.
        if !self.simplejwt.replaces_subject() {
            claims.remove(name);
        }
        let principal = account.principal;
        let value = match self.simplejwt.user_id_field {
            _ if principal.user_type != UserType::User => None,
            UserIdField::UserSeq => Some(principal.user_seq.to_string()),
            UserIdField::ExternalId => account.external_id.clone(),
            UserIdField::Username => account.username.clone(),
            UserIdField::Email => account.email.clone(),
        };
        if let Some(value) = value {
            claims.insert(name.clone(), value.into());
        }
    }

    /// Issues an access token to a service. It belongs to no session.
    ///
    /// # Errors
    /// As [`Tokens::issue_access`].
    pub fn issue_to_service(
        &self,
        service: &TokenService<'_>,
        jti: &Jti,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Issued, TokenError> {
        let owner = TokenOwner::Service(service.number);
        let mut claims = self.base(TokenType::Access, owner, None, jti, (now, expires_at));
        claims.insert("client_id".into(), service.name.into());
        if !service.scopes.is_empty() {
            claims.insert("scope".into(), service.scopes.as_str().into());
        }
        claims.extend(self.settings.extra_claims.clone());
        self.sign_access(claims, expires_at)
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
        self.sign(TYP, &claims, expires_at)
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
        self.base(TokenType::Refresh, owner.into(), Some(session), jti, times)
    }

    fn base(
        &self,
        token_type: TokenType,
        owner: TokenOwner,
        session: Option<&SessionId>,
        jti: &Jti,
        (issued_at, expires_at): (Timestamp, Timestamp),
    ) -> Map<String, Value> {
        let mut claims = Map::new();
        claims.insert("token_type".into(), token_type.as_str().into());
        claims.insert("exp".into(), expires_at.unix_seconds().into());
        claims.insert("iat".into(), issued_at.unix_seconds().into());
        claims.insert("jti".into(), jti.as_str().into());
        // The names that SimpleJWT reads, where they differ.
        let names = &self.simplejwt;
        if names.token_type_claim != "token_type" {
            claims.insert(names.token_type_claim.clone(), token_type.as_str().into());
        }
        if names.jti_claim != "jti" {
            claims.insert(names.jti_claim.clone(), jti.as_str().into());
        }
        if let Some(session) = session {
            claims.insert("sid".into(), session.as_str().into());
        }
        claims.insert("sub".into(), owner.to_string().into());
        claims.insert("user_type".into(), owner.user_type().into());
        let id_claim = self.settings.user_id_claim.clone();
        claims.insert(id_claim, owner.user_seq().get().into());
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

    /// Signs a document that is not a token, for services that verify tokens by themselves. `typ` is its type (RFC 7515 section
    /// 4.1.9); it must not be one of tokens, or the document could be presented as a token.
    ///
    /// # Errors
    /// As [`Tokens::issue_access`].
    pub fn sign_statement(
        &self,
        typ: &'static str,
        claims: &Map<String, Value>,
    ) -> Result<String, TokenError> {
        debug_assert!(![TYP, ACCESS_TYP].contains(&typ), "the type of a token");
        self.sign_document(typ, claims)
    }

    /// Signs an access token, in the profile of the settings.
    fn sign_access(
        &self,
        mut claims: Map<String, Value>,
        expires_at: Timestamp,
    ) -> Result<Issued, TokenError> {
        if self.settings.profile == TokenProfile::Classic {
            return self.sign(TYP, &claims, expires_at);
        }
        claims
            .entry("client_id")
            .or_insert_with(|| CLIENT_ID.into());
        if let Some(issuer) = &self.issuer {
            claims.insert("iss".into(), issuer.as_str().into());
        }
        self.sign(ACCESS_TYP, &claims, expires_at)
    }

    fn sign(
        &self,
        typ: &'static str,
        claims: &Map<String, Value>,
        expires_at: Timestamp,
    ) -> Result<Issued, TokenError> {
        let token = self.sign_document(typ, claims)?;
        Ok(Issued { token, expires_at })
    }
}

/// Inserts the claims of an account's own. None replaces a claim of the server, whatever names the settings give to those.
fn insert_own(claims: &mut Map<String, Value>, account: &Account) {
    let own = account.claims.as_ref().map(AccountClaims::to_map);
    for (name, value) in own.into_iter().flatten() {
        claims.entry(name).or_insert(value);
    }
}
