//! A cache of verified access tokens, keyed by their text, so that the signature is verified once for many requests. Times
//! and revocations are not cached.

use std::sync::Arc;

use foldhash::fast::RandomState;
use quick_cache::{
    UnitWeighter,
    sync::{Cache, DefaultLifecycle},
};

/// Maximum number of tokens.
const CAPACITY: usize = 10_000;
/// Longer tokens are not cached, which limits the memory.
const MAX_LENGTH: usize = 2 * 1024;

/// `C` are the claims. Nobody can fill it with texts whose hashes collide, because only verified tokens are in it; `SipHash` would
/// take 0.3 µs for each.
pub(super) struct VerifiedTokens<C>(Cache<Box<str>, Arc<C>, UnitWeighter, RandomState>);

impl<C> Default for VerifiedTokens<C> {
    fn default() -> Self {
        Self(Cache::with(
            CAPACITY,
            CAPACITY as u64,
            UnitWeighter,
            RandomState::default(),
            DefaultLifecycle::default(),
        ))
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
