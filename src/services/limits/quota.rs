//! Limits as answers show them: what a limit allows, and what is left of it.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

/// How often something may happen within a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its name in `RateLimit-Policy` and `RateLimit`.
    pub name: &'static str,
    /// How often it may happen.
    pub quota: u32,
    /// Within which time.
    pub window: Duration,
}

/// What is left of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The limit.
    pub policy: Policy,
    /// How often it may still happen.
    pub remaining: u32,
    /// The time until more is allowed again.
    pub resets_in: Duration,
}

/// The quota that the answer to a request shows, once a service knows it.
///
/// It must tell nothing about an account, existing or not: only quotas of the sender's address are noted.
#[derive(Clone, Debug, Default)]
pub struct NotedQuota(Arc<OnceLock<Quota>>);

impl NotedQuota {
    /// Sets the quota. The first one counts.
    pub(in crate::services) fn note(&self, quota: Option<Quota>) {
        if let Some(quota) = quota {
            let _ = self.0.set(quota);
        }
    }

    /// The quota, if one was noted.
    #[must_use]
    pub fn get(&self) -> Option<Quota> {
        self.0.get().copied()
    }
}
