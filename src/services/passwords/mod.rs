//! Hashing and comparing passwords: on threads of their own, in the same time whether an account exists or not.
//!
//! Knows no account and no store: `services::auth` decides who may log in. The format of a hash is in [`scheme`], the
//! order in which passwords are hashed in [`queue`]; the threads are a [`WorkerPool`].

pub mod breached;
pub mod queue;
pub mod scheme;

use std::io;

use crate::config::LoginConfig;
use crate::domain::password::Password;
use crate::services::passwords::breached::{BreachedFileError, BreachedPasswords};
use crate::services::passwords::queue::{Priority, Queue};
use crate::services::passwords::scheme::{COSTS, SchemeError, StoredHash, missing_costs, spend};
use crate::worker_pool::{PoolSettings, WorkError, WorkerPool, cores};

/// The result of comparing a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordCheck {
    /// The password is correct.
    Right {
        /// The stored hash has a lower cost than the configured one: store a new one.
        needs_rehash: bool,
    },
    /// The password is wrong, or there is none to compare with.
    Wrong,
}

/// Why passwords cannot be hashed or checked.
#[derive(Debug, thiserror::Error)]
pub enum PasswordsError {
    /// [`io::ErrorKind::InvalidInput`] for a cost outside 4 to 31; otherwise a thread cannot be started.
    #[error("the threads for password hashing cannot be started: {0}")]
    Threads(#[from] io::Error),
    /// The list of breached passwords cannot be used.
    #[error(transparent)]
    Breached(#[from] BreachedFileError),
}

/// A handle to the hashing threads. Cheap to clone; the threads end with the last clone.
#[derive(Clone)]
pub struct Passwords {
    pool: WorkerPool<()>,
    queue: Queue,
    cost: u32,
    breached: Option<BreachedPasswords>,
}

impl Passwords {
    /// Opens the list of breached passwords, and starts the threads. On Linux they run at nice 10, so that hashing never slows
    /// down other work.
    ///
    /// # Errors
    /// [`PasswordsError`].
    pub fn start(login: &LoginConfig) -> Result<Self, PasswordsError> {
        let file = login.breached_passwords_file.as_deref();
        let breached = file.map(BreachedPasswords::open).transpose()?;
        if !COSTS.contains(&login.bcrypt_cost) {
            let message = "the bcrypt cost must be between 4 and 31";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message).into());
        }
        let threads = match login.hash_threads {
            0 => cores(),
            threads => threads,
        };
        let timeout = login.hash_deadline.get();
        let pool = PoolSettings {
            name: "hash",
            threads,
            // They wait in front of the pool, for a thread.
            max_waiting: threads,
            timeout,
            low_priority: true,
        };
        Ok(Self {
            pool: WorkerPool::start(pool, || ())?,
            queue: Queue::new(threads, login.hash_queue, timeout),
            cost: login.bcrypt_cost,
            breached,
        })
    }

    /// Whether a password is in the list of breached passwords; `false` without a list.
    ///
    /// # Errors
    /// [`WorkError`], also if the list cannot be read any more, which is logged.
    pub async fn is_breached(&self, password: Password) -> Result<bool, WorkError> {
        let Some(list) = self.breached.clone() else {
            return Ok(false);
        };
        let found = self.pool.run(move |()| list.contains(&password)).await?;
        found.map_err(|error| {
            tracing::error!(%error, "the list of breached passwords cannot be read");
            WorkError::Stopped
        })
    }

    /// The text to store for a password, with a new salt and the configured cost.
    ///
    /// # Errors
    /// [`WorkError`].
    pub async fn hash(&self, password: Password, priority: Priority) -> Result<String, WorkError> {
        let cost = self.cost;
        self.run(priority, move || {
            StoredHash::fresh(&password, cost).map(|hash| hash.to_stored())
        })
        .await
    }

