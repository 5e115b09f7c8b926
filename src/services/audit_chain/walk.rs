//! Walking along the chain: comparing each event with its MAC, and each link with the previous one.

use std::collections::HashMap;

use crate::clock::Timestamp;
use crate::services::audit::log::AuditKey;
use crate::services::audit_chain::report::{ChainReport, Violation, ViolationKind};
use crate::services::error::Error;
use crate::store::audit_chain_links::{ChainLinkRow, ChainRow};
use crate::store::raw_audit_events::RawEvent;
use crate::store::{Db, Store, StoreError, raw_audit_events as contents};

/// How many events are read at once.
pub(crate) const BATCH: i64 = 1_000;

/// A verification in progress.
pub(crate) struct Walk {
    key: AuditKey,
    pub(crate) report: ChainReport,
    /// The last position, and its link.
    pub(crate) position: i64,
    pub(crate) link: String,
    /// The last event.
    pub(crate) event: Option<(i64, Timestamp)>,
}

impl Walk {
    /// A walk from the beginning of the chain.
    pub(crate) fn new(key: AuditKey, ends: &ChainRow) -> Self {
        Self {
            key,
            report: ChainReport::default(),
            position: ends.first_position.saturating_sub(1),
            link: ends.base_link_mac.clone(),
            event: None,
        }
    }

    /// Checks the next link and its event.
    pub(crate) fn step(&mut self, row: &ChainLinkRow, found: Option<&Option<RawEvent>>) {
        let event = found.and_then(Option::as_ref);
        let position = row.position.unwrap_or(0);
        let next = self.position.saturating_add(1);
        if position != next {
            self.missing(position.saturating_sub(next));
        } else if !self.key.is_linked(&self.link, row) {
            self.violation(ViolationKind::BrokenLink, row.event_id, event);
        }
        self.compare(row, found);
        self.position = position;
        self.link = row.link_mac.clone().unwrap_or_default();
        if let Some(event) = event {
            self.event = Some((event.id, event.happened_at));
            self.report.first = self.report.first.or(self.event);
        }
        self.report.linked += 1;
    }

    /// Compares an event with its MAC.
    pub(crate) fn compare(&mut self, row: &ChainLinkRow, found: Option<&Option<RawEvent>>) {
        let Some(event) = found else {
            return self.missing(1);
        };
        let event = event.as_ref();
        if !event.is_some_and(|event| self.key.is_event_mac(&row.event_mac, event)) {
            self.violation(ViolationKind::Changed, row.event_id, event);
        }
    }

    /// Reports deleted events behind the last one.
    pub(crate) fn missing(&mut self, events: i64) {
        let (event, happened_at) = self.event.unzip();
        self.report.add(Violation {
            kind: ViolationKind::Deleted,
            event,
            happened_at,
            events,
        });
    }

    pub(crate) fn violation(&mut self, kind: ViolationKind, event: i64, row: Option<&RawEvent>) {
        self.report.add(Violation {
            kind,
            event: Some(event),
            happened_at: row.map(|row| row.happened_at),
            events: 1,
        });
    }

    /// Reports a violation that concerns no single event.
    pub(crate) fn chain_violation(&mut self, kind: ViolationKind) {
        self.report.add(Violation {
            kind,
            event: None,
            happened_at: None,
            events: 0,
        });
    }
}

/// Chain rows, and their events by id: `None` for an event whose row cannot be decoded.
type Rows = (Vec<ChainLinkRow>, HashMap<i64, Option<RawEvent>>);

/// Reads chain rows with their events.
pub(crate) async fn read_rows(
    store: &Store,
    list: impl Fn(&mut Db) -> Result<Vec<ChainLinkRow>, StoreError> + Send + Sync + 'static,
) -> Result<Rows, Error> {
    Ok(store
        .read_list_when_free(move |connection| {
            let rows = list(connection)?;
            let ids: Vec<i64> = rows.iter().map(|row| row.event_id).collect();
            let events = match events_by_id(connection, &ids) {
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
        match events_by_id(connection, &[*id]) {
            Err(StoreError::Query(_)) => {
                events.insert(*id, None);
            }
            found => events.extend(found?.into_iter().map(|(id, event)| (id, Some(event)))),
        }
    }
    Ok(events)
}

/// The events of these ids.
pub(crate) fn events_by_id(
    connection: &mut Db,
    ids: &[i64],
) -> Result<HashMap<i64, RawEvent>, StoreError> {
    let events = contents::list_events(connection, ids)?;
    Ok(events.into_iter().map(|event| (event.id, event)).collect())
}
