//! The table `audit_events`: inserting. Reading is in `audit_list`, MACs are in `audit_chain_links`, logging is in
//! `audit_outbox`.

use diesel::{Insertable, QueryableByName, RunQueryDsl};

use crate::clock::Timestamp;
use crate::domain::audit::{Action, AuditSource, Outcome};
use crate::domain::principal::{UserSeq, UserType};
use crate::domain::session::SessionId;
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::schema::audit_events;

/// An event, as it is inserted and listed.
#[derive(Insertable, QueryableByName, Clone, Debug)]
#[diesel(table_name = audit_events)]
pub struct AuditEventData {
    /// The time of the event.
    pub happened_at: Timestamp,
    /// The interface that was used.
    pub source: AuditSource,
    /// The user type of the actor.
    pub actor_type: Option<UserType>,
    /// The id of the actor within its user type.
    pub actor_seq: Option<UserSeq>,
    /// The name of the actor at the time of the event.
    pub actor_name: Option<String>,
    /// The action.
    pub action: Action,
    /// Whether it was done or refused.
    pub outcome: Outcome,
    /// The user type of the subject.
    pub subject_type: Option<UserType>,
    /// The id of the subject within its user type.
    pub subject_seq: Option<UserSeq>,
    /// The name of the subject at the time of the event; the id, if it is not an account.
    pub subject_name: Option<String>,
    /// The changed fields with their old and new values: a JSON array.
    pub changes: String,
    /// The IP address of the client.
    pub ip_address: Option<String>,
    /// The `User-Agent` of the client.
    pub user_agent: Option<String>,
    /// The id of the request.
    pub request_id: Option<String>,
    /// The session in which it was done, or to which it was done.
    pub session_id: Option<SessionId>,
}

/// A row to insert.
#[derive(Insertable, Clone)]
#[diesel(table_name = audit_events)]
pub struct NewAuditEvent {
    /// The event.
    #[diesel(embed)]
    pub event: AuditEventData,
    /// The text that searches compare with, see [`searchable`](crate::domain::text::searchable).
    pub search_text: String,
}

/// Inserts an event and returns its id.
pub fn insert(connection: &mut Db, new: &NewAuditEvent) -> Result<i64, StoreError> {
    Ok(diesel::insert_into(audit_events::table)
        .values(new)
        .returning(audit_events::id)
        .get_result(connection)?)
}
