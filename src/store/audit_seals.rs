//! The marks and seals of the record, and the two ends of its chain. What they are computed of is the service's to know;
//! here they are texts.

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, BigInt, Text},
};

use crate::{
    clock::Timestamp,
    store::{
        engine::{connection::Db, insert::OrIgnoreExt},
        error::StoreError,
        schema::{audit_chain, audit_events, audit_seals},
    },
};

/// The two ends of the chain.
#[derive(Queryable, Selectable, AsChangeset, Clone, Debug, PartialEq, Eq)]
#[diesel(table_name = audit_chain)]
pub struct ChainRow {
    /// The place of the first event that is kept.
    pub first_position: i64,
    /// The seal of the one before that, which is gone; nothing where there was none.
    pub base_seal: String,
    /// The place of the last sealed event; one less than the first where there is none.
    pub last_position: i64,
    /// Its seal; the base's where there is none.
    pub last_seal: String,
    /// The last event from before there was a chain that was taken into it.
    pub adopted: i64,
    /// The last one that may be.
    pub adopt_to: i64,
    /// The mark on all this; nothing before the first seal.
    pub mark: String,
}

/// The one row there is.
const ONLY: i64 = 1;

/// The ends of the chain; none where their row was taken away.
pub fn find_chain(connection: &mut Db) -> Result<Option<ChainRow>, StoreError> {
    Ok(audit_chain::table
        .find(ONLY)
        .select(ChainRow::as_select())
        .get_result(connection)
        .optional()?)
}

/// The same, kept from everybody else until the transaction ends.
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

/// Puts the ends where they are now.
pub fn update_chain(connection: &mut Db, chain: &ChainRow) -> Result<(), StoreError> {
    let changed = diesel::update(audit_chain::table.find(ONLY))
        .set(chain)
        .execute(connection)?;
    if changed == 0 {
        // Whoever begins the chain anew has no row to change.
        diesel::insert_into(audit_chain::table)
            .values((
                audit_chain::id.eq(ONLY),
                audit_chain::first_position.eq(chain.first_position),
                audit_chain::base_seal.eq(&chain.base_seal),
                audit_chain::last_position.eq(chain.last_position),
                audit_chain::last_seal.eq(&chain.last_seal),
                audit_chain::adopted.eq(chain.adopted),
                audit_chain::adopt_to.eq(chain.adopt_to),
                audit_chain::mark.eq(&chain.mark),
            ))
            .execute(connection)?;
    }
    Ok(())
}

/// Adds the mark of an event that was just written.
pub fn insert_mark(connection: &mut Db, event: i64, mark: &str) -> Result<(), StoreError> {
    diesel::insert_into(audit_seals::table)
        .values((audit_seals::event_id.eq(event), audit_seals::mark.eq(mark)))
        // Whoever wrote an event has marked it himself.
        .or_ignore()
        .execute(connection)?;
    Ok(())
}

/// Whether an event waits for its seal.
pub fn any_waiting(connection: &mut Db) -> Result<bool, StoreError> {
    Ok(audit_seals::table
        .filter(audit_seals::position.is_null())
        .select(audit_seals::event_id)
        .first::<i64>(connection)
        .optional()?
        .is_some())
}

/// The next events that wait for their seal, with their marks.
pub fn list_waiting(connection: &mut Db, limit: i64) -> Result<Vec<(i64, String)>, StoreError> {
    Ok(audit_seals::table
        .filter(audit_seals::position.is_null())
        .order(audit_seals::event_id)
        .select((audit_seals::event_id, audit_seals::mark))
        .limit(limit)
        .load(connection)?)
}

/// How many events wait for their seal.
pub fn count_waiting(connection: &mut Db) -> Result<i64, StoreError> {
    Ok(audit_seals::table
        .filter(audit_seals::position.is_null())
        .count()
        .get_result(connection)?)
}

/// When the first event happened that waits for its seal.
pub fn oldest_waiting(connection: &mut Db) -> Result<Option<Timestamp>, StoreError> {
    Ok(audit_seals::table
        .inner_join(audit_events::table.on(audit_events::id.eq(audit_seals::event_id)))
        .filter(audit_seals::position.is_null())
        .order(audit_seals::event_id)
        .select(audit_events::happened_at)
        .first(connection)
        .optional()?)
}

/// A place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The event.
    pub event_id: i64,
    /// Its place.
    pub position: i64,
    /// Its seal.
    pub seal: String,
}

/// Gives waiting events their places.
pub fn place(connection: &mut Db, sealed: &[Sealed]) -> Result<(), StoreError> {
    match connection {
        Db::Sqlite(sqlite) => {
            for place in sealed {
                diesel::update(audit_seals::table.find(place.event_id))
                    .set((
                        audit_seals::position.eq(place.position),
                        audit_seals::seal.eq(&place.seal),
                    ))
                    .execute(sqlite)?;
            }
        }
        Db::Postgres(postgres) => {
            let ids: Vec<i64> = sealed.iter().map(|place| place.event_id).collect();
            let positions: Vec<i64> = sealed.iter().map(|place| place.position).collect();
            let seals: Vec<&str> = sealed.iter().map(|place| place.seal.as_str()).collect();
            sql_query(
                "UPDATE audit_seals SET position = placed.position, seal = placed.seal \
                 FROM unnest($1, $2, $3) AS placed (event_id, position, seal) \
                 WHERE audit_seals.event_id = placed.event_id",
            )
            .bind::<Array<BigInt>, _>(ids)
            .bind::<Array<BigInt>, _>(positions)
            .bind::<Array<Text>, _>(seals)
            .execute(postgres)?;
        }
    }
    Ok(())
}

