//! Logins per day for the dashboard's chart, counted from the audit events.

use diesel::{QueryableByName, RunQueryDsl, sql_types::BigInt};

use crate::clock::Timestamp;
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::pagination::statement::Sql;

/// The logins within one period.
#[derive(QueryableByName, Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginsInPeriod {
    /// The index of the period in the argument of [`count_by_period`].
    #[diesel(sql_type = BigInt)]
    pub period: i64,
    /// Logins to the API and the admin panel that succeeded.
    #[diesel(sql_type = BigInt)]
    pub accepted: i64,
    /// Logins to the API and the admin panel that were refused.
    #[diesel(sql_type = BigInt)]
    pub refused: i64,
}

/// Counts the logins within each period: from the first time, included, to the second one, excluded.
///
/// Both counts read ranges of the index `audit_events_action` and no rows of the table. The periods are passed in, and
/// not computed in SQL, because a day of the viewer's time zone may have 23 or 25 hours.
pub fn count_by_period(
    connection: &mut Db,
    periods: &[(Timestamp, Timestamp)],
) -> Result<Vec<LoginsInPeriod>, StoreError> {
    if periods.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new("WITH periods (period, starts_at, ends_at) AS (VALUES ");
    for (at, (starts_at, ends_at)) in periods.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        let row = format!("{comma}(CAST({at} AS BIGINT), ?, ?)");
        sql.push_with(&row, [(*starts_at).into(), (*ends_at).into()]);
    }
    let count = |actions: &str, name: &str| {
        format!(
            "(SELECT COUNT(*) FROM audit_events WHERE action IN ({actions}) \
             AND happened_at >= starts_at AND happened_at < ends_at) AS {name}"
        )
    };
    sql.push(&format!(
        ") SELECT period, {}, {} FROM periods ORDER BY period",
        count("'logged_in', 'signed_in'", "accepted"),
        count("'log_in_refused', 'sign_in_refused'", "refused")
    ));
    Ok(sql.query().load(connection)?)
}
