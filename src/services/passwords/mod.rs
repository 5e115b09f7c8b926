//! Hashing and comparing passwords: on threads of their own, in the same time whether an account exists or not.
//!
//! Knows no account and no store: `services::auth` decides who may log in. The format of a hash is in [`scheme`], the
//! queues and threads are in [`lanes`], the order of a queue is in `queue`. Hashes of Django, which were imported, are in
//! [`django`], the names of all formats in [`hash_format`].

pub mod breached;
pub mod django;
pub mod hash_format;
pub mod lanes;
mod queue;
pub mod scheme;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::config::LoginConfig;
use crate::domain::password::Password;
use crate::services::passwords::breached::{BreachedFileError, BreachedPasswords};
use crate::services::passwords::django::DjangoHash;
use crate::services::passwords::hash_format::{DEFAULT_WORK, HashFormat};
use crate::services::passwords::lanes::{Lanes, Priority};
use crate::services::passwords::scheme::{COSTS, SchemeError, StoredHash, missing_costs, spend};
use crate::worker_pool::{PoolFigures, WorkError};

/// The result of comparing a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordCheck {
    /// The password is correct.
    Right {
        /// The stored hash has a lower cost than the configured one, or is not of our format: store a new one.
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
    lanes: Lanes,
    cost: u32,
    /// The most work that a hash of Django has taken since the start, in iterations of PBKDF2-SHA-256.
    django_work: Arc<AtomicU64>,
    breached: Option<BreachedPasswords>,
}

