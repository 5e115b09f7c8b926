//! A look into a token that somebody pasted: what it holds, and whether the API would accept it now, without changing
//! anything. Nothing of it is stored, recorded or logged.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::{
    clock::Timestamp,
    domain::{
        account::Account,
        principal::Principal,
        session::{Jti, RevocationReason},
    },
    services::{bootstrap::Services, error::Error, tokens::refresh_tokens::Owner},
    store::{Db, StoreError, blacklisted_tokens, outstanding_tokens, sessions},
    tokens::{Claims, TokenDefect, TokenType, readable_parts},
};

/// What is found in a token.
#[derive(Clone, Debug)]
pub struct Findings {
    /// Its header as it stands there, where it can be read.
    pub header: Option<Map<String, Value>>,
    /// Its claims as they stand there, where they can be read. They are nobody's word where the signature is not ours.
    pub claims: Option<Map<String, Value>>,
    /// Whether it would be accepted now.
    pub verdict: Acceptance,
    /// The account that it was made for, where it is one of our tokens.
    pub owner: Option<Owner>,
    /// Its id, where it is a refresh token that is booked.
    pub booked: Option<Jti>,
}

/// Whether a token would be accepted now, and if not why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// It would be: for what it is good for.
    Accepted(TokenType),
    /// The token itself is refused.
    Faulty(TokenDefect),
    /// Its account does not exist (any more).
    NoAccount,
    /// Its account is inactive.
    Inactive,
    /// It was used, or revoked: when, and why.
    Blacklisted(Timestamp, RevocationReason),
    /// It was used at the one time, and until the other a repeat gets the same successor.
    Repeatable(Timestamp, Timestamp),
    /// Its session was ended: when, and why.
    SessionEnded(Timestamp, RevocationReason),
    /// Its session has reached its greatest age: when.
    SessionOver(Timestamp),
    /// Its session does not exist (any more).
    NoSession,
}

impl Acceptance {
    /// Whether it would be accepted.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted(_))
    }
}

/// Looks into a token.
///
/// # Errors
/// The store's.
pub async fn inspect(services: &Services, token: &str) -> Result<Findings, Error> {
    let now = services.clock.now();
    let (header, claims) = readable_parts(token);
    let read = match services.tokens.examine(token, None, now) {
        Ok(read) => read,
        Err(fault) => {
            return Ok(Findings {
                header,
                claims,
                verdict: Acceptance::Faulty(fault),
                owner: None,
                booked: None,
            });
        }
    };
    let settings = services.tokens.settings();
    let is_line = settings.rotate_refresh_tokens && settings.blacklist_after_rotation;
    let grace = is_line.then(|| settings.reuse_grace.get());
    let (verdict, owner, booked) = services
        .store
        .read(move |connection| look_at(connection, &read, grace, now))
        .await?;
    Ok(Findings {
        header,
        claims,
        verdict,
        owner: Some(owner),
        booked,
    })
}

type Looked = (Acceptance, Owner, Option<Jti>);

/// What the database says of a token that reads well: in the order in which an access token is accepted
/// ([`crate::services::auth::bearer::authenticate`]), or a refresh token used ([`crate::services::auth::refresh::refresh`]).
fn look_at(
    connection: &mut Db,
    claims: &Claims,
    grace: Option<Duration>,
    now: Timestamp,
) -> Result<Looked, Error> {
    let is_refresh = claims.token_type == TokenType::Refresh;
    let booked = is_refresh && outstanding_tokens::find(connection, &claims.jti)?.is_some();
    let found = sessions::find_account_and_session(connection, claims.principal, &claims.session)?;
    let owner = owner(claims.principal, found.as_ref().map(|(account, _)| account));
    let verdict = match &found {
        None => Acceptance::NoAccount,
        Some((account, _)) if !account.is_active => Acceptance::Inactive,
        Some((_, state)) => match blacklisting(connection, claims)? {
            Some((RevocationReason::Rotated, at))
                if state.is_some_and(|state| !state.ended)
                    && grace.is_some_and(|grace| !grace.is_zero() && now <= at + grace) =>
            {
                Acceptance::Repeatable(at, at + grace.unwrap_or_default())
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
    Ok((verdict, owner, booked.then(|| claims.jti.clone())))
}

/// Only refresh tokens are blacklisted.
fn blacklisting(
    connection: &mut Db,
    claims: &Claims,
) -> Result<Option<(RevocationReason, Timestamp)>, StoreError> {
    match claims.token_type {
        TokenType::Access => Ok(None),
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

fn owner(principal: Principal, account: Option<&Account>) -> Owner {
    Owner {
        principal,
        login: account.map(|account| account.login().to_owned()),
        name: account.map_or_else(String::new, |account| account.name.clone()),
    }
}
