//! The table of what was done to whom by whom. Rows are added; nothing here changes or deletes one.

use diesel::{Insertable, RunQueryDsl};

use crate::{
    clock::Timestamp,
    domain::{
        audit::{Action, AuditSource, Outcome},
        principal::{UserSeq, UserType},
        session::SessionId,
    },
    store::{engine::connection::Db, error::StoreError, schema::audit_events},
};

/// What a new row is made of.
#[derive(Insertable, Clone)]
#[diesel(table_name = audit_events)]
pub struct NewAuditEvent {
    /// When it happened.
    pub happened_at: Timestamp,
    /// Through which door.
    pub door: AuditSource,
    /// Who did it: the population …
    pub actor_type: Option<UserType>,
    /// … and the number in it.
    pub actor_seq: Option<UserSeq>,
    /// What the actor was called then.
    pub actor_name: Option<String>,
    /// What was done.
    pub action: Action,
    /// What came of it.
    pub outcome: Outcome,
    /// To whom: the population …
    pub subject_type: Option<UserType>,
    /// … and the number in it.
    pub subject_seq: Option<UserSeq>,
    /// What the subject was called then; of a thing that is no account, its id.
    pub subject_name: Option<String>,
    /// The fields with their old and new values: a JSON array.
    pub changes: String,
    /// From which address.
    pub ip_address: Option<String>,
    /// From which program.
    pub user_agent: Option<String>,
    /// In which request.
    pub request_id: Option<String>,
    /// What a search looks through.
    pub search_text: String,
    /// In which session it was done, or to which.
    pub session_id: Option<SessionId>,
}

/// Adds an event; its number.
pub fn insert(connection: &mut Db, new: &NewAuditEvent) -> Result<i64, StoreError> {
    Ok(diesel::insert_into(audit_events::table)
        .values(new)
        .returning(audit_events::id)
        .get_result(connection)?)
}
