//! The record of what was done: written in the transaction of the change it tells of, never changed afterwards; and read.

use super::{Error, Services, tokens::owners_of};
use crate::{
    clock::Timestamp,
    domain::{
        audit::{Action, Actor, Change, Door, Outcome, Subject},
        paging::{Place, Seek, Slice},
        principal::Principal,
        text::{normalised, searchable},
    },
    store::{
        Db, StoreError,
        audit_events::{self, NewAuditEvent},
        audit_list::{self as table, AuditEventRow, AuditFilter, AuditPlace, MOST_PEOPLE},
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
    #[expect(
        clippy::needless_pass_by_value,
        reason = "numbers and words are noted as they are"
    )]
    pub fn noting(mut self, field: &str, value: impl ToString) -> Self {
        self.changes.push(Change::note(field, &value));
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

/// The most characters of a filter that are recorded.
const MAX_FILTER: usize = 1_000;

/// Adds that a list is written out, with the filter as its address has it.
///
/// # Errors
/// The store's.
pub async fn note_export(
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

/// An event as the doors see it.
#[derive(Clone, Debug)]
pub struct AuditEvent {
    /// Its number.
    pub id: i64,
    /// When it happened.
    pub happened_at: Timestamp,
    /// Through which door.
    pub door: Door,
    /// Who did it; none for the operator, the server, and whoever was not known.
    pub actor: Option<Principal>,
    /// What the actor was called then.
    pub actor_name: Option<String>,
    /// What was done.
    pub action: Action,
    /// What came of it.
    pub outcome: Outcome,
    /// The account it was done to.
    pub subject: Option<Principal>,
    /// What that one was called then; of a thing that is no account, its id.
    pub subject_name: Option<String>,
    /// The fields with their old and new values.
    pub changes: Vec<Change>,
    /// From which address.
    pub ip_address: Option<String>,
    /// From which program.
    pub user_agent: Option<String>,
    /// In which request.
    pub request_id: Option<String>,
}

impl AuditEvent {
    /// Its place in the list.
    #[must_use]
    pub fn place(&self) -> Place {
        Place::at_time(self.happened_at, &self.id)
    }
}

impl From<AuditEventRow> for AuditEvent {
    fn from(row: AuditEventRow) -> Self {
        let principal = |(user_type, user_seq)| Principal {
            user_type,
            user_seq,
        };
        Self {
            id: row.id,
            happened_at: row.happened_at,
            door: row.door,
            actor: row.actor_type.zip(row.actor_seq).map(principal),
            actor_name: row.actor_name,
            action: row.action,
            outcome: row.outcome,
            subject: row.subject_type.zip(row.subject_seq).map(principal),
            subject_name: row.subject_name,
            changes: serde_json::from_str(&row.changes).unwrap_or_default(),
            ip_address: row.ip_address,
            user_agent: row.user_agent,
            request_id: row.request_id,
        }
    }
}

/// Which events are asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// A part of a name, an address or a value.
    pub search: Option<String>,
    /// Only this action.
    pub action: Option<Action>,
    /// Only through this door.
    pub door: Option<Door>,
    /// Only what this account did, or what was done to it: its e-mail address or username, now or when it was deleted.
    pub person: Option<String>,
    /// From this time on.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub before: Option<Timestamp>,
}

impl Wanted {
    fn filter(&self, connection: &mut Db) -> Result<AuditFilter, StoreError> {
        let people = match &self.person {
            Some(name) => Some(find_people(connection, name)?),
            None => None,
        };
        Ok(AuditFilter {
            search: self.search.clone(),
            action: self.action,
            door: self.door,
            people,
            from: self.from,
            before: self.before,
        })
    }
}

/// The accounts of this name: those that have it, and those that had it when something was done to them.
fn find_people(connection: &mut Db, name: &str) -> Result<Vec<Principal>, StoreError> {
    let mut found = owners_of(connection, name)?;
    let names = [name.to_owned(), normalised(name)];
    for principal in table::find_subjects(connection, &names)? {
        if !found.contains(&principal) && found.len() < MOST_PEOPLE {
            found.push(principal);
        }
    }
    Ok(found)
}

fn place(place: &Place) -> Option<AuditPlace> {
    Some(AuditPlace {
        happened_at: place.time()?,
        id: place.id.parse().ok()?,
    })
}

/// A page of the events that are asked for, newest first. A place that is none is the beginning.
///
/// # Errors
/// The store's.
pub async fn list(
    services: &Services,
    wanted: Wanted,
    seek: Seek<Place>,
    size: i64,
) -> Result<Slice<AuditEvent>, Error> {
    let seek = seek.try_map(|wanted| place(&wanted)).unwrap_or(Seek::First);
    let slice = services
        .store
        .look_through(move |connection| {
            let filter = wanted.filter(connection)?;
            table::list(connection, &filter, &seek, size)
        })
        .await?;
    Ok(slice.map(AuditEvent::from))
}

/// The next events of all that are asked for, newest first: for whoever reads the whole list.
///
/// # Errors
/// The store's.
pub async fn batch(
    services: &Services,
    wanted: Wanted,
    after: Option<Place>,
    size: i64,
) -> Result<Vec<AuditEvent>, Error> {
    let after = after.as_ref().and_then(place);
    let rows = services
        .store
        .look_through(move |connection| {
            let filter = wanted.filter(connection)?;
            table::batch(connection, &filter, after, size)
        })
        .await?;
    Ok(rows.into_iter().map(AuditEvent::from).collect())
}

/// The event of this number.
///
/// # Errors
/// The store's.
pub async fn find(services: &Services, id: i64) -> Result<Option<AuditEvent>, Error> {
    let row = services
        .store
        .read(move |connection| table::find(connection, id))
        .await?;
    Ok(row.map(AuditEvent::from))
}

/// The newest events that were done to an account.
///
/// # Errors
/// The store's.
pub async fn history(
    services: &Services,
    subject: Principal,
    limit: i64,
) -> Result<Vec<AuditEvent>, Error> {
    let rows = services
        .store
        .read(move |connection| table::history(connection, subject, limit))
        .await?;
    Ok(rows.into_iter().map(AuditEvent::from).collect())
}
