//! How a password is stored: passlib's documented `bcrypt_sha256`, version 2. Pure computing; who computes and when is
//! in `services::passwords`.
//!
//! `$bcrypt-sha256$v=2,t=2b,r=<cost>$<22 characters of salt>$<31 characters of digest>`: HMAC-SHA-256 of the password,
//! keyed by the salt as text, in base64, then bcrypt (`2b`) of those 44 characters with the same salt. bcrypt alone
//! reads 72 bytes, which are 24 characters of Hangul; here every character counts.

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    hmac,
    rand::{SecureRandom, SystemRandom},
};
use base64::{
    Engine,
    alphabet::BCRYPT,
    engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD},
};
use bcrypt::BcryptError;

use crate::domain::password::Password;

/// The costs that bcrypt knows: 2^cost rounds.
pub const COSTS: std::ops::RangeInclusive<u32> = 4..=31;

const BASE64: GeneralPurpose = GeneralPurpose::new(&BCRYPT, NO_PAD);
const PREFIX: &str = "$bcrypt-sha256$v=2,t=2b,r=";
const SALT_TEXT: usize = 22;
const DIGEST_TEXT: usize = 31;

/// What can go wrong besides a wrong password. No variant carries a part of a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemeError {
    /// The stored text is not of this scheme, or not in its one canonical spelling.
    #[error("the stored hash is not a bcrypt_sha256 hash of version 2")]
    Malformed,
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    NoRandom,
    /// bcrypt refused its input.
    #[error("bcrypt refused its input")]
    Bcrypt,
}

impl From<BcryptError> for SchemeError {
    fn from(_: BcryptError) -> Self {
        Self::Bcrypt
    }
}

/// A stored hash, taken apart.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredHash {
    cost: u32,
    salt: [u8; 16],
    digest: [u8; 23],
}

impl StoredHash {
    /// Reads a stored hash in its one canonical spelling; anything else is [`SchemeError::Malformed`].
    pub fn parse(stored: &str) -> Result<Self, SchemeError> {
        Self::split(stored).ok_or(SchemeError::Malformed)
    }

    fn split(stored: &str) -> Option<Self> {
        let mut parts = stored.strip_prefix(PREFIX)?.split('$');
        let (cost_text, salt, digest) = (parts.next()?, parts.next()?, parts.next()?);
        let cost = cost_text.parse().ok().filter(|cost| COSTS.contains(cost))?;
        if parts.next().is_some()
            || u32::to_string(&cost) != cost_text
            || salt.len() != SALT_TEXT
            || digest.len() != DIGEST_TEXT
        {
            return None;
        }
        Some(Self {
            cost,
            salt: BASE64.decode(salt).ok()?.try_into().ok()?,
            digest: BASE64.decode(digest).ok()?.try_into().ok()?,
        })
    }

    /// The cost this hash was made with.
    #[must_use]
    pub fn cost(&self) -> u32 {
        self.cost
    }

    /// Whether `password` is the one; costs 2^cost rounds either way and compares in constant time.
    pub fn matches(&self, password: &Password) -> Result<bool, SchemeError> {
        let made = Self::make(password, self.cost, self.salt)?;
        Ok(verify_slices_are_equal(&made.digest, &self.digest).is_ok())
    }

    /// The hash of a password under a fresh salt.
    pub fn fresh(password: &Password, cost: u32) -> Result<Self, SchemeError> {
        let mut salt = [0; 16];
        SystemRandom::new()
            .fill(&mut salt)
            .map_err(|_| SchemeError::NoRandom)?;
        Self::make(password, cost, salt)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that calls bcrypt, on the threads of services::passwords, with 44 bytes"
    )]
    fn make(password: &Password, cost: u32, salt: [u8; 16]) -> Result<Self, SchemeError> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, BASE64.encode(salt).as_bytes());
        let tag = hmac::sign(&key, password.reveal().as_bytes());
        let made = bcrypt::hash_with_salt(STANDARD.encode(tag), cost, salt)?.to_string();
        let text = made.get(made.len().saturating_sub(DIGEST_TEXT)..);
        let digest = text.and_then(|text| BASE64.decode(text).ok()?.try_into().ok());
        Ok(Self {
            cost,
            salt,
            digest: digest.ok_or(SchemeError::Bcrypt)?,
        })
    }

    /// The text to store.
    #[must_use]
    pub fn to_stored(&self) -> String {
        let (salt, digest) = (BASE64.encode(self.salt), BASE64.encode(self.digest));
        format!("{PREFIX}{}${salt}${digest}", self.cost)
    }
}

/// How many characters of a stored hash tell its cost.
pub const COST_TOLD_BY: usize = PREFIX.len() + 2;

/// The cost of a hash by its first [`COST_TOLD_BY`] characters; none where it is not of this scheme.
#[must_use]
pub fn cost_told_by(beginning: &str) -> Option<u32> {
    beginning
        .strip_prefix(PREFIX)?
        .trim_end_matches('$')
        .parse()
        .ok()
        .filter(|cost| COSTS.contains(cost))
}

