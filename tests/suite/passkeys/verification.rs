//! The verification of Web Authentication, with an authenticator in software and with the test vectors of the specification
//! (level 3, section 16).

use std::fmt::Write as _;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use ciborium::Value as Cbor;
use munjigi::services::second_factors::webauthn::{
    assertion::Assertion,
    refusal::Refusal,
    registration::{self, NewCredential},
    relying_party::RelyingParty,
};
use serde_json::{Value, json};

use crate::support::authenticator::{Algorithm, Authenticator, UP, UV};

const ORIGIN: &str = "https://auth.example.org";

fn party() -> RelyingParty {
    RelyingParty {
        id: "auth.example.org".into(),
        origins: vec![ORIGIN.into(), "https://shop.auth.example.org".into()],
    }
}

fn creation() -> Value {
    json!({"challenge": "AAECAwQF", "user": {"id": "aGFuZGxl"}})
}

fn register(authenticator: &mut Authenticator) -> Result<NewCredential, Refusal> {
    let answer = authenticator.register(&creation());
    registration::verify(&answer.to_string(), &party())
}

fn assert_with(authenticator: &mut Authenticator, key: &str) -> Result<u32, Refusal> {
    let answer = authenticator.assert(&json!({"challenge": "BgcICQ"}));
    let assertion = Assertion::parse(&answer.to_string())?;
    let verified = assertion.verify(key, &party())?;
    assert_eq!(verified.challenge, "BgcICQ");
    Ok(verified.sign_count)
}

#[test]
fn each_algorithm_registers_and_signs_and_another_key_does_not() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
        let mut authenticator = Authenticator::of(algorithm, ORIGIN);
        authenticator.counter = 7;
        let new = register(&mut authenticator).unwrap();
        assert_eq!(new.challenge, "AAECAwQF");
        assert_eq!(new.id, BASE64.encode(&authenticator.id));
        assert_eq!(new.sign_count, 7);
        assert_eq!(new.transports, "hybrid,internal");
        assert!(new.is_backup_eligible && !new.is_backed_up);
        let signed = assert_with(&mut authenticator, &new.public_key);
        assert_eq!(signed, Ok(8), "{algorithm:?}");
        let mut other = Authenticator::of(algorithm, ORIGIN);
        let signed = assert_with(&mut other, &new.public_key);
        assert_eq!(signed, Err(Refusal::Signature), "{algorithm:?}");
    }
}

#[test]
fn every_wrong_field_is_refused() {
    type Change = fn(&mut Authenticator);
    let changes: [(Change, Refusal); 11] = [
        (|a| a.kind = Some("webauthn.get "), Refusal::Type),
        (
            |a| a.origin = "https://evil.example".into(),
            Refusal::Origin,
        ),
        (|a| a.origin = format!("{ORIGIN}/"), Refusal::Origin),
        (|a| a.origin = format!("{ORIGIN}:443"), Refusal::Origin),
        (
            |a| a.origin = "http://auth.example.org".into(),
            Refusal::Origin,
        ),
        (
            |a| a.origin = "https://x.auth.example.org".into(),
            Refusal::Origin,
        ),
        (|a| a.is_in_frame = true, Refusal::Origin),
        (|a| a.rp_id = "example.org".into(), Refusal::RelyingParty),
        (|a| a.flags = UV, Refusal::UserPresence),
        (|a| a.flags = UP, Refusal::UserVerification),
        // Backed up, but not eligible.
        (
            |a| a.flags = UP | UV | 16,
            Refusal::Malformed("authenticator data"),
        ),
    ];
    let mut right = Authenticator::at(ORIGIN);
    let key = register(&mut right).unwrap().public_key;
    for (at, (change, refusal)) in changes.into_iter().enumerate() {
        let mut new = Authenticator::at(ORIGIN);
        change(&mut new);
        assert_eq!(register(&mut new), Err(refusal), "registration {at}");
        let (origin, rp_id, flags) = (right.origin.clone(), right.rp_id.clone(), right.flags);
        change(&mut right);
        assert_eq!(
            assert_with(&mut right, &key),
            Err(refusal),
            "assertion {at}"
        );
        (right.origin, right.rp_id, right.flags) = (origin, rp_id, flags);
        (right.kind, right.is_in_frame) = (None, false);
    }
    // The client data of the other ceremony.
    right.kind = Some("webauthn.create");
    assert_eq!(assert_with(&mut right, &key), Err(Refusal::Type));
    right.kind = Some("webauthn.get");
    assert_eq!(register(&mut right), Err(Refusal::Type));
    right.kind = None;
    right.origin = "https://shop.auth.example.org".into();
    assert_eq!(assert_with(&mut right, &key), Ok(0));
}

#[test]
fn an_altered_answer_is_refused() {
    let mut authenticator = Authenticator::at(ORIGIN);
    let key = register(&mut authenticator).unwrap().public_key;
    let answer = authenticator.assert(&json!({"challenge": "BgcICQ"}));
    for field in ["clientDataJSON", "authenticatorData", "signature"] {
        let bytes = BASE64.decode(answer["response"][field].as_str().unwrap());
        let bytes = bytes.unwrap();
        for at in 0..bytes.len() {
            let (mut altered, mut bytes) = (answer.clone(), bytes.clone());
            bytes[at] ^= 1;
            altered["response"][field] = BASE64.encode(&bytes).into();
            let assertion = Assertion::parse(&altered.to_string()).unwrap();
            assert!(assertion.verify(&key, &party()).is_err(), "{field} {at}");
        }
        for end in 0..bytes.len() {
            let mut altered = answer.clone();
            altered["response"][field] = BASE64.encode(&bytes[..end]).into();
            let assertion = Assertion::parse(&altered.to_string()).unwrap();
            assert!(
                assertion.verify(&key, &party()).is_err(),
                "{field} to {end}"
            );
        }
    }
    let malformed = |change: &dyn Fn(&mut Value)| {
        let mut altered = answer.clone();
        change(&mut altered);
        assert!(Assertion::parse(&altered.to_string()).is_err(), "{altered}");
    };
    malformed(&|a| a["type"] = "password".into());
    malformed(&|a| a["rawId"] = "AAAA".into());
    malformed(&|a| a["id"] = Value::Null);
    malformed(&|a| a["response"]["signature"] = "+/==".into());
    malformed(&|a| a["response"] = json!([]));
    malformed(&|a| {
        a["id"] = "A".repeat(1_368).into();
        a["rawId"] = a["id"].clone();
    });
}

