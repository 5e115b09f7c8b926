//! Public keys of passkeys: COSE keys (RFC 9052 section 7) of the algorithms that are asked for.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents,
};
use ciborium::Value;

use crate::services::second_factors::webauthn::cbor;
use crate::services::second_factors::webauthn::refusal::Refusal;

/// The COSE algorithms, the preferred one first: ES256, `EdDSA` (Ed25519), RS256.
pub(super) const ALGORITHMS: [i64; 3] = [ES256, EDDSA, RS256];
const ES256: i64 = -7;
const EDDSA: i64 = -8;
const RS256: i64 = -257;

/// Labels of a COSE key.
const KEY_TYPE: i64 = 1;
const ALGORITHM: i64 = 3;
const FIRST: i64 = -1;
const SECOND: i64 = -2;
const THIRD: i64 = -3;

/// The lengths of an RSA modulus of 2,048 to 8,192 bits.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1_024;
/// The most bytes of an RSA exponent.
const MAX_EXPONENT_BYTES: usize = 8;

/// Reads a COSE key, and moves `bytes` behind it.
pub(super) fn read(bytes: &mut &[u8]) -> Result<ParsedPublicKey, Refusal> {
    let key = cbor::read(bytes, "public key")?;
    let get = |label: i64| cbor::get(&key, &Value::from(label));
    let number = |label| get(label).and_then(Value::as_integer).map(i128::from);
    let octets = |label| get(label).and_then(Value::as_bytes).map(Vec::as_slice);
    let kind = number(KEY_TYPE).zip(number(ALGORITHM));
    let curve = number(FIRST);
    let malformed = Refusal::Malformed("public key");
    let key = match kind {
        Some((2, algorithm)) if algorithm == i128::from(ES256) && curve == Some(1) => {
            let coordinates = octets(SECOND).zip(octets(THIRD)).ok_or(malformed)?;
            let (32, 32) = (coordinates.0.len(), coordinates.1.len()) else {
                return Err(malformed);
            };
            let point = [&[4], coordinates.0, coordinates.1].concat();
            ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
        }
        Some((1, algorithm)) if algorithm == i128::from(EDDSA) && curve == Some(6) => {
            let point = octets(SECOND).filter(|point| point.len() == 32);
            ParsedPublicKey::new(&ED25519, point.ok_or(malformed)?)
        }
        Some((3, algorithm)) if algorithm == i128::from(RS256) => {
            let (n, e) = octets(FIRST).zip(octets(SECOND)).ok_or(malformed)?;
            if !MODULUS_BYTES.contains(&n.len()) || e.len() > MAX_EXPONENT_BYTES {
                return Err(malformed);
            }
            let components = RsaPublicKeyComponents { n, e };
            return components
                .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
                .map_err(|_| malformed);
        }
        _ => return Err(Refusal::Algorithm),
    };
    key.map_err(|_| malformed)
}
