//! Audit events as plain texts and numbers, for computing and verifying their MACs.

use diesel::{
    dsl::{exists, not},
    prelude::*,
};

use crate::clock::Timestamp;
use crate::domain::principal::UserSeq;
use crate::store::audit_events::NewAuditEvent;
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::schema::{audit_chain_links, audit_events};

/// An event as stored. Texts are not parsed into enums: a manipulated row may hold any value.
#[derive(Queryable, Selectable, Clone, Debug)]
#[diesel(table_name = audit_events)]
pub struct RawEvent {
    /// The id.
    pub id: i64,
    /// The time of the event.
    pub happened_at: Timestamp,
    /// The id of the actor within its user type.
    pub actor_seq: Option<i64>,
    /// The id of the subject within its user type.
    pub subject_seq: Option<i64>,
    /// The interface that was used.
    pub source: String,
    /// The user type of the actor.
    pub actor_type: Option<String>,
    /// The name of the actor at the time of the event.
    pub actor_name: Option<String>,
    /// The action.
    pub action: String,
    /// `done` or `refused`.
    pub outcome: String,
    /// The user type of the subject.
    pub subject_type: Option<String>,
    /// The name of the subject at the time of the event.
    pub subject_name: Option<String>,
    /// The changed fields with their old and new values, as JSON.
    pub changes: String,
    /// The IP address of the client.
    pub ip_address: Option<String>,
    /// The `User-Agent` of the client.
    pub user_agent: Option<String>,
    /// The id of the request.
    pub request_id: Option<String>,
    /// The text that searches compare with.
    pub search_text: String,
    /// The session.
    pub session_id: Option<String>,
}

impl RawEvent {
    /// Returns a new event as it will be stored.
    #[must_use]
    pub fn of(id: i64, new: &NewAuditEvent) -> Self {
        let event = &new.event;
        Self {
            id,
            happened_at: event.happened_at,
            actor_seq: event.actor_seq.map(UserSeq::get),
            subject_seq: event.subject_seq.map(UserSeq::get),
            source: event.source.as_str().to_owned(),
            actor_type: event.actor_type.map(|word| word.as_str().to_owned()),
            actor_name: event.actor_name.clone(),
            action: event.action.as_str().to_owned(),
            outcome: event.outcome.as_str().to_owned(),
            subject_type: event.subject_type.map(|word| word.as_str().to_owned()),
            subject_name: event.subject_name.clone(),
            changes: event.changes.clone(),
            ip_address: event.ip_address.clone(),
            user_agent: event.user_agent.clone(),
            request_id: event.request_id.clone(),
            search_text: new.search_text.clone(),
            session_id: event.session_id.as_ref().map(ToString::to_string),
        }
    }
}

/// The existing ones of these events.
pub fn list_events(connection: &mut Db, ids: &[i64]) -> Result<Vec<RawEvent>, StoreError> {
    Ok(audit_events::table
        .filter(audit_events::id.eq_any(ids))
        .select(RawEvent::as_select())
        .load(connection)?)
}

/// The next events after the id `after` and up to the id `to`, in the order of their ids.
pub fn list_between(
    connection: &mut Db,
    after: i64,
    to: i64,
    limit: i64,
) -> Result<Vec<RawEvent>, StoreError> {
    Ok(audit_events::table
        .filter(audit_events::id.gt(after))
        .filter(audit_events::id.le(to))
        .order(audit_events::id)
        .limit(limit)
        .select(RawEvent::as_select())
        .load(connection)?)
}

/// The ids of the first events after the id `after` that have no MAC.
pub fn list_without_mac(
    connection: &mut Db,
    after: i64,
    limit: i64,
) -> Result<Vec<i64>, StoreError> {
    let mac = audit_chain_links::table.filter(audit_chain_links::event_id.eq(audit_events::id));
    Ok(audit_events::table
        .filter(audit_events::id.gt(after))
        .filter(not(exists(mac)))
        .order(audit_events::id)
        .limit(limit)
        .select(audit_events::id)
        .load(connection)?)
}
