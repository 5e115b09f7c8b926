//! Access tokens whose signature and form were found good lately, by their whole text: a client shows the same one at every
//! call, and a signature does not change. What does change is judged each time: its time, and what was revoked.

use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::tokens::claims::Claims;

/// How many tokens are kept.
const MOST: usize = 10_000;
/// Longer ones are read anew each time: nobody shall fill the memory with them.
const MAX_LENGTH: usize = 2 * 1024;

/// The tokens and what they hold.
pub(super) struct Recent(Cache<Box<str>, Arc<Claims>>);

impl Default for Recent {
    fn default() -> Self {
        Self(Cache::new(MOST))
    }
}

impl Recent {
    /// What a token holds, if it was read lately.
    pub(super) fn find(&self, token: &str) -> Option<Arc<Claims>> {
        self.0.get(token)
    }

    /// Keeps a token that was found good.
    pub(super) fn keep(&self, token: &str, claims: &Arc<Claims>) {
        if token.len() <= MAX_LENGTH {
            self.0.insert(token.into(), Arc::clone(claims));
        }
    }
}
