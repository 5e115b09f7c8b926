//! The signing key: loading, generating, its id, and signing.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::config::{Algorithm, KeyKind};
use crate::tokens::derivation::{extract, fill};
use crate::tokens::error::TokenError;
use crate::tokens::key_file;
use crate::tokens::signer::{KeyDefect, Signer, generate};
use crate::tokens::verifying_key::VerifyingKey;

/// Why the signing key cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("the signing key file {path} cannot be read: {source}", path = path.display())]
    File {
        /// The path of the file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The content of the file cannot be used.
    #[error("the signing key in {path} {defect}", path = path.display())]
    Unusable {
        /// The path of the file.
        path: PathBuf,
        /// What is wrong with it.
        defect: KeyDefect,
    },
}

/// A key that signs tokens by exactly one algorithm.
#[derive(Clone)]
pub struct SigningKey {
    private: Arc<[u8]>,
    signer: Arc<Signer>,
    verifying: VerifyingKey,
}

impl SigningKey {
    /// A key from its private bytes: a secret, or a key pair in PKCS#8 (DER).
    ///
    /// # Errors
    /// The bytes are not a key of the algorithm, or too short.
    pub fn from_private_bytes(algorithm: Algorithm, private: &[u8]) -> Result<Self, KeyDefect> {
        let signer = Signer::parse(algorithm, private)?;
        let mut id = [0; 8];
        fill(&extract(private), b"kid", &mut id);
        let id = BASE64_URL_SAFE_NO_PAD.encode(id);
        Ok(Self {
            private: private.into(),
            verifying: VerifyingKey::of(algorithm, &signer, private, id),
            signer: Arc::new(signer),
        })
    }

    /// A new random key.
    ///
    /// # Errors
    /// [`KeyDefect::NoRandomness`].
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyDefect> {
        Self::from_private_bytes(algorithm, &generate(algorithm)?)
    }

    /// A key from the content of a file: PEM for a key pair, otherwise a secret. Leading and trailing whitespace is removed.
    /// The content determines what the key consists of. It gets the algorithm `preferred` if that fits, else the usual one for
    /// such a key (HS256, RS256).
    ///
    /// # Errors
    /// The content is not a key, or too short.
    pub fn from_text(text: &[u8], preferred: Algorithm) -> Result<Self, KeyDefect> {
        let text = text.trim_ascii();
        if !is_pem(text) {
            if key_file::is_quoted(text) {
                return Err(KeyDefect::Quoted);
            }
            let is_secret = preferred.kind() == KeyKind::Secret;
            let algorithm = if is_secret {
                preferred
            } else {
                Algorithm::Hs256
            };
            return Self::from_private_bytes(algorithm, text);
        }
        let private = pkcs8(text)?;
        let usual = [
            Algorithm::EdDsa,
            Algorithm::Es256,
            Algorithm::Es384,
            Algorithm::Rs256,
        ];
        std::iter::once(preferred)
            .filter(|preferred| preferred.kind() != KeyKind::Secret)
            .chain(usual)
            .find_map(|algorithm| Self::from_private_bytes(algorithm, &private).ok())
            .ok_or(KeyDefect::UnknownKind)
    }

    /// Loads a key from a file; see [`SigningKey::from_text`].
    ///
    /// # Errors
    /// [`KeyError::File`] and [`KeyError::Unusable`].
    pub fn from_file(path: &Path, preferred: Algorithm) -> Result<Self, KeyError> {
        let text = key_file::read(path).map_err(|source| KeyError::File {
            path: path.to_owned(),
            source,
        })?;
        Self::from_text(&text, preferred).map_err(|defect| KeyError::Unusable {
            path: path.to_owned(),
            defect,
        })
    }

    /// The key id, the `kid` of tokens: the thumbprint of the public key (RFC 7638), or a text derived from the secret, from
    /// which the secret cannot be computed.
    #[must_use]
    pub fn id(&self) -> &str {
        self.verifying.id()
    }

    /// The only algorithm of the key.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.verifying.algorithm()
    }

    /// What verifies the tokens that the key signs.
    #[must_use]
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// The public key as a JSON Web Key; `None` for a secret.
    #[must_use]
    pub fn public_jwk(&self) -> Option<&Map<String, Value>> {
        self.verifying.public_jwk()
    }

    /// The private bytes, **to be stored encrypted only**: a secret, or a key pair in PKCS#8 (DER).
    #[must_use]
    pub fn private_bytes(&self) -> &[u8] {
        &self.private
    }

    /// Signs a JSON document in the JWS compact form (RFC 7515 section 7.1). `typ` is the type in its header.
    pub(super) fn sign(
        &self,
        typ: &'static str,
        claims: &Map<String, Value>,
    ) -> Result<String, TokenError> {
        let header = Header {
            typ,
            alg: self.algorithm().as_str(),
            kid: self.id(),
        };
        let mut token = encoded_json(&header)?;
        token.push('.');
        token.push_str(&encoded_json(claims)?);
        let signature = self.signer.sign(token.as_bytes());
        let signature = signature.map_err(|_| TokenError::Invalid)?;
        token.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

/// The header of a signed document (RFC 7515 section 4.1).
#[derive(Serialize)]
struct Header<'a> {
    typ: &'static str,
    alg: &'static str,
    kid: &'a str,
}

fn encoded_json(part: &impl Serialize) -> Result<String, TokenError> {
    let json = serde_json::to_vec(part).map_err(|_| TokenError::Invalid)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(json))
}

/// The type of a PEM block with a private key in PKCS#8 (RFC 7468 section 10).
const PEM_LABEL: &str = "PRIVATE KEY";

fn is_pem(text: &[u8]) -> bool {
    text.starts_with(b"-----BEGIN ")
}

/// The private key in a PEM file.
fn pkcs8(text: &[u8]) -> Result<Vec<u8>, KeyDefect> {
    let Ok(block) = pem::parse(text) else {
        return Err(KeyDefect::WrongPem("it is damaged"));
    };
    match block.tag() {
        PEM_LABEL => Ok(block.into_contents()),
        "ENCRYPTED PRIVATE KEY" => Err(KeyDefect::WrongPem(
            "it is encrypted, decrypt it with `openssl pkcs8 -in FILE -out NEW`",
        )),
        "RSA PRIVATE KEY" | "EC PRIVATE KEY" | "EC PARAMETERS" => Err(KeyDefect::WrongPem(
            "convert it with `openssl pkcs8 -topk8 -nocrypt -in FILE -out NEW`",
        )),
        _ => Err(KeyDefect::WrongPem(
            "give the private key, not the public key or its certificate",
        )),
    }
}