#[test]
fn keys_of_other_kinds_and_broken_objects_are_refused() {
    let authenticator = Authenticator::at(ORIGIN);
    let verify = |object: &[u8]| {
        let answer = authenticator.registration("AAECAwQF", object);
        registration::verify(&answer.to_string(), &party()).map(|new| new.sign_count)
    };
    let key = authenticator.cose_key();
    let with = |label: i64, value: Cbor| {
        let mut key = key.clone();
        for entry in &mut key {
            if entry.0 == Cbor::from(label) {
                entry.1 = value.clone();
            }
        }
        authenticator.attestation_object(key, &[])
    };
    let right = authenticator.attestation_object(key.clone(), &[]);
    assert_eq!(verify(&right), Ok(0));
    let malformed = Err(Refusal::Malformed("public key"));
    for (label, value, refusal) in [
        // ES384, another curve, another key type.
        (3, Cbor::from(-35), Err(Refusal::Algorithm)),
        (-1, Cbor::from(2), Err(Refusal::Algorithm)),
        (1, Cbor::from(4), Err(Refusal::Algorithm)),
        // Not a point of the curve, and too short.
        (-2, Cbor::from(vec![1; 32]), malformed),
        (-2, Cbor::from(vec![1; 31]), malformed),
        (-3, Cbor::from("text"), malformed),
    ] {
        assert_eq!(verify(&with(label, value)), refusal, "{label}");
    }
    let twice = [key.clone(), key.clone()].concat();
    assert!(verify(&authenticator.attestation_object(twice, &[])).is_err());
    // Bytes behind the key, or behind the object.
    let longer = authenticator.attestation_object(key.clone(), &[0]);
    assert_eq!(
        verify(&longer),
        Err(Refusal::Malformed("authenticator data"))
    );
    let longer = [&right[..], &[0]].concat();
    assert_eq!(
        verify(&longer),
        Err(Refusal::Malformed("attestation object"))
    );
    for end in 0..right.len() {
        assert!(verify(&right[..end]).is_err(), "{end}");
    }
    // Another attestation is accepted, but nothing follows from it.
    let mut packed = Authenticator::at(ORIGIN);
    packed.attestation = "packed";
    assert!(register(&mut packed).is_ok());
}

fn from_hex(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.map(byte).collect()
}

/// A registration of the specification's test vectors.
fn vector(id: &str, object: &str, client_data: &str) -> Result<NewCredential, Refusal> {
    let id = BASE64.encode(from_hex(id));
    let answer = json!({
        "id": id, "rawId": id, "type": "public-key",
        "response": {
            "clientDataJSON": BASE64.encode(client_data),
            "attestationObject": BASE64.encode(from_hex(object)),
        },
    });
    let party = RelyingParty {
        id: "example.org".into(),
        origins: vec!["https://example.org".into()],
    };
    registration::verify(&answer.to_string(), &party)
}

#[test]
fn the_test_vectors_of_the_specification_are_read() {
    let rp = "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b5";
    // Self attestation with a verified user.
    let id = "455ef34e2043a87db3d4afeb39bbcb6cc32df9347c789a865ecdca129cbef58c";
    let key = "a5010203262001215820eb151c8176b225cc651559fecf07af450fd85802046656b34c18f6cf193843c5\
               225820927b8aa427a2be1b8834d233a2d34f61f13bfd44119c325d5896e183fee484f2";
    let mut object = String::from(
        "a363666d74667061636b65646761747453746d74a263616c6726637369675846\
         30440220067a20754ab925005dbf378097c92120031581c73228d1fb4f5b881bcd7da983\
         02207fc7b147558c7c0eba3af18bd9d121fa3d3a26d17fe3f220272178f473b6006d\
         68617574684461746158a4",
    );
    let aaguid = "df850e09db6afbdfab51697791506cfc";
    write!(object, "{rp}5d00000000{aaguid}0020{id}{key}").unwrap();
    let client_data = r#"{"type":"webauthn.create","challenge":"eGnCt3LUtY66k3jPjynibPk1qnffDaifqZwL3Ap29-U","origin":"https://example.org","crossOrigin":false}"#;
    let new = vector(id, &object, client_data).unwrap();
    assert_eq!(new.public_key, BASE64.encode(from_hex(key)));
    assert!(new.is_backup_eligible && new.is_backed_up);
    // No attestation, and no verified user.
    let object = object.replace(&format!("{rp}5d"), &format!("{rp}59"));
    let refused = vector(id, &object, client_data);
    assert_eq!(refused, Err(Refusal::UserVerification));
    // In a frame of another origin.
    let framed = client_data.replace("false}", r#"true,"topOrigin":"https://example.com"}"#);
    assert_eq!(vector(id, &object, &framed), Err(Refusal::Origin));
}
