//! Issuing an access token and a refresh token.

use crate::clock::Timestamp;
use crate::domain::account::Account;
use crate::domain::principal::Principal;
use crate::domain::second_factor::Authentication;
use crate::domain::session::{Jti, SessionId};
use crate::domain::status_index::StatusIndex;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::tokens::{Issued, TokenSession};

/// The tokens that a login or a refresh issues.
#[derive(Clone)]
pub struct TokenPair {
    /// The access token.
    pub access: Issued,
    /// The refresh token.
    pub refresh: Issued,
    /// The owner of both.
    pub account: Account,
    /// Their session.
    pub session: SessionId,
    /// The id of the refresh token.
    pub refresh_id: Jti,
    /// When they were issued.
    pub issued_at: Timestamp,
    /// When and how the owner proved who they are.
    pub authentication: Option<Authentication>,
}

/// The ids of tokens that are about to be issued.
///
/// The account is read after the ids were created: the transaction that reads it writes the refresh token's id. If the
/// account's access tokens are revoked in between, this access token is revoked too, and its outdated role is not
/// accepted.
#[derive(Clone)]
pub(super) struct TokenIds {
    pub(super) session: SessionId,
    pub(super) refresh: Jti,
    access: Jti,
    pub(super) now: Timestamp,
    /// The place of the session in the status lists.
    pub(super) status_index: Option<StatusIndex>,
    /// When and how the owner of the session proved who they are.
    authentication: Option<Authentication>,
}

impl TokenIds {
    /// For tokens of a session. `owner` is `None` if the account is not known yet; this is allowed only for client
    /// users, whose access tokens are never revoked separately from their session.
    pub(super) fn new(
        services: &Services,
        owner: Option<Principal>,
        session: SessionId,
        now: Timestamp,
    ) -> Self {
        let issue_time = owner.map_or(now, |owner| services.revocations.issue_time(owner, now));
        Self {
            session,
            refresh: Jti::new(now),
            access: Jti::new(issue_time),
            now,
            status_index: None,
            authentication: None,
        }
    }

    /// The same for a session with this place in the status lists.
    pub(super) fn at(self, status_index: Option<StatusIndex>) -> Self {
        Self {
            status_index,
            ..self
        }
    }

    /// The same for a session whose owner proved so who they are.
    pub(super) fn authenticated(self, authentication: Option<Authentication>) -> Self {
        Self {
            authentication,
            ..self
        }
    }

    /// The same with another refresh token.
    pub(super) fn with_refresh(self, refresh: Jti) -> Self {
        Self { refresh, ..self }
    }

    /// Issues an access token beside the refresh token, once the id of that is committed.
    pub(super) fn issue(
        &self,
        services: &Services,
        account: Account,
        refresh: Issued,
    ) -> Result<TokenPair, Error> {
        let (tokens, session, now) = (&services.tokens, &self.session, self.now);
        let user_type = account.principal.user_type;
        let expires_at = tokens.access_expiry(user_type, now, refresh.expires_at);
        services
            .revocations
            .insert_session(session, account.principal);
        let token_session = TokenSession {
            id: session,
            status: self.status_index,
            authentication: self.authentication.as_ref(),
        };
        let access =
            tokens.issue_access(&account, &token_session, &self.access, now, expires_at)?;
        Ok(TokenPair {
            access,
            refresh,
            account,
            session: session.clone(),
            refresh_id: self.refresh.clone(),
            issued_at: self.now,
            authentication: self.authentication.clone(),
        })
    }
}
