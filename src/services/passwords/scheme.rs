//! The stored form of a password: passlib's documented `bcrypt_sha256`, version 2. Pure computation; its threads are in
//! `services::passwords`.
//!
//! `$bcrypt-sha256$v=2,t=2b,r=<cost>$<22 characters of salt>$<31 characters of digest>`: HMAC-SHA-256 of the password,
//! keyed by the salt as text, in base64, then bcrypt (`2b`) of those 44 characters with the same salt. bcrypt alone
//! reads only 72 bytes, which are 24 characters of Hangul; with HMAC every character counts.

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

/// The costs that bcrypt supports: 2^cost rounds.
pub const COSTS: std::ops::RangeInclusive<u32> = 4..=31;

/// The base64 of bcrypt: another alphabet, without padding.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(&BCRYPT, NO_PAD);
const PREFIX: &str = "$bcrypt-sha256$v=2,t=2b,r=";
const SALT_TEXT: usize = 22;
const DIGEST_TEXT: usize = 31;

/// Why a hash cannot be parsed or computed. No variant contains a part of a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemeError {
    /// The stored text is not of this scheme, or not in its canonical form.
    #[error("the stored hash is not a bcrypt_sha256 hash of version 2")]
    Malformed,
    /// The operating system returned no random bytes.
    #[error("the operating system returned no random bytes")]
    NoRandom,
    /// bcrypt rejected its input.
    #[error("bcrypt rejected its input")]
    Bcrypt,
}

impl From<BcryptError> for SchemeError {
    fn from(_: BcryptError) -> Self {
        Self::Bcrypt
    }
}

/// A parsed stored hash.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredHash {
    cost: u32,
    salt: [u8; 16],
    digest: [u8; 23],
}

impl StoredHash {
    /// Parses a stored hash in its canonical form.
    ///
    /// # Errors
    /// [`SchemeError::Malformed`] for anything else.
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

    /// The bcrypt cost of the hash.
    #[must_use]
    pub fn cost(&self) -> u32 {
        self.cost
    }

    /// Whether `password` has this hash. Computes 2^cost rounds in either case and compares in constant time.
    ///
    /// # Errors
    /// [`SchemeError::Bcrypt`].
    pub fn matches(&self, password: &Password) -> Result<bool, SchemeError> {
        let computed = Self::compute(password, self.cost, self.salt)?;
        Ok(verify_slices_are_equal(&computed.digest, &self.digest).is_ok())
    }

    /// The hash of a password with a new salt.
    ///
    /// # Errors
    /// [`SchemeError::NoRandom`] and [`SchemeError::Bcrypt`].
    pub fn fresh(password: &Password, cost: u32) -> Result<Self, SchemeError> {
        let mut salt = [0; 16];
        SystemRandom::new()
            .fill(&mut salt)
            .map_err(|_| SchemeError::NoRandom)?;
        Self::compute(password, cost, salt)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the only caller of bcrypt: on the threads of services::passwords, with 44 bytes"
    )]
    fn compute(password: &Password, cost: u32, salt: [u8; 16]) -> Result<Self, SchemeError> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, BASE64.encode(salt).as_bytes());
        let tag = hmac::sign(&key, password.reveal().as_bytes());
        let hash = bcrypt::hash_with_salt(STANDARD.encode(tag), cost, salt)?.to_string();
        let text = hash.get(hash.len().saturating_sub(DIGEST_TEXT)..);
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

/// The length of the prefix of a stored hash that contains its cost.
pub const COST_PREFIX_LEN: usize = PREFIX.len() + 2;

/// The cost of a hash, from its first [`COST_PREFIX_LEN`] characters; `None` when it is not of this scheme.
#[must_use]
pub fn cost_of_prefix(prefix: &str) -> Option<u32> {
    prefix
        .strip_prefix(PREFIX)?
        .trim_end_matches('$')
        .parse()
        .ok()
        .filter(|cost| COSTS.contains(cost))
}

/// The costs of the hashes that a wrong password must still compute to reach 2^`configured` rounds in all. `done` is the
/// cost of the hash that was computed already.
///
/// `None`: one at the configured cost. A lower cost c: one at each of c, c+1, … `configured` - 1, which add up to
/// 2^`configured` - 2^c. The configured cost or above: none.
#[must_use]
pub fn missing_costs(configured: u32, done: Option<u32>) -> Vec<u32> {
    match done {
        None => vec![configured],
        Some(cost) => (cost..configured).rev().collect(),
    }
}

/// Computes one hash of `cost` only for the time it takes.
///
/// # Errors
/// [`SchemeError::Bcrypt`].
pub fn spend(password: &Password, cost: u32) -> Result<(), SchemeError> {
    StoredHash::compute(password, cost, [0; 16]).map(|hash| {
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
    fn hashes_from_passlib_match() {
        let salt = "n79VH.0Q2TMWmt3Oqt9uku";
        for (typed, cost, digest) in [
            // The example of passlib's documentation; the others were computed with passlib 1.7.4.
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
            assert_eq!(cost_of_prefix(&stored[..COST_PREFIX_LEN]), Some(cost));
        }
    }

    #[test]
    fn every_character_counts_beyond_72_bytes() {
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
        let hash = || StoredHash::fresh(&password("same"), 4).unwrap().to_stored();
        assert_ne!(hash(), hash());
    }

    #[test]
    fn only_the_canonical_form_is_parsed() {
        let valid =
            "$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2";
        assert!(StoredHash::parse(valid).is_ok());
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
            // The unused bits of the last character must be zero.
            ("ft2", "ft3"),
            ("uku", "ukv"),
            ("uku", "uk"),
            ("uku$", "uku"),
            ("n79", "n\u{ac00}"),
            ("n79", "n 9"),
        ] {
            let odd = valid.replacen(from, to, 1);
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
    fn a_wrong_password_always_costs_the_configured_rounds() {
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
