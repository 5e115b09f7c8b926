//! Registering a credential: level 2, section 7.1.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use ciborium::Value;
use serde::Deserialize;

use crate::services::second_factors::webauthn::authenticator_data::AuthenticatorData;
use crate::services::second_factors::webauthn::cbor;
use crate::services::second_factors::webauthn::client_data::{self, Ceremony};
use crate::services::second_factors::webauthn::refusal::Refusal;
use crate::services::second_factors::webauthn::relying_party::RelyingParty;

/// A credential that was verified. Its texts are those of the columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCredential {
    /// The challenge that it answers, in base64url: to be checked by the caller.
    pub challenge: String,
    /// The credential id, in base64url.
    pub id: String,
    /// The COSE key, in base64url.
    pub public_key: String,
    /// The signature counter.
    pub sign_count: u32,
    /// The transports that the browser names and this server knows, separated by commas.
    pub transports: String,
    /// Whether it can be copied to other devices.
    pub is_backup_eligible: bool,
    /// Whether it is copied to other devices.
    pub is_backed_up: bool,
}

/// `RegistrationResponseJSON` (level 3, section 5.1), as far as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    id: String,
    raw_id: String,
    r#type: String,
    #[serde(rename = "response")]
    signed: AttestationResponse,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AttestationResponse {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    attestation_object: String,
    #[serde(default)]
    transports: Vec<String>,
}

/// The transports of level 3, section 5.8.4.
const TRANSPORTS: [&str; 6] = ["ble", "hybrid", "internal", "nfc", "smart-card", "usb"];

/// Verifies a `RegistrationResponseJSON`, except its challenge and that its id is new.
///
/// # Errors
/// The reason of the refusal.
pub fn verify(json: &str, party: &RelyingParty) -> Result<NewCredential, Refusal> {
    let response: Response = serde_json::from_str(json).map_err(|_| Refusal::Malformed("JSON"))?;
    if response.r#type != "public-key" || response.id != response.raw_id {
        return Err(Refusal::Malformed("JSON"));
    }
    let client_data = decode(&response.signed.client_data)?;
    let challenge = client_data::check(&client_data, Ceremony::Registration, party)?;
    let object = decode(&response.signed.attestation_object)?;
    let object = attestation_object(&object)?;
    let data = AuthenticatorData::parse(&object)?;
    data.check(party)?;
    let (is_backup_eligible, is_backed_up) = (data.is_backup_eligible(), data.is_backed_up());
    let sign_count = data.sign_count;
    let credential = data
        .credential
        .ok_or(Refusal::Malformed("authenticator data"))?;
    let id = BASE64.encode(credential.id);
    if id != response.id {
        return Err(Refusal::Malformed("credential id"));
    }
    let named = response.signed.transports;
    let known = TRANSPORTS
        .into_iter()
        .filter(|known| named.iter().any(|name| name == known));
    Ok(NewCredential {
        challenge,
        id,
        public_key: BASE64.encode(credential.public_key),
        sign_count,
        transports: known.collect::<Vec<_>>().join(","),
        is_backup_eligible,
        is_backed_up,
    })
}

/// Decodes base64url without padding, as the specification requires.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, Refusal> {
    BASE64
        .decode(text)
        .map_err(|_| Refusal::Malformed("base64url"))
}

/// The authenticator data of an attestation object (level 2, section 6.5.4). Its statement is not verified: it was not asked
/// for, and the trust in the key is that of the session that registers it.
fn attestation_object(mut bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
    let malformed = Refusal::Malformed("attestation object");
    let object = cbor::read(&mut bytes, "attestation object")?;
    let get = |key: &str| cbor::get(&object, &Value::from(key));
    let format = get("fmt").and_then(Value::as_text).ok_or(malformed)?;
    let statement = get("attStmt").and_then(Value::as_map).ok_or(malformed)?;
    let data = get("authData").and_then(Value::as_bytes).ok_or(malformed)?;
    if !bytes.is_empty() || (format == "none" && !statement.is_empty()) {
        return Err(malformed);
    }
    Ok(data.clone())
}
