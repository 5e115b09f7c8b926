//! Audit events as plain texts and numbers, for computing and verifying their MACs.

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Nullable, Text, Timestamp as SqlTimestamp},
};

use crate::clock::Timestamp;
use crate::domain::principal::UserSeq;
use crate::store::audit_events::NewAuditEvent;
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;

/// An event as stored. Texts are not parsed into enums: a manipulated row may hold any value.
#[derive(QueryableByName, Clone, Debug)]
pub struct RawEvent {
    /// The id.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// The time of the event.
    #[diesel(sql_type = SqlTimestamp)]
    pub happened_at: Timestamp,
    /// The id of the actor within its user type.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub actor_seq: Option<i64>,
    /// The id of the subject within its user type.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub subject_seq: Option<i64>,
    /// The interface that was used.
    #[diesel(sql_type = Text)]
    pub source: String,
    /// The user type of the actor.
    #[diesel(sql_type = Nullable<Text>)]
    pub actor_type: Option<String>,
    /// The name of the actor at the time of the event.
    #[diesel(sql_type = Nullable<Text>)]
    pub actor_name: Option<String>,
    /// The action.
    #[diesel(sql_type = Text)]
    pub action: String,
    /// `done` or `refused`.
    #[diesel(sql_type = Text)]
    pub outcome: String,
    /// The user type of the subject.
    #[diesel(sql_type = Nullable<Text>)]
    pub subject_type: Option<String>,
    /// The name of the subject at the time of the event.
    #[diesel(sql_type = Nullable<Text>)]
    pub subject_name: Option<String>,
    /// The changed fields with their old and new values, as JSON.
    #[diesel(sql_type = Text)]
    pub changes: String,
    /// The IP address of the client.
    #[diesel(sql_type = Nullable<Text>)]
    pub ip_address: Option<String>,
    /// The `User-Agent` of the client.
    #[diesel(sql_type = Nullable<Text>)]
    pub user_agent: Option<String>,
    /// The id of the request.
    #[diesel(sql_type = Nullable<Text>)]
    pub request_id: Option<String>,
    /// The text that searches compare with.
    #[diesel(sql_type = Text)]
    pub search_text: String,
    /// The session.
    #[diesel(sql_type = Nullable<Text>)]
    pub session_id: Option<String>,
}

const COLUMNS: &str = "id, happened_at, source, actor_type, actor_seq, actor_name, action, outcome, subject_type, \
    subject_seq, subject_name, changes, ip_address, user_agent, request_id, search_text, session_id";

impl RawEvent {
    /// Returns a new event as it will be stored.
    #[must_use]
    pub fn of(id: i64, new: &NewAuditEvent) -> Self {
        Self {
            id,
            happened_at: new.happened_at,
            actor_seq: new.actor_seq.map(UserSeq::get),
            subject_seq: new.subject_seq.map(UserSeq::get),
            source: new.source.as_str().to_owned(),
            actor_type: new.actor_type.map(|word| word.as_str().to_owned()),
            actor_name: new.actor_name.clone(),
            action: new.action.as_str().to_owned(),
            outcome: new.outcome.as_str().to_owned(),
            subject_type: new.subject_type.map(|word| word.as_str().to_owned()),
            subject_name: new.subject_name.clone(),
            changes: new.changes.clone(),
            ip_address: new.ip_address.clone(),
            user_agent: new.user_agent.clone(),
            request_id: new.request_id.clone(),
            search_text: new.search_text.clone(),
            session_id: new.session_id.as_ref().map(ToString::to_string),
        }
    }
}

/// The existing ones of these events.
pub fn list_events(connection: &mut Db, ids: &[i64]) -> Result<Vec<RawEvent>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    // EventIds can be part of the statement: the length of the list varies.
    let listed: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let text = format!(
        "SELECT {COLUMNS} FROM audit_events WHERE id IN ({})",
        listed.join(", ")
    );
    Ok(sql_query(text).load(connection)?)
}

/// The next events after the id `after` and up to the id `to`, in the order of their ids.
pub fn list_between(
    connection: &mut Db,
    after: i64,
    to: i64,
    limit: i64,
) -> Result<Vec<RawEvent>, StoreError> {
    let text = format!(
        "SELECT {COLUMNS} FROM audit_events WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3"
    );
    Ok(sql_query(text)
        .bind::<BigInt, _>(after)
        .bind::<BigInt, _>(to)
        .bind::<BigInt, _>(limit)
        .load(connection)?)
}

/// The ids of the first events after the id `after` that have no MAC.
pub fn list_without_mac(
    connection: &mut Db,
    after: i64,
    limit: i64,
) -> Result<Vec<i64>, StoreError> {
    #[derive(QueryableByName)]
    struct EventId {
        #[diesel(sql_type = BigInt)]
        id: i64,
    }
    let rows: Vec<EventId> = sql_query(
        "SELECT id FROM audit_events WHERE id > $1 AND NOT EXISTS \
         (SELECT 1 FROM audit_chain_links WHERE event_id = audit_events.id) ORDER BY id LIMIT $2",
    )
    .bind::<BigInt, _>(after)
    .bind::<BigInt, _>(limit)
    .load(connection)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}
