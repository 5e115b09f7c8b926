//! The password hashes of Django, which an import stores as they are: parsed and compared, never made. Pure computation;
//! its threads are in `services::passwords`. The formats are those of `django.contrib.auth.hashers` of Django 5.2.

use std::fmt::Write as _;
use std::num::NonZeroU32;

use argon2::Argon2;
use aws_lc_rs::{constant_time::verify_slices_are_equal, digest, pbkdf2};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use md5::{Digest, Md5};

use crate::domain::password::Password;
use crate::services::passwords::hash_format::{
    HashError, HashFormat, MAX_MEMORY, MAX_WORK, bcrypt_work,
};
use crate::services::passwords::scheme::{BASE64, StoredHash};

/// The format of a password that an import may store.
///
/// # Errors
/// [`HashError`] if no login could compare a password with it.
pub fn check_stored(stored: &str) -> Result<HashFormat, HashError> {
    if let Ok(hash) = StoredHash::parse(stored) {
        if bcrypt_work(hash.cost()) > MAX_WORK {
            return Err(HashError::TooSlow(HashFormat::Own));
        }
        return Ok(HashFormat::Own);
    }
    match HashFormat::of_prefix(stored) {
        Some(HashFormat::Unusable) => Ok(HashFormat::Unusable),
        _ => DjangoHash::parse(stored).map(|hash| hash.format),
    }
}

/// A parsed hash of Django.
#[derive(Clone)]
pub struct DjangoHash {
    format: HashFormat,
    function: Function,
    digest: Vec<u8>,
}

#[derive(Clone)]
enum Function {
    Pbkdf2(pbkdf2::Algorithm, NonZeroU32, String),
    Argon2(Argon2<'static>, Vec<u8>),
    Bcrypt(u32, [u8; 16]),
    Scrypt(scrypt::Params, String),
    Md5(String),
}

impl DjangoHash {
    /// Parses a stored hash.
    ///
    /// # Errors
    /// [`HashError`]; an unusable password is [`HashError::Malformed`].
    pub fn parse(stored: &str) -> Result<Self, HashError> {
        let format = HashFormat::of_prefix(stored).ok_or(HashError::Unknown)?;
        let parts: Vec<&str> = stored.split('$').skip(1).collect();
        let parsed = match format {
            HashFormat::Pbkdf2Sha256 => pbkdf2_parts(&parts, pbkdf2::PBKDF2_HMAC_SHA256, 32),
            HashFormat::Pbkdf2Sha1 => pbkdf2_parts(&parts, pbkdf2::PBKDF2_HMAC_SHA1, 20),
            HashFormat::Argon2 => argon2_parts(&parts),
            HashFormat::BcryptSha256 | HashFormat::Bcrypt => bcrypt_parts(&parts),
            HashFormat::Scrypt => scrypt_parts(&parts),
            HashFormat::Md5 => md5_parts(&parts),
            HashFormat::Own | HashFormat::Unusable => None,
        };
        let (function, digest) = parsed.ok_or(HashError::Malformed(format))?;
        let hash = Self {
            format,
            function,
            digest,
        };
        if hash.memory() > MAX_MEMORY {
            return Err(HashError::TooMuchMemory(format));
        }
        if hash.work() > MAX_WORK {
            return Err(HashError::TooSlow(format));
        }
        Ok(hash)
    }

    /// Whether `password` has this hash; compared in constant time. The password counts as it was typed, as in Django.
    #[must_use]
    pub fn matches(&self, password: &Password) -> bool {
        let typed = password.typed().as_bytes();
        let mut computed = vec![0; self.digest.len()];
        let is_computed = match &self.function {
            Function::Pbkdf2(algorithm, iterations, salt) => {
                pbkdf2::derive(
                    *algorithm,
                    *iterations,
                    salt.as_bytes(),
                    typed,
                    &mut computed,
                );
                true
            }
            Function::Argon2(argon2, salt) => {
                let done = argon2.hash_password_into(typed, salt, &mut computed);
                done.is_ok()
            }
            Function::Bcrypt(cost, salt) => {
                let mut key = match self.format {
                    HashFormat::Bcrypt => typed.to_vec(),
                    _ => hexadecimal(digest::digest(&digest::SHA256, typed).as_ref()).into_bytes(),
                };
                key.push(0);
                key.truncate(72);
                let hash = bcrypt::bcrypt(*cost, *salt, &key);
                computed.copy_from_slice(&hash[..self.digest.len()]);
                true
            }
            Function::Scrypt(params, salt) => {
                scrypt::scrypt(typed, salt.as_bytes(), params, &mut computed).is_ok()
            }
            Function::Md5(salt) => {
                let hash = Md5::new().chain_update(salt).chain_update(typed).finalize();
                computed.copy_from_slice(&hash);
                true
            }
        };
        is_computed && verify_slices_are_equal(&computed, &self.digest).is_ok()
    }

