//! The record of what was done: written in the transaction of the change it tells of, never changed afterwards.

use super::{Error, Services};
use crate::{
    clock::Timestamp,
    domain::{
        audit::{Action, Actor, Change, Outcome, Subject},
        text::searchable,
    },
    store::{
        Db, StoreError,
        audit_events::{self, NewAuditEvent},
    },
};

/// Something that was done, or refused.
#[derive(Clone, Debug)]
pub struct Event {
    action: Action,
    outcome: Outcome,
    subject: Subject,
    changes: Vec<Change>,
}

impl Event {
    /// Something that was done.
    #[must_use]
    pub fn new(action: Action) -> Self {
        Self {
            action,
            outcome: Outcome::Done,
            subject: Subject::default(),
            changes: Vec::new(),
        }
    }

    /// The same, refused.
    #[must_use]
    pub fn refused(mut self) -> Self {
        self.outcome = Outcome::Refused;
        self
    }

    /// To whom it was done.
    #[must_use]
    pub fn to(mut self, subject: Subject) -> Self {
        self.subject = subject;
        self
    }

    /// What it changed.
    #[must_use]
    pub fn changing(mut self, changes: Vec<Change>) -> Self {
        self.changes = changes;
        self
    }

    /// With a value that belongs to it.
    #[must_use]
    pub fn noting(mut self, field: &str, value: impl ToString) -> Self {
        self.changes.push(Change::note(field, value));
        self
    }
}

/// Adds an event to the record; part of the change's transaction.
pub(super) fn record(
    connection: &mut Db,
    actor: &Actor,
    event: &Event,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Event {
        action,
        outcome,
        subject,
        changes,
    } = event;
    let ip_address = actor.ip_address.map(|address| address.to_string());
    let mut searched = vec![
        actor.name.as_deref().unwrap_or_default(),
        subject.name.as_deref().unwrap_or_default(),
        ip_address.as_deref().unwrap_or_default(),
        action.as_str(),
    ];
    for change in changes {
        searched.extend(change.old.as_deref());
        searched.extend(change.new.as_deref());
    }
    audit_events::insert(
        connection,
        &NewAuditEvent {
            happened_at: now,
            door: actor.door,
            actor_type: actor.principal.map(|principal| principal.user_type),
            actor_seq: actor.principal.map(|principal| principal.user_seq),
            actor_name: actor.name.clone(),
            action: *action,
            outcome: *outcome,
            subject_type: subject.principal.map(|principal| principal.user_type),
            subject_seq: subject.principal.map(|principal| principal.user_seq),
            subject_name: subject.name.clone(),
            changes: serde_json::to_string(changes).unwrap_or_else(|_| "[]".into()),
            search_text: searchable(&searched),
            ip_address,
            user_agent: actor.user_agent.clone(),
            request_id: actor.request_id.clone(),
        },
    )
}

/// Adds an event that belongs to no other change.
///
/// # Errors
/// The store's.
pub async fn note(services: &Services, actor: Actor, event: Event) -> Result<(), Error> {
    let now = services.clock.now();
    services
        .store
        .write(move |connection| Ok(record(connection, &actor, &event, now)?))
        .await
}
