//! `[login]`: what a password must be and what hashing one may cost. The rules of logging in are the services'.

use serde::{Deserialize, Serialize};

use crate::config::{error::Checks, values::Span};

/// What a password must be, and what hashing one may cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoginConfig {
    /// bcrypt's cost: the logarithm of its rounds. Hashes of another cost are renewed at the next login.
    pub bcrypt_cost: u32,
    /// Threads that hash; 0 means one per core.
    pub hash_threads: usize,
    /// Passwords that may wait to be hashed; one more is answered with 503.
    pub hash_queue: usize,
    /// How long a password may wait to be hashed before it is answered with 503.
    pub hash_deadline: Span,
    /// The least number of characters in a new password.
    pub min_password_length: usize,
}

impl Default for LoginConfig {
    fn default() -> Self {
        Self {
            bcrypt_cost: 12,
            hash_threads: 0,
            hash_queue: 32,
            hash_deadline: Span::seconds(10),
            min_password_length: 8,
        }
    }
}

impl LoginConfig {
    pub(super) fn check(&self, checks: &mut Checks) {
        if self.bcrypt_cost < 10 {
            checks.refuse(
                "login.bcrypt_cost",
                format!(
                    "`{}` hashes too cheaply to withstand guessing: give 10 to 16, 12 for most machines",
                    self.bcrypt_cost
                ),
            );
        }
        if self.bcrypt_cost > 16 {
            checks.refuse(
                "login.bcrypt_cost",
                format!(
                    "`{}` would keep a core busy for seconds at every login: give 10 to 16, 12 for most machines",
                    self.bcrypt_cost
                ),
            );
        }
        checks.within("login.hash_threads", &self.hash_threads, 0..=256);
        checks.within("login.hash_queue", &self.hash_queue, 1..=10_000);
        checks.within(
            "login.hash_deadline",
            &self.hash_deadline,
            Span::millis(100)..=Span::minutes(1),
        );
        checks.within(
            "login.min_password_length",
            &self.min_password_length,
            8..=64,
        );
    }
}
