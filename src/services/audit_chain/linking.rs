//! Linking: giving new events their position and their link.

use std::time::Duration;

use crate::services::audit_chain::chain::{Attempt, AuditChain, ChainError, is_outside};
use crate::services::error::Error;
use crate::store::audit_chain_links::{ChainRow, NewChainLink};
use crate::store::{
    Db, Store, StoreError, audit_chain_links as table, raw_audit_events as contents,
};

/// How often the server links pending events.
pub(crate) const LINK_EVERY: Duration = Duration::from_secs(1);
/// How many events are linked in one transaction.
const BATCH: i64 = 500;

/// Links all pending events, in batches, and returns how many. Stops at a [`ChainError`], which is logged and kept in the
/// chain's state. The chain is also checked if no event is pending.
///
/// # Errors
/// Errors of the store.
pub async fn link_pending(store: &Store, chain: &AuditChain) -> Result<u64, Error> {
    let mut linked = 0;
    while check(store, chain).await? {
        let of_batch = chain.clone();
        let attempt = store
            .write(move |connection| link_batch(connection, &of_batch))
            .await;
        let attempt = match attempt {
            // A forged row at the next position prevents linking.
            Err(StoreError::Conflict { .. }) => Err(ChainError::PositionTaken),
            attempt => attempt?,
        };
        chain.set_linking_error(attempt.as_ref().err().copied());
        let Ok((count, ends)) = attempt else {
            break;
        };
        chain.remember(&ends).await;
        linked += count;
    }
    Ok(linked)
}

/// Checks the ends of the chain, and logs what is wrong with it. Returns whether events are to be linked.
///
/// # Errors
/// Errors of the store.
pub async fn check(store: &Store, chain: &AuditChain) -> Result<bool, Error> {
    let of_read = chain.clone();
    let (is_due, error) = store
        .read(move |connection| read_state(connection, &of_read))
        .await?;
    if error.is_some() || !is_due {
        // Otherwise linking finds out whether an earlier error is still there.
        chain.set_linking_error(error);
    }
    if error.is_none() && !is_due {
        chain.set_linked();
    }
    Ok(is_due)
}

/// Whether events are to be linked, and what is wrong with the chain.
fn read_state(
    connection: &mut Db,
    chain: &AuditChain,
) -> Result<(bool, Option<ChainError>), StoreError> {
    // Read before the row: links that are added meanwhile are no rollback.
    let checkpoint = chain.checkpoint();
    let ends = table::find_chain(connection)?;
    let to_adopt = ends
        .as_ref()
        .is_some_and(|ends| ends.backfilled_id < ends.backfill_end_id);
    let intact = chain.intact(connection, ends, checkpoint.as_ref())?;
    Ok((to_adopt || table::any_pending(connection)?, intact.err()))
}

fn link_batch(connection: &mut Db, chain: &AuditChain) -> Attempt<(u64, ChainRow)> {
    let ends = table::lock_chain(connection)?;
    // A newer checkpoint was committed before the lock was granted.
    let mut ends = match chain.intact(connection, ends, chain.checkpoint().as_ref())? {
        Ok(ends) => ends,
        Err(error) => return Ok(Err(error)),
    };
    if is_outside(table::bounds(connection)?, &ends) {
        return Ok(Err(ChainError::PositionTaken));
    }
    adopt(connection, chain, &mut ends)?;
    let pending = table::list_pending(connection, BATCH)?;
    let key = chain.key();
    let links: Vec<NewChainLink> = pending
        .into_iter()
        .map(|(event_id, mac)| {
            let position = ends.last_position.saturating_add(1);
            let link = key.link(&ends.last_link_mac, position, event_id, &mac);
            ends.last_position = position;
            ends.last_link_mac.clone_from(&link);
            NewChainLink {
                event_id,
                position,
                link_mac: link,
            }
        })
        .collect();
    table::set_positions(connection, &links)?;
    ends.mac = key.chain_mac(&ends);
    table::update_chain(connection, &ends)?;
    Ok(Ok((links.len() as u64, ends)))
}

/// Adds the MACs of the next events from before the chain was restarted. From then on changes of them are detected.
fn adopt(connection: &mut Db, chain: &AuditChain, ends: &mut ChainRow) -> Result<(), StoreError> {
    if ends.backfilled_id >= ends.backfill_end_id {
        return Ok(());
    }
    let old = contents::list_between(connection, ends.backfilled_id, ends.backfill_end_id, BATCH)?;
    for event in &old {
        table::insert_event_mac(connection, event.id, &chain.key().event_mac(event))?;
    }
    ends.backfilled_id = old.last().map_or(ends.backfill_end_id, |event| event.id);
    Ok(())
}
