//! Events of the record as their rows have them, for whoever looks whether they are as they were written.

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Nullable, Text, Timestamp as SqlTimestamp},
};

use crate::{
    clock::Timestamp,
    domain::principal::UserSeq,
    store::{audit_events::NewAuditEvent, engine::connection::Db, error::StoreError},
};

/// An event as its row has it, its words not read: whoever changed it need not have kept to ours.
#[derive(QueryableByName, Clone, Debug)]
pub struct RawEvent {
    /// Its number.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// When it happened.
    #[diesel(sql_type = SqlTimestamp)]
    pub happened_at: Timestamp,
    /// All other numbers: of the actor, of the subject.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub actor_seq: Option<i64>,
    /// The same of the subject.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub subject_seq: Option<i64>,
    /// Through which door.
    #[diesel(sql_type = Text)]
    pub door: String,
    /// The actor's population.
    #[diesel(sql_type = Nullable<Text>)]
    pub actor_type: Option<String>,
    /// What the actor was called.
    #[diesel(sql_type = Nullable<Text>)]
    pub actor_name: Option<String>,
    /// What was done.
    #[diesel(sql_type = Text)]
    pub action: String,
    /// What came of it.
    #[diesel(sql_type = Text)]
    pub outcome: String,
    /// The subject's population.
    #[diesel(sql_type = Nullable<Text>)]
    pub subject_type: Option<String>,
    /// What the subject was called.
    #[diesel(sql_type = Nullable<Text>)]
    pub subject_name: Option<String>,
    /// The fields with their old and new values.
    #[diesel(sql_type = Text)]
    pub changes: String,
    /// From which address.
    #[diesel(sql_type = Nullable<Text>)]
    pub ip_address: Option<String>,
    /// From which program.
    #[diesel(sql_type = Nullable<Text>)]
    pub user_agent: Option<String>,
    /// In which request.
    #[diesel(sql_type = Nullable<Text>)]
    pub request_id: Option<String>,
    /// What a search looks through.
    #[diesel(sql_type = Text)]
    pub search_text: String,
    /// In which session.
    #[diesel(sql_type = Nullable<Text>)]
    pub session_id: Option<String>,
}

const COLUMNS: &str = "id, happened_at, door, actor_type, actor_seq, actor_name, action, outcome, subject_type, \
    subject_seq, subject_name, changes, ip_address, user_agent, request_id, search_text, session_id";

impl RawEvent {
    /// A new event as its row will have it.
    #[must_use]
    pub fn of(id: i64, new: &NewAuditEvent) -> Self {
        Self {
            id,
            happened_at: new.happened_at,
            actor_seq: new.actor_seq.map(UserSeq::get),
            subject_seq: new.subject_seq.map(UserSeq::get),
            door: new.door.as_str().to_owned(),
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

/// The events of these numbers, as far as they are there.
pub fn list_events(connection: &mut Db, ids: &[i64]) -> Result<Vec<RawEvent>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    // Numbers need no binding.
    let listed: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let text = format!(
        "SELECT {COLUMNS} FROM audit_events WHERE id IN ({})",
        listed.join(", ")
    );
    Ok(sql_query(text).load(connection)?)
}

/// The next events behind `after` up to `to`, by their numbers.
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

/// The first events behind `after` that nobody marked.
pub fn list_unmarked(connection: &mut Db, after: i64, limit: i64) -> Result<Vec<i64>, StoreError> {
    #[derive(QueryableByName)]
    struct Number {
        #[diesel(sql_type = BigInt)]
        id: i64,
    }
    let rows: Vec<Number> = sql_query(
        "SELECT id FROM audit_events WHERE id > $1 AND NOT EXISTS \
         (SELECT 1 FROM audit_seals WHERE event_id = audit_events.id) ORDER BY id LIMIT $2",
    )
    .bind::<BigInt, _>(after)
    .bind::<BigInt, _>(limit)
    .load(connection)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}