impl Passwords {
    /// Opens the list of breached passwords, and starts the threads.
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
        Ok(Self {
            lanes: Lanes::start(login)?,
            cost: login.bcrypt_cost,
            django_work: Arc::default(),
            breached,
        })
    }

    /// How the threads are used, for metrics: those for known devices and authenticated callers, and those for others.
    #[must_use]
    pub fn figures(&self) -> [(&'static str, PoolFigures); 2] {
        self.lanes.figures()
    }

    /// Lets every wrong password cost from now on what one costs whose hash Django 5.2 made by default.
    pub fn expect_django(&self) {
        self.django_work.fetch_max(DEFAULT_WORK, Ordering::Relaxed);
    }

    /// Whether a password is in the list of breached passwords; `false` without a list.
    ///
    /// # Errors
    /// [`WorkError`], also if the list cannot be read any more, which is logged.
    pub async fn is_breached(
        &self,
        password: Password,
        priority: Priority,
    ) -> Result<bool, WorkError> {
        let Some(list) = self.breached.clone() else {
            return Ok(false);
        };
        let search = move || list.contains(&password);
        let found = self.lanes.run(priority, search).await?;
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
    /// nothing about an account (ASVS 5.0 6.3.8). Hashes of Django cost their own work besides. Every wrong password costs as
    /// much as the dearest that was compared, and as those of Django 5.2 after [`Passwords::expect_django`]. A stored text that cannot be parsed is logged, without the text. The one
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
        let (cost, django_work) = (self.cost, Arc::clone(&self.django_work));
        self.run(priority, move || {
            let mut spend = |work: Work| match work {
                Work::Bcrypt(cost) => spend(&password, cost),
                Work::Pbkdf2(iterations) => {
                    django::spend(&password, iterations);
                    Ok(())
                }
            };
            check(&password, stored.as_deref(), cost, &django_work, &mut spend)
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        priority: Priority,
        work: impl FnOnce() -> Result<T, SchemeError> + Send + 'static,
    ) -> Result<T, WorkError> {
        self.lanes.run(priority, work).await?.map_err(failed)
    }
}

fn failed(error: SchemeError) -> WorkError {
    tracing::error!(%error, "a password could not be hashed");
    WorkError::Stopped
}

/// Work that is done only for the time it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    /// One hash of a cost.
    Bcrypt(u32),
    /// Iterations of PBKDF2-SHA-256.
    Pbkdf2(u64),
}

fn check(
    password: &Password,
    stored: Option<&str>,
    cost: u32,
    django_work: &AtomicU64,
    spend: &mut dyn FnMut(Work) -> Result<(), SchemeError>,
) -> Result<PasswordCheck, SchemeError> {
    let (mut own_cost, mut done) = (None, 0);
    match stored.and_then(Stored::parse) {
        None => {}
        Some(Stored::Own(hash)) => {
            if hash.matches(password)? {
                let needs_rehash = hash.cost() < cost;
                return Ok(PasswordCheck::Right { needs_rehash });
            }
            own_cost = Some(hash.cost());
        }
        Some(Stored::Django(hash)) => {
            done = hash.work();
            django_work.fetch_max(done, Ordering::Relaxed);
            if hash.matches(password) {
                return Ok(PasswordCheck::Right { needs_rehash: true });
            }
        }
    }
    for missing in missing_costs(cost, own_cost) {
        spend(Work::Bcrypt(missing))?;
    }
    let most = django_work.load(Ordering::Relaxed);
    if most > done {
        spend(Work::Pbkdf2(most - done))?;
    }
    Ok(PasswordCheck::Wrong)
}

/// A hash that a password can be compared with.
enum Stored {
    Own(StoredHash),
    Django(DjangoHash),
}

impl Stored {
    /// `None` if there is no password, or if the text cannot be parsed, which is logged.
    fn parse(stored: &str) -> Option<Self> {
        let parsed = match HashFormat::of_prefix(stored) {
            Some(HashFormat::Unusable) => return None,
            Some(_) => DjangoHash::parse(stored)
                .map(Self::Django)
                .map_err(|error| error.to_string()),
            None => StoredHash::parse(stored)
                .map(Self::Own)
                .map_err(|error| error.to_string()),
        };
        parsed
            .inspect_err(|error| tracing::warn!(%error, "the stored hash of an account cannot be parsed; no password matches it"))
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any() -> Priority {
        Priority::Account("ann".to_owned())
    }

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
        let stored = passwords.hash(password(" 비밀번호 "), any()).await.unwrap();
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
                passwords.verify(password(typed), stored, any()).await,
                expected
            );
        }
    }

    #[tokio::test]
    async fn a_missing_or_unreadable_hash_is_wrong() {
        let passwords = passwords(4);
        for stored in [None, Some(String::new()), Some("$2b$04$x".to_owned())] {
            let result = passwords.verify(password("x"), stored, any()).await;
            assert_eq!(result, Ok(PasswordCheck::Wrong));
        }
    }

    #[tokio::test]
    async fn a_hash_of_a_lower_cost_needs_a_rehash_and_one_of_a_higher_does_not() {
        let (low, high) = (passwords(4), passwords(6));
        let of_low = low.hash(password("x"), any()).await.unwrap();
        let of_high = high.hash(password("x"), any()).await.unwrap();
        let right = |needs_rehash| Ok(PasswordCheck::Right { needs_rehash });
        let found = high.verify(password("x"), Some(of_low), any()).await;
        assert_eq!(found, right(true));
        let found = low.verify(password("x"), Some(of_high), any()).await;
        assert_eq!(found, right(false));
    }

    /// The result for a wrong password, the bcrypt rounds and the iterations of PBKDF2 that were spent.
    fn wrong(stored: Option<&str>, django_work: &AtomicU64) -> (PasswordCheck, u64, u64) {
        let (mut rounds, mut iterations) = (0, 0);
        let spend = &mut |work| {
            match work {
                Work::Bcrypt(cost) => rounds += 1 << cost,
                Work::Pbkdf2(more) => iterations += more,
            }
            Ok(())
        };
        let result = check(&password("wrong"), stored, 7, django_work, spend);
        (result.unwrap(), rounds, iterations)
    }

    #[test]
    fn every_wrong_password_costs_the_configured_rounds() {
        let none = AtomicU64::default();
        for cost in [4, 6, 7] {
            let stored = StoredHash::fresh(&password("right"), cost).unwrap();
            let spent = wrong(Some(&stored.to_stored()), &none);
            assert_eq!(spent, (PasswordCheck::Wrong, (1 << 7) - (1 << cost), 0));
        }
        for stored in [None, Some("malformed"), Some("pbkdf2_sha256$x"), Some("!x")] {
            assert_eq!(wrong(stored, &none), (PasswordCheck::Wrong, 1 << 7, 0));
        }
    }

    #[test]
    fn a_wrong_password_costs_as_much_as_the_hashes_of_django_that_were_compared() {
        let hash = "k1BiIUnsqgotK0/+G+6P9VzRBqM5+Jsk8jKCk28zElI=";
        let of_django = |iterations| format!("pbkdf2_sha256${iterations}$seasalt${hash}");
        let own = StoredHash::fresh(&password("right"), 7).unwrap();
        let (few, many) = (of_django(20), of_django(30));
        let work = AtomicU64::default();
        let all = 1 << 7;
        for (stored, rounds, iterations) in [
            (Some(few.as_str()), all, 0),
            (None, all, 20),
            (Some(many.as_str()), all, 0),
            (Some(few.as_str()), all, 10),
            (Some(own.to_stored().as_str()), 0, 30),
            (Some("malformed"), all, 30),
            (Some("!"), all, 30),
        ] {
            let spent = wrong(stored, &work);
            assert_eq!(spent, (PasswordCheck::Wrong, rounds, iterations));
        }
    }

    #[tokio::test]
    async fn the_right_password_of_a_hash_of_django_is_hashed_again() {
        let stored = "pbkdf2_sha256$20$seasalt$k1BiIUnsqgotK0/+G+6P9VzRBqM5+Jsk8jKCk28zElI=";
        for (typed, expected) in [
            ("비밀번호 1", PasswordCheck::Right { needs_rehash: true }),
            ("비밀번호", PasswordCheck::Wrong),
        ] {
            let stored = Some(stored.to_owned());
            let found = passwords(4).verify(password(typed), stored, any()).await;
            assert_eq!(found, Ok(expected), "{typed}");
        }
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
