//! Which sessions have used the newest access token they were given: noted in memory at its first use and written in the
//! background, once for each. Only where `tokens.recover_lost_answer` is on: a used refresh token is answered once more as
//! long as nothing that came with the first answer was used.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use quick_cache::sync::Cache;

use crate::{
    clock::Timestamp,
    domain::session::SessionId,
    store::{Store, StoreError, sessions},
    tokens::{Claims, TokenType},
};

/// How many sessions are remembered as noted. One that was forgotten is noted again.
const REMEMBERED: usize = 50_000;
/// The most first uses that wait to be written; beyond that they are noted at the next use.
const WAITING: usize = 50_000;

/// The first uses that are not written yet, and those that are.
pub struct AccessTokenUsage {
    noted: Cache<SessionId, u64>,
    waiting: Mutex<HashMap<SessionId, u64>>,
}

impl Default for AccessTokenUsage {
    fn default() -> Self {
        Self {
            noted: Cache::new(REMEMBERED),
            waiting: Mutex::default(),
        }
    }
}

impl AccessTokenUsage {
    /// How often they are written.
    pub const WRITE_EVERY: Duration = Duration::from_secs(1);

    /// Notes that an access token was accepted.
    pub(crate) fn note(&self, claims: &Claims) {
        let issued_at = claims.jti.unix_millis();
        let noted = self.noted.get(&claims.session);
        if claims.token_type != TokenType::Access || noted.is_some_and(|noted| noted >= issued_at) {
            return;
        }
        let mut waiting = self.lock();
        if waiting.len() < WAITING {
            let newest = waiting.entry(claims.session.clone()).or_default();
            *newest = issued_at.max(*newest);
            self.noted.insert(claims.session.clone(), issued_at);
        }
    }

    /// Writes what was noted since the last time. What cannot be written waits for the next time.
    ///
    /// # Errors
    /// The store's.
    pub async fn write(&self, store: &Store) -> Result<(), StoreError> {
        let taken = std::mem::take(&mut *self.lock());
        if taken.is_empty() {
            return Ok(());
        }
        // In one order, so that two instances do not wait for each other crosswise.
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
            let mut waiting = self.lock();
            for (session, issued_at) in taken {
                let known = waiting.entry(session).or_default();
                *known = issued_at.max(*known);
            }
        }
        written
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<SessionId, u64>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
