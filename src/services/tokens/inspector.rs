//! Inspecting a pasted token: its contents, and whether the API would accept it now. Nothing is changed, stored or
//! logged.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::config::RotationPolicy;
use crate::domain::account::Account;
use crate::domain::principal::Principal;
use crate::domain::session::{Jti, RevocationReason};
use crate::services::auth::django::Rules;
use crate::services::auth::reuse::is_unused;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::service::access;
use crate::services::tokens::owner::Owner;
use crate::store::{Db, StoreError, blacklisted_tokens, outstanding_tokens, sessions};
use crate::tokens::{Claims, TokenDefect, TokenType, readable_parts};

/// The result of an inspection.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The header, if it is readable.
    pub header: Option<Map<String, Value>>,
    /// The claims, if they are readable. They are not trustworthy unless the signature is valid.
    pub claims: Option<Map<String, Value>>,
    /// Whether the token would be accepted now.
    pub acceptance: Acceptance,
    /// The account that it was issued to, if the token is authentic.
    pub owner: Option<Owner>,
    /// The id of the token, if it is an outstanding refresh token.
    pub outstanding: Option<Jti>,
}

/// Whether a token would be accepted now, and if not why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// It would be accepted.
    Accepted(TokenType),
    /// The token itself is invalid.
    Invalid(TokenDefect),
    /// Its account does not exist.
    NoAccount,
    /// Its account is inactive.
    Inactive,
    /// It is blacklisted: since when, and why.
    Blacklisted(Timestamp, RevocationReason),
    /// It was used at the first time, and can be retried until the second.
    InGracePeriod(Timestamp, Timestamp),
    /// It was used at this time, and can be retried while neither its successor nor its access token is used.
    AnswerLost(Timestamp),
    /// Its session was ended: when, and why.
    SessionEnded(Timestamp, RevocationReason),
    /// Its session has reached its absolute end: when.
    SessionOver(Timestamp),
    /// Its session does not exist.
    NoSession,
    /// It is an access token of a service: whether it is valid.
    OfService(bool),
    /// Django signed it.
    OfDjango(OfDjango),
}

/// A token that Django signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfDjango {
    /// It would be accepted as an access token.
    Accepted,
    /// It can be exchanged for tokens of this server.
    Exchangeable,
    /// It was exchanged, or logged out.
    Exchanged,
    /// Django blacklisted it.
    Blacklisted,
    /// It was not imported, or is older than a log-out from everywhere.
    NotAccepted,
}

impl Acceptance {
    /// Whether the token would be accepted.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        matches!(
            self,
            Self::Accepted(_)
                | Self::OfService(true)
                | Self::OfDjango(OfDjango::Accepted | OfDjango::Exchangeable)
        )
    }
}

/// Inspects a token.
///
/// # Errors
/// The store's.
pub async fn inspect(services: &Services, token: &str) -> Result<Inspection, Error> {
    let now = services.clock.now();
    let (header, claims) = readable_parts(token);
    let read = match services.tokens.examine(token, None, now) {
        Ok(read) => read,
        Err(defect) => {
            let (owner, outstanding) = issued_to(services, token, &defect).await?;
            let acceptance = match defect {
                TokenDefect::OfService => of_service(services, token).await?,
                defect if defect.is_of_another_key() => {
                    of_django(services, token, defect, now).await?
                }
                defect => Acceptance::Invalid(defect),
            };
            return Ok(Inspection {
                header,
                claims,
                acceptance,
                owner,
                outstanding,
            });
        }
    };
    let settings = services.tokens.settings();
    let is_single_use = settings.rotation_policy() == RotationPolicy::SingleUse;
    let grace = is_single_use.then(|| settings.reuse_grace.get());
    let recovers = is_single_use && settings.recover_lost_answer;
    let (acceptance, owner, outstanding) = services
        .store
        .read(move |connection| check(connection, &read, grace, recovers, now))
        .await?;
    Ok(Inspection {
        header,
        claims,
        acceptance,
        owner: Some(owner),
        outstanding,
    })
}

/// The account of an authentic token that is not valid now, and its id if it is an outstanding refresh token.
async fn issued_to(
    services: &Services,
    token: &str,
    defect: &TokenDefect,
) -> Result<(Option<Owner>, Option<Jti>), Error> {
    let valid_at = match defect {
        TokenDefect::Expired(at) => *at - Duration::from_secs(1),
        TokenDefect::NotYetValid(at) => *at,
        _ => return Ok((None, None)),
    };
    let Ok(claims) = services.tokens.examine(token, None, valid_at) else {
        return Ok((None, None));
    };
    let found = services
        .store
        .read(move |connection| {
            let (principal, session) = (claims.principal, &claims.session);
            let found = sessions::find_account_and_session(connection, principal, session)?;
            let account = found.as_ref().map(|(account, _)| account);
            let outstanding = outstanding(connection, &claims)?;
            Ok::<_, StoreError>((Some(owner(principal, account)), outstanding))
        })
        .await?;
    Ok(found)
}

/// The id of a token, if it is an outstanding refresh token.
fn outstanding(connection: &mut Db, claims: &Claims) -> Result<Option<Jti>, StoreError> {
    let is_outstanding = claims.token_type == TokenType::Refresh
        && outstanding_tokens::find(connection, &claims.jti)?.is_some();
    Ok(is_outstanding.then(|| claims.jti.clone()))
}