    /// The work of one comparison, about, in iterations of PBKDF2-SHA-256. The factors were measured with the parameters that
    /// are the default of Django 5.2 (`benches/ratios/django_timing.rs`).
    #[must_use]
    pub fn work(&self) -> u64 {
        match &self.function {
            Function::Pbkdf2(algorithm, iterations, _) => {
                let iterations = u64::from(iterations.get());
                if *algorithm == pbkdf2::PBKDF2_HMAC_SHA1 {
                    iterations * 4 / 5
                } else {
                    iterations
                }
            }
            Function::Argon2(argon2, _) => {
                let params = argon2.params();
                u64::from(params.m_cost()) * u64::from(params.t_cost()) * 3
            }
            Function::Bcrypt(cost, _) => bcrypt_work(*cost),
            Function::Scrypt(params, _) => {
                let blocks = u64::from(params.r()).saturating_mul(params.p().into());
                blocks.saturating_mul(params.n()) / 5 * 3
            }
            Function::Md5(_) => 1,
        }
    }

    fn memory(&self) -> u64 {
        match &self.function {
            Function::Argon2(argon2, _) => u64::from(argon2.params().m_cost()) * 1024,
            Function::Scrypt(params, _) => {
                let rows = params.n().saturating_add(params.p().into());
                rows.saturating_mul(u64::from(params.r()) * 128)
            }
            _ => 0,
        }
    }
}

/// Computes `work` iterations of PBKDF2-SHA-256 only for the time they take.
pub fn spend(password: &Password, work: u64) {
    if let Some(iterations) = u32::try_from(work).ok().and_then(NonZeroU32::new) {
        let (algorithm, secret) = (pbkdf2::PBKDF2_HMAC_SHA256, password.typed().as_bytes());
        let mut computed = [0; 32];
        pbkdf2::derive(algorithm, iterations, b"salt", secret, &mut computed);
        std::hint::black_box(computed);
    }
}

type Parsed = Option<(Function, Vec<u8>)>;

fn pbkdf2_parts(parts: &[&str], algorithm: pbkdf2::Algorithm, length: usize) -> Parsed {
    let &[iterations, salt, digest] = parts else {
        return None;
    };
    let digest = STANDARD.decode(digest).ok()?;
    let function = Function::Pbkdf2(algorithm, number(iterations)?, filled(salt)?);
    (digest.len() == length).then_some((function, digest))
}

fn argon2_parts(parts: &[&str]) -> Parsed {
    // Before version 1.3, Argon2 wrote no version.
    let (variety, version, costs, salt, digest) = match *parts {
        [variety, costs, salt, digest] => (variety, 0x10, costs, salt, digest),
        [variety, version, costs, salt, digest] => {
            let version = number(version.strip_prefix("v=")?)?;
            (variety, version, costs, salt, digest)
        }
        _ => return None,
    };
    let costs: Vec<&str> = costs.split(',').collect();
    let &[memory, time, lanes] = costs.as_slice() else {
        return None;
    };
    let (salt, digest) = (
        STANDARD_NO_PAD.decode(salt).ok()?,
        STANDARD_NO_PAD.decode(digest).ok()?,
    );
    let params = argon2::Params::new(
        number(memory.strip_prefix("m=")?)?,
        number(time.strip_prefix("t=")?)?,
        number(lanes.strip_prefix("p=")?)?,
        Some(digest.len()),
    );
    let is_salt = (argon2::MIN_SALT_LEN..=MAX_TEXT).contains(&salt.len());
    let argon2 = Argon2::new(
        variety.parse().ok()?,
        argon2::Version::try_from(version).ok()?,
        params.ok()?,
    );
    is_salt.then_some((Function::Argon2(argon2, salt), digest))
}

fn bcrypt_parts(parts: &[&str]) -> Parsed {
    let &["", "2a" | "2b" | "2y", cost_text, text] = parts else {
        return None;
    };
    let cost: u32 = cost_text.parse().ok()?;
    if !(4..=31).contains(&cost) || format!("{cost:02}") != cost_text || text.len() != 22 + 31 {
        return None;
    }
    let (salt, digest) = text.split_at_checked(22)?;
    let function = Function::Bcrypt(cost, BASE64.decode(salt).ok()?.try_into().ok()?);
    Some((function, BASE64.decode(digest).ok()?))
}

fn scrypt_parts(parts: &[&str]) -> Parsed {
    let &[n, salt, r, p, digest] = parts else {
        return None;
    };
    let n: u64 = number(n)?;
    let log_n = u8::try_from(n.checked_ilog2()?).ok()?;
    let params = scrypt::Params::new(log_n, number(r)?, number(p)?).ok()?;
    let digest = STANDARD.decode(digest).ok()?;
    let is_valid = n.is_power_of_two() && n > 1 && digest.len() == 64;
    is_valid.then_some((Function::Scrypt(params, filled(salt)?), digest))
}

fn md5_parts(parts: &[&str]) -> Parsed {
    let &[salt, digest] = parts else { return None };
    let bytes: Option<Vec<u8>> = (0..16)
        .map(|at| u8::from_str_radix(digest.get(2 * at..2 * at + 2)?, 16).ok())
        .collect();
    let bytes = bytes.filter(|bytes| hexadecimal(bytes) == digest)?;
    Some((Function::Md5(filled(salt)?), bytes))
}

/// The most characters of a salt. Django stores at most 128 of a whole hash.
const MAX_TEXT: usize = 128;

fn filled(salt: &str) -> Option<String> {
    let is_visible = salt.bytes().all(|byte| byte.is_ascii_graphic());
    (is_visible && (1..=MAX_TEXT).contains(&salt.len())).then(|| salt.to_owned())
}

/// A number in decimal digits, without a sign.
fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits.then(|| text.parse().ok()).flatten()
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use HashError::{Malformed, TooMuchMemory, TooSlow};
    use HashFormat::{Argon2, Bcrypt, Pbkdf2Sha256, Scrypt};

