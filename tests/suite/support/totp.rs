//! An authenticator app.

use aws_lc_rs::hmac;
use data_encoding::BASE32_NOPAD;
use munjigi::clock::Timestamp;
use serde_json::json;

use super::{App, Person};

/// The code that an app with this secret (base32) shows `steps` of 30 seconds after a time.
pub fn code_at(secret: &str, at: Timestamp, steps: i64) -> String {
    let secret = BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    let step = at.unix_seconds() / 30 + steps;
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag[19] & 15);
    let four: [u8; 4] = tag[offset..offset + 4].try_into().unwrap();
    format!(
        "{:06}",
        (u32::from_be_bytes(four) & 0x7FFF_FFFF) % 1_000_000
    )
}

/// The secret of an account with an authenticator app, and its recovery codes.
pub struct Totp {
    pub secret: String,
    pub recovery_codes: Vec<String>,
}

impl Totp {
    /// Sets an app up for a person who has just logged in. Its next code can be used at once.
    pub async fn of(app: &App, person: &Person) -> Self {
        let begun = person.call("POST", "/auth/second-factors/totp").await;
        let secret = begun.assert(200, "TOTP_BEGUN").text_of("secret");
        let code = code_at(&secret, app.clock.now(), -1);
        let path = "/auth/second-factors/totp/confirm";
        let added = person.post(path, json!({"code": code})).await;
        let added = added.assert(200, "SECOND_FACTOR_ADDED");
        let codes = added["recovery_codes"].as_array().unwrap().iter();
        Self {
            secret,
            recovery_codes: codes
                .map(|code| code.as_str().unwrap().to_owned())
                .collect(),
        }
    }

    /// The code that the app shows now.
    pub fn code(&self, app: &App) -> String {
        code_at(&self.secret, app.clock.now(), 0)
    }
}
