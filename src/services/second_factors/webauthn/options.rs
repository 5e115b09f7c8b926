//! What a browser is asked for: `PublicKeyCredentialCreationOptionsJSON` and `PublicKeyCredentialRequestOptionsJSON` of
//! level 3, section 5.1, for `parseCreationOptionsFromJSON()` and `parseRequestOptionsFromJSON()`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::services::second_factors::webauthn::public_key::ALGORITHMS;
use crate::services::second_factors::webauthn::relying_party::RelyingParty;

/// How long a challenge is valid.
pub const LIFETIME: std::time::Duration = std::time::Duration::from_mins(5);

/// The name that authenticators show for the relying party, and that is not shown by most.
const NAME: &str = "munjigi";

/// What `navigator.credentials.create()` is called with.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreationOptions {
    /// The relying party.
    rp: Rp,
    /// The account, as the authenticator stores and shows it.
    user: User,
    /// The challenge, in base64url. It is valid for five minutes and once.
    #[schemars(example = &"jyyn9zcXslAcpZVYgSIPNGmTLpl4jFDi9bS_6I0pVsFzdvOw")]
    challenge: String,
    /// The accepted algorithms, the preferred one first.
    pub_key_cred_params: Vec<Parameters>,
    /// How long the browser may ask, in milliseconds.
    #[schemars(example = 300_000)]
    timeout: u64,
    /// The passkeys that the account has: an authenticator with one of them registers no other.
    exclude_credentials: Vec<Descriptor>,
    /// The passkey is discoverable, and its user is verified.
    authenticator_selection: Selection,
    /// `none`: no statement about the authenticator is asked for.
    #[schemars(example = &"none")]
    attestation: &'static str,
}

/// What `navigator.credentials.get()` is called with.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestOptions {
    /// The challenge, in base64url. It is valid for five minutes and once.
    #[schemars(example = &"jyyn9zcXslAcpZVYgSIPNGmTLpl4jFDi9bS_6I0pVsFzdvOw")]
    challenge: String,
    /// How long the browser may ask, in milliseconds.
    #[schemars(example = 300_000)]
    timeout: u64,
    /// The id of the relying party.
    #[schemars(example = &"auth.example.com")]
    rp_id: String,
    /// The passkeys of the account; empty if the account is not known yet.
    allow_credentials: Vec<Descriptor>,
    /// `required`: the authenticator verifies the user by a PIN, a fingerprint or similar.
    #[schemars(example = &"required")]
    user_verification: &'static str,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "RelyingParty")]
struct Rp {
    /// The host of `server.public_url`.
    #[schemars(example = &"auth.example.com")]
    id: String,
    /// The name that is shown.
    #[schemars(example = &"munjigi")]
    name: &'static str,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PasskeyUser")]
struct User {
    /// The user handle, in base64url: random, and the same for all passkeys of the account.
    #[schemars(example = &"bP5wBq0rGqT6P9rC5mM2Yw8xg4h6sT0vQ2bq0N3yYk4")]
    id: String,
    /// The login name.
    #[schemars(example = &"minji@example.org")]
    name: String,
    /// The display name.
    #[schemars(example = &"Kim Minji")]
    display_name: String,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "PasskeyAlgorithm")]
struct Parameters {
    /// `public-key`.
    #[schemars(example = &"public-key")]
    r#type: &'static str,
    /// The COSE algorithm.
    #[schemars(example = &-7)]
    alg: i64,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PasskeySelection")]
struct Selection {
    /// `required`: the authenticator stores the passkey.
    #[schemars(example = &"required")]
    resident_key: &'static str,
    /// The same, for browsers of level 1.
    require_resident_key: bool,
    /// `required`: the authenticator verifies the user by a PIN, a fingerprint or similar.
    #[schemars(example = &"required")]
    user_verification: &'static str,
}

/// A passkey in options.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "PasskeyDescriptor")]
pub struct Descriptor {
    /// `public-key`.
    #[schemars(example = &"public-key")]
    r#type: &'static str,
    /// The credential id, in base64url.
    #[schemars(example = &"bP5wBq0rGqT6P9rC5mM2Yw")]
    id: String,
    /// How browsers reach the authenticator.
    #[schemars(example = &["internal"])]
    transports: Vec<String>,
}

impl Descriptor {
    /// A stored passkey.
    #[must_use]
    pub fn new(credential_id: String, transports: &str) -> Self {
        let transports = transports.split(',').filter(|name| !name.is_empty());
        Self {
            r#type: "public-key",
            id: credential_id,
            transports: transports.map(str::to_owned).collect(),
        }
    }
}

fn timeout() -> u64 {
    LIFETIME.as_secs() * 1_000
}

impl CreationOptions {
    /// For an account with this handle and these passkeys.
    #[must_use]
    pub fn new(
        party: &RelyingParty,
        challenge: String,
        handle: String,
        login: String,
        name: String,
        exclude_credentials: Vec<Descriptor>,
    ) -> Self {
        let algorithms = ALGORITHMS.map(|alg| Parameters {
            r#type: "public-key",
            alg,
        });
        Self {
            rp: Rp {
                id: party.id.clone(),
                name: NAME,
            },
            user: User {
                id: handle,
                display_name: if name.is_empty() { login.clone() } else { name },
                name: login,
            },
            challenge,
            pub_key_cred_params: algorithms.into(),
            timeout: timeout(),
            exclude_credentials,
            authenticator_selection: Selection {
                resident_key: "required",
                require_resident_key: true,
                user_verification: "required",
            },
            attestation: "none",
        }
    }
}

impl RequestOptions {
    /// For these passkeys; none of them means any discoverable one.
    #[must_use]
    pub fn new(
        party: &RelyingParty,
        challenge: String,
        allow_credentials: Vec<Descriptor>,
    ) -> Self {
        Self {
            challenge,
            timeout: timeout(),
            rp_id: party.id.clone(),
            allow_credentials,
            user_verification: "required",
        }
    }
}
