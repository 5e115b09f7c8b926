//! The chain of the record. A moment after an event was committed it is given the next place, and a seal over the seal
//! before it: no log-in waits for another's. The two ends stand in one marked row, so that what is cut off at the tail
//! shows too. What is too old is taken out at the beginning, by a rule that marks it.

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use crate::{
    clock::Timestamp,
    services::{
        audit::{log::AuditLog, refused_access::Refused},
        audit_chain::checkpoint::Checkpoint,
        error::Error,
    },
    store::{
        Db, Store, StoreError, audit_chain_links as table,
        audit_chain_links::{ChainRow, NewChainLink},
        raw_audit_events as contents,
        raw_audit_events::RawEvent,
    },
};

/// How often the server seals what waits.
pub(crate) const SEAL_EVERY: Duration = Duration::from_secs(1);
/// How many events are sealed in one transaction.
const BATCH: i64 = 500;

/// Why the chain is not gone on with: whoever went on would hide what was done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// The row of its ends is gone.
    #[error("the row that tells where the chain ends is gone")]
    Gone,
    /// That row was not written with this server's key.
    #[error("the row that tells where the chain ends was not written with this server's key")]
    NotOurs,
    /// That row was written with another signing key. The start of a server puts that right.
    #[error("the row that tells where the chain ends was written with another signing key")]
    AnotherKey,
    /// A place outside of the chain is taken: nobody with the key gave it.
    #[error("a place outside of the chain is taken")]
    Taken,
    /// The chain ends before where this process has seen it end.
    #[error("the chain ends before where it ended a moment ago")]
    WentBack,
    /// An event that is due to be taken out is not as it was written.
    #[error("an event that is old enough to be taken out is not as it was written")]
    OldEventChanged,
}

impl ChainError {
    /// Its word for programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::NotOurs => "not_ours",
            Self::AnotherKey => "another_key",
            Self::Taken => "taken",
            Self::WentBack => "went_back",
            Self::OldEventChanged => "old_event_changed",
        }
    }
}

/// What a process remembers of the chain.
#[derive(Default)]
pub(crate) struct Memory {
    /// Where it has seen the chain end.
    pub(crate) seen: Option<Checkpoint>,
    /// Where that is kept.
    pub(crate) file: Option<Arc<PathBuf>>,
    /// Why it does not seal.
    trouble: Option<ChainError>,
    /// Why it does not take old events out.
    old_trouble: Option<ChainError>,
    /// It could not be kept there.
    pub(crate) unkept: bool,
    /// What was refused a moment ago.
    pub(crate) refused: Refused,
}

impl Memory {
    /// Forgets what was wrong: the chain begins anew.
    pub(crate) fn clear(&mut self) {
        self.trouble = None;
        self.old_trouble = None;
    }
}

/// How the chain is, without looking at each event.
#[derive(Clone, Copy, Debug)]
pub struct ChainState {
    /// How many events it holds.
    pub sealed: i64,
    /// How many wait for their seal.
    pub waiting: i64,
    /// When the first of those happened.
    pub waiting_since: Option<Timestamp>,
    /// Events from before there was a chain that were not taken into it yet.
    pub to_adopt: bool,
    /// Why it is not gone on with, as far as it is known.
    pub trouble: Option<ChainError>,
}

/// What of an attempt at the chain: done, or why not.
type Attempt<T> = Result<Result<T, ChainError>, StoreError>;

impl AuditLog {
    /// Whether the ends are as somebody with the key left them, and not before where they were `seen` to be. That has to be
    /// asked for before the row is read.
    pub(crate) fn look_at(
        &self,
        chain: Option<&ChainRow>,
        seen: Option<&Checkpoint>,
    ) -> Result<(), ChainError> {
        let chain = chain.ok_or(ChainError::Gone)?;
        if !is_new(chain) && !self.key().is_marked(chain) {
            return Err(if self.key().is_another(&chain.mac) {
                ChainError::AnotherKey
            } else {
                ChainError::NotOurs
            });
        }
        let went_back = seen.is_some_and(|seen| {
            let is_at_it = chain.last_position == seen.position;
            chain.last_position < seen.position || (is_at_it && chain.last_link_mac != seen.seal)
        });
        if went_back {
            Err(ChainError::WentBack)
        } else {
            Ok(())
        }
    }
}