    type Refusal = fn(HashFormat) -> HashError;
    const TYPED: &str = "비밀번호 1";

    fn password(typed: &str) -> Password {
        Password::parse(typed).unwrap()
    }

    fn long(last: &str) -> String {
        "가나다라마바사아자차카타파하".repeat(3)[..3 * 41].to_owned() + last
    }

    /// Made by Django 5.2.
    const MADE_BY_DJANGO: [&str; 13] = [
        "pbkdf2_sha256$20$seasalt$k1BiIUnsqgotK0/+G+6P9VzRBqM5+Jsk8jKCk28zElI=",
        "pbkdf2_sha256$1000000$IpdstRwRFP9yk9dFFyY12K$EuG5++tu7lR2E8JcXd4eCoQfZ41fQqCdpWLIrOADqC4=",
        "pbkdf2_sha1$20$seasalt$9ESBsLskq7n9zkEjramHOf6My1s=",
        "argon2$argon2id$v=19$m=64,t=2,p=2$c29tZXNhbHQxMjM0$g4cjjHnDJetV96lrpe8clhq9j3foJTBtropgEY1lZHk",
        "argon2$argon2i$v=19$m=64,t=2,p=2$c29tZXNhbHQxMjM0$+H5GrXLj/vPC+4EIKnMjgiDCo48itDP9ouY5QSzE6yI",
        "argon2$argon2d$v=19$m=64,t=2,p=2$c29tZXNhbHQxMjM0$r/0+7gfnxSr1y88UUkVsMl5p6q7PzN7TO/NyCh5EV5k",
        "argon2$argon2i$v=16$m=64,t=2,p=2$c29tZXNhbHQxMjM0$DNGQL/mbM8nkQK0a+aTAPc39Ev8DZj4aqBAK3iKMVCA",
        "argon2$argon2id$v=19$m=102400,t=2,p=8$TTYxNm01VXcxMFV6eVcySmlyQU5hMQ$Mvn5KjYzS06U+BkRrjDtzrFH/7oMbKgBOsmcfbsWEhA",
        "bcrypt_sha256$$2b$04$Kycg8SUrOt6YV7BA0fZ/MOpfa5qZHC5bWTfgi5DkPr8xw7aOdt7WW",
        "bcrypt$$2b$04$gIhKvqLHCGYfBhM/OzoBdO8gPl0cKx0JFQi4XyuYQgg8ts1ODJ0dC",
        "bcrypt$$2a$04$qSfpgg0nmK27GVIgLnmayO8NQGh8ghxKjuKk3Z8YL3HkniSz67WYa",
        "scrypt$16384$43etUql5BLTO3Xec8wfOMv$8$5$y10bWRjugGTJ9TwT/Od/5R5DUoPL4EtBfFmXBBQ9cRvopaSREwLpQuJnp0L1XZBPl10CqQMvaEy/Gb/MBn7RFQ==",
        "md5$seasalt$0792274e7ac64bd0b2ed80014710df73",
    ];

