//! Client data: what the browser adds to what is signed. Level 2, section 5.8.1.

use serde::Deserialize;

use crate::services::second_factors::webauthn::refusal::Refusal;
use crate::services::second_factors::webauthn::relying_party::RelyingParty;

/// A ceremony, by the type of its client data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ceremony {
    Registration,
    Assertion,
}

impl Ceremony {
    fn as_str(self) -> &'static str {
        match self {
            Self::Registration => "webauthn.create",
            Self::Assertion => "webauthn.get",
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: Option<bool>,
    #[serde(default)]
    top_origin: Option<String>,
}

/// Checks type and origin, and returns the challenge: its base64url.
pub(super) fn check(
    json: &[u8],
    ceremony: Ceremony,
    party: &RelyingParty,
) -> Result<String, Refusal> {
    let data: ClientData =
        serde_json::from_slice(json).map_err(|_| Refusal::Malformed("client data"))?;
    if data.r#type != ceremony.as_str() {
        return Err(Refusal::Type);
    }
    let is_in_frame = data.cross_origin == Some(true) || data.top_origin.is_some();
    if is_in_frame || !party.origins.contains(&data.origin) {
        return Err(Refusal::Origin);
    }
    Ok(data.challenge)
}
