//! The newest audit events of chosen actions: those on an account, for its page, or those of all accounts, for the dashboard.

use diesel::{QueryableByName, RunQueryDsl, sql_types};

use crate::clock::Timestamp;
use crate::domain::audit::Action;
use crate::domain::principal::Principal;
use crate::domain::session::SessionId;
use crate::store::audit_list::{AuditEventRow, COLUMNS, TABLE};
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::pagination::statement::{Conditions, Sql};

/// Which events are read.
#[derive(Clone, Debug, Default)]
pub struct Newest {
    /// Only those on this account. Without one, the events of jobs are left out.
    pub subject: Option<Principal>,
    /// Only these actions, in any order.
    pub actions: Vec<Action>,
    /// Only those that have a value of this field. It comes from this program.
    pub field: Option<&'static str>,
    /// Not those by this account.
    pub except_actor: Option<Principal>,
    /// At this time or later.
    pub since: Option<Timestamp>,
}

impl Newest {
    fn conditions(&self, action: Action) -> Conditions {
        let mut conditions = Conditions::default();
        if let Some(subject) = self.subject {
            let values = [
                subject.user_type.as_str().into(),
                subject.user_seq.get().into(),
            ];
            conditions.and("subject_type = ? AND subject_seq = ?", values);
        } else {
            conditions.and("source <> 'job'", []);
        }
        conditions.and("action = ?", [action.as_str().into()]);
        if let Some(field) = self.field {
            let part = format!("%\"field\":\"{field}\"%");
            conditions.and("changes LIKE ?", [part.into()]);
        }
        if let Some(actor) = self.except_actor {
            let values = [actor.user_type.as_str().into(), actor.user_seq.get().into()];
            conditions.and(
                "actor_seq IS NULL OR NOT (actor_type = ? AND actor_seq = ?)",
                values,
            );
        }
        if let Some(since) = self.since {
            conditions.and("happened_at >= ?", [since.into()]);
        }
        conditions
    }
}

/// The newest events. Each action reads a range of an index in the order of time, so that the events of other actions cost
/// nothing.
pub fn newest(
    connection: &mut Db,
    wanted: &Newest,
    limit: i64,
) -> Result<Vec<AuditEventRow>, StoreError> {
    if wanted.actions.is_empty() {
        return Ok(Vec::new());
    }
    let order = "ORDER BY happened_at DESC, id DESC LIMIT ?";
    let mut sql = Sql::new("SELECT * FROM (");
    for (at, action) in wanted.actions.iter().enumerate() {
        sql.push(if at == 0 { "" } else { " UNION ALL " });
        sql.push(&format!("SELECT * FROM (SELECT {COLUMNS} FROM {TABLE}"));
        sql.filter(&wanted.conditions(*action), &mut true);
        sql.push_with(&format!(" {order}) of_action_{at}"), [limit.into()]);
    }
    sql.push_with(&format!(") newest {order}"), [limit.into()]);
    Ok(sql.query().load(connection)?)
}

/// The event that a session ended because one of its refresh tokens was reused.
pub fn find_reuse(
    connection: &mut Db,
    session: &SessionId,
) -> Result<Option<AuditEventRow>, StoreError> {
    let mut sql = Sql::new(&format!("SELECT {COLUMNS} FROM {TABLE}"));
    let values = [
        session.as_str().into(),
        Action::RefreshTokenReused.as_str().into(),
    ];
    sql.filter(
        &Conditions::one("session_id = ? AND action = ?", values),
        &mut true,
    );
    sql.push(" ORDER BY happened_at DESC, id DESC LIMIT 1");
    let rows: Vec<AuditEventRow> = sql.query().load(connection)?;
    Ok(rows.into_iter().next())
}

/// How many events a count reads at most.
pub const COUNT_LIMIT: i64 = 10_000;

/// An IP address and how many of the counted events came from it.
#[derive(QueryableByName, Clone, Debug, PartialEq, Eq)]
pub struct AddressCount {
    /// The IP address; `None` for events without one.
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    pub ip_address: Option<String>,
    /// How many of the counted events came from it.
    #[diesel(sql_type = sql_types::BigInt)]
    pub events: i64,
}

/// How many events of these actions there were since a time by IP address, the most first. At most the newest
/// [`COUNT_LIMIT`] events of each action are counted.
pub fn count_by_address(
    connection: &mut Db,
    actions: &[Action],
    since: Timestamp,
) -> Result<Vec<AddressCount>, StoreError> {
    let mut sql = Sql::new("SELECT ip_address, COUNT(*) AS events FROM (");
    for (at, action) in actions.iter().enumerate() {
        sql.push(if at == 0 { "" } else { " UNION ALL " });
        let values = [action.as_str().into(), since.into(), COUNT_LIMIT.into()];
        sql.push_with(
            &format!(
                "SELECT * FROM (SELECT ip_address FROM {TABLE} WHERE action = ? AND happened_at >= ? \
                 ORDER BY happened_at DESC, id DESC LIMIT ?) of_action_{at}"
            ),
            values,
        );
    }
    sql.push(") counted GROUP BY ip_address ORDER BY COUNT(*) DESC, ip_address");
    Ok(sql.query().load(connection)?)
}
