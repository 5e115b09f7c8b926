//! Properties of reading passkeys, for fuzzing. See `src/fuzzing.rs`.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use serde_json::json;

use crate::services::second_factors::webauthn::assertion::Assertion;
use crate::services::second_factors::webauthn::registration;
use crate::services::second_factors::webauthn::relying_party::RelyingParty;

/// An `RegistrationResponseJSON` or `AuthenticationResponseJSON`; after `o` the bytes of an attestation object.
///
/// # Panics
/// If a property is violated.
pub fn passkeys(bytes: &[u8]) {
    let party = RelyingParty {
        id: "localhost".into(),
        origins: vec!["http://localhost".into()],
    };
    if let Some(object) = bytes.strip_prefix(b"o") {
        check_registration(&registration_with(object), &party);
    } else if let Ok(json) = std::str::from_utf8(bytes) {
        check_registration(json, &party);
        if let Ok(assertion) = Assertion::parse(json) {
            assert!(BASE64.decode(&assertion.credential_id).is_ok());
            // No key is stored: none can be right.
            assert!(assertion.verify("", &party).is_err());
        }
    }
}

/// A response around an attestation object, with the id that it has if it is well formed.
fn registration_with(object: &[u8]) -> String {
    let client_data = br#"{"type":"webauthn.create","challenge":"AA","origin":"http://localhost"}"#;
    json!({
        "id": "AQIDBA", "rawId": "AQIDBA", "type": "public-key",
        "response": {"clientDataJSON": BASE64.encode(client_data), "attestationObject": BASE64.encode(object)},
    })
    .to_string()
}

fn check_registration(json: &str, party: &RelyingParty) {
    let Ok(new) = registration::verify(json, party) else {
        return;
    };
    assert!(new.is_backup_eligible || !new.is_backed_up);
    let id = BASE64.decode(&new.id).unwrap_or_default();
    assert!((1..=1_023).contains(&id.len()));
    assert_eq!(registration::verify(json, party), Ok(new));
}
