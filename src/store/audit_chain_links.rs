//! The tables `audit_chain_links` (the MAC of each audit event, its position in the audit chain and its link MAC) and
//! `audit_chain` (one row with both ends of the chain). The MACs are opaque texts here; the service computes them.

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, BigInt, Text},
};

use crate::clock::Timestamp;
use crate::store::engine::connection::Db;
use crate::store::engine::insert::OrIgnoreExt;
use crate::store::error::StoreError;
use crate::store::schema::{audit_chain, audit_chain_links, audit_events};

/// Both ends of the chain.
#[derive(Queryable, Selectable, Insertable, AsChangeset, Clone, Debug, PartialEq, Eq)]
#[diesel(table_name = audit_chain)]
pub struct ChainRow {
    /// The position of the first event that is retained.
    pub first_position: i64,
    /// The link MAC at the position before the first one, whose event was pruned; empty if none was pruned.
    pub base_link_mac: String,
    /// The position of the last linked event; `first_position - 1` if there is none.
    pub last_position: i64,
    /// The link MAC at the last position; the base link MAC if no event is linked.
    pub last_link_mac: String,
    /// Events up to this id that are older than the restarted chain have got their event MACs.
    pub backfilled_id: i64,
    /// The greatest id of the events that are older than the restarted chain; 0 if it was never restarted.
    pub backfill_end_id: i64,
    /// The MAC of this row; empty before the first event is linked.
    pub mac: String,
}

/// The id of the only row.
const ONLY: i64 = 1;

/// Returns the ends of the chain; `None` if their row was deleted.
pub fn find_chain(connection: &mut Db) -> Result<Option<ChainRow>, StoreError> {
    Ok(audit_chain::table
        .find(ONLY)
        .select(ChainRow::as_select())
        .get_result(connection)
        .optional()?)
}

/// Returns the ends of the chain and locks their row until the transaction ends.
pub fn lock_chain(connection: &mut Db) -> Result<Option<ChainRow>, StoreError> {
    if let Db::Postgres(postgres) = connection {
        return Ok(audit_chain::table
            .find(ONLY)
            .select(ChainRow::as_select())
            .for_update()
            .get_result(postgres)
            .optional()?);
    }
    // SQLite has one writer at a time.
    find_chain(connection)
}

/// Updates the ends of the chain, or inserts their row if it is missing.
pub fn update_chain(connection: &mut Db, chain: &ChainRow) -> Result<(), StoreError> {
    let changed = diesel::update(audit_chain::table.find(ONLY))
        .set(chain)
        .execute(connection)?;
    if changed == 0 {
        // A restarted chain may have no row to update.
        diesel::insert_into(audit_chain::table)
            .values((audit_chain::id.eq(ONLY), chain))
            .execute(connection)?;
    }
    Ok(())
}

/// Inserts the MAC of an event, unless the event has one already.
pub fn insert_event_mac(connection: &mut Db, event: i64, mac: &str) -> Result<(), StoreError> {
    diesel::insert_into(audit_chain_links::table)
        .values((
            audit_chain_links::event_id.eq(event),
            audit_chain_links::event_mac.eq(mac),
        ))
        // A backfill can meet an event that was written with its MAC.
        .or_ignore()
        .execute(connection)?;
    Ok(())
}

/// Whether an event with a MAC has no position in the chain yet.
pub fn any_pending(connection: &mut Db) -> Result<bool, StoreError> {
    Ok(audit_chain_links::table
        .filter(audit_chain_links::position.is_null())
        .select(audit_chain_links::event_id)
        .first::<i64>(connection)
        .optional()?
        .is_some())
}

/// The first events without a position, with their MACs.
pub fn list_pending(connection: &mut Db, limit: i64) -> Result<Vec<(i64, String)>, StoreError> {
    Ok(audit_chain_links::table
        .filter(audit_chain_links::position.is_null())
        .order(audit_chain_links::event_id)
        .select((audit_chain_links::event_id, audit_chain_links::event_mac))
        .limit(limit)
        .load(connection)?)
}

/// The number of events without a position.
pub fn count_pending(connection: &mut Db) -> Result<i64, StoreError> {
    Ok(audit_chain_links::table
        .filter(audit_chain_links::position.is_null())
        .count()
        .get_result(connection)?)
}

/// The time of the first event without a position.
pub fn oldest_pending(connection: &mut Db) -> Result<Option<Timestamp>, StoreError> {
    Ok(audit_chain_links::table
        .inner_join(audit_events::table.on(audit_events::id.eq(audit_chain_links::event_id)))
        .filter(audit_chain_links::position.is_null())
        .order(audit_chain_links::event_id)
        .select(audit_events::happened_at)
        .first(connection)
        .optional()?)
}

/// The position of an event in the chain, and the MAC that links it to the position before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewChainLink {
    /// The id of the event.
    pub event_id: i64,
    /// The position in the chain.
    pub position: i64,
    /// The link MAC.
    pub link_mac: String,
}

/// Sets the positions and link MACs of pending events.
pub fn set_positions(connection: &mut Db, links: &[NewChainLink]) -> Result<(), StoreError> {
    match connection {
        Db::Sqlite(sqlite) => {
            for link in links {
                diesel::update(audit_chain_links::table.find(link.event_id))
                    .set((
                        audit_chain_links::position.eq(link.position),
                        audit_chain_links::link_mac.eq(&link.link_mac),
                    ))
                    .execute(sqlite)?;
            }
        }
        Db::Postgres(postgres) => {
            let ids: Vec<i64> = links.iter().map(|link| link.event_id).collect();
            let positions: Vec<i64> = links.iter().map(|link| link.position).collect();
            let macs: Vec<&str> = links.iter().map(|link| link.link_mac.as_str()).collect();
            sql_query(
                "UPDATE audit_chain_links SET position = linked.position, link_mac = linked.link_mac \
                 FROM unnest($1, $2, $3) AS linked (event_id, position, link_mac) \
                 WHERE audit_chain_links.event_id = linked.event_id",
            )
            .bind::<Array<BigInt>, _>(ids)
            .bind::<Array<BigInt>, _>(positions)
            .bind::<Array<Text>, _>(macs)
            .execute(postgres)?;
        }
    }
    Ok(())
}

