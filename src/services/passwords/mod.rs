//! Hashing and checking passwords: on threads of their own, in the same time whether an account exists or not.
//!
//! Knows no account and no store: who may log in is `services::login`'s business. How a hash is written is in
//! [`scheme`], the threads are in [`pool`].

pub mod pool;
pub mod scheme;

use std::{io, time::Duration};

use crate::{
    domain::password::Password,
    services::passwords::{
        pool::{HashError, Pool},
        scheme::{COSTS, SchemeError, StoredHash, missing_costs, spend},
    },
};

/// How passwords are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordSettings {
    /// bcrypt's cost for new hashes: 2^cost rounds. At least 10 in production, 12 by default.
    pub cost: u32,
    /// How many threads hash; 0 means as many as the machine has cores.
    pub threads: usize,
    /// How many passwords may wait for a thread; one more is refused at once.
    pub queue: usize,
    /// How long a password may wait for a thread.
    pub deadline: Duration,
}

/// What came of checking a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordCheck {
    /// It is the password.
    Right {
        /// The stored hash was made at a lower cost than the configured one: store a new one.
        needs_rehash: bool,
    },
    /// It is not, or there is none to compare with.
    Wrong,
}

/// A handle to the hashing threads. Cheap to clone; the threads end with the last clone.
#[derive(Clone, Debug)]
pub struct Passwords {
    pool: Pool,
    cost: u32,
}

impl Passwords {
    /// Starts the threads.
    ///
    /// Fails with [`io::ErrorKind::InvalidInput`] for a cost outside of 4 to 31, and when the system gives no thread.
    pub fn start(settings: PasswordSettings) -> io::Result<Self> {
        if !COSTS.contains(&settings.cost) {
            let sentence = "the bcrypt cost must lie between 4 and 31";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, sentence));
        }
        Ok(Self {
            pool: Pool::start(settings.threads, settings.queue, settings.deadline)?,
            cost: settings.cost,
        })
    }

    /// The text to store for a password, under a fresh salt and the configured cost.
    pub async fn hash(&self, password: Password) -> Result<String, HashError> {
        let cost = self.cost;
        self.pool
            .run(move || StoredHash::fresh(&password, cost).map(|hash| hash.to_stored()))
            .await?
            .map_err(stopped)
    }

    /// Whether `password` is the one whose hash is `stored`.
    ///
    /// Pass `None` for an account that is unknown, inactive or has no password: that is [`PasswordCheck::Wrong`] after the
    /// same work. Every [`PasswordCheck::Wrong`] costs 2^cost bcrypt rounds, whatever is stored, so the time tells nothing
    /// about an account (ASVS 5.0 6.3.8); a stored text that cannot be read is logged, without the text. The one
    /// exception is a hash of a higher cost than the configured one, which takes its own time.
    pub async fn verify(
        &self,
        password: Password,
        stored: Option<String>,
    ) -> Result<PasswordCheck, HashError> {
        let cost = self.cost;
        self.pool
            .run(move || check(&password, stored.as_deref(), cost, &mut spend))
            .await?
            .map_err(stopped)
    }
}

fn stopped(error: SchemeError) -> HashError {
    tracing::error!(%error, "a password could not be hashed");
    HashError::Stopped
}

fn check(
    password: &Password,
    stored: Option<&str>,
    cost: u32,
    spend: &mut dyn FnMut(&Password, u32) -> Result<(), SchemeError>,
) -> Result<PasswordCheck, SchemeError> {
    let hash = stored.and_then(|stored| {
        StoredHash::parse(stored)
            .inspect_err(|error| tracing::warn!(%error, "no password fits this account"))
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

    fn password(typed: &str) -> Password {
        Password::parse(typed).unwrap()
    }

    fn passwords(cost: u32) -> Passwords {
        Passwords::start(PasswordSettings {
            cost,
            threads: 1,
            queue: 8,
            deadline: Duration::from_secs(30),
        })
        .unwrap()
    }

    #[tokio::test]
    async fn what_was_hashed_is_recognised_and_nothing_else() {
        let passwords = passwords(4);
        let stored = passwords.hash(password(" 비밀번호 ")).await.unwrap();
        assert!(
            stored.starts_with("$bcrypt-sha256$v=2,t=2b,r=4$"),
            "{stored}"
        );
        let right = Ok(PasswordCheck::Right {
            needs_rehash: false,
        });
        for (typed, verdict) in [
            (" 비밀번호 ", right),
            ("비밀번호", Ok(PasswordCheck::Wrong)),
            (" 비밀번호", Ok(PasswordCheck::Wrong)),
        ] {
            let stored = Some(stored.clone());
            assert_eq!(passwords.verify(password(typed), stored).await, verdict);
        }
    }

    #[tokio::test]
    async fn nobody_and_an_unreadable_hash_are_wrong() {
        let passwords = passwords(4);
        for stored in [None, Some(String::new()), Some("$2b$04$x".to_owned())] {
            let verdict = passwords.verify(password("x"), stored).await;
            assert_eq!(verdict, Ok(PasswordCheck::Wrong));
        }
    }

    #[tokio::test]
    async fn a_hash_of_a_lower_cost_is_to_be_raised_and_one_of_a_higher_is_not() {
        let (low, high) = (passwords(4), passwords(6));
        let of_low = low.hash(password("x")).await.unwrap();
        let of_high = high.hash(password("x")).await.unwrap();
        let right = |needs_rehash| Ok(PasswordCheck::Right { needs_rehash });
        assert_eq!(high.verify(password("x"), Some(of_low)).await, right(true));
        assert_eq!(low.verify(password("x"), Some(of_high)).await, right(false));
    }

    #[test]
    fn every_failed_try_spends_the_configured_rounds() {
        let stored_at = |cost| {
            let hash = StoredHash::fresh(&password("right"), cost).unwrap();
            Some((cost, hash.to_stored()))
        };
        for stored in [None, stored_at(4), stored_at(6), stored_at(7)] {
            let mut rounds = stored.as_ref().map_or(0, |(cost, _)| 1 << cost);
            let verdict = check(
                &password("wrong"),
                stored.as_ref().map(|(_, text)| text.as_str()),
                7,
                &mut |_, cost| {
                    rounds += 1 << cost;
                    Ok(())
                },
            );
            assert_eq!((verdict, rounds), (Ok(PasswordCheck::Wrong), 1 << 7));
        }
        let mut spent = Vec::new();
        let mut note = |_: &Password, cost| {
            spent.push(cost);
            Ok(())
        };
        assert_eq!(
            check(&password("x"), Some("malformed"), 7, &mut note),
            Ok(PasswordCheck::Wrong)
        );
        assert_eq!(spent, [7]);
    }

    #[test]
    fn a_cost_that_bcrypt_does_not_know_is_refused_at_the_start() {
        for cost in [0, 3, 32] {
            let settings = PasswordSettings {
                cost,
                threads: 1,
                queue: 1,
                deadline: Duration::from_secs(1),
            };
            let error = Passwords::start(settings).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
    }
}
