//! A passkey authenticator in software: it answers the options of the server as a browser does, or wrongly.

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::{self, SystemRandom},
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    },
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use ciborium::Value as Cbor;
use serde_json::{Value, json};

/// User present.
pub const UP: u8 = 1;
/// User verified.
pub const UV: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const HAS_CREDENTIAL: u8 = 1 << 6;

enum Key {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(Box<RsaKeyPair>),
}

/// The algorithm of a key.
#[derive(Clone, Copy, Debug)]
pub enum Algorithm {
    Es256,
    EdDsa,
    Rs256,
}

/// One passkey. Its public fields can be changed to answer wrongly.
pub struct Authenticator {
    key: Key,
    pub id: Vec<u8>,
    pub rp_id: String,
    pub origin: String,
    pub flags: u8,
    /// Increased before each assertion, unless it is 0.
    pub counter: u32,
    /// The type of the client data instead of the right one.
    pub kind: Option<&'static str>,
    pub is_in_frame: bool,
    /// What options name it.
    pub user_handle: Option<String>,
    pub attestation: &'static str,
}

impl Authenticator {
    /// For pages of this origin.
    pub fn at(origin: &str) -> Self {
        Self::of(Algorithm::Es256, origin)
    }

    pub fn of(algorithm: Algorithm, origin: &str) -> Self {
        let key = match algorithm {
            Algorithm::Es256 => {
                Key::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
            }
            Algorithm::EdDsa => Key::EdDsa(Ed25519KeyPair::generate().unwrap()),
            Algorithm::Rs256 => {
                Key::Rs256(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()))
            }
        };
        let mut id = vec![0; 16];
        rand::fill(&mut id).unwrap();
        let host = origin.split("://").nth(1).unwrap();
        Self {
            key,
            id,
            rp_id: host.split(':').next().unwrap().to_owned(),
            origin: origin.to_owned(),
            flags: UP | UV | BACKUP_ELIGIBLE,
            counter: 0,
            kind: None,
            is_in_frame: false,
            user_handle: None,
            attestation: "none",
        }
    }

    fn client_data(&self, kind: &str, challenge: &str) -> Vec<u8> {
        let data = json!({
            "type": self.kind.unwrap_or(kind), "challenge": challenge, "origin": self.origin,
            "crossOrigin": self.is_in_frame, "a field of the future": [1],
        });
        data.to_string().into_bytes()
    }

    fn authenticator_data(&self, flags: u8) -> Vec<u8> {
        let rp_id_hash = digest(&SHA256, self.rp_id.as_bytes());
        let counter = self.counter.to_be_bytes();
        [rp_id_hash.as_ref(), &[flags], &counter].concat()
    }

    /// The COSE key.
    pub fn cose_key(&self) -> Vec<(Cbor, Cbor)> {
        let entry = |label: i64, value: Cbor| (Cbor::from(label), value);
        let number = |label, value: i64| entry(label, Cbor::from(value));
        let bytes = |label, value: &[u8]| entry(label, Cbor::from(value.to_vec()));
        match &self.key {
            Key::Es256(key) => {
                let point = key.public_key().as_ref();
                vec![
                    number(1, 2),
                    number(3, -7),
                    number(-1, 1),
                    bytes(-2, &point[1..33]),
                    bytes(-3, &point[33..]),
                ]
            }
            Key::EdDsa(key) => vec![
                number(1, 1),
                number(3, -8),
                number(-1, 6),
                bytes(-2, key.public_key().as_ref()),
            ],
            Key::Rs256(key) => {
                let key = key.public_key();
                vec![
                    number(1, 3),
                    number(3, -257),
                    bytes(-1, key.modulus().big_endian_without_leading_zero()),
                    bytes(-2, key.exponent().big_endian_without_leading_zero()),
                ]
            }
        }
    }

    /// The attestation object around authenticator data with this key.
    pub fn attestation_object(&self, cose_key: Vec<(Cbor, Cbor)>, rest: &[u8]) -> Vec<u8> {
        let mut key = Vec::new();
        ciborium::into_writer(&Cbor::Map(cose_key), &mut key).unwrap();
        let length = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        let data = [
            &self.authenticator_data(self.flags | HAS_CREDENTIAL),
            &[0; 16][..],
            &length,
            &self.id,
            &key,
            rest,
        ]
        .concat();
        let text = |text: &str| Cbor::from(text);
        let object = Cbor::Map(vec![
            (text("fmt"), text(self.attestation)),
            (text("attStmt"), Cbor::Map(Vec::new())),
            (text("authData"), Cbor::from(data)),
        ]);
        let mut bytes = Vec::new();
        ciborium::into_writer(&object, &mut bytes).unwrap();
        bytes
    }

    /// Answers `PublicKeyCredentialCreationOptionsJSON` with a `RegistrationResponseJSON`.
    pub fn register(&mut self, options: &Value) -> Value {
        let handle = options["user"]["id"].as_str().unwrap();
        self.user_handle = Some(handle.to_owned());
        let object = self.attestation_object(self.cose_key(), &[]);
        self.registration(options["challenge"].as_str().unwrap(), &object)
    }

    pub fn registration(&self, challenge: &str, object: &[u8]) -> Value {
        let client_data = self.client_data("webauthn.create", challenge);
        let id = BASE64.encode(&self.id);
        json!({
            "id": id, "rawId": id, "type": "public-key", "authenticatorAttachment": "platform",
            "clientExtensionResults": {"credProps": {"rk": true}},
            "response": {
                "clientDataJSON": BASE64.encode(client_data),
                "attestationObject": BASE64.encode(object),
                "transports": ["internal", "hybrid", "smoke-signals"],
            },
        })
    }

    /// Answers `PublicKeyCredentialRequestOptionsJSON` with an `AuthenticationResponseJSON`.
    pub fn assert(&mut self, options: &Value) -> Value {
        if self.counter > 0 {
            self.counter += 1;
        }
        let challenge = options["challenge"].as_str().unwrap();
        let client_data = self.client_data("webauthn.get", challenge);
        let data = self.authenticator_data(self.flags);
        let message = [&data, digest(&SHA256, &client_data).as_ref()].concat();
        let id = BASE64.encode(&self.id);
        json!({
            "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": BASE64.encode(client_data),
                "authenticatorData": BASE64.encode(data),
                "signature": BASE64.encode(self.sign(&message)),
                "userHandle": self.user_handle,
            },
        })
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            Key::Es256(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            Key::EdDsa(key) => key.sign(message).as_ref().to_vec(),
            Key::Rs256(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .unwrap();
                signature
            }
        }
    }
}
