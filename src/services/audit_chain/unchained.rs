//! What is not in the chain, or should be: events that wait, that nobody marked, that stand outside, and noted ends.

use crate::{
    services::{
        audit_chain::{
            checkpoint::Checkpoint,
            restart::BEYOND,
            verify::{BATCH, ViolationKind, Walk, read_list},
        },
        error::Error,
    },
    store::{
        Store, StoreError, audit_chain_links as table, audit_chain_links::ChainRow,
        raw_audit_events as contents,
    },
};

/// Nothing stands outside of the chain: neither before its beginning nor behind its end.
pub(crate) async fn look_outside(
    store: &Store,
    walk: &mut Walk,
    ends: &ChainRow,
) -> Result<(), Error> {
    let (first, last) = (ends.first_position, ends.last_position);
    let (rows, chain) = store
        .read_list(move |connection| {
            let rows = table::list_outside(connection, first, last, BATCH)?;
            // What was sealed meanwhile lies within the ends as they are now.
            Ok::<_, StoreError>((rows, table::find_chain(connection)?))
        })
        .await?;
    let last = chain.map_or(last, |chain| chain.last_position.max(last));
    for row in rows {
        let position = row.position.unwrap_or(0);
        if position < first || position > last {
            walk.broken(ViolationKind::NotOurs, row.event_id, None);
        }
    }
    Ok(())
}

/// Those that wait for their seal have their marks.
pub(crate) async fn look_at_unsealed(store: &Store, walk: &mut Walk) -> Result<(), Error> {
    let mut after = 0;
    loop {
        let (rows, events) = read_list(store, move |connection| {
            table::list_unlinked(connection, after, BATCH)
        })
        .await?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = last.event_id;
        for row in &rows {
            walk.verdict.waiting += 1;
            walk.compare(row, events.get(&row.event_id));
        }
    }
}

/// Every event has a mark, but those from before there was a chain that are still to be taken into it.
pub(crate) async fn look_for_unmarked(
    store: &Store,
    walk: &mut Walk,
    ends: &ChainRow,
) -> Result<(), Error> {
    let (backfilled_id, backfill_end_id) = (ends.backfilled_id, ends.backfill_end_id);
    let mut after = 0;
    loop {
        let unmarked = store
            .read_list(move |connection| contents::list_without_mac(connection, after, BATCH))
            .await?;
        let Some(last) = unmarked.last() else {
            return Ok(());
        };
        after = *last;
        let is_to_adopt =
            |id: &i64| backfilled_id < *id && *id <= backfill_end_id && backfill_end_id != i64::MAX;
        for id in unmarked.iter().filter(|id| !is_to_adopt(id)) {
            walk.broken(ViolationKind::NotOurs, *id, None);
        }
    }
}

/// What once was the end is still in the chain, or was old enough to be taken out.
pub(crate) async fn look_for_noted(
    store: &Store,
    walk: &mut Walk,
    ends: &ChainRow,
    noted: Checkpoint,
) -> Result<(), Error> {
    let position = noted.position;
    let is_as_noted = if position == ends.first_position - 1 {
        ends.base_link_mac == noted.seal
    } else if position < ends.first_position {
        // Old enough to be taken out; so many were not, but the chain was begun anew since, which proves nothing.
        ends.first_position.saturating_sub(position) < BEYOND
    } else {
        let found = store
            .read(move |connection| table::find_link_mac(connection, position))
            .await?;
        found.is_some_and(|seal| seal == noted.seal)
    };
    if !is_as_noted {
        walk.not_as_noted();
    }
    Ok(())
}