    #[test]
    fn hashes_from_django_match() {
        for stored in MADE_BY_DJANGO {
            let format = check_stored(stored).unwrap();
            assert_eq!(Some(format.as_str()), stored.split('$').next());
            let hash = DjangoHash::parse(stored).unwrap();
            assert!(hash.matches(&password(TYPED)), "{stored}");
            assert!(!hash.matches(&password("비밀번호 2")), "{stored}");
        }
    }

    #[test]
    fn the_two_kinds_of_bcrypt_differ_beyond_72_bytes() {
        let all = "bcrypt_sha256$$2b$04$rpNN3s4qnfCz1CK1SYn1SuwlrpxT1UUokjHddyeLJLLSJ01jZ/vR.";
        let first = "bcrypt$$2b$04$ccCNor7XovASDeoZoc82yOuUmpCQlPd6xYzCdaUs4FooZSgfDSMHK";
        for (stored, is_other_the_same) in [(all, false), (first, true)] {
            let hash = DjangoHash::parse(stored).unwrap();
            assert!(hash.matches(&password(&long("하"))));
            assert_eq!(hash.matches(&password(&long("호"))), is_other_the_same);
        }
    }

    #[test]
    fn a_password_counts_as_it_was_typed() {
        // Django does not normalise: md5 of the salt and of U+1112 U+1161 U+11AB.
        let typed = "\u{1112}\u{1161}\u{11ab}";
        let digest = Md5::new().chain_update("s").chain_update(typed).finalize();
        let hash = DjangoHash::parse(&format!("md5$s${}", hexadecimal(&digest))).unwrap();
        assert!(hash.matches(&password(typed)));
        assert!(!hash.matches(&password("\u{d55c}")));
    }

    #[test]
    fn other_texts_are_refused_with_the_name_of_their_format() {
        for stored in MADE_BY_DJANGO {
            let format = HashFormat::of_prefix(stored).unwrap();
            let parts = stored.matches('$').count();
            let shorter = stored.rsplit_once('$').unwrap().0;
            let odd = [
                shorter.to_owned(),
                format!("{stored}$"),
                format!("{stored}="),
                format!("{stored}\u{ac00}"),
                stored[..stored.len() - 1].to_owned(),
                format!("{}$", format.as_str()),
                "$".repeat(parts)
                    .replacen('$', &format!("{}$", format.as_str()), 1),
            ];
            for odd in odd {
                let found = check_stored(&odd);
                assert_eq!(found, Err(HashError::Malformed(format)), "{odd}");
            }
        }
        for odd in ["", "$", "sha1$salt$aaaa", "5f4dcc3b", "unusable$x"] {
            assert_eq!(check_stored(odd), Err(HashError::Unknown), "{odd}");
        }
        for unusable in ["!ur6WPEdeu", "!"] {
            assert_eq!(check_stored(unusable), Ok(HashFormat::Unusable));
        }
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        let replaced = |format, from, to| {
            let is_it = |stored: &&str| HashFormat::of_prefix(stored) == Some(format);
            let stored = MADE_BY_DJANGO.into_iter().find(is_it).unwrap();
            check_stored(&stored.replacen(from, to, 1)).err()
        };
        let cases: [(_, _, _, Refusal); 15] = [
            (Pbkdf2Sha256, "$20$", "$16000001$", TooSlow),
            (Pbkdf2Sha256, "$20$", "$0$", Malformed),
            (Pbkdf2Sha256, "$20$", "$+20$", Malformed),
            (Pbkdf2Sha256, "$20$", "$99999999999$", Malformed),
            (Argon2, "m=64", "m=262145", TooMuchMemory),
            (Argon2, "t=2", "t=4000000000", TooSlow),
            (Argon2, "p=2", "p=9", Malformed),
            (Argon2, "v=19", "v=20", Malformed),
            (Bcrypt, "$04$", "$17$", TooSlow),
            (Bcrypt, "$04$", "$4$", Malformed),
            (Bcrypt, "$2b$", "$2x$", Malformed),
            (Scrypt, "16384", "16385", Malformed),
            (Scrypt, "16384", "1048576", TooMuchMemory),
            (Scrypt, "$8$5$", "$8$500$", TooSlow),
            (Scrypt, "$8$5$", "$4294967295$4294967295$", Malformed),
        ];
        for (format, from, to, expected) in cases {
            let found = replaced(format, from, to);
            assert_eq!(found, Some(expected(format)), "{from} {to}");
        }
    }
}
