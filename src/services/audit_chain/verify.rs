//! Whether the record is as it was written: every event against its mark, every seal against the one before, and the two
//! ends against the row that tells of them.

use std::collections::HashMap;

use crate::{
    clock::Timestamp,
    services::{
        audit::log::AuditLog,
        audit_chain::{
            chain::{ChainError, events_of, is_new},
            checkpoint::Checkpoint,
            event_mac::AuditKey,
            unchained::{look_at_unsealed, look_for_noted, look_for_unmarked, look_outside},
        },
        error::Error,
    },
    store::{
        Db, Store, StoreError, audit_chain_links as table,
        audit_chain_links::{ChainLinkRow, ChainRow},
        raw_audit_events::RawEvent,
    },
};

/// What is wrong at a place of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViolationKind {
    /// The event is not as it was written.
    Changed,
    /// The event was taken out.
    Deleted,
    /// The event has no mark: no server with the key wrote it.
    NotOurs,
    /// The seal does not follow from the one before.
    Unchained,
    /// The row that tells where the chain begins and ends is gone, or was not written with the key.
    Ends,
    /// The seal at the noted place is another one, or none.
    NotAsNoted,
}

impl ViolationKind {
    /// Its word for programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Deleted => "deleted",
            Self::NotOurs => "not_ours",
            Self::Unchained => "unchained",
            Self::Ends => "ends",
            Self::NotAsNoted => "not_as_noted",
        }
    }
}

/// A place where the record is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What is wrong.
    pub kind: ViolationKind,
    /// The event's number; of those that were taken out, the number of the last one before them, where there is one.
    pub event: Option<i64>,
    /// When that one happened, as far as its row tells.
    pub happened_at: Option<Timestamp>,
    /// How many events in a row it concerns.
    pub events: i64,
}

/// What a look at the whole record gives.
#[derive(Clone, Debug, Default)]
pub struct ChainReport {
    /// How many events have their seal.
    pub sealed: i64,
    /// How many wait for it, marked.
    pub waiting: i64,
    /// How many are from before there was a chain and were not taken into it yet.
    pub to_adopt: bool,
    /// The first event of the chain.
    pub first: Option<(i64, Timestamp)>,
    /// The last one.
    pub last: Option<(i64, Timestamp)>,
    /// Where the chain ends, to be noted elsewhere.
    pub end: Option<Checkpoint>,
    /// Where it is not as it was written, in order; the first hundred places.
    pub breaks: Vec<Violation>,
    /// How many places there are in all.
    pub broken: u64,
}

/// How many places are told one by one.
const TOLD: usize = 100;
/// How many events are looked at in one reading.
pub(crate) const BATCH: i64 = 1_000;

impl ChainReport {
    /// Whether the record is as it was written.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.broken == 0
    }

    fn found(&mut self, found: Violation) {
        self.broken += 1;
        if self.breaks.len() < TOLD {
            self.breaks.push(found);
        }
    }
}

/// Where a look along the chain has come.
pub(crate) struct Walk {
    key: AuditKey,
    pub(crate) verdict: ChainReport,
    /// The last place, and its seal.
    position: i64,
    seal: String,
    /// The last event.
    event: Option<(i64, Timestamp)>,
}

impl Walk {
    /// Looks at the next seal and its event.
    fn look_at(&mut self, row: &ChainLinkRow, found: Option<&Option<RawEvent>>) {
        let event = found.and_then(Option::as_ref);
        let position = row.position.unwrap_or(0);
        let next = self.position.saturating_add(1);
        if position != next {
            self.missing(position.saturating_sub(next));
        } else if !self.key.is_sealed(&self.seal, row) {
            self.broken(ViolationKind::Unchained, row.event_id, event);
        }
        self.compare(row, found);
        self.position = position;
        self.seal = row.link_mac.clone().unwrap_or_default();
        if let Some(event) = event {
            self.event = Some((event.id, event.happened_at));
            self.verdict.first = self.verdict.first.or(self.event);
        }
        self.verdict.sealed += 1;
    }

    /// Looks whether an event is as its mark has it.
    pub(crate) fn compare(&mut self, row: &ChainLinkRow, found: Option<&Option<RawEvent>>) {
        let Some(event) = found else {
            return self.missing(1);
        };
        let event = event.as_ref();
        if !event.is_some_and(|event| self.key.is_mark(&row.event_mac, event)) {
            self.broken(ViolationKind::Changed, row.event_id, event);
        }
    }

    fn missing(&mut self, events: i64) {
        let (event, happened_at) = self.event.unzip();
        self.verdict.found(Violation {
            kind: ViolationKind::Deleted,
            event,
            happened_at,
            events,
        });
    }

    pub(crate) fn broken(&mut self, kind: ViolationKind, event: i64, row: Option<&RawEvent>) {
        self.verdict.found(Violation {
            kind,
            event: Some(event),
            happened_at: row.map(|row| row.happened_at),
            events: 1,
        });
    }

    fn ends(&mut self) {
        self.at_no_event(ViolationKind::Ends);
    }

    pub(crate) fn not_as_noted(&mut self) {
        self.at_no_event(ViolationKind::NotAsNoted);
    }

    fn at_no_event(&mut self, kind: ViolationKind) {
        self.verdict.found(Violation {
            kind,
            event: None,
            happened_at: None,
            events: 0,
        });
    }
}

