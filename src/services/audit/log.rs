//! Writing an event: who did what to whom. It is marked by a keyed hash of all it says in the same transaction, so that
//! nobody without the key can write or change one unseen.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{
    clock::Timestamp,
    domain::{
        account::Account,
        audit::{Action, Actor, Change, Outcome, Subject},
        session::SessionId,
        text::searchable,
    },
    services::{
        audit_chain::{chain::Memory, event_mac::AuditKey, verification::LastVerification},
        bootstrap::Services,
        error::Error,
    },
    store::{
        Db, StoreError, audit_chain_links,
        audit_events::{self, NewAuditEvent},
        raw_audit_events::RawEvent,
    },
};

/// Something that was done, or refused.
#[derive(Clone, Debug)]
pub struct Event {
    action: Action,
    outcome: Outcome,
    subject: Subject,
    session: Option<SessionId>,
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
            session: None,
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

    /// To which session, where it is not the actor's own.
    #[must_use]
    pub fn of_session(mut self, session: &SessionId) -> Self {
        self.session = Some(session.clone());
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
    #[expect(
        clippy::needless_pass_by_value,
        reason = "numbers and words are noted as they are"
    )]
    pub fn noting(mut self, field: &str, value: impl ToString) -> Self {
        self.changes.push(Change::note(field, &value));
        self
    }
}

/// Writes the record with the server's key. Clones are one.
#[derive(Clone)]
pub struct AuditLog(Arc<Inner>);

struct Inner {
    key: AuditKey,
    memory: Mutex<Memory>,
    proofs: LastVerification,
}

impl AuditLog {
    /// With this key.
    #[must_use]
    pub fn new(key: AuditKey) -> Self {
        Self(Arc::new(Inner {
            key,
            memory: Mutex::default(),
            proofs: LastVerification::default(),
        }))
    }

    /// Whoever writes what this actor does now.
    #[must_use]
    pub fn audit_context(&self, actor: &Actor, now: Timestamp) -> AuditContext {
        AuditContext {
            audit_log: self.clone(),
            actor: actor.clone(),
            now,
        }
    }

    pub(crate) fn key(&self) -> &AuditKey {
        &self.0.key
    }

    pub(crate) fn proofs(&self) -> &LastVerification {
        &self.0.proofs
    }

    pub(crate) fn memory<T>(&self, f: impl FnOnce(&mut Memory) -> T) -> T {
        f(&mut self.0.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Writes into the record what one actor does at one moment.
#[derive(Clone)]
pub struct AuditContext {
    audit_log: AuditLog,
    /// Who does it.
    pub actor: Actor,
    /// When.
    pub now: Timestamp,
}

impl AuditContext {
    pub(crate) fn audit_log(&self) -> &AuditLog {
        &self.audit_log
    }

    /// The same for whoever is known by now.
    pub(in crate::services) fn known_as(&self, account: &Account) -> Self {
        Self {
            actor: self.actor.clone().known_as(account),
            ..self.clone()
        }
    }

    /// Adds an event to the record, marked; part of the change's transaction.
    pub(in crate::services) fn record(
        &self,
        connection: &mut Db,
        event: &Event,
    ) -> Result<(), StoreError> {
        let new = row(&self.actor, event, self.now);
        let id = audit_events::insert(connection, &new)?;
        let mark = self.audit_log.key().mark(&RawEvent::of(id, &new));
        audit_chain_links::insert_event_mac(connection, id, &mark)
    }
}

fn row(actor: &Actor, event: &Event, now: Timestamp) -> NewAuditEvent {
    let Event {
        action,
        outcome,
        subject,
        session,
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
    NewAuditEvent {
        happened_at: now,
        source: actor.door,
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
        session_id: session.clone().or_else(|| actor.session.clone()),
    }
}

impl Services {
    /// Whoever writes into the record what this actor does now.
    #[must_use]
    pub fn audit_context(&self, actor: &Actor) -> AuditContext {
        self.audit_log.audit_context(actor, self.clock.now())
    }
}

/// Adds an event that belongs to no other change.
///
/// # Errors
/// The store's.
pub async fn note(services: &Services, actor: Actor, event: Event) -> Result<(), Error> {
    let audit_context = services.audit_context(&actor);
    services
        .store
        .write(move |connection| Ok(audit_context.record(connection, &event)?))
        .await
}

/// The most characters of a filter that are recorded.
const MAX_FILTER: usize = 1_000;

/// Adds that a list is written out, with the filter as its address has it.
///
/// # Errors
/// The store's.
pub(crate) async fn note_export(
    services: &Services,
    actor: Actor,
    list: &str,
    filter: &str,
) -> Result<(), Error> {
    let mut event = Event::new(Action::Exported).noting("list", list);
    if !filter.is_empty() {
        let filter: String = filter.chars().take(MAX_FILTER).collect();
        event = event.noting("filter", filter);
    }
    note(services, actor, event).await
}
