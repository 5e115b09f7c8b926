//! Tokens that Django signed. They are accepted for accounts that were imported, unless they were issued before the account
//! logged out everywhere or changed its password. A refresh token gets a session when it is first exchanged
//! (`django_adoption`); from then on it is a refresh token like any other, with rotation and reuse detection.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::config::UserIdField;
use crate::domain::account::Account;
use crate::domain::principal::{Principal, UserType};
use crate::domain::session::SessionId;
use crate::services::account_lookup::find_account;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::store::django_tokens::{self, Imported};
use crate::store::{Db, blacklisted_tokens, sessions};
use crate::tokens::{Claims, DjangoClaims, TokenError, TokenType};

/// The account of an access token of Django, and the id of a session that does not exist unless it is a sliding token that was
/// exchanged. `None` if Django did not sign the token. The database is queried.
pub(super) async fn authenticate(
    services: &Services,
    token: &str,
) -> Option<Result<(Arc<Account>, SessionId), Error>> {
    let claims = match examine(services, token)? {
        Ok(claims) => claims,
        Err(error) => return Some(Err(error)),
    };
    let is_access = match claims.token_type {
        TokenType::Access => true,
        TokenType::Sliding => services.config.simplejwt.sliding,
        TokenType::Refresh => false,
    };
    if !is_access {
        return Some(Err(TokenError::Invalid.into()));
    }
    let account = account_of(services, &claims).await;
    // Of a sliding token.
    let account = account.map_err(|error| match error {
        Error::TokenBlacklisted => Error::SessionRevoked,
        error => error,
    });
    Some(account.map(|account| (Arc::new(account), claims.session())))
}

/// Verifies a token of Django of any type. `None` if Django did not sign it.
pub(super) async fn verify(services: &Services, token: &str) -> Option<Result<Claims, Error>> {
    let claims = match examine(services, token)? {
        Ok(claims) => claims,
        Err(error) => return Some(Err(error)),
    };
    let account = account_of(services, &claims).await;
    let settings = services.tokens.settings();
    Some(account.map(|account| {
        let claims = DjangoClaims::clone(&claims);
        claims.into_claims(account.principal, settings)
    }))
}

/// The claims of a token of Django. `None` if Django did not sign it.
fn examine(services: &Services, token: &str) -> Option<Result<Arc<DjangoClaims>, Error>> {
    let examined = services
        .tokens
        .examine_django(token, services.clock.now())?;
    Some(examined.map_err(|defect| TokenError::from(defect).into()))
}

/// The account of a token that is accepted now.
async fn account_of(services: &Services, claims: &Arc<DjangoClaims>) -> Result<Account, Error> {
    let (rules, claims) = (Rules::of(services), Arc::clone(claims));
    let store = &services.store;
    store
        .read(move |connection| rules.check(connection, &claims))
        .await
}

/// Which tokens of Django are accepted.
#[derive(Clone, Copy)]
pub(crate) struct Rules {
    user_id_field: UserIdField,
    /// Whether tokens are accepted that were not imported.
    pub(super) accept_unbooked: bool,
}

impl Rules {
    pub(crate) fn of(services: &Services) -> Self {
        Self {
            user_id_field: services.config.simplejwt.user_id_field,
            accept_unbooked: services.config.django.accept_unbooked,
        }
    }

    /// The account that a token names. Clients are named by their numbers, or else by their external ids.
    pub(crate) fn find_owner(
        self,
        connection: &mut Db,
        claims: &DjangoClaims,
    ) -> Result<Principal, Error> {
        let found = match (claims.user_type, claims.user_seq()) {
            (UserType::Client, None) => {
                django_tokens::find_client_by_external_id(connection, &claims.user)?
            }
            (UserType::Client, number) => number,
            (UserType::User, number) if self.user_id_field == UserIdField::UserSeq => number,
            (UserType::User, _) => {
                django_tokens::find_user(connection, self.user_id_field, &claims.user)?
            }
        };
        let user_seq = found.ok_or(Error::TokenUserNotFound)?;
        Ok(Principal::new(claims.user_type, user_seq))
    }

    /// When a refresh token was exchanged and its session began; `None` if it was not.
    pub(crate) fn check_token(
        self,
        connection: &mut Db,
        claims: &DjangoClaims,
        owner: Principal,
    ) -> Result<Option<Timestamp>, Error> {
        let is_exchanged = match django_tokens::find(connection, &claims.jti)? {
            Some(row) if row.owner() != owner => return Err(TokenError::Invalid.into()),
            Some(row) if row.blacklisted_at.is_some() => return Err(Error::TokenBlacklisted),
            Some(row) if row.session_id.is_none() => return Ok(None),
            row => row.is_some(),
        };
        // Also without a row: it was deleted when the token expired.
        match sessions::find_by_id(connection, &claims.session())? {
            Some(session) => Ok(Some(session.created_at)),
            None if self.accept_unbooked && !is_exchanged => Ok(None),
            None => Err(Error::SessionRevoked),
        }
    }

    /// The account of a token that is accepted now.
    pub(crate) fn check(
        self,
        connection: &mut Db,
        claims: &DjangoClaims,
    ) -> Result<Account, Error> {
        let owner = self.find_owner(connection, claims)?;
        let mut exchanged_at = None;
        if claims.token_type != TokenType::Access {
            exchanged_at = self.check_token(connection, claims, owner)?;
        }
        if let Some(at) = exchanged_at
            && claims.token_type == TokenType::Refresh
            && blacklisted_tokens::contains(connection, &DjangoClaims::key(&claims.jti, at))?
        {
            return Err(Error::TokenBlacklisted);
        }
        let mut imported = django_tokens::find_imported(connection, owner)?;
        if exchanged_at.is_some() {
            // A log-out ends the session itself.
            imported = imported.map(Imported::without_limit);
        }
        let account = live_account(connection, claims, owner, imported)?;
        if exchanged_at.is_some() {
            let session = claims.session();
            let found = sessions::find_account_and_session(connection, owner, &session)?;
            let state = found.and_then(|(_, state)| state);
            if state.is_none_or(|state| state.ended) {
                return Err(Error::SessionRevoked);
            }
        }
        Ok(account)
    }
}

/// The account of a token, if it came from Django, is active, and neither logged out everywhere nor, with
/// `django.revoke_token_claim`, changed its password since.
pub(super) fn live_account(
    connection: &mut Db,
    claims: &DjangoClaims,
    owner: Principal,
    imported: Option<Imported>,
) -> Result<Account, Error> {
    // An account that was made here may have the number of another one that was made in Django later.
    let imported = imported.ok_or(Error::TokenUserNotFound)?;
    let account = find_account(connection, owner)?.ok_or(Error::TokenUserNotFound)?;
    if !account.is_active {
        return Err(Error::UserInactive);
    }
    if imported.not_before.is_some_and(|at| claims.issued_at <= at) {
        return Err(Error::SessionRevoked);
    }
    if let Some(digest) = &claims.password_digest
        && imported.password_digest().as_ref() != Some(digest)
    {
        return Err(Error::SessionRevoked);
    }
    Ok(account)
}