/// Looks at the whole record; `progress` is told how many events more were looked at. What once was its end, as `noted`
/// or as this recorder has seen it, must still be in it. While it looks, a server may write, seal and take out old events.
///
/// # Errors
/// The store's.
pub async fn verify(
    store: &Store,
    audit_log: &AuditLog,
    noted: Option<Checkpoint>,
    mut progress: impl FnMut(u64) + Send,
) -> Result<ChainReport, Error> {
    loop {
        let (verdict, first) = look_once(store, audit_log, noted.clone(), &mut progress).await?;
        let chain = store.read(table::find_chain).await?;
        // Old events that were taken out while they were looked for are not missing.
        let moved =
            chain.is_some_and(|chain| first.is_some_and(|first| chain.first_position > first));
        if verdict.holds() || !moved {
            return Ok(verdict);
        }
    }
}

/// One look, and the place where the chain began then.
async fn look_once(
    store: &Store,
    audit_log: &AuditLog,
    noted: Option<Checkpoint>,
    progress: &mut (impl FnMut(u64) + Send),
) -> Result<(ChainReport, Option<i64>), Error> {
    let seen = audit_log.seen();
    let chain = store.read(table::find_chain).await?;
    let first = chain.as_ref().map(|chain| chain.first_position);
    let (trouble, ends) = match (audit_log.look_at(chain.as_ref(), seen.as_ref()), chain) {
        (Ok(()), Some(chain)) => (None, chain),
        (trouble, chain) => (trouble.err(), chain.unwrap_or_else(nothing)),
    };
    let mut walk = Walk {
        key: audit_log.key().clone(),
        verdict: ChainReport::default(),
        position: ends.first_position.saturating_sub(1),
        seal: ends.base_link_mac.clone(),
        event: None,
    };
    match trouble {
        Some(ChainError::Gone | ChainError::NotOurs | ChainError::AnotherKey) => walk.ends(),
        Some(ChainError::WentBack) => walk.not_as_noted(),
        // Each event is looked at.
        Some(ChainError::OldEventChanged | ChainError::Taken) | None => {}
    }
    // What was sealed meanwhile is the next look's.
    while walk.position < ends.last_position {
        let after = walk.position;
        let rows = read_list(store, move |connection| {
            table::list_linked(connection, after, BATCH)
        })
        .await?;
        let within = |row: &&ChainLinkRow| row.position <= Some(ends.last_position);
        let count = rows.0.iter().filter(within).count();
        if count == 0 {
            break;
        }
        for row in rows.0.iter().filter(within) {
            walk.look_at(row, rows.1.get(&row.event_id));
        }
        progress(count as u64);
    }
    // What was seen and is not reached at all is told above.
    let seen = seen.filter(|seen| seen.position <= ends.last_position);
    let noted = [noted, seen].into_iter().flatten().collect();
    let verdict = finish(store, walk, &ends, noted).await?;
    Ok((verdict, first))
}

/// What the ends would be where their row is gone.
fn nothing() -> ChainRow {
    ChainRow {
        first_position: 1,
        base_link_mac: String::new(),
        last_position: i64::MAX,
        last_link_mac: String::new(),
        backfilled_id: i64::MAX,
        backfill_end_id: i64::MAX,
        mac: String::new(),
    }
}

async fn finish(
    store: &Store,
    mut walk: Walk,
    ends: &ChainRow,
    noted: Vec<Checkpoint>,
) -> Result<ChainReport, Error> {
    let is_known = ends.last_position != i64::MAX;
    if is_known && walk.position < ends.last_position {
        walk.missing(ends.last_position.saturating_sub(walk.position));
    } else if is_known && walk.position == ends.last_position && walk.seal != ends.last_link_mac {
        walk.ends();
    }
    walk.verdict.last = walk.event;
    walk.verdict.end = (!is_new(ends) && walk.position > 0).then(|| Checkpoint {
        position: walk.position,
        seal: walk.seal.clone(),
    });
    walk.verdict.to_adopt = is_known && ends.backfilled_id < ends.backfill_end_id;
    if is_known {
        look_outside(store, &mut walk, ends).await?;
    }
    look_at_unsealed(store, &mut walk).await?;
    look_for_unmarked(store, &mut walk, ends).await?;
    for noted in noted {
        look_for_noted(store, &mut walk, ends, noted).await?;
    }
    Ok(walk.verdict)
}

/// Seals, and their events by number: none where an event is there and cannot even be read.
type Rows = (Vec<ChainLinkRow>, HashMap<i64, Option<RawEvent>>);

/// Seals with their events.
pub(crate) async fn read_list(
    store: &Store,
    list: impl Fn(&mut Db) -> Result<Vec<ChainLinkRow>, StoreError> + Send + 'static,
) -> Result<Rows, Error> {
    Ok(store
        .read_list(move |connection| {
            let rows = list(connection)?;
            let ids: Vec<i64> = rows.iter().map(|row| row.event_id).collect();
            let events = match events_of(connection, &ids) {
                Err(StoreError::Query(_)) => one_by_one(connection, &ids)?,
                events => events?
                    .into_iter()
                    .map(|(id, event)| (id, Some(event)))
                    .collect(),
            };
            Ok::<_, StoreError>((rows, events))
        })
        .await?)
}

fn one_by_one(
    connection: &mut Db,
    ids: &[i64],
) -> Result<HashMap<i64, Option<RawEvent>>, StoreError> {
    let mut events = HashMap::new();
    for id in ids {
        match events_of(connection, &[*id]) {
            Err(StoreError::Query(_)) => {
                events.insert(*id, None);
            }
            found => events.extend(found?.into_iter().map(|(id, event)| (id, Some(event)))),
        }
    }
    Ok(events)
}
