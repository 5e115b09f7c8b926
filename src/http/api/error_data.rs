//! The data of errors that a client can act on: how to continue a login, and how to prove who the caller is.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::services::Error;
use crate::services::second_factors::webauthn::options::RequestOptions;

/// How to continue.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ErrorData")]
pub(in crate::http) struct ErrorData<'a> {
    /// Of a login: what continues it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"8zJUVxNjKJ4nJ8gX0yFJm9rQGk1W8Xw2bC7dE5fH3aI")]
    challenge_id: Option<&'a str>,
    /// How the caller can prove who they are (empty: by another login), or which second factors can be set up.
    #[schemars(example = &["totp", "recovery_code"])]
    methods: Vec<&'static str>,
    /// Of a login: for how many seconds it can be continued.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = 300)]
    expires_in: Option<u64>,
    /// What `navigator.credentials.get()` is called with, if the account has a passkey.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<RequestOptions>")]
    passkey: Option<&'a Value>,
}

impl<'a> ErrorData<'a> {
    /// The data of an error; `None` for most.
    pub(super) fn of(error: &'a Error) -> Option<Self> {
        match error {
            Error::SecondFactorRequired(pending) => Some(Self {
                challenge_id: Some(&pending.challenge_id),
                methods: pending.methods.iter().map(|one| one.as_str()).collect(),
                expires_in: Some(pending.expires_in.as_secs()),
                passkey: pending.passkey.as_ref(),
            }),
            Error::ReauthenticationRequired(missing) => Some(Self {
                challenge_id: None,
                methods: {
                    let password = missing.password.then_some("password");
                    let factors = missing.methods.iter().map(|one| one.as_str());
                    password.into_iter().chain(factors).collect()
                },
                expires_in: None,
                passkey: missing.passkey.as_ref(),
            }),
            _ => None,
        }
    }
}
