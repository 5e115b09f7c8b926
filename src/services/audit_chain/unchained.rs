//! Checks outside of the chain: pending events, events without a MAC, links outside of the chain, and checkpoints.

use crate::services::audit_chain::chain::RESTART_GAP;
use crate::services::audit_chain::checkpoint::Checkpoint;
use crate::services::audit_chain::report::ViolationKind;
use crate::services::audit_chain::walk::{BATCH, Walk, read_rows};
use crate::services::error::Error;
use crate::store::audit_chain_links::ChainRow;
use crate::store::{Store, StoreError, audit_chain_links as table, raw_audit_events as contents};

/// Checks that there is no link before the beginning or behind the end of the chain.
pub(crate) async fn check_outside(
    store: &Store,
    walk: &mut Walk,
    ends: &ChainRow,
) -> Result<(), Error> {
    let (first, last) = (ends.first_position, ends.last_position);
    let (rows, chain) = store
        .read_list_when_free(move |connection| {
            let rows = table::list_outside(connection, first, last, BATCH)?;
            // Links that were added meanwhile are within the present ends.
            Ok::<_, StoreError>((rows, table::find_chain(connection)?))
        })
        .await?;
    let last = chain.map_or(last, |chain| chain.last_position.max(last));
    for row in rows {
        let position = row.position.unwrap_or(0);
        if position < first || position > last {
            walk.violation(ViolationKind::Unauthenticated, row.event_id, None);
        }
    }
    Ok(())
}

/// Compares pending events with their MACs.
pub(crate) async fn check_pending(store: &Store, walk: &mut Walk) -> Result<(), Error> {
    let mut after = 0;
    loop {
        let (rows, events) = read_rows(store, move |connection| {
            table::list_unlinked(connection, after, BATCH)
        })
        .await?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = last.event_id;
        for row in &rows {
            walk.report.pending += 1;
            walk.compare(row, events.get(&row.event_id));
        }
    }
}

/// Checks that every event has a MAC, except those from before the chain existed that are still to be added to it.
pub(crate) async fn check_macs(
    store: &Store,
    walk: &mut Walk,
    ends: &ChainRow,
) -> Result<(), Error> {
    let (backfilled_id, backfill_end_id) = (ends.backfilled_id, ends.backfill_end_id);
    let mut after = 0;
    loop {
        let without_mac = store
            .read_list_when_free(move |connection| {
                contents::list_without_mac(connection, after, BATCH)
            })
            .await?;
        let Some(last) = without_mac.last() else {
            return Ok(());
        };
        after = *last;
        let is_to_adopt =
            |id: &i64| backfilled_id < *id && *id <= backfill_end_id && backfill_end_id != i64::MAX;
        for id in without_mac.iter().filter(|id| !is_to_adopt(id)) {
            walk.violation(ViolationKind::Unauthenticated, *id, None);
        }
    }
}

/// Checks that a checkpoint is still in the chain, or was old enough to be pruned.
pub(crate) async fn check_checkpoint(
    store: &Store,
    walk: &mut Walk,
    ends: &ChainRow,
    checkpoint: Checkpoint,
) -> Result<(), Error> {
    let position = checkpoint.position;
    let is_match = if position == ends.first_position - 1 {
        ends.base_link_mac == checkpoint.link
    } else if position < ends.first_position {
        // It was pruned. A gap of a restart means that the chain is another one, which proves nothing.
        ends.first_position.saturating_sub(position) < RESTART_GAP
    } else {
        let found = store
            .read(move |connection| table::find_link_mac(connection, position))
            .await?;
        found.is_some_and(|link| link == checkpoint.link)
    };
    if !is_match {
        walk.chain_violation(ViolationKind::CheckpointMismatch);
    }
    Ok(())
}