/// The account of a token; without names if it does not exist.
fn owner(principal: Principal, account: Option<&Account>) -> Owner {
    Owner {
        principal,
        login: account.map(|account| account.login().to_owned()),
        name: account.map_or_else(String::new, |account| account.name.clone()),
    }
}

async fn of_service(services: &Services, token: &str) -> Result<Acceptance, Error> {
    match access::verify(services, token).await {
        Ok(_) => Ok(Acceptance::OfService(true)),
        Err(error) if error.is_refused_token() => Ok(Acceptance::OfService(false)),
        Err(error) => Err(error),
    }
}

/// The acceptance of a token that another key signed: perhaps that of Django.
async fn of_django(
    services: &Services,
    token: &str,
    defect: TokenDefect,
    now: Timestamp,
) -> Result<Acceptance, Error> {
    let claims = match services.tokens.examine_django(token, now) {
        None => return Ok(Acceptance::Invalid(defect)),
        Some(Err(defect)) => return Ok(Acceptance::Invalid(defect)),
        Some(Ok(claims)) => claims,
    };
    let (rules, token_type) = (Rules::of(services), claims.token_type);
    let policy = services.tokens.settings().rotation_policy();
    let checked = services
        .store
        .read(move |connection| {
            let owner = rules.find_owner(connection, &claims)?;
            let of_token = rules.check_token(connection, &claims, owner);
            // Without rotation an exchanged token can be exchanged again.
            let is_exchanged = token_type != TokenType::Access
                && policy == RotationPolicy::SingleUse
                && matches!(of_token, Ok(Some(_)));
            rules.check(connection, &claims).map(|_| is_exchanged)
        })
        .await;
    Ok(match checked {
        Ok(_) if token_type == TokenType::Access => Acceptance::OfDjango(OfDjango::Accepted),
        Ok(false) => Acceptance::OfDjango(OfDjango::Exchangeable),
        Ok(true) => Acceptance::OfDjango(OfDjango::Exchanged),
        Err(Error::TokenUserNotFound) => Acceptance::NoAccount,
        Err(Error::UserInactive) => Acceptance::Inactive,
        Err(Error::TokenBlacklisted) => Acceptance::OfDjango(OfDjango::Blacklisted),
        Err(error) if error.is_refused_token() => Acceptance::OfDjango(OfDjango::NotAccepted),
        Err(error) => return Err(error),
    })
}

/// Checks an authentic token, in the order in which an access token is verified
/// ([`crate::services::auth::bearer::authenticate`]) or a refresh token is exchanged
/// ([`crate::services::auth::refresh::refresh`]).
fn check(
    connection: &mut Db,
    claims: &Claims,
    grace: Option<Duration>,
    recovers: bool,
    now: Timestamp,
) -> Result<(Acceptance, Owner, Option<Jti>), Error> {
    let is_refresh = claims.token_type == TokenType::Refresh;
    let outstanding = outstanding(connection, claims)?;
    let found = sessions::find_account_and_session(connection, claims.principal, &claims.session)?;
    let account = found.as_ref().map(|(account, _)| account);
    let owner = owner(claims.principal, account);
    let acceptance = match &found {
        None => Acceptance::NoAccount,
        Some((account, _)) if !account.is_active => Acceptance::Inactive,
        Some((_, state)) => match blacklisting(connection, claims)? {
            Some((RevocationReason::Rotated, at))
                if state.is_some_and(|state| !state.ended)
                    && grace.is_some_and(|grace| !grace.is_zero() && now <= at + grace) =>
            {
                Acceptance::InGracePeriod(at, at + grace.unwrap_or_default())
            }
            Some((RevocationReason::Rotated, at))
                if recovers
                    && state.is_some_and(|state| !state.ended)
                    && is_answer_lost(connection, claims)? =>
            {
                Acceptance::AnswerLost(at)
            }
            Some((reason, at)) => Acceptance::Blacklisted(at, reason),
            None => match state {
                None => Acceptance::NoSession,
                Some(state) if state.ended => ended(connection, claims)?,
                Some(state) if is_refresh && state.absolute_expires_at <= now => {
                    Acceptance::SessionOver(state.absolute_expires_at)
                }
                Some(_) => Acceptance::Accepted(claims.token_type),
            },
        },
    };
    Ok((acceptance, owner, outstanding))
}

/// Whether neither the successor of a used token nor its access token was used.
fn is_answer_lost(connection: &mut Db, claims: &Claims) -> Result<bool, StoreError> {
    let used = blacklisted_tokens::find(connection, &claims.jti)?;
    let successor = used.and_then(|used| used.successor);
    let session = sessions::find_by_id(connection, &claims.session)?;
    let both = successor.zip(session);
    Ok(both.is_some_and(|(successor, session)| is_unused(&successor, &session)))
}

/// Only refresh tokens are blacklisted.
fn blacklisting(
    connection: &mut Db,
    claims: &Claims,
) -> Result<Option<(RevocationReason, Timestamp)>, StoreError> {
    match claims.token_type {
        TokenType::Access | TokenType::Sliding => Ok(None),
        TokenType::Refresh => Ok(blacklisted_tokens::find(connection, &claims.jti)?
            .map(|blacklisting| (blacklisting.reason, blacklisting.at))),
    }
}

fn ended(connection: &mut Db, claims: &Claims) -> Result<Acceptance, StoreError> {
    let session = sessions::find_by_id(connection, &claims.session)?;
    let end = session.and_then(|session| session.ended_at.zip(session.end_reason));
    Ok(end.map_or(Acceptance::NoSession, |(at, reason)| {
        Acceptance::SessionEnded(at, reason)
    }))
}
