//! Forged tokens, built without the JWT library of the server.

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::SIGNING_KEY;

/// The header and claims of a valid token, to be changed and signed again.
#[derive(Clone)]
pub struct Forgery {
    pub header: Map<String, Value>,
    pub claims: Map<String, Value>,
    algorithm: hmac::Algorithm,
    key: Vec<u8>,
}

impl Forgery {
    /// The parts of a valid token, and the correct key.
    pub fn of(token: &str) -> Self {
        Self {
            header: header_of(token),
            claims: claims_of(token),
            algorithm: hmac::HMAC_SHA256,
            key: SIGNING_KEY.as_bytes().to_vec(),
        }
    }

    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    pub fn key(mut self, key: &[u8]) -> Self {
        self.key = key.to_vec();
        self
    }

    pub fn algorithm(mut self, algorithm: hmac::Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// The signed token.
    pub fn token(&self) -> String {
        let claims = Value::Object(self.claims.clone()).to_string();
        self.token_with_claims(&claims)
    }

    /// The signed token with this text in place of the claims.
    pub fn token_with_claims(&self, claims: &str) -> String {
        let message = self.message(claims);
        let key = hmac::Key::new(self.algorithm, &self.key);
        let signature = hmac::sign(&key, message.as_bytes());
        format!("{message}.{}", encoded(signature.as_ref()))
    }

    /// The token with an empty signature.
    pub fn unsigned(&self) -> String {
        format!(
            "{}.",
            self.message(&Value::Object(self.claims.clone()).to_string())
        )
    }

    fn message(&self, claims: &str) -> String {
        let header = Value::Object(self.header.clone()).to_string();
        format!(
            "{}.{}",
            encoded(header.as_bytes()),
            encoded(claims.as_bytes())
        )
    }
}

fn encoded(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The decoded header of a token, not verified.
pub fn header_of(token: &str) -> Map<String, Value> {
    part(token, 0)
}

/// The decoded claims of a token, not verified.
pub fn claims_of(token: &str) -> Map<String, Value> {
    part(token, 1)
}

fn part(token: &str, index: usize) -> Map<String, Value> {
    let text = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}
