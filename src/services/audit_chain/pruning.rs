//! Pruning: removing old events from the beginning of the chain.

use crate::clock::Timestamp;
use crate::services::audit_chain::chain::{Attempt, AuditChain, ChainError, is_new};
use crate::services::audit_chain::walk::events_by_id;
use crate::services::error::Error;
use crate::store::{Db, Store, audit_chain_links as table};

/// Removes the oldest events that happened at `cutoff` or before, at most `limit` in one transaction. The chain begins
/// behind them then. An event that was changed is kept, and all events behind it.
///
/// # Errors
/// Errors of the store.
pub async fn prune(
    store: &Store,
    chain: &AuditChain,
    cutoff: Timestamp,
    limit: u32,
) -> Result<u64, Error> {
    let of_batch = chain.clone();
    let attempt = store
        .write(move |connection| prune_batch(connection, &of_batch, cutoff, i64::from(limit)))
        .await?;
    chain.set_pruning_error(attempt.as_ref().err().copied());
    Ok(attempt.unwrap_or(0))
}

fn prune_batch(
    connection: &mut Db,
    chain: &AuditChain,
    cutoff: Timestamp,
    limit: i64,
) -> Attempt<u64> {
    let ends = table::lock_chain(connection)?;
    let mut ends = match chain.intact(connection, ends, chain.checkpoint().as_ref())? {
        Ok(ends) => ends,
        Err(error) => return Ok(Err(error)),
    };
    if is_new(&ends) {
        return Ok(Ok(0));
    }
    let links = table::list_linked(connection, ends.first_position - 1, limit)?;
    let ids: Vec<i64> = links.iter().map(|row| row.event_id).collect();
    let events = events_by_id(connection, &ids)?;
    let key = chain.key();
    let mut old = Vec::new();
    for row in links {
        let event = events.get(&row.event_id);
        if event.is_some_and(|event| event.happened_at > cutoff) {
            break;
        }
        let is_unchanged = event.is_some_and(|event| {
            row.position == Some(ends.first_position)
                && key.is_linked(&ends.base_link_mac, &row)
                && key.is_event_mac(&row.event_mac, event)
        });
        if !is_unchanged {
            return Ok(Err(ChainError::OldEventChanged));
        }
        ends.first_position += 1;
        ends.base_link_mac = row.link_mac.unwrap_or_default();
        old.push(row.event_id);
    }
    if old.is_empty() {
        return Ok(Ok(0));
    }
    let deleted = table::delete_events(connection, &old)?;
    ends.mac = key.chain_mac(&ends);
    table::update_chain(connection, &ends)?;
    Ok(Ok(deleted as u64))
}
