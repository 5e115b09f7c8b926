//! Private keys of every algorithm, parsed once, and their signatures.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    error::Unspecified,
    hmac,
    rand::{self, SystemRandom},
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
        Ed25519KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256,
        RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
    },
};
use base64::{Engine, prelude::BASE64_STANDARD};

use crate::config::Algorithm;

/// Random bytes of a generated secret; the secret is their base64 text.
const GENERATED_BYTES: usize = 64;
/// Length of a generated RSA key: as strong as P-256 and Ed25519 (NIST SP 800-57 part 1, section 5.6.1).
const GENERATED_RSA: KeySize = KeySize::Rsa3072;

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyDefect {
    /// The secret is too short for the algorithm (RFC 7518 section 3.2).
    #[error(
        "has {bytes} bytes, but {algorithm} requires at least {least}: write random bytes to the file, for example from \
         `openssl rand -base64 64`"
    )]
    TooShort {
        /// The length of the secret.
        bytes: usize,
        /// The name of the algorithm.
        algorithm: &'static str,
        /// The minimum length.
        least: usize,
    },
    /// The secret begins or ends with a quotation mark.
    #[error("begins or ends with a quotation mark, which would be part of the key: remove it")]
    Quoted,
    /// The PEM block is not a `PRIVATE KEY`. What to do instead.
    #[error("is not a PEM block of the type `PRIVATE KEY`: {0}")]
    WrongPem(&'static str),
    /// The bytes are not a private key of the algorithm in PKCS#8.
    #[error(
        "is not {kind} private key in PKCS#8, which {algorithm} requires: generate one with `{command}`",
        kind = kind(*.0), algorithm = .0.as_str(), command = command(*.0)
    )]
    NotPkcs8(Algorithm),
    /// A private key in PKCS#8 of a type that no algorithm uses.
    #[error(
        "is not a private key for RSA (2048 to 8192 bits), P-256, P-384 or Ed25519 in PKCS#8: generate one with \
         `{}`",
        command(Algorithm::EdDsa)
    )]
    UnknownKind,
    /// The system random source failed.
    #[error("cannot be generated, because the system random source failed")]
    NoRandomness,
}

/// A command that generates a key.
fn command(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => "openssl rand -base64 64",
        Algorithm::Es256 => "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256",
        Algorithm::Es384 => "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384",
        Algorithm::EdDsa => "openssl genpkey -algorithm ed25519",
        _ => "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072",
    }
}

fn kind(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => "a",
        Algorithm::Es256 => "a P-256",
        Algorithm::Es384 => "a P-384",
        Algorithm::EdDsa => "an Ed25519",
        _ => "an RSA (2048 to 8192 bits)",
    }
}

/// A private key, ready to sign. The library that verifies tokens would parse it again for each signature, which takes as long
/// as the signature.
pub(super) enum Signer {
    Hmac(Box<hmac::Key>),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Signer {
    /// Parses a secret, or a key pair in PKCS#8 (DER).
    pub(super) fn parse(algorithm: Algorithm, private: &[u8]) -> Result<Self, KeyDefect> {
        let rsa = |encoding: &'static dyn RsaEncoding| {
            RsaKeyPair::from_pkcs8(private).map(|pair| Self::Rsa(pair, encoding))
        };
        match algorithm {
            Algorithm::Hs256 => return secret(algorithm, hmac::HMAC_SHA256, private),
            Algorithm::Hs384 => return secret(algorithm, hmac::HMAC_SHA384, private),
            Algorithm::Hs512 => return secret(algorithm, hmac::HMAC_SHA512, private),
            Algorithm::Rs256 => rsa(&RSA_PKCS1_SHA256),
            Algorithm::Rs384 => rsa(&RSA_PKCS1_SHA384),
            Algorithm::Rs512 => rsa(&RSA_PKCS1_SHA512),
            Algorithm::Ps256 => rsa(&RSA_PSS_SHA256),
            Algorithm::Ps384 => rsa(&RSA_PSS_SHA384),
            Algorithm::Ps512 => rsa(&RSA_PSS_SHA512),
            Algorithm::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, private).map(Self::Ec)
            }
            Algorithm::Es384 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, private).map(Self::Ec)
            }
            Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(private).map(Self::Ed25519),
        }
        .map_err(|_| KeyDefect::NotPkcs8(algorithm))
    }

    /// The signature of a JWS (RFC 7518 section 3, RFC 8037 section 3.1).
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let random = SystemRandom::new();
        match self {
            Self::Hmac(key) => Ok(hmac::sign(key, message).as_ref().to_vec()),
            Self::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature)?;
                Ok(signature)
            }
            Self::Ec(pair) => Ok(pair.sign(&random, message)?.as_ref().to_vec()),
            Self::Ed25519(pair) => Ok(pair.try_sign(message)?.as_ref().to_vec()),
        }
    }
}

fn secret(algorithm: Algorithm, hash: hmac::Algorithm, secret: &[u8]) -> Result<Signer, KeyDefect> {
    let (bytes, least) = (secret.len(), algorithm.min_key_bytes());
    if bytes < least {
        return Err(KeyDefect::TooShort {
            bytes,
            algorithm: algorithm.as_str(),
            least,
        });
    }
    Ok(Signer::Hmac(Box::new(hmac::Key::new(hash, secret))))
}

/// A random secret, or a new key pair in PKCS#8 (DER).
pub(super) fn generate(algorithm: Algorithm) -> Result<Vec<u8>, KeyDefect> {
    let generated = match algorithm {
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => {
            let mut secret = [0; GENERATED_BYTES];
            rand::fill(&mut secret).map(|()| BASE64_STANDARD.encode(secret).into_bytes())
        }
        Algorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .and_then(|pair| pair.to_pkcs8v1())
            .map(|document| document.as_ref().to_vec()),
        Algorithm::Es384 => EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING)
            .and_then(|pair| pair.to_pkcs8v1())
            .map(|document| document.as_ref().to_vec()),
        Algorithm::EdDsa => Ed25519KeyPair::generate()
            .and_then(|pair| pair.to_pkcs8v1())
            .map(|document| document.as_ref().to_vec()),
        _ => RsaKeyPair::generate(GENERATED_RSA)
            .and_then(|pair| AsDer::<Pkcs8V1Der<'_>>::as_der(&pair))
            .map(|document| document.as_ref().to_vec()),
    };
    generated.map_err(|_| KeyDefect::NoRandomness)
}
