//! Derived keys and ids (HKDF, RFC 5869).

use aws_lc_rs::hkdf;

/// The first step of HKDF.
pub(super) fn extract(secret: &[u8]) -> hkdf::Prk {
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"munjigi").extract(secret)
}

/// Fills `out` with derived bytes. HKDF fails only for more than 255 times the hash length.
pub(super) fn fill(derivation: &hkdf::Prk, purpose: &[u8], out: &mut [u8]) {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let filled = derivation
        .expand(&[purpose], Length(out.len()))
        .and_then(|material| material.fill(out));
    debug_assert!(
        filled.is_ok(),
        "HKDF provides up to 255 times the hash length"
    );
}