    /// Whether `password` is the one with the hash `stored`.
    ///
    /// Pass `None` for an account that is unknown, inactive or has no password: the result is [`PasswordCheck::Wrong`] after
    /// the same work. Every [`PasswordCheck::Wrong`] costs 2^cost bcrypt rounds for every stored text, so the time reveals
    /// nothing about an account (ASVS 5.0 6.3.8). A stored text that cannot be parsed is logged, without the text. The one
    /// exception is a hash of a higher cost than the configured one, which takes its own time.
    ///
    /// # Errors
    /// [`WorkError`].
    pub async fn verify(
        &self,
        password: Password,
        stored: Option<String>,
        priority: Priority,
    ) -> Result<PasswordCheck, WorkError> {
        let cost = self.cost;
        self.run(priority, move || {
            check(&password, stored.as_deref(), cost, &mut spend)
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        priority: Priority,
        work: impl FnOnce() -> Result<T, SchemeError> + Send + 'static,
    ) -> Result<T, WorkError> {
        let turn = self.queue.turn(priority).await?;
        self.pool
            .run(move |()| {
                let done = work();
                drop(turn);
                done
            })
            .await?
            .map_err(failed)
    }
}

fn failed(error: SchemeError) -> WorkError {
    tracing::error!(%error, "a password could not be hashed");
    WorkError::Stopped
}

fn check(
    password: &Password,
    stored: Option<&str>,
    cost: u32,
    spend: &mut dyn FnMut(&Password, u32) -> Result<(), SchemeError>,
) -> Result<PasswordCheck, SchemeError> {
    let hash = stored.and_then(|stored| {
        StoredHash::parse(stored)
            .inspect_err(|error| tracing::warn!(%error, "the stored hash of an account cannot be parsed; no password matches it"))
            .ok()
    });
    if let Some(hash) = &hash
        && hash.matches(password)?
    {
        let needs_rehash = hash.cost() < cost;
        return Ok(PasswordCheck::Right { needs_rehash });
    }
    for missing in missing_costs(cost, hash.as_ref().map(StoredHash::cost)) {
        spend(password, missing)?;
    }
    Ok(PasswordCheck::Wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: Priority = Priority::Trusted;

    fn password(typed: &str) -> Password {
        Password::parse(typed).unwrap()
    }

    fn passwords(cost: u32) -> Passwords {
        let login = LoginConfig {
            bcrypt_cost: cost,
            hash_threads: 1,
            ..LoginConfig::default()
        };
        Passwords::start(&login).unwrap()
    }

    #[tokio::test]
    async fn a_hashed_password_matches_and_no_other_does() {
        let passwords = passwords(4);
        let stored = passwords.hash(password(" 비밀번호 "), ANY).await.unwrap();
        assert!(
            stored.starts_with("$bcrypt-sha256$v=2,t=2b,r=4$"),
            "{stored}"
        );
        let right = Ok(PasswordCheck::Right {
            needs_rehash: false,
        });
        for (typed, expected) in [
            (" 비밀번호 ", right),
            ("비밀번호", Ok(PasswordCheck::Wrong)),
            (" 비밀번호", Ok(PasswordCheck::Wrong)),
        ] {
            let stored = Some(stored.clone());
            assert_eq!(
                passwords.verify(password(typed), stored, ANY).await,
                expected
            );
        }
    }

    #[tokio::test]
    async fn a_missing_or_unreadable_hash_is_wrong() {
        let passwords = passwords(4);
        for stored in [None, Some(String::new()), Some("$2b$04$x".to_owned())] {
            let result = passwords.verify(password("x"), stored, ANY).await;
            assert_eq!(result, Ok(PasswordCheck::Wrong));
        }
    }

    #[tokio::test]
    async fn a_hash_of_a_lower_cost_needs_a_rehash_and_one_of_a_higher_does_not() {
        let (low, high) = (passwords(4), passwords(6));
        let of_low = low.hash(password("x"), ANY).await.unwrap();
        let of_high = high.hash(password("x"), ANY).await.unwrap();
        let right = |needs_rehash| Ok(PasswordCheck::Right { needs_rehash });
        let found = high.verify(password("x"), Some(of_low), ANY).await;
        assert_eq!(found, right(true));
        let found = low.verify(password("x"), Some(of_high), ANY).await;
        assert_eq!(found, right(false));
    }

    #[test]
    fn every_wrong_password_costs_the_configured_rounds() {
        let stored_at = |cost| {
            let hash = StoredHash::fresh(&password("right"), cost).unwrap();
            Some((cost, hash.to_stored()))
        };
        for stored in [None, stored_at(4), stored_at(6), stored_at(7)] {
            let mut rounds = stored.as_ref().map_or(0, |(cost, _)| 1 << cost);
            let result = check(
                &password("wrong"),
                stored.as_ref().map(|(_, text)| text.as_str()),
                7,
                &mut |_, cost| {
                    rounds += 1 << cost;
                    Ok(())
                },
            );
            assert_eq!((result, rounds), (Ok(PasswordCheck::Wrong), 1 << 7));
        }
        let mut spent = Vec::new();
        let mut record = |_: &Password, cost| {
            spent.push(cost);
            Ok(())
        };
        assert_eq!(
            check(&password("x"), Some("malformed"), 7, &mut record),
            Ok(PasswordCheck::Wrong)
        );
        assert_eq!(spent, [7]);
    }

    #[test]
    fn a_cost_that_bcrypt_does_not_support_is_rejected_at_start() {
        for cost in [0, 3, 32] {
            let login = LoginConfig {
                bcrypt_cost: cost,
                ..LoginConfig::default()
            };
            let PasswordsError::Threads(error) = Passwords::start(&login).err().unwrap() else {
                panic!("the cost is not checked");
            };
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
    }
}
