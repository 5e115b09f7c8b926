//! Event MACs: HMAC-SHA-256 (RFC 2104) of an audit event, under a key that is derived from the signing key for the audit
//! log only. A MAC is stored as `<key id>.<base64url>`.

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::store::raw_audit_events::RawEvent;
use crate::tokens::SigningKey;

/// The purpose that the key is derived for.
const PURPOSE: &[u8] = b"audit log";

/// The key of the audit log.
#[derive(Clone)]
pub struct AuditKey {
    key: hmac::Key,
    id: String,
}

impl AuditKey {
    /// Derives the key from a signing key, and takes over its id.
    #[must_use]
    pub fn of(key: &SigningKey) -> Self {
        Self {
            key: key.derive(PURPOSE),
            id: key.id().to_owned(),
        }
    }

    /// The signing key's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether a MAC names another key than this one.
    pub(crate) fn is_of_another_key(&self, mac: &str) -> bool {
        mac.split_once('.').is_some_and(|(id, _)| id != self.id)
    }

    pub(crate) fn sign(&self, message: &Message) -> String {
        let tag = hmac::sign(&self.key, &message.0);
        format!("{}.{}", self.id, BASE64_URL_SAFE_NO_PAD.encode(tag))
    }

    pub(crate) fn verify(&self, mac: &str, message: &Message) -> bool {
        let tag = mac.split_once('.').filter(|(id, _)| *id == self.id);
        let tag = tag.and_then(|(_, tag)| BASE64_URL_SAFE_NO_PAD.decode(tag).ok());
        tag.is_some_and(|tag| hmac::verify(&self.key, &message.0, &tag).is_ok())
    }

    pub(crate) fn event_mac(&self, event: &RawEvent) -> String {
        self.sign(&content(event))
    }

    pub(crate) fn is_event_mac(&self, mac: &str, event: &RawEvent) -> bool {
        self.verify(mac, &content(event))
    }
}

/// A message of fields. Each field is preceded by its type and, if it is a text, its length, and an empty text differs
/// from a missing one: two different rows never give the same bytes.
pub(crate) struct Message(Vec<u8>);

impl Message {
    pub(crate) fn new(kind: &[u8]) -> Self {
        Self(kind.to_vec()).text(None)
    }

    pub(crate) fn number(mut self, number: Option<i64>) -> Self {
        match number {
            Some(number) => {
                self.0.push(1);
                self.0.extend(number.to_be_bytes());
            }
            None => self.0.push(0),
        }
        self
    }

    pub(crate) fn text(mut self, text: Option<&str>) -> Self {
        match text {
            Some(text) => {
                self.0.push(2);
                self.0.extend((text.len() as u64).to_be_bytes());
                self.0.extend(text.as_bytes());
            }
            None => self.0.push(0),
        }
        self
    }
}

fn content(event: &RawEvent) -> Message {
    Message::new(b"event 1")
        .number(Some(event.id))
        .number(Some(event.happened_at.unix_micros()))
        .text(Some(&event.source))
        .text(event.actor_type.as_deref())
        .number(event.actor_seq)
        .text(event.actor_name.as_deref())
        .text(Some(&event.action))
        .text(Some(&event.outcome))
        .text(event.subject_type.as_deref())
        .number(event.subject_seq)
        .text(event.subject_name.as_deref())
        .text(Some(&event.changes))
        .text(event.ip_address.as_deref())
        .text(event.user_agent.as_deref())
        .text(event.request_id.as_deref())
        .text(Some(&event.search_text))
        .text(event.session_id.as_deref())
}
