//! The state of the chain, as far as it is known without reading each event.

use crate::clock::Timestamp;
use crate::services::audit_chain::chain::{AuditChain, ChainError, is_outside};
use crate::services::error::Error;
use crate::store::audit_chain_links::{self as table, ChainRow};
use crate::store::{Db, Store, StoreError};

/// The state of the chain.
#[derive(Clone, Copy, Debug)]
pub struct ChainState {
    /// How many events are linked.
    pub linked: i64,
    /// How many events are not linked yet.
    pub pending: i64,
    /// The time of the first pending event.
    pub pending_since: Option<Timestamp>,
    /// Whether events from before the chain was restarted are still to be added to it.
    pub to_adopt: bool,
    /// Whether the checkpoint is kept outside the database.
    pub keeps_checkpoint: bool,
    /// Why no further links are added.
    pub error: Option<ChainError>,
}

/// The state of the chain.
///
/// # Errors
/// Errors of the store.
pub async fn state(store: &Store, chain: &AuditChain) -> Result<ChainState, Error> {
    let chain = chain.clone();
    Ok(store
        .read_list(move |connection| state_in(connection, &chain))
        .await?)
}

/// Whether any event is linked.
///
/// # Errors
/// Errors of the store.
pub async fn any_linked(store: &Store) -> Result<bool, Error> {
    let ends = store.read(table::find_chain).await?;
    Ok(ends.is_some_and(|ends| linked(&ends) > 0))
}

fn linked(ends: &ChainRow) -> i64 {
    let next = ends.last_position.saturating_add(1);
    next.saturating_sub(ends.first_position)
}

/// The state of the chain, read on this connection.
pub(crate) fn state_in(connection: &mut Db, chain: &AuditChain) -> Result<ChainState, StoreError> {
    let known = chain.known_error();
    // Read before the row: links that are added meanwhile are no rollback.
    let checkpoint = chain.checkpoint();
    let (_, greatest) = table::bounds(connection)?;
    let ends = table::find_chain(connection)?;
    let (least, _) = table::bounds(connection)?;
    let error = match chain.intact(connection, ends.clone(), checkpoint.as_ref())? {
        Ok(ends) if is_outside((least, greatest), &ends) => Some(ChainError::PositionTaken),
        Ok(_) => None,
        Err(error) => Some(error),
    };
    Ok(ChainState {
        linked: ends.as_ref().map_or(0, linked),
        pending: table::count_pending(connection)?,
        pending_since: table::oldest_pending(connection)?,
        to_adopt: ends.is_some_and(|ends| ends.backfilled_id < ends.backfill_end_id),
        keeps_checkpoint: chain.keeps_checkpoint(),
        error: known.or(error),
    })
}
