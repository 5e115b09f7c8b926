//! A cache of verified access tokens, keyed by their text, so that the signature is verified once for many requests. Times
//! and revocations are not cached.

use std::sync::Arc;

use quick_cache::sync::Cache;

/// Maximum number of tokens.
const CAPACITY: usize = 10_000;
/// Longer tokens are not cached, which limits the memory.
const MAX_LENGTH: usize = 2 * 1024;

/// `C` are the claims.
pub(super) struct VerifiedTokens<C>(Cache<Box<str>, Arc<C>>);

impl<C> Default for VerifiedTokens<C> {
    fn default() -> Self {
        Self(Cache::new(CAPACITY))
    }
}

impl<C> VerifiedTokens<C> {
    pub(super) fn find(&self, token: &str) -> Option<Arc<C>> {
        self.0.get(token)
    }

    /// Adds a token whose signature and claims were verified.
    pub(super) fn insert(&self, token: &str, claims: &Arc<C>) {
        if token.len() <= MAX_LENGTH {
            self.0.insert(token.into(), Arc::clone(claims));
        }
    }
}