/// The MAC of an event and, once it is linked, its position and link MAC.
#[derive(Queryable, Clone, Debug, PartialEq, Eq)]
pub struct ChainLinkRow {
    /// The id of the event.
    pub event_id: i64,
    /// The MAC of the event, written together with it.
    pub event_mac: String,
    /// The position in the chain.
    pub position: Option<i64>,
    /// The MAC that links the event to the position before.
    pub link_mac: Option<String>,
}

/// Finds the chain link of an event.
pub fn find(connection: &mut Db, event: i64) -> Result<Option<ChainLinkRow>, StoreError> {
    Ok(audit_chain_links::table
        .find(event)
        .first(connection)
        .optional()?)
}

/// Finds the link MAC at a position.
pub fn find_link_mac(connection: &mut Db, position: i64) -> Result<Option<String>, StoreError> {
    Ok(audit_chain_links::table
        .filter(audit_chain_links::position.eq(position))
        .select(audit_chain_links::link_mac)
        .first::<Option<String>>(connection)
        .optional()?
        .flatten())
}

/// The least and the greatest position in the table.
pub fn bounds(connection: &mut Db) -> Result<(Option<i64>, Option<i64>), StoreError> {
    let (least, greatest) = (
        diesel::dsl::min(audit_chain_links::position),
        diesel::dsl::max(audit_chain_links::position),
    );
    Ok((
        audit_chain_links::table
            .select(least)
            .get_result(connection)?,
        audit_chain_links::table
            .select(greatest)
            .get_result(connection)?,
    ))
}

/// The first rows whose positions are less than `first` or greater than `last`.
pub fn list_outside(
    connection: &mut Db,
    first: i64,
    last: i64,
    limit: i64,
) -> Result<Vec<ChainLinkRow>, StoreError> {
    let outside = audit_chain_links::position
        .lt(first)
        .or(audit_chain_links::position.gt(last));
    Ok(audit_chain_links::table
        .filter(outside.assume_not_null())
        .order(audit_chain_links::event_id)
        .limit(limit)
        .load(connection)?)
}

/// Keeps other transactions from writing events until this one ends. On SQLite every write transaction does.
pub fn lock_writers(connection: &mut Db) -> Result<(), StoreError> {
    if let Db::Postgres(postgres) = connection {
        sql_query("LOCK TABLE audit_events, audit_chain_links IN SHARE ROW EXCLUSIVE MODE")
            .execute(postgres)?;
    }
    Ok(())
}

/// The greatest event id; zero if there are no events.
pub fn last_event_id(connection: &mut Db) -> Result<i64, StoreError> {
    let last: Option<i64> = audit_events::table
        .select(diesel::dsl::max(audit_events::id))
        .get_result(connection)?;
    Ok(last.unwrap_or(0))
}

/// The link MAC at the greatest position.
pub fn find_last_link_mac(connection: &mut Db) -> Result<Option<String>, StoreError> {
    Ok(audit_chain_links::table
        .filter(audit_chain_links::position.is_not_null())
        .order(audit_chain_links::position.desc())
        .select(audit_chain_links::link_mac)
        .first::<Option<String>>(connection)
        .optional()?
        .flatten())
}

/// Deletes the MACs and positions of all events.
pub fn delete_all(connection: &mut Db) -> Result<(), StoreError> {
    diesel::delete(audit_chain_links::table).execute(connection)?;
    Ok(())
}

/// The next links in the order of the chain, after a position.
pub fn list_linked(
    connection: &mut Db,
    after: i64,
    limit: i64,
) -> Result<Vec<ChainLinkRow>, StoreError> {
    Ok(audit_chain_links::table
        .filter(audit_chain_links::position.gt(after))
        .order(audit_chain_links::position)
        .limit(limit)
        .load(connection)?)
}

/// The next rows without a position, after an event id.
pub fn list_unlinked(
    connection: &mut Db,
    after: i64,
    limit: i64,
) -> Result<Vec<ChainLinkRow>, StoreError> {
    Ok(audit_chain_links::table
        .filter(audit_chain_links::position.is_null())
        .filter(audit_chain_links::event_id.gt(after))
        .order(audit_chain_links::event_id)
        .limit(limit)
        .load(connection)?)
}

/// The number of linked events that happened at `cutoff` or before.
pub fn count_old(connection: &mut Db, cutoff: Timestamp) -> Result<i64, StoreError> {
    Ok(audit_chain_links::table
        .inner_join(audit_events::table.on(audit_events::id.eq(audit_chain_links::event_id)))
        .filter(audit_chain_links::position.is_not_null())
        .filter(audit_events::happened_at.le(cutoff))
        .count()
        .get_result(connection)?)
}

/// Deletes events with their MACs and positions, and returns the number of events.
pub fn delete_events(connection: &mut Db, ids: &[i64]) -> Result<usize, StoreError> {
    let deleted = diesel::delete(audit_events::table.filter(audit_events::id.eq_any(ids)))
        .execute(connection)?;
    diesel::delete(audit_chain_links::table.filter(audit_chain_links::event_id.eq_any(ids)))
        .execute(connection)?;
    Ok(deleted)
}
