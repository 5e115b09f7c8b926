//! What an action has to say on the page that follows it: carried over the redirect by a cookie that is signed with the
//! browser's secret, and shown once.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::http::admin::web::csrf;

/// A sentence above a page.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Notice {
    /// `ok` or `warn`: its colour and its icon.
    pub kind: String,
    /// The sentence.
    pub text: String,
}

/// The most bytes of a cookie's value that browsers are sure to keep, with room for the signature.
const MAX: usize = 2_000;

impl Notice {
    /// It was done.
    pub(crate) fn ok(text: String) -> Self {
        Self::of("ok", text)
    }

    /// It was done in part, or there was nothing to do.
    pub(crate) fn warn(text: String) -> Self {
        Self::of("warn", text)
    }

    fn of(kind: &str, text: String) -> Self {
        let mut text = text;
        if text.len() > MAX {
            text = text.chars().take(MAX / 4).collect();
        }
        Self {
            kind: kind.to_owned(),
            text,
        }
    }

    /// The value of its cookie.
    pub(crate) fn sealed(&self, secret: &str) -> String {
        let json = serde_json::to_string(self).unwrap_or_default();
        let body = BASE64_URL_SAFE_NO_PAD.encode(json);
        let mark = csrf::sign(secret, "notice", &body);
        format!("{body}.{mark}")
    }

    /// Reads the value of a cookie; nothing where it was not made with this secret.
    pub(crate) fn opened(secret: &str, value: &str) -> Option<Self> {
        let (body, mark) = value.split_once('.')?;
        if !csrf::is_signed(secret, "notice", body, mark) {
            return None;
        }
        let json = BASE64_URL_SAFE_NO_PAD.decode(body).ok()?;
        serde_json::from_slice(&json).ok()
    }
}
