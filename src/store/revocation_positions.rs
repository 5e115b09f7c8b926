//! Reading revocation events from a position that another program has kept as text: which ones were committed since, by
//! whichever instance.

use diesel::{prelude::*, sql_types::BigInt};

use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::revocations::{Position, RevocationEvent, read_since};

/// The events since a position.
#[derive(Debug)]
pub struct EventsSince {
    /// The events.
    pub events: Vec<RevocationEvent>,
    /// The new position.
    pub position: String,
    /// Whether these are all stored events, because there was no position, or none of this database.
    pub complete: bool,
}

/// Reads the events since a position, or all stored ones.
pub fn read(connection: &mut Db, position: Option<&str>) -> Result<EventsSince, StoreError> {
    let position = match position.and_then(|text| parse(connection, text)) {
        Some(position) if !is_ahead(connection, &position)? => Some(position),
        _ => None,
    };
    let (events, next) = read_since(connection, position.as_ref())?;
    Ok(EventsSince {
        events,
        position: match next {
            Position::Id(id) => id.to_string(),
            Position::Snapshot(text) => text,
        },
        complete: position.is_none(),
    })
}

/// The position that a text names; `None` if it is none of this kind of database.
fn parse(connection: &Db, text: &str) -> Option<Position> {
    match connection {
        Db::Sqlite(_) => number(text).map(Position::Id),
        Db::Postgres(_) => is_snapshot(text).then(|| Position::Snapshot(text.to_owned())),
    }
}

/// Digits without a sign.
fn number(text: &str) -> Option<i64> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

/// Whether Postgres accepts this as a `pg_snapshot`: `xmin:xmax:xip,xip,…` with ids in ascending order from xmin to xmax.
fn is_snapshot(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let [min, max, running] = parts[..] else {
        return false;
    };
    let running = running.split(',').filter(|id| !id.is_empty()).map(number);
    let Some(running) = running.collect::<Option<Vec<i64>>>() else {
        return false;
    };
    let (Some(min), Some(max)) = (number(min), number(max)) else {
        return false;
    };
    let are_within = running.iter().all(|id| (min..max).contains(id));
    1 <= min && min <= max && are_within && running.is_sorted()
}

/// Whether the database has not reached a position: it belongs to another database, or to what this one was before it was
/// restored from a copy.
fn is_ahead(connection: &mut Db, position: &Position) -> Result<bool, StoreError> {
    #[derive(QueryableByName)]
    struct Last {
        #[diesel(sql_type = BigInt)]
        last: i64,
    }
    let (statement, reached) = match position {
        Position::Id(id) => (
            "SELECT COALESCE(MAX(seq), 0) AS last FROM sqlite_sequence WHERE name = 'revocations'",
            Some(*id),
        ),
        Position::Snapshot(text) => (
            "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS last",
            text.split(':').nth(1).and_then(number),
        ),
    };
    let now: Last = diesel::sql_query(statement).get_result(connection)?;
    Ok(reached.is_none_or(|reached| reached > now.last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_snapshots_that_postgres_reads_are_accepted() {
        for text in [
            "1:1:",
            "10:20:10,14,15",
            "745:745:",
            "9:9223372036854775807:9",
        ] {
            assert!(is_snapshot(text), "{text}");
        }
        for text in [
            "",
            "1",
            "1:1",
            "0:1:",
            "2:1:",
            "1:2:3",
            "1:9:5,4",
            "1:9:-1",
            "+1:2:",
            "1:2:x",
            "1:2::",
            "1 :2:",
            "1:9223372036854775808:",
            "1:2:1;DROP TABLE users",
        ] {
            assert!(!is_snapshot(text), "{text}");
        }
    }
}
