//! CSRF tokens: a form must contain a token derived from the secret in the browser's cookie (ASVS 5.0 3.5). The request's
//! origin is checked as well.

use aws_lc_rs::{constant_time, hmac, rand};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

/// Bytes of a MAC, and of its mask.
const LENGTH: usize = 32;

fn mac(secret: &str, purpose: &str, message: &[u8]) -> hmac::Tag {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mut context = hmac::Context::with_key(&key);
    context.update(purpose.as_bytes());
    context.update(&[0]);
    context.update(message);
    context.sign()
}

/// The MAC of a message.
pub(crate) fn sign(secret: &str, purpose: &str, message: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(mac(secret, purpose, message.as_bytes()))
}

/// Whether this is the MAC of the message.
pub(crate) fn is_signed(secret: &str, purpose: &str, message: &str, tag: &str) -> bool {
    let expected = mac(secret, purpose, message.as_bytes());
    let Ok(given) = BASE64_URL_SAFE_NO_PAD.decode(tag) else {
        return false;
    };
    constant_time::verify_slices_are_equal(expected.as_ref(), &given).is_ok()
}

/// A form's token, masked with new random bytes for each response, so that the length of a compressed page leaks nothing
/// (BREACH).
pub(crate) fn token(secret: &str) -> String {
    let mut masked = [0_u8; 2 * LENGTH];
    // Without randomness the token is valid, but not masked.
    let _ = rand::fill(&mut masked[..LENGTH]);
    let tag = mac(secret, "csrf", b"");
    for (at, byte) in tag.as_ref().iter().enumerate().take(LENGTH) {
        masked[LENGTH + at] = masked[at] ^ byte;
    }
    BASE64_URL_SAFE_NO_PAD.encode(masked)
}

/// Whether a token belongs to this secret.
pub(crate) fn is_token(secret: &str, token: &str) -> bool {
    if token.len() > 128 {
        return false;
    }
    let Ok(masked) = BASE64_URL_SAFE_NO_PAD.decode(token) else {
        return false;
    };
    if masked.len() != 2 * LENGTH {
        return false;
    }
    let (mask, covered) = masked.split_at(LENGTH);
    let given: Vec<u8> = mask.iter().zip(covered).map(|(a, b)| a ^ b).collect();
    let expected = mac(secret, "csrf", b"");
    constant_time::verify_slices_are_equal(expected.as_ref(), &given).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_valid_for_its_secret_only_and_differs_each_time() {
        let (one, other) = (token("secret"), token("secret"));
        assert_ne!(one, other);
        assert!(is_token("secret", &one) && is_token("secret", &other));
        for wrong in [
            "",
            "x",
            "é",
            &one[1..],
            &"A".repeat(86),
            &"A".repeat(10_000),
        ] {
            assert!(!is_token("secret", wrong), "{wrong}");
        }
        assert!(!is_token("another secret", &one));
    }

    #[test]
    fn a_signature_is_valid_for_one_message_and_one_purpose() {
        let tag = sign("secret", "notice", "message");
        assert!(is_signed("secret", "notice", "message", &tag));
        assert!(!is_signed("secret", "notice", "massage", &tag));
        assert!(!is_signed("secret", "csrf", "message", &tag));
        assert!(!is_signed("other", "notice", "message", &tag));
    }
}
