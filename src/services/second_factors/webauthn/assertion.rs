//! Verifying an assertion: level 2, section 7.2.

use aws_lc_rs::digest::{SHA256, digest};
use serde::Deserialize;

use crate::services::second_factors::webauthn::authenticator_data::AuthenticatorData;
use crate::services::second_factors::webauthn::client_data::{self, Ceremony};
use crate::services::second_factors::webauthn::public_key;
use crate::services::second_factors::webauthn::refusal::Refusal;
use crate::services::second_factors::webauthn::registration::decode;
use crate::services::second_factors::webauthn::relying_party::RelyingParty;

/// An assertion as it was read. Nothing of it is verified yet.
pub struct Assertion {
    /// The credential id, in base64url.
    pub credential_id: String,
    /// The user handle, in base64url; a discoverable credential has one.
    pub user_handle: Option<String>,
    client_data: Vec<u8>,
    authenticator_data: Vec<u8>,
    signature: Vec<u8>,
}

/// What a verified assertion says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The challenge that it answers, in base64url: to be checked by the caller.
    pub challenge: String,
    /// The signature counter: to be compared with the stored one.
    pub sign_count: u32,
    /// Whether the passkey is copied to other devices.
    pub is_backed_up: bool,
}

/// `AuthenticationResponseJSON` (level 3, section 5.1), as far as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    id: String,
    raw_id: String,
    r#type: String,
    #[serde(rename = "response")]
    signed: AssertionResponse,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AssertionResponse {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    authenticator_data: String,
    signature: String,
    #[serde(default)]
    user_handle: Option<String>,
}

/// The longest credential id in base64url.
const MAX_ID: usize = 1_364;

impl Assertion {
    /// Reads an `AuthenticationResponseJSON`.
    ///
    /// # Errors
    /// [`Refusal::Malformed`].
    pub fn parse(json: &str) -> Result<Self, Refusal> {
        let read: Response = serde_json::from_str(json).map_err(|_| Refusal::Malformed("JSON"))?;
        if read.r#type != "public-key" || read.id != read.raw_id || read.id.len() > MAX_ID {
            return Err(Refusal::Malformed("JSON"));
        }
        decode(&read.id)?;
        Ok(Self {
            client_data: decode(&read.signed.client_data)?,
            authenticator_data: decode(&read.signed.authenticator_data)?,
            signature: decode(&read.signed.signature)?,
            user_handle: read.signed.user_handle.filter(|handle| !handle.is_empty()),
            credential_id: read.id,
        })
    }

    /// Verifies it with the stored public key of its credential, except its challenge, its counter and its user handle.
    ///
    /// # Errors
    /// The reason of the refusal.
    pub fn verify(&self, stored_key: &str, party: &RelyingParty) -> Result<Verified, Refusal> {
        let challenge = client_data::check(&self.client_data, Ceremony::Assertion, party)?;
        let data = AuthenticatorData::parse(&self.authenticator_data)?;
        data.check(party)?;
        let stored_key = decode(stored_key)?;
        let key = public_key::read(&mut stored_key.as_slice())?;
        let hash = digest(&SHA256, &self.client_data);
        let signed = [&self.authenticator_data, hash.as_ref()].concat();
        key.verify_sig(&signed, &self.signature)
            .map_err(|_| Refusal::Signature)?;
        Ok(Verified {
            challenge,
            sign_count: data.sign_count,
            is_backed_up: data.is_backed_up(),
        })
    }
}