/// The costs of the hashes that a failed try must still compute so that it has cost 2^`configured` rounds in all, when
/// `done` says at which cost one was computed already.
///
/// Nothing done: one at the configured cost. One at a lower cost c: one at each of c, c+1, … `configured` - 1, which
/// add up to 2^`configured` - 2^c. One at the configured cost or above: none.
#[must_use]
pub fn missing_costs(configured: u32, done: Option<u32>) -> Vec<u32> {
    match done {
        None => vec![configured],
        Some(cost) => (cost..configured).rev().collect(),
    }
}

/// Computes one hash of `cost` for its time only. It needs nothing prepared.
pub fn spend(password: &Password, cost: u32) -> Result<(), SchemeError> {
    StoredHash::make(password, cost, [0; 16]).map(|hash| {
        std::hint::black_box(hash.digest);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(typed: &str) -> Password {
        Password::parse(typed).unwrap()
    }

    #[test]
    fn hashes_made_by_passlib_are_understood() {
        let salt = "n79VH.0Q2TMWmt3Oqt9uku";
        for (typed, cost, digest) in [
            // The example of passlib's documentation; the others were made with passlib 1.7.4.
            ("password", 12, "Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2"),
            (&"한글".repeat(30), 4, "bhACDEbTEXV8CsmEH0rAbfYVu.gBMHe"),
            (" outer ", 4, "o5s8Z7QVHf1YtQnUfT5gZWQrB5yodTy"),
            ("nul\0in", 4, "S/nrhMqWDRc0bV5V44hPx3ngL4vMw1a"),
        ] {
            let stored = format!("$bcrypt-sha256$v=2,t=2b,r={cost}${salt}${digest}");
            let hash = StoredHash::parse(&stored).unwrap();
            assert_eq!(hash.matches(&password(typed)), Ok(true), "{typed}");
            assert_eq!(hash.matches(&password("Password")), Ok(false));
            assert_eq!(hash.to_stored(), stored);
            assert_eq!(hash.cost(), cost);
            assert_eq!(cost_told_by(&stored[..COST_TOLD_BY]), Some(cost));
        }
    }

    #[test]
    fn every_character_counts_and_none_is_cut() {
        let long = "가나다라마바사아자차카타파하거너더러머버".repeat(3);
        assert_eq!(long.chars().count(), 60);
        let hash = StoredHash::fresh(&password(&long), 4).unwrap();
        let mut other = long.clone();
        other.pop();
        other.push('서');
        assert_eq!(hash.matches(&password(&long)), Ok(true));
        assert_eq!(hash.matches(&password(&other)), Ok(false));
        assert_eq!(hash.matches(&password(&format!("{long} "))), Ok(false));
    }

    #[test]
    fn two_hashes_of_one_password_differ() {
        let made = || StoredHash::fresh(&password("same"), 4).unwrap().to_stored();
        assert_ne!(made(), made());
    }

    #[test]
    fn only_the_canonical_spelling_is_read() {
        let good =
            "$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2";
        assert!(StoredHash::parse(good).is_ok());
        for (from, to) in [
            ("v=2", "v=1"),
            ("t=2b", "t=2a"),
            ("r=12", "r=012"),
            ("r=12", "r=+12"),
            ("r=12", "r=3"),
            ("r=12", "r=32"),
            ("r=12", "r="),
            ("r=12", "r=99999999999"),
            ("$bcrypt", "bcrypt"),
            ("ft2", "ft2$"),
            ("ft2", "ft2="),
            ("ft2", "ft"),
            // The bits of the last character that carry nothing must be zero.
            ("ft2", "ft3"),
            ("uku", "ukv"),
            ("uku", "uk"),
            ("uku$", "uku"),
            ("n79", "n\u{ac00}"),
            ("n79", "n 9"),
        ] {
            let odd = good.replacen(from, to, 1);
            assert_eq!(
                StoredHash::parse(&odd).err(),
                Some(SchemeError::Malformed),
                "{odd}"
            );
        }
        for odd in [
            "",
            "$",
            "$2b$12$n79VH.0Q2TMWmt3Oqt9uku",
            "pbkdf2_sha256$1$a$b",
            PREFIX,
        ] {
            assert!(StoredHash::parse(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_failed_try_always_costs_the_configured_work() {
        let rounds = |costs: &[u32]| costs.iter().map(|cost| 1_u64 << cost).sum::<u64>();
        for configured in COSTS {
            assert_eq!(
                rounds(&missing_costs(configured, None)),
                1_u64 << configured
            );
            for stored in *COSTS.start()..=configured {
                let missing = missing_costs(configured, Some(stored));
                assert_eq!((1_u64 << stored) + rounds(&missing), 1_u64 << configured);
            }
        }
        assert_eq!(missing_costs(12, Some(10)), [11, 10]);
        assert!(missing_costs(12, Some(14)).is_empty());
    }
}
