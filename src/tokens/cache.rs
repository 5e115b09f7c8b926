//! A cache of verified access tokens, keyed by their text, so that the signature is verified once for many requests. Times
//! and revocations are not cached.

use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::tokens::claims::Claims;

/// Maximum number of tokens.
const CAPACITY: usize = 10_000;
/// Longer tokens are not cached, which limits the memory.
const MAX_LENGTH: usize = 2 * 1024;

pub(super) struct VerifiedTokens(Cache<Box<str>, Arc<Claims>>);

impl Default for VerifiedTokens {
    fn default() -> Self {
        Self(Cache::new(CAPACITY))
    }
}

impl VerifiedTokens {
    pub(super) fn find(&self, token: &str) -> Option<Arc<Claims>> {
        self.0.get(token)
    }

    /// Adds a token whose signature and claims were verified.
    pub(super) fn insert(&self, token: &str, claims: &Arc<Claims>) {
        if token.len() <= MAX_LENGTH {
            self.0.insert(token.into(), Arc::clone(claims));
        }
    }
}
