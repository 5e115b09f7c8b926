//! What verifies the tokens of one key, and its public part as a JSON Web Key.

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{KeyPair, RsaPublicKeyComponents},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::{Map, Value};

use crate::config::Algorithm;
use crate::tokens::signer::Signer;

/// Verifies the tokens of one key, by its one algorithm.
#[derive(Clone)]
pub struct VerifyingKey {
    id: String,
    algorithm: Algorithm,
    decoding: DecodingKey,
    validation: Validation,
    public_jwk: Option<Map<String, Value>>,
}

impl VerifyingKey {
    /// The id of a secret is `secret_id`; that of a key pair is its thumbprint.
    pub(super) fn of(
        algorithm: Algorithm,
        signer: &Signer,
        secret: &[u8],
        secret_id: String,
    ) -> Self {
        let (decoding, members) = public_part(algorithm, signer, secret);
        let id = members.as_ref().map_or(secret_id, thumbprint);
        let public_jwk = members.map(|mut members| {
            for (name, value) in [
                ("kid", id.as_str()),
                ("alg", algorithm.as_str()),
                ("use", "sig"),
            ] {
                members.insert(name.into(), value.into());
            }
            members
        });
        Self {
            id,
            algorithm,
            decoding,
            validation: validation(algorithm),
            public_jwk,
        }
    }

    /// A secret that signs nothing here, of any length. It has no id: tokens cannot name it.
    pub(super) fn of_secret(algorithm: Algorithm, secret: &[u8]) -> Self {
        Self {
            id: String::new(),
            algorithm,
            decoding: DecodingKey::from_secret(secret),
            validation: validation(algorithm),
            public_jwk: None,
        }
    }

    /// The key id, the `kid` of tokens.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The only algorithm of the key.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public key as a JSON Web Key (RFC 7517, RFC 7518 section 6, RFC 8037 section 2). `None` for a secret.
    #[must_use]
    pub fn public_jwk(&self) -> Option<&Map<String, Value>> {
        self.public_jwk.as_ref()
    }

    /// Whether it is the algorithm of the key.
    pub(super) fn is_for(&self, algorithm: jsonwebtoken::Algorithm) -> bool {
        library(self.algorithm) == algorithm
    }

    /// Verifies the algorithm and the signature, and decodes the claims.
    pub(super) fn decode(
        &self,
        token: &str,
    ) -> Result<Map<String, Value>, jsonwebtoken::errors::Error> {
        jsonwebtoken::decode(token, &self.decoding, &self.validation).map(|data| data.claims)
    }
}

/// The algorithm as a type of the `jsonwebtoken` library.
fn library(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    match algorithm {
        Algorithm::Hs256 => jsonwebtoken::Algorithm::HS256,
        Algorithm::Hs384 => jsonwebtoken::Algorithm::HS384,
        Algorithm::Hs512 => jsonwebtoken::Algorithm::HS512,
        Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
        Algorithm::Rs384 => jsonwebtoken::Algorithm::RS384,
        Algorithm::Rs512 => jsonwebtoken::Algorithm::RS512,
        Algorithm::Ps256 => jsonwebtoken::Algorithm::PS256,
        Algorithm::Ps384 => jsonwebtoken::Algorithm::PS384,
        Algorithm::Ps512 => jsonwebtoken::Algorithm::PS512,
        Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
        Algorithm::Es384 => jsonwebtoken::Algorithm::ES384,
        Algorithm::EdDsa => jsonwebtoken::Algorithm::EdDSA,
    }
}

/// The library verifies algorithm and signature. `Claims` checks the claims.
fn validation(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(library(algorithm));
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    validation
}

/// The key for the library, and the members of the JSON Web Key that its thumbprint covers.
fn public_part(
    algorithm: Algorithm,
    signer: &Signer,
    secret: &[u8],
) -> (DecodingKey, Option<Map<String, Value>>) {
    match signer {
        Signer::Hmac(_) => (DecodingKey::from_secret(secret), None),
        Signer::Rsa(pair, _) => {
            let RsaPublicKeyComponents::<Vec<u8>> { n, e } = pair.public_key().into();
            let decoding = DecodingKey::from_rsa_raw_components(&n, &e);
            let members = members(&[("kty", "RSA"), ("n", &encoded(&n)), ("e", &encoded(&e))]);
            (decoding, Some(members))
        }
        Signer::Ec(pair) => {
            let point = pair.public_key().as_ref();
            // An uncompressed point: 0x04, x, y (SEC 1 section 2.3.3).
            let (x, y) = point[1..].split_at(point.len() / 2);
            let curve = match algorithm {
                Algorithm::Es384 => "P-384",
                _ => "P-256",
            };
            let (x, y) = (encoded(x), encoded(y));
            let members = members(&[("kty", "EC"), ("crv", curve), ("x", &x), ("y", &y)]);
            (DecodingKey::from_ec_der(point), Some(members))
        }
        Signer::Ed25519(pair) => {
            let point = pair.public_key().as_ref();
            let members = members(&[("kty", "OKP"), ("crv", "Ed25519"), ("x", &encoded(point))]);
            (DecodingKey::from_ed_der(point), Some(members))
        }
    }
}

fn encoded(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn members(pairs: &[(&str, &str)]) -> Map<String, Value> {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).into()))
        .collect()
}

/// The SHA-256 thumbprint (RFC 7638): the required members, sorted by name, without whitespace.
fn thumbprint(members: &Map<String, Value>) -> String {
    let sorted: std::collections::BTreeMap<_, _> = members.iter().collect();
    let text = serde_json::to_vec(&sorted).unwrap_or_default();
    encoded(digest(&SHA256, &text).as_ref())
}
