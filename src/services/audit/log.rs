//! Writing audit events: who did what to which account. Each event is written in the transaction of the change that it
//! describes, together with its MAC, so that it cannot be forged or changed unnoticed without the key.
//!
//! A MAC is an HMAC-SHA-256 (RFC 2104) of the event, under a key that is derived from the master key for the audit log
//! only. It is stored as `<key id>.<base64url>`.

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::clock::Timestamp;
use crate::domain::account::Account;
use crate::domain::audit::{Action, Actor, Change, Outcome, Subject};
use crate::domain::session::SessionId;
use crate::domain::text::searchable;
use crate::services::webhooks::outbox;
use crate::store::audit_events::{self, AuditEventData, NewAuditEvent};
use crate::store::raw_audit_events::RawEvent;
use crate::store::{StoreError, Transaction, audit_chain_links, audit_outbox};
use crate::tokens::MasterKeys;

/// The purpose that the key is derived for.
const PURPOSE: &[u8] = b"audit log";

/// An audit event to be written.
#[derive(Clone, Debug)]
pub struct Event {
    action: Action,
    outcome: Outcome,
    subject: Subject,
    session: Option<SessionId>,
    changes: Vec<Change>,
}

impl Event {
    /// An action with the outcome `done`.
    #[must_use]
    pub fn new(action: Action) -> Self {
        Self {
            action,
            outcome: Outcome::Done,
            subject: Subject::default(),
            session: None,
            changes: Vec::new(),
        }
    }

    /// The action.
    pub(in crate::services) fn action(&self) -> Action {
        self.action
    }

    /// Whether the event has a detail of this name.
    pub(in crate::services) fn has_detail(&self, field: &str) -> bool {
        self.changes.iter().any(|change| change.field == field)
    }

    /// Sets the outcome to `refused`.
    #[must_use]
    pub fn refused(mut self) -> Self {
        self.outcome = Outcome::Refused;
        self
    }

    /// Sets the subject.
    #[must_use]
    pub fn to(mut self, subject: Subject) -> Self {
        self.subject = subject;
        self
    }

    /// Sets the session that was acted on. Without it the event has the actor's session.
    #[must_use]
    pub fn of_session(mut self, session: &SessionId) -> Self {
        self.session = Some(session.clone());
        self
    }

    /// Sets the changed fields.
    #[must_use]
    pub fn changing(mut self, changes: Vec<Change>) -> Self {
        self.changes = changes;
        self
    }

    /// Adds changed fields or details.
    #[must_use]
    pub fn with_changes(mut self, changes: impl IntoIterator<Item = Change>) -> Self {
        self.changes.extend(changes);
        self
    }

    /// Adds a value that belongs to the event, such as a number of rows.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers pass numbers and words by value"
    )]
    pub fn with_detail(mut self, field: &str, value: impl ToString) -> Self {
        self.changes.push(Change::detail(field, &value));
        self
    }
}

/// Writes audit events with the key of the audit log.
#[derive(Clone)]
pub struct AuditLog {
    key: AuditKey,
}

impl AuditLog {
    /// An audit log with this key.
    #[must_use]
    pub fn new(key: AuditKey) -> Self {
        Self { key }
    }

    /// A context that writes the events of one actor at one time.
    #[must_use]
    pub fn audit_context(&self, actor: &Actor, now: Timestamp) -> AuditContext {
        AuditContext {
            audit_log: self.clone(),
            actor: actor.clone(),
            now,
            is_part_of_run: false,
        }
    }

    pub(crate) fn key(&self) -> &AuditKey {
        &self.key
    }
}

/// Writes the audit events of one actor at one time.
#[derive(Clone)]
pub struct AuditContext {
    audit_log: AuditLog,
    /// The actor of the events.
    pub actor: Actor,
    /// The time of the events.
    pub now: Timestamp,
    /// One event describes the whole run that the changes are part of.
    is_part_of_run: bool,
}

impl AuditContext {
    /// The same context for the changes of a run that is recorded as one event: it records none of them.
    pub(in crate::services) fn part_of_run(&self) -> Self {
        Self {
            is_part_of_run: true,
            ..self.clone()
        }
    }