/// The mark and the place of an event.
#[derive(Queryable, Clone, Debug, PartialEq, Eq)]
pub struct SealRow {
    /// The event.
    pub event_id: i64,
    /// The mark of whoever wrote it.
    pub mark: String,
    /// Its place in the chain.
    pub position: Option<i64>,
    /// Its seal.
    pub seal: Option<String>,
}

/// The mark and the place of an event, if it has them.
pub fn find(connection: &mut Db, event: i64) -> Result<Option<SealRow>, StoreError> {
    Ok(audit_seals::table
        .find(event)
        .first(connection)
        .optional()?)
}

/// The seal at a place.
pub fn find_seal(connection: &mut Db, position: i64) -> Result<Option<String>, StoreError> {
    Ok(audit_seals::table
        .filter(audit_seals::position.eq(position))
        .select(audit_seals::seal)
        .first::<Option<String>>(connection)
        .optional()?
        .flatten())
}

/// The least and the greatest place that is taken.
pub fn bounds(connection: &mut Db) -> Result<(Option<i64>, Option<i64>), StoreError> {
    let (least, greatest) = (
        diesel::dsl::min(audit_seals::position),
        diesel::dsl::max(audit_seals::position),
    );
    Ok((
        audit_seals::table.select(least).get_result(connection)?,
        audit_seals::table.select(greatest).get_result(connection)?,
    ))
}

/// The first events whose places lie before `first` or behind `last`.
pub fn list_outside(
    connection: &mut Db,
    first: i64,
    last: i64,
    limit: i64,
) -> Result<Vec<SealRow>, StoreError> {
    let outside = audit_seals::position
        .lt(first)
        .or(audit_seals::position.gt(last));
    Ok(audit_seals::table
        .filter(outside.assume_not_null())
        .order(audit_seals::event_id)
        .limit(limit)
        .load(connection)?)
}

/// Keeps everybody from writing events until the transaction ends. On SQLite the transaction does that by itself.
pub fn hold_writers(connection: &mut Db) -> Result<(), StoreError> {
    if let Db::Postgres(postgres) = connection {
        sql_query("LOCK TABLE audit_events, audit_seals IN SHARE ROW EXCLUSIVE MODE")
            .execute(postgres)?;
    }
    Ok(())
}

/// The number of the last event; zero where there is none.
pub fn last_event(connection: &mut Db) -> Result<i64, StoreError> {
    let last: Option<i64> = audit_events::table
        .select(diesel::dsl::max(audit_events::id))
        .get_result(connection)?;
    Ok(last.unwrap_or(0))
}

/// The seal at the greatest place.
pub fn find_last_seal(connection: &mut Db) -> Result<Option<String>, StoreError> {
    Ok(audit_seals::table
        .filter(audit_seals::position.is_not_null())
        .order(audit_seals::position.desc())
        .select(audit_seals::seal)
        .first::<Option<String>>(connection)
        .optional()?
        .flatten())
}

/// Takes all marks and seals away.
pub fn clear(connection: &mut Db) -> Result<(), StoreError> {
    diesel::delete(audit_seals::table).execute(connection)?;
    Ok(())
}

/// The next seals in the order of the chain, from behind `after` on.
pub fn list_sealed(
    connection: &mut Db,
    after: i64,
    limit: i64,
) -> Result<Vec<SealRow>, StoreError> {
    Ok(audit_seals::table
        .filter(audit_seals::position.gt(after))
        .order(audit_seals::position)
        .limit(limit)
        .load(connection)?)
}

/// The next marks without a seal, from behind the event `after` on.
pub fn list_unsealed(
    connection: &mut Db,
    after: i64,
    limit: i64,
) -> Result<Vec<SealRow>, StoreError> {
    Ok(audit_seals::table
        .filter(audit_seals::position.is_null())
        .filter(audit_seals::event_id.gt(after))
        .order(audit_seals::event_id)
        .limit(limit)
        .load(connection)?)
}

/// How many sealed events happened at `cutoff` or before.
pub fn count_old(connection: &mut Db, cutoff: Timestamp) -> Result<i64, StoreError> {
    Ok(audit_seals::table
        .inner_join(audit_events::table.on(audit_events::id.eq(audit_seals::event_id)))
        .filter(audit_seals::position.is_not_null())
        .filter(audit_events::happened_at.le(cutoff))
        .count()
        .get_result(connection)?)
}

/// Takes events out, with their marks and seals; how many.
pub fn delete(connection: &mut Db, ids: &[i64]) -> Result<usize, StoreError> {
    let deleted = diesel::delete(audit_events::table.filter(audit_events::id.eq_any(ids)))
        .execute(connection)?;
    diesel::delete(audit_seals::table.filter(audit_seals::event_id.eq_any(ids)))
        .execute(connection)?;
    Ok(deleted)
}