/// The ends of the chain, if they are as somebody with the key left them, and if what was seen is still in it.
fn sound(
    connection: &mut Db,
    audit_log: &AuditLog,
    chain: Option<ChainRow>,
    seen: Option<&Checkpoint>,
) -> Attempt<ChainRow> {
    if let Err(trouble) = audit_log.look_at(chain.as_ref(), seen) {
        return Ok(Err(trouble));
    }
    let Some(chain) = chain else {
        return Ok(Err(ChainError::Gone));
    };
    let is_within =
        |seen: &&Checkpoint| (chain.first_position..=chain.last_position).contains(&seen.position);
    if let Some(seen) = seen.filter(is_within) {
        let there = table::find_link_mac(connection, seen.position)?;
        // Taken out meanwhile, by a flush of another instance, it is not there.
        if there.is_some_and(|seal| seal != seen.seal) {
            return Ok(Err(ChainError::WentBack));
        }
    }
    Ok(Ok(chain))
}

/// Whether a place outside of these ends is taken. The ends must be locked, or read between the two looks.
fn is_outside((least, greatest): (Option<i64>, Option<i64>), chain: &ChainRow) -> bool {
    least.is_some_and(|least| least < chain.first_position)
        || greatest.is_some_and(|greatest| greatest > chain.last_position)
}

/// Tells the operator's log of trouble, once.
fn tell(known: &mut Option<ChainError>, trouble: Option<ChainError>) {
    let before = std::mem::replace(known, trouble);
    if let Some(trouble) = trouble.filter(|_| before != trouble) {
        tracing::error!(
            %trouble,
            "the record was changed behind the server's back, and is not sealed on; `munjigi audit verify` tells where"
        );
    }
}

/// Whether nothing was ever sealed, and nobody claims so.
pub(crate) fn is_new(chain: &ChainRow) -> bool {
    chain.mac.is_empty()
        && chain.first_position == 1
        && chain.last_position == 0
        && chain.backfilled_id == 0
        && chain.base_link_mac.is_empty()
        && chain.last_link_mac.is_empty()
}

/// Seals what waits for it, batch by batch; how many events. Nothing is sealed while there is [`ChainError`].
///
/// # Errors
/// The store's.
pub async fn seal_waiting(store: &Store, audit_log: &AuditLog) -> Result<u64, Error> {
    let mut sealed = 0;
    while store.read(is_due).await? {
        let of_batch = audit_log.clone();
        let attempt = store
            .write(move |connection| seal_batch(connection, &of_batch))
            .await;
        let attempt = match attempt {
            // Whoever takes the next place keeps events from being sealed.
            Err(StoreError::Conflict { .. }) => Err(ChainError::Taken),
            attempt => attempt?,
        };
        let trouble = attempt.as_ref().err().copied();
        audit_log.memory(|memory| tell(&mut memory.trouble, trouble));
        let Ok((count, chain)) = attempt else {
            break;
        };
        audit_log.remember(&chain).await;
        sealed += count;
    }
    Ok(sealed)
}

fn is_due(connection: &mut Db) -> Result<bool, StoreError> {
    let chain = table::find_chain(connection)?;
    let to_adopt = chain.is_some_and(|chain| chain.backfilled_id < chain.backfill_end_id);
    Ok(to_adopt || table::any_pending(connection)?)
}

fn seal_batch(connection: &mut Db, audit_log: &AuditLog) -> Attempt<(u64, ChainRow)> {
    let chain = table::lock_chain(connection)?;
    // What was seen since was committed before the lock was given.
    let mut chain = match sound(connection, audit_log, chain, audit_log.seen().as_ref())? {
        Ok(chain) => chain,
        Err(trouble) => return Ok(Err(trouble)),
    };
    if is_outside(table::bounds(connection)?, &chain) {
        return Ok(Err(ChainError::Taken));
    }
    adopt(connection, audit_log, &mut chain)?;
    let waiting = table::list_pending(connection, BATCH)?;
    let key = audit_log.key();
    let places: Vec<NewChainLink> = waiting
        .into_iter()
        .map(|(event_id, mark)| {
            let position = chain.last_position.saturating_add(1);
            let seal = key.seal(&chain.last_link_mac, position, event_id, &mark);
            chain.last_position = position;
            chain.last_link_mac.clone_from(&seal);
            NewChainLink {
                event_id,
                position,
                link_mac: seal,
            }
        })
        .collect();
    table::set_positions(connection, &places)?;
    chain.mac = key.mark_of_chain(&chain);
    table::update_chain(connection, &chain)?;
    Ok(Ok((places.len() as u64, chain)))
}

/// Marks the next events from before there was a chain: from now on they cannot be changed unseen either.
fn adopt(
    connection: &mut Db,
    audit_log: &AuditLog,
    chain: &mut ChainRow,
) -> Result<(), StoreError> {
    if chain.backfilled_id >= chain.backfill_end_id {
        return Ok(());
    }
    let old = contents::list_between(
        connection,
        chain.backfilled_id,
        chain.backfill_end_id,
        BATCH,
    )?;
    for event in &old {
        table::insert_event_mac(connection, event.id, &audit_log.key().mark(event))?;
    }
    chain.backfilled_id = old.last().map_or(chain.backfill_end_id, |event| event.id);
    Ok(())
}

