//! Recovery codes: ten for an account, each valid once, for an owner who has lost the other factor.

use aws_lc_rs::rand;
use data_encoding::BASE32_NOPAD;

use crate::domain::otp::OtpCode;
use crate::services::error::Error;
use crate::services::secret;

/// The number of codes.
pub const COUNT: usize = 10;
/// The bytes of a code: 120 bits. From 112 bits on a code needs no slow hash (ASVS 5.0 6.5.2).
const BYTES: usize = 15;
/// The characters of a group.
const GROUP: usize = 4;

/// New codes, in groups of four characters.
///
/// # Errors
/// [`Error::Internal`] if the system's random generator fails.
pub(super) fn generate() -> Result<Vec<String>, Error> {
    (0..COUNT).map(|_| one()).collect()
}

fn one() -> Result<String, Error> {
    let mut bytes = [0; BYTES];
    rand::fill(&mut bytes)
        .map_err(|_| Error::Internal("the system's random generator failed".into()))?;
    let text = BASE32_NOPAD.encode(&bytes).to_lowercase();
    let mut code = String::with_capacity(text.len() + text.len() / GROUP);
    for (index, character) in text.chars().enumerate() {
        if index > 0 && index % GROUP == 0 {
            code.push('-');
        }
        code.push(character);
    }
    Ok(code)
}

/// The hash of a code, however it was typed.
pub(super) fn hash(code: &OtpCode) -> String {
    secret::hash(&code.reveal().to_lowercase())
}

/// The hashes of new codes.
pub(super) fn hashes(codes: &[String]) -> Vec<String> {
    let plain = |code: &String| code.replace('-', "");
    codes
        .iter()
        .map(|code| secret::hash(&plain(code)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_the_same_hash_however_it_is_typed() {
        let codes = generate().ok().unwrap();
        assert_eq!(codes.len(), COUNT);
        assert_eq!(codes[0].len(), 29);
        let typed = codes[0].replace('-', " ").to_uppercase();
        let typed = OtpCode::parse(&typed).ok().unwrap();
        assert_eq!(hash(&typed), hashes(&codes)[0]);
    }
}
