//! The tokens of a batch.

use crate::domain::import::SourceToken;
use crate::domain::principal::{UserSeq, UserType};
use crate::services::import::report::TokenCounts;
use crate::services::import::values::time;
use crate::store::imports::tokens::{self as table, DjangoToken};
use crate::store::{Db, StoreError};

/// The greatest length of a token's id.
const MAX_JTI: usize = 255;

/// The tokens with the numbers of their accounts; those without one, and those that cannot be read, are counted.
pub(super) fn known(
    user_type: UserType,
    tokens: Vec<SourceToken>,
    owners: &[Option<i64>],
    counts: &mut TokenCounts,
) -> Vec<DjangoToken> {
    let mut known = Vec::with_capacity(tokens.len());
    for (token, owner) in tokens.into_iter().zip(owners) {
        counts.read += 1;
        let Some(user_seq) = owner.and_then(UserSeq::new) else {
            counts.without_account += 1;
            continue;
        };
        let expires_at = time(&token.expires_at);
        let blacklisted_at = token.blacklisted_at.as_deref().map(time);
        match (expires_at, blacklisted_at) {
            (Some(expires_at), None | Some(Some(_))) if is_jti(&token.jti) => {
                known.push(DjangoToken {
                    jti: token.jti,
                    user_type,
                    user_seq,
                    expires_at,
                    blacklisted_at: blacklisted_at.flatten(),
                    session_id: None,
                });
            }
            _ => counts.unreadable += 1,
        }
    }
    known
}

fn is_jti(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_JTI && !text.chars().any(char::is_control)
}

/// The tokens that are new, and those that the source has blacklisted and that may not be here.
pub(super) fn split(
    connection: &mut Db,
    is_first: bool,
    tokens: &[DjangoToken],
) -> Result<(Vec<DjangoToken>, Vec<DjangoToken>), StoreError> {
    if is_first {
        return Ok((tokens.to_vec(), Vec::new()));
    }
    let ids: Vec<String> = tokens.iter().map(|token| token.jti.clone()).collect();
    let stored = table::find(connection, &ids)?;
    let is_new = |token: &DjangoToken| !stored.contains(&token.jti);
    Ok(tokens.iter().cloned().partition(is_new))
}

/// How many stored tokens are live here and blacklisted in the source.
pub(super) fn count_newly(connection: &mut Db, stored: &[DjangoToken]) -> Result<u64, StoreError> {
    let blacklisted = stored.iter().filter(|token| token.blacklisted_at.is_some());
    let ids: Vec<String> = blacklisted.map(|token| token.jti.clone()).collect();
    table::count_live(connection, &ids)
}

/// Writes the tokens; part of a transaction. Returns how many were blacklisted that were not here.
pub(super) fn write(
    connection: &mut Db,
    new: &[DjangoToken],
    stored: &[DjangoToken],
) -> Result<u64, StoreError> {
    table::insert(connection, new)?;
    let mut blacklisted = 0;
    for token in stored {
        if let Some(at) = token.blacklisted_at {
            blacklisted += u64::from(table::blacklist(connection, &token.jti, at)?);
        }
    }
    Ok(blacklisted)
}
