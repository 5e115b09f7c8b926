//! One-time passwords by time (TOTP, RFC 6238): SHA-1, six digits, steps of 30 seconds, as every authenticator app has them.
//!
//! The secret is encrypted under a key that is derived from the master key, with the account as associated data.

use std::fmt::Write;

use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac, rand};
use data_encoding::BASE32_NOPAD;
use form_urlencoded::byte_serialize;
use qrcode::{Color, EcLevel, QrCode};

use crate::clock::Timestamp;
use crate::domain::principal::Principal;
use crate::services::error::Error;
use crate::tokens::MasterKeys;

/// The purpose of the key that secrets are encrypted under.
const PURPOSE: &[u8] = b"sealing of second factors";
/// The bytes of a secret: 160 bits, the length of a SHA-1 (RFC 4226 section 4).
const SECRET_BYTES: usize = 20;
/// The length of a time step in seconds.
const STEP: i64 = 30;
/// The number of digits of a code.
const DIGITS: usize = 6;

/// The secret of an authenticator app. It has no `Debug`.
pub struct Secret(Vec<u8>);

impl Secret {
    /// A new secret from the system's random generator.
    ///
    /// # Errors
    /// [`Error::Internal`] if the random generator fails.
    pub(super) fn generate() -> Result<Self, Error> {
        let mut bytes = vec![0; SECRET_BYTES];
        rand::fill(&mut bytes)
            .map_err(|_| Error::Internal("the system's random generator failed".into()))?;
        Ok(Self(bytes))
    }

    /// Encrypts the secret of an account.
    ///
    /// # Errors
    /// [`Error::Internal`] if the random generator fails.
    pub(crate) fn seal(&self, keys: &MasterKeys, owner: Principal) -> Result<String, Error> {
        let sealed = keys.present.seal(PURPOSE, &context(owner), &self.0);
        sealed.map_err(|error| Error::Internal(error.to_string()))
    }

    /// Decrypts the secret of an account, also under another master key that is known. `None` if none of them fits.
    pub(crate) fn open(keys: &MasterKeys, owner: Principal, sealed: &str) -> Option<Self> {
        let context = context(owner);
        keys.all()
            .find_map(|key| key.open(PURPOSE, &context, sealed).ok())
            .map(Self)
    }

    /// Whether the secret is encrypted under the master key in use.
    pub(crate) fn is_present(keys: &MasterKeys, owner: Principal, sealed: &str) -> bool {
        let opened = keys.present.open(PURPOSE, &context(owner), sealed);
        opened.is_ok()
    }

    /// The secret for typing: base32 (RFC 4648) without padding.
    #[must_use]
    pub fn base32(&self) -> String {
        BASE32_NOPAD.encode(&self.0)
    }

    /// The address for authenticator apps: `otpauth://totp/ISSUER:LOGIN?secret=…&issuer=ISSUER`.
    #[must_use]
    pub fn uri(&self, issuer: &str, login: &str) -> String {
        let quoted = |text: &str| {
            let quoted: String = byte_serialize(text.as_bytes()).collect();
            // In an address a space is %20; + is one in forms only.
            quoted.replace('+', "%20")
        };
        let (issuer, login) = (quoted(issuer), quoted(login));
        let secret = self.base32();
        format!(
            "otpauth://totp/{issuer}:{login}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP}"
        )
    }

    /// The time step that a code belongs to, of the current one and its two neighbours; `None` if it is none of theirs.
    #[must_use]
    pub(crate) fn matching_step(&self, code: &str, now: Timestamp) -> Option<i64> {
        let present = now.unix_seconds() / STEP;
        // The newest first. All are compared, so that the time does not show which one it is.
        [present + 1, present, present - 1]
            .into_iter()
            .filter(|step| {
                let expected = self.code(*step);
                verify_slices_are_equal(expected.as_bytes(), code.as_bytes()).is_ok()
            })
            .fold(None, |found, step| found.or(Some(step)))
    }

    /// The code of a time step: HOTP (RFC 4226 section 5.3) of its number.
    fn code(&self, step: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let tag = tag.as_ref();
        let offset = usize::from(tag.last().copied().unwrap_or(0) & 0x0F);
        let four = tag[offset..].first_chunk().copied().unwrap_or_default();
        let number = u32::from_be_bytes(four) & 0x7FFF_FFFF;
        format!("{:0DIGITS$}", number % 1_000_000)
    }
}

fn context(owner: Principal) -> String {
    format!("totp\n{owner}")
}

/// The address of an authenticator app as a QR code in SVG: one dark path on a light square.
///
/// # Errors
/// [`Error::Internal`] if the address is too long for a QR code, which an address of an account is not.
pub fn qr_svg(uri: &str) -> Result<String, Error> {
    // The quiet zone around the code, in modules.
    const QUIET: usize = 4;
    let code = QrCode::with_error_correction_level(uri, EcLevel::L)
        .map_err(|error| Error::Internal(format!("no QR code: {error}")))?;
    let width = code.width();
    let dark = code
        .to_colors()
        .into_iter()
        .enumerate()
        .filter(|(_, color)| *color == Color::Dark);
    let mut path = String::new();
    for (index, _) in dark {
        let (x, y) = (index % width + QUIET, index / width + QUIET);
        write!(path, "M{x} {y}h1v1h-1z").map_err(|error| Error::Internal(error.to_string()))?;
    }
    let side = width + 2 * QUIET;
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path fill=\"#000\" d=\"{path}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::principal::UserSeq;
    use crate::tokens::MasterKey;

    fn of_rfc() -> Secret {
        Secret(b"12345678901234567890".to_vec())
    }

    #[test]
    fn codes_are_those_of_rfc_6238() {
        // Appendix B, the last six of eight digits.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(of_rfc().code(seconds / STEP), code, "{seconds}");
        }
    }

    #[test]
    fn one_step_of_drift_is_accepted_either_way() {
        let at = |seconds| Timestamp::from_unix_seconds(seconds).unwrap();
        let code = of_rfc().code(100);
        for (seconds, step) in [
            (99 * 30, Some(100)),
            (100 * 30, Some(100)),
            (102 * 30 - 1, Some(100)),
            (99 * 30 - 1, None),
            (102 * 30, None),
        ] {
            assert_eq!(of_rfc().matching_step(&code, at(seconds)), step);
        }
        assert_eq!(of_rfc().matching_step("", at(3_000)), None);
    }

    #[test]
    fn a_secret_opens_only_for_its_account() {
        let keys = MasterKeys::one(MasterKey::from_bytes(&[7; 32]));
        let owner = Principal::user(UserSeq::new(1).unwrap());
        let sealed = of_rfc().seal(&keys, owner).ok().unwrap();
        let opened = Secret::open(&keys, owner, &sealed).unwrap();
        assert_eq!(opened.base32(), of_rfc().base32());
        let other = Principal::client(UserSeq::new(1).unwrap());
        assert!(Secret::open(&keys, other, &sealed).is_none());
    }

    #[test]
    fn the_address_is_quoted() {
        assert_eq!(
            of_rfc().uri("My Company", "a+b@x.org"),
            "otpauth://totp/My%20Company:a%2Bb%40x.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=My%20Company\
             &algorithm=SHA1&digits=6&period=30"
        );
    }
}
