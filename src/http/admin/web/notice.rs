//! Notices: the message of an action on the page that follows it. A cookie signed with the browser's secret carries it over the
//! redirect; it is shown once.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::http::admin::web::csrf;

/// A message above a page.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Notice {
    /// `ok` or `warn`, the kind of its colour and icon.
    pub kind: String,
    pub text: String,
    /// The path of the form that undoes the action; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub undo: String,
}

/// The maximum length of the text in bytes: browsers store cookies of up to 4,096 bytes.
const MAX: usize = 2_000;

impl Notice {
    /// The action was done.
    pub(crate) fn ok(text: String) -> Self {
        Self::of("ok", text)
    }

    /// The action was done, and a form sent to this path undoes it.
    pub(crate) fn undoable(text: String, undo: String) -> Self {
        Self {
            undo,
            ..Self::ok(text)
        }
    }

    /// The action was done in part, or there was nothing to do.
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
            undo: String::new(),
        }
    }

    /// The value of the cookie.
    pub(crate) fn encode(&self, secret: &str) -> String {
        let json = serde_json::to_string(self).unwrap_or_default();
        let body = BASE64_URL_SAFE_NO_PAD.encode(json);
        let signature = csrf::sign(secret, "notice", &body);
        format!("{body}.{signature}")
    }

    /// The notice of a cookie; none where it is not signed with this secret.
    pub(crate) fn decode(secret: &str, value: &str) -> Option<Self> {
        let (body, signature) = value.split_once('.')?;
        if !csrf::is_signed(secret, "notice", body, signature) {
            return None;
        }
        let json = BASE64_URL_SAFE_NO_PAD.decode(body).ok()?;
        serde_json::from_slice(&json).ok()
    }
}
