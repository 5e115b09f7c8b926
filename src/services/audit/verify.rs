//! Whether the record is as it was written: every event against its mark, every seal against the one before, and the two
//! ends against the row that tells of them.

mod beside;

use std::collections::HashMap;

use self::beside::{look_at_unsealed, look_for_noted, look_for_unmarked, look_outside};
use super::{
    Recorder,
    chain::{Trouble, events_of, is_new},
    marks::AuditKey,
    seen::Noted,
};
use crate::{
    clock::Timestamp,
    services::Error,
    store::{
        Db, Store, StoreError,
        audit_contents::RawEvent,
        audit_seals::{self as table, ChainRow, SealRow},
    },
};

/// What is wrong at a place of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakKind {
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

impl BreakKind {
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
pub struct Break {
    /// What is wrong.
    pub kind: BreakKind,
    /// The event's number; of those that were taken out, the number of the last one before them, where there is one.
    pub event: Option<i64>,
    /// When that one happened, as far as its row tells.
    pub happened_at: Option<Timestamp>,
    /// How many events in a row it concerns.
    pub events: i64,
}

/// What a look at the whole record gives.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
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
    pub end: Option<Noted>,
    /// Where it is not as it was written, in order; the first hundred places.
    pub breaks: Vec<Break>,
    /// How many places there are in all.
    pub broken: u64,
}

/// How many places are told one by one.
const TOLD: usize = 100;
/// How many events are looked at in one reading.
const BATCH: i64 = 1_000;

impl Verdict {
    /// Whether the record is as it was written.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.broken == 0
    }

    fn found(&mut self, found: Break) {
        self.broken += 1;
        if self.breaks.len() < TOLD {
            self.breaks.push(found);
        }
    }
}

/// Where a look along the chain has come.
struct Walk {
    key: AuditKey,
    verdict: Verdict,
    /// The last place, and its seal.
    position: i64,
    seal: String,
    /// The last event.
    event: Option<(i64, Timestamp)>,
}

impl Walk {
    /// Looks at the next seal and its event.
    fn look_at(&mut self, row: &SealRow, found: Option<&Option<RawEvent>>) {
        let event = found.and_then(Option::as_ref);
        let position = row.position.unwrap_or(0);
        let next = self.position.saturating_add(1);
        if position != next {
            self.missing(position.saturating_sub(next));
        } else if !self.key.is_sealed(&self.seal, row) {
            self.broken(BreakKind::Unchained, row.event_id, event);
        }
        self.compare(row, found);
        self.position = position;
        self.seal = row.seal.clone().unwrap_or_default();
        if let Some(event) = event {
            self.event = Some((event.id, event.happened_at));
            self.verdict.first = self.verdict.first.or(self.event);
        }
        self.verdict.sealed += 1;
    }

    /// Looks whether an event is as its mark has it.
    fn compare(&mut self, row: &SealRow, found: Option<&Option<RawEvent>>) {
        let Some(event) = found else {
            return self.missing(1);
        };
        let event = event.as_ref();
        if !event.is_some_and(|event| self.key.is_mark(&row.mark, event)) {
            self.broken(BreakKind::Changed, row.event_id, event);
        }
    }

    fn missing(&mut self, events: i64) {
        let (event, happened_at) = self.event.unzip();
        self.verdict.found(Break {
            kind: BreakKind::Deleted,
            event,
            happened_at,
            events,
        });
    }

    fn broken(&mut self, kind: BreakKind, event: i64, row: Option<&RawEvent>) {
        self.verdict.found(Break {
            kind,
            event: Some(event),
            happened_at: row.map(|row| row.happened_at),
            events: 1,
        });
    }

    fn ends(&mut self) {
        self.at_no_event(BreakKind::Ends);
    }

    fn not_as_noted(&mut self) {
        self.at_no_event(BreakKind::NotAsNoted);
    }

    fn at_no_event(&mut self, kind: BreakKind) {
        self.verdict.found(Break {
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
    recorder: &Recorder,
    noted: Option<Noted>,
    mut progress: impl FnMut(u64) + Send,
) -> Result<Verdict, Error> {
    loop {
        let (verdict, first) = look_once(store, recorder, noted.clone(), &mut progress).await?;
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
    recorder: &Recorder,
    noted: Option<Noted>,
    progress: &mut (impl FnMut(u64) + Send),
) -> Result<(Verdict, Option<i64>), Error> {
    let seen = recorder.seen();
    let chain = store.read(table::find_chain).await?;
    let first = chain.as_ref().map(|chain| chain.first_position);
    let (trouble, ends) = match (recorder.look_at(chain.as_ref(), seen.as_ref()), chain) {
        (Ok(()), Some(chain)) => (None, chain),
        (trouble, chain) => (trouble.err(), chain.unwrap_or_else(nothing)),
    };
    let mut walk = Walk {
        key: recorder.key().clone(),
        verdict: Verdict::default(),
        position: ends.first_position.saturating_sub(1),
        seal: ends.base_seal.clone(),
        event: None,
    };
    match trouble {
        Some(Trouble::Gone | Trouble::NotOurs | Trouble::AnotherKey) => walk.ends(),
        Some(Trouble::WentBack) => walk.not_as_noted(),
        // Each event is looked at.
        Some(Trouble::OldEventChanged | Trouble::Taken) | None => {}
    }
    // What was sealed meanwhile is the next look's.
    while walk.position < ends.last_position {
        let after = walk.position;
        let rows = look_through(store, move |connection| {
            table::list_sealed(connection, after, BATCH)
        })
        .await?;
        let within = |row: &&SealRow| row.position <= Some(ends.last_position);
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
        base_seal: String::new(),
        last_position: i64::MAX,
        last_seal: String::new(),
        adopted: i64::MAX,
        adopt_to: i64::MAX,
        mark: String::new(),
    }
}

async fn finish(
    store: &Store,
    mut walk: Walk,
    ends: &ChainRow,
    noted: Vec<Noted>,
) -> Result<Verdict, Error> {
    let is_known = ends.last_position != i64::MAX;
    if is_known && walk.position < ends.last_position {
        walk.missing(ends.last_position.saturating_sub(walk.position));
    } else if is_known && walk.position == ends.last_position && walk.seal != ends.last_seal {
        walk.ends();
    }
    walk.verdict.last = walk.event;
    walk.verdict.end = (!is_new(ends) && walk.position > 0).then(|| Noted {
        position: walk.position,
        seal: walk.seal.clone(),
    });
    walk.verdict.to_adopt = is_known && ends.adopted < ends.adopt_to;
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
type Rows = (Vec<SealRow>, HashMap<i64, Option<RawEvent>>);

/// Seals with their events.
async fn look_through(
    store: &Store,
    list: impl Fn(&mut Db) -> Result<Vec<SealRow>, StoreError> + Send + 'static,
) -> Result<Rows, Error> {
    Ok(store
        .look_through(move |connection| {
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
