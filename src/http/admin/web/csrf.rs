//! That a form was sent by a page of ours, to whoever it was shown to: a token made from the secret of the browser's
//! cookie (ASVS 5.0 3.5). Where the request says it comes from is looked at besides.

use aws_lc_rs::{constant_time, hmac, rand};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

/// Bytes of a mark, and of what hides it.
const LENGTH: usize = 32;

fn mac(secret: &str, purpose: &str, message: &[u8]) -> hmac::Tag {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mut context = hmac::Context::with_key(&key);
    context.update(purpose.as_bytes());
    context.update(&[0]);
    context.update(message);
    context.sign()
}

/// A mark that only who knows the secret can put on a message.
pub(crate) fn sign(secret: &str, purpose: &str, message: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(mac(secret, purpose, message.as_bytes()))
}

/// Whether a mark is the one of this message.
pub(crate) fn is_signed(secret: &str, purpose: &str, message: &str, mark: &str) -> bool {
    let expected = mac(secret, purpose, message.as_bytes());
    let Ok(given) = BASE64_URL_SAFE_NO_PAD.decode(mark) else {
        return false;
    };
    constant_time::verify_slices_are_equal(expected.as_ref(), &given).is_ok()
}

/// A form's token. Each answer hides it under other random bytes, so that a compressed page gives nothing away by its
/// length (BREACH).
pub(crate) fn token(secret: &str) -> String {
    let mut hidden = [0_u8; 2 * LENGTH];
    // Without randomness the token is merely not hidden.
    let _ = rand::fill(&mut hidden[..LENGTH]);
    let tag = mac(secret, "csrf", b"");
    for (at, byte) in tag.as_ref().iter().enumerate().take(LENGTH) {
        hidden[LENGTH + at] = hidden[at] ^ byte;
    }
    BASE64_URL_SAFE_NO_PAD.encode(hidden)
}

/// Whether a token was made from this secret.
pub(crate) fn is_token(secret: &str, token: &str) -> bool {
    if token.len() > 128 {
        return false;
    }
    let Ok(hidden) = BASE64_URL_SAFE_NO_PAD.decode(token) else {
        return false;
    };
    if hidden.len() != 2 * LENGTH {
        return false;
    }
    let (mask, covered) = hidden.split_at(LENGTH);
    let given: Vec<u8> = mask.iter().zip(covered).map(|(a, b)| a ^ b).collect();
    let expected = mac(secret, "csrf", b"");
    constant_time::verify_slices_are_equal(expected.as_ref(), &given).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_secret_alone_and_never_the_same() {
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
    fn a_mark_holds_for_one_message_and_one_purpose() {
        let mark = sign("secret", "notice", "message");
        assert!(is_signed("secret", "notice", "message", &mark));
        assert!(!is_signed("secret", "notice", "massage", &mark));
        assert!(!is_signed("secret", "csrf", "message", &mark));
        assert!(!is_signed("other", "notice", "message", &mark));
    }
}