/// How the chain is, as far as it shows without looking at each event.
///
/// # Errors
/// The store's.
pub async fn state(store: &Store, audit_log: &AuditLog) -> Result<ChainState, Error> {
    let audit_log = audit_log.clone();
    Ok(store
        .read(move |connection| state_in(connection, &audit_log))
        .await?)
}

/// The same by a connection of its own.
pub(crate) fn state_in(
    connection: &mut Db,
    audit_log: &AuditLog,
) -> Result<ChainState, StoreError> {
    let known = audit_log.memory(|memory| memory.trouble.or(memory.old_trouble));
    // Before the row is read: what is sealed meanwhile is no step back, and lies within it.
    let seen = audit_log.seen();
    let (_, greatest) = table::bounds(connection)?;
    let chain = table::find_chain(connection)?;
    let (least, _) = table::bounds(connection)?;
    let sound = sound(connection, audit_log, chain.clone(), seen.as_ref())?;
    let trouble = match &sound {
        Ok(chain) if is_outside((least, greatest), chain) => Some(ChainError::Taken),
        Ok(_) => None,
        Err(trouble) => Some(*trouble),
    };
    let held = chain.as_ref().map_or(0, |chain| {
        let behind = chain.last_position.saturating_add(1);
        behind.saturating_sub(chain.first_position)
    });
    Ok(ChainState {
        sealed: held,
        waiting: table::count_pending(connection)?,
        waiting_since: table::oldest_pending(connection)?,
        to_adopt: chain.is_some_and(|chain| chain.backfilled_id < chain.backfill_end_id),
        trouble: known.or(trouble),
    })
}

/// What came of taking old events out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trimmed {
    /// So many went; there may be more.
    Some(u64),
    /// So many went, and no more are old enough.
    Last(u64),
}

/// Takes the oldest events out that happened at `cutoff` or before, at most `limit` in one transaction. The chain begins
/// behind them then. One that is not as it was written stays, and all behind it.
///
/// # Errors
/// The store's.
pub async fn trim(
    store: &Store,
    audit_log: &AuditLog,
    cutoff: Timestamp,
    limit: u32,
) -> Result<Trimmed, Error> {
    let of_batch = audit_log.clone();
    let attempt = store
        .write(move |connection| trim_batch(connection, &of_batch, cutoff, i64::from(limit)))
        .await?;
    let trouble = attempt.as_ref().err().copied();
    audit_log.memory(|memory| tell(&mut memory.old_trouble, trouble));
    Ok(match attempt {
        Ok(deleted) if deleted >= u64::from(limit) => Trimmed::Some(deleted),
        Ok(deleted) => Trimmed::Last(deleted),
        Err(_) => Trimmed::Last(0),
    })
}

fn trim_batch(
    connection: &mut Db,
    audit_log: &AuditLog,
    cutoff: Timestamp,
    limit: i64,
) -> Attempt<u64> {
    let chain = table::lock_chain(connection)?;
    let mut chain = match sound(connection, audit_log, chain, audit_log.seen().as_ref())? {
        Ok(chain) => chain,
        Err(trouble) => return Ok(Err(trouble)),
    };
    if is_new(&chain) {
        return Ok(Ok(0));
    }
    let seals = table::list_linked(connection, chain.first_position - 1, limit)?;
    let ids: Vec<i64> = seals.iter().map(|row| row.event_id).collect();
    let events = events_of(connection, &ids)?;
    let key = audit_log.key();
    let mut old = Vec::new();
    for row in seals {
        let event = events.get(&row.event_id);
        if event.is_some_and(|event| event.happened_at > cutoff) {
            break;
        }
        let is_as_written = event.is_some_and(|event| {
            row.position == Some(chain.first_position)
                && key.is_sealed(&chain.base_link_mac, &row)
                && key.is_mark(&row.event_mac, event)
        });
        if !is_as_written {
            return Ok(Err(ChainError::OldEventChanged));
        }
        chain.first_position += 1;
        chain.base_link_mac = row.link_mac.unwrap_or_default();
        old.push(row.event_id);
    }
    if old.is_empty() {
        return Ok(Ok(0));
    }
    let deleted = table::delete_events(connection, &old)?;
    chain.mac = key.mark_of_chain(&chain);
    table::update_chain(connection, &chain)?;
    Ok(Ok(deleted as u64))
}

/// Events by their numbers.
pub(crate) fn events_of(
    connection: &mut Db,
    ids: &[i64],
) -> Result<HashMap<i64, RawEvent>, StoreError> {
    let events = contents::list_events(connection, ids)?;
    Ok(events.into_iter().map(|event| (event.id, event)).collect())
}
