//! The first use of each session's newest access token, collected in memory and written in the background. It is needed
//! only with `tokens.recover_lost_answer`: a used refresh token is accepted again while no token of the first response
//! was used.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use quick_cache::sync::Cache;

use crate::clock::Timestamp;
use crate::domain::session::SessionId;
use crate::services::mutex::lock;
use crate::store::{Store, StoreError, sessions};
use crate::tokens::{Claims, TokenType};

/// The number of sessions in the cache of collected uses; an evicted session is collected again.
const CACHE_CAPACITY: usize = 50_000;
/// The maximum number of uses that are not written yet; further ones are collected at the next use.
const MAX_UNWRITTEN: usize = 50_000;

/// The issue times of the newest used access tokens, by session.
pub struct AccessTokenUsage {
    collected: Cache<SessionId, u64>,
    unwritten: Mutex<HashMap<SessionId, u64>>,
}

impl Default for AccessTokenUsage {
    fn default() -> Self {
        Self {
            collected: Cache::new(CACHE_CAPACITY),
            unwritten: Mutex::default(),
        }
    }
}

impl AccessTokenUsage {
    /// The interval between two writes.
    pub const WRITE_EVERY: Duration = Duration::from_secs(1);

    /// Collects the use of an accepted access token.
    pub(super) fn record(&self, claims: &Claims) {
        let issued_at = claims.jti.unix_millis();
        let collected = self.collected.get(&claims.session);
        if claims.token_type == TokenType::Refresh || collected.is_some_and(|at| at >= issued_at) {
            return;
        }
        let mut unwritten = lock(&self.unwritten);
        if unwritten.len() < MAX_UNWRITTEN {
            let newest = unwritten.entry(claims.session.clone()).or_default();
            *newest = issued_at.max(*newest);
            self.collected.insert(claims.session.clone(), issued_at);
        }
    }

    /// Writes the collected uses. If that fails they are kept for the next call.
    ///
    /// # Errors
    /// The store's.
    pub async fn write(&self, store: &Store) -> Result<(), StoreError> {
        let taken = std::mem::take(&mut *lock(&self.unwritten));
        if taken.is_empty() {
            return Ok(());
        }
        // Sorted, so that two instances cannot deadlock.
        let mut rows: Vec<_> = taken.iter().map(|(id, at)| (id.clone(), *at)).collect();
        rows.sort_unstable_by(|a, b| a.0.as_str().cmp(b.0.as_str()));
        let written = store
            .write(move |connection| {
                rows.iter().try_for_each(|(session, issued_at)| {
                    let micros = i64::try_from(*issued_at).unwrap_or(0).saturating_mul(1_000);
                    sessions::record_access(
                        connection,
                        session,
                        Timestamp::from_unix_micros(micros),
                    )
                })
            })
            .await;
        if written.is_err() {
            let mut unwritten = lock(&self.unwritten);
            for (session, issued_at) in taken {
                let known = unwritten.entry(session).or_default();
                *known = issued_at.max(*known);
            }
        }
        written
    }
}
