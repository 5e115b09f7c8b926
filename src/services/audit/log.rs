//! Writing audit events: who did what to which account. Each event is written in the transaction of the change that it
//! describes, together with its MAC, so that it cannot be forged or changed unnoticed without the key.

use crate::clock::Timestamp;
use crate::domain::account::Account;
use crate::domain::audit::{Action, Actor, Change, Outcome, Subject};
use crate::domain::session::SessionId;
use crate::domain::text::searchable;
use crate::services::audit::event_mac::AuditKey;
use crate::store::audit_events::{self, AuditEventData, NewAuditEvent};
use crate::store::raw_audit_events::RawEvent;
use crate::store::{Db, StoreError, audit_chain_links};

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
}

impl AuditContext {
    /// The same context for an actor whose account is known by now.
    pub(in crate::services) fn known_as(&self, account: &Account) -> Self {
        Self {
            actor: self.actor.clone().known_as(account),
            ..self.clone()
        }
    }

    /// Writes an event and its MAC; part of the transaction of the change.
    pub(in crate::services) fn record(
        &self,
        connection: &mut Db,
        event: &Event,
    ) -> Result<(), StoreError> {
        let new = row(&self.actor, event, self.now);
        let id = audit_events::insert(connection, &new)?;
        let mac = self.audit_log.key.event_mac(&RawEvent::of(id, &new));
        audit_chain_links::insert_event_mac(connection, id, &mac)
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
