//! The record of what was done: written in the transaction of the change it tells of, never changed afterwards; marked
//! and sealed, so that whoever changes it behind the server's back cannot hide that; and read.

use crate::{
    clock::Timestamp,
    domain::{
        audit::{Action, AuditSource, Change, Outcome},
        paging::{Cursor, Seek, Slice},
        principal::Principal,
        session::SessionId,
        text::normalised,
    },
    services::{bootstrap::Services, error::Error, tokens::refresh_tokens::owners_of},
    store::{
        Db, StoreError, audit_chain_links, audit_list as table,
        audit_list::{AuditCursor, AuditEventRow, AuditFilter, MAX_PEOPLE},
    },
};

/// An event as the doors see it.
#[derive(Clone, Debug)]
pub struct AuditEvent {
    /// Its number.
    pub id: i64,
    /// When it happened.
    pub happened_at: Timestamp,
    /// Through which door.
    pub door: AuditSource,
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
    /// In which session it was done, or to which.
    pub session: Option<SessionId>,
    /// Its place in the chain, where it was looked up and is sealed.
    pub position: Option<i64>,
}

impl AuditEvent {
    /// Its place in the list.
    #[must_use]
    pub fn place(&self) -> Cursor {
        Cursor::at_time(self.happened_at, &self.id)
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
            door: row.source,
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
            session: row.session_id,
            position: None,
        }
    }
}

/// Which events are asked for.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// A part of a name, an address or a value.
    pub search: Option<String>,
    /// Only this action.
    pub action: Option<Action>,
    /// Only through this door.
    pub door: Option<AuditSource>,
    /// Only what was done in this session, or to it.
    pub session: Option<SessionId>,
    /// Only what this account did, or what was done to it: its e-mail address or username, now or when it was deleted.
    pub person: Option<String>,
    /// From this time on.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub before: Option<Timestamp>,
}

impl AuditQuery {
    fn filter(&self, connection: &mut Db) -> Result<AuditFilter, StoreError> {
        let people = match &self.person {
            Some(name) => Some(find_people(connection, name)?),
            None => None,
        };
        Ok(AuditFilter {
            search: self.search.clone(),
            action: self.action,
            source: self.door,
            session: self.session.clone(),
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
        if !found.contains(&principal) && found.len() < MAX_PEOPLE {
            found.push(principal);
        }
    }
    Ok(found)
}

fn place(place: &Cursor) -> Option<AuditCursor> {
    Some(AuditCursor {
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
    wanted: AuditQuery,
    seek: Seek<Cursor>,
    size: i64,
) -> Result<Slice<AuditEvent>, Error> {
    let seek = seek.try_map(|wanted| place(&wanted)).unwrap_or(Seek::First);
    let slice = services
        .store
        .read_list(move |connection| {
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
    wanted: AuditQuery,
    after: Option<Cursor>,
    size: i64,
) -> Result<Vec<AuditEvent>, Error> {
    let after = after.as_ref().and_then(place);
    let rows = services
        .store
        .read_list(move |connection| {
            let filter = wanted.filter(connection)?;
            table::batch(connection, &filter, after, size)
        })
        .await?;
    Ok(rows.into_iter().map(AuditEvent::from).collect())
}

/// The event of this number, with its place in the chain.
///
/// # Errors
/// The store's.
pub async fn find(services: &Services, id: i64) -> Result<Option<AuditEvent>, Error> {
    let found = services
        .store
        .read(move |connection| {
            let seal = audit_chain_links::find(connection, id)?;
            Ok::<_, StoreError>((table::find(connection, id)?, seal))
        })
        .await?;
    let position = found.1.and_then(|seal| seal.position);
    Ok(found.0.map(|row| AuditEvent {
        position,
        ..AuditEvent::from(row)
    }))
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
