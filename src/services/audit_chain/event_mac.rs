//! What an event's mark, a seal, and the mark on the ends of the chain are computed of: HMAC-SHA-256 (RFC 2104) under a key
//! that is derived from the signing key for this alone. Each is written with the key's id in front.

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::{
    store::{
        audit_chain_links::{ChainLinkRow, ChainRow},
        raw_audit_events::RawEvent,
    },
    tokens::SigningKey,
};

/// What the key is derived for.
const PURPOSE: &[u8] = b"audit record";

/// The key of the record.
#[derive(Clone)]
pub struct AuditKey {
    key: hmac::Key,
    id: String,
}

impl AuditKey {
    /// The one that belongs to a signing key, and has its id.
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

    /// Whether what was marked last was marked with another key.
    pub(crate) fn is_another(&self, given: &str) -> bool {
        given.split_once('.').is_some_and(|(id, _)| id != self.id)
    }

    fn sign(&self, message: &[u8]) -> String {
        let tag = hmac::sign(&self.key, message);
        format!("{}.{}", self.id, BASE64_URL_SAFE_NO_PAD.encode(tag))
    }

    fn verify(&self, given: &str, message: &[u8]) -> bool {
        let tag = given.split_once('.').filter(|(id, _)| *id == self.id);
        let tag = tag.and_then(|(_, tag)| BASE64_URL_SAFE_NO_PAD.decode(tag).ok());
        tag.is_some_and(|tag| hmac::verify(&self.key, message, &tag).is_ok())
    }

    /// The mark of an event.
    pub(crate) fn mark(&self, event: &RawEvent) -> String {
        self.sign(&content(event))
    }

    /// Whether this is the mark of an event.
    pub(crate) fn is_mark(&self, given: &str, event: &RawEvent) -> bool {
        self.verify(given, &content(event))
    }

    /// The seal of an event: over the seal before it, its place, its number and its mark.
    pub(crate) fn seal(&self, before: &str, position: i64, event: i64, mark: &str) -> String {
        self.sign(&link(before, position, event, mark))
    }

    /// Whether the row has the seal of its place behind the one before.
    pub(crate) fn is_sealed(&self, before: &str, row: &ChainLinkRow) -> bool {
        let (Some(position), Some(seal)) = (row.position, &row.link_mac) else {
            return false;
        };
        self.verify(seal, &link(before, position, row.event_id, &row.event_mac))
    }

    /// The mark on the ends of the chain.
    pub(crate) fn mark_of_chain(&self, chain: &ChainRow) -> String {
        self.sign(&ends(chain))
    }

    /// Whether the ends of the chain have their mark.
    pub(crate) fn is_marked(&self, chain: &ChainRow) -> bool {
        self.verify(&chain.mac, &ends(chain))
    }
}

/// A message of fields. Each stands with its length in front, and an empty one is not a missing one: no two different
/// rows give the same bytes.
struct Message(Vec<u8>);

impl Message {
    fn new(kind: &[u8]) -> Self {
        Self(kind.to_vec()).text(None)
    }

    fn number(mut self, number: Option<i64>) -> Self {
        match number {
            Some(number) => {
                self.0.push(1);
                self.0.extend(number.to_be_bytes());
            }
            None => self.0.push(0),
        }
        self
    }

    fn text(mut self, text: Option<&str>) -> Self {
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

fn content(event: &RawEvent) -> Vec<u8> {
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
        .0
}

fn link(before: &str, position: i64, event: i64, mark: &str) -> Vec<u8> {
    Message::new(b"seal 1")
        .text(Some(before))
        .number(Some(position))
        .number(Some(event))
        .text(Some(mark))
        .0
}

fn ends(chain: &ChainRow) -> Vec<u8> {
    Message::new(b"chain 1")
        .number(Some(chain.first_position))
        .text(Some(&chain.base_link_mac))
        .number(Some(chain.last_position))
        .text(Some(&chain.last_link_mac))
        .number(Some(chain.backfilled_id))
        .number(Some(chain.backfill_end_id))
        .0
}