    /// The same context for an actor whose account is known by now.
    pub(in crate::services) fn known_as(&self, account: &Account) -> Self {
        Self {
            actor: self.actor.clone().known_as(account),
            ..self.clone()
        }
    }

    /// Writes an event, its MAC, and its webhooks; part of the transaction of the change. After the commit the event is
    /// logged.
    pub(in crate::services) fn record(
        &self,
        connection: &mut Transaction<'_>,
        event: &Event,
    ) -> Result<(), StoreError> {
        if self.is_part_of_run {
            return Ok(());
        }
        let new = row(&self.actor, event, self.now);
        let id = audit_events::insert(connection, &new)?;
        let event = RawEvent::of(id, &new);
        let mac = self.audit_log.key.event_mac(&event);
        audit_chain_links::insert_event_mac(connection, id, &mac)?;
        outbox::insert(connection, id, &new.event)?;
        audit_outbox::publish(connection, event)
    }
}

fn row(actor: &Actor, event: &Event, now: Timestamp) -> NewAuditEvent {
    let ip_address = actor.ip_address.map(|address| address.to_string());
    let mut searched = vec![
        actor.name.as_deref().unwrap_or_default(),
        event.subject.name.as_deref().unwrap_or_default(),
        ip_address.as_deref().unwrap_or_default(),
        event.action.as_str(),
    ];
    for change in &event.changes {
        searched.extend(change.old.as_deref());
        searched.extend(change.new.as_deref());
    }
    let search_text = searchable(&searched);
    let event = AuditEventData {
        happened_at: now,
        source: actor.source,
        actor_type: actor.principal.map(|principal| principal.user_type),
        actor_seq: actor.principal.map(|principal| principal.user_seq),
        actor_name: actor.name.clone(),
        action: event.action,
        outcome: event.outcome,
        subject_type: event.subject.principal.map(|principal| principal.user_type),
        subject_seq: event.subject.principal.map(|principal| principal.user_seq),
        subject_name: event.subject.name.clone(),
        changes: serde_json::to_string(&event.changes).unwrap_or_else(|_| "[]".into()),
        ip_address,
        user_agent: actor.user_agent.clone(),
        request_id: actor.request_id.clone(),
        session_id: event.session.clone().or_else(|| actor.session.clone()),
    };
    NewAuditEvent { event, search_text }
}

/// The key of the audit log.
#[derive(Clone)]
pub struct AuditKey {
    key: hmac::Key,
    id: String,
    /// Keys of other master keys, by their ids, whose MACs are accepted.
    others: Vec<(String, hmac::Key)>,
}

impl AuditKey {
    /// Derives the keys from the master keys, and takes over their ids.
    #[must_use]
    pub fn of(keys: &MasterKeys) -> Self {
        let others = keys.others.iter();
        Self {
            key: keys.derive(PURPOSE),
            id: keys.present.id().to_owned(),
            others: others
                .map(|key| (key.id().to_owned(), key.derive(PURPOSE)))
                .collect(),
        }
    }

    /// The id of the master key in use.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether a MAC names a key that is not known here.
    pub(crate) fn is_of_unknown_key(&self, mac: &str) -> bool {
        mac.split_once('.')
            .is_some_and(|(id, _)| self.find(id).is_none())
    }

    fn find(&self, id: &str) -> Option<&hmac::Key> {
        if id == self.id {
            return Some(&self.key);
        }
        let other = self.others.iter().find(|(other, _)| other == id);
        other.map(|(_, key)| key)
    }

    pub(crate) fn sign(&self, message: &Message) -> String {
        let tag = hmac::sign(&self.key, &message.0);
        format!("{}.{}", self.id, BASE64_URL_SAFE_NO_PAD.encode(tag))
    }

    pub(crate) fn verify(&self, mac: &str, message: &Message) -> bool {
        let Some((id, tag)) = mac.split_once('.') else {
            return false;
        };
        let tag = BASE64_URL_SAFE_NO_PAD.decode(tag).ok();
        self.find(id)
            .zip(tag)
            .is_some_and(|(key, tag)| hmac::verify(key, &message.0, &tag).is_ok())
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
