//! Restarting the chain over the events as they are: after a change of the master key, and at the operator's request after
//! the chain turned out to be damaged. A restart is recorded as an event.

use crate::domain::audit::{Action, Actor};
use crate::services::audit::log::AuditKey;
use crate::services::audit::log::{AuditContext, Event};
use crate::services::audit_chain::chain::{AuditChain, RESTART_GAP, is_old_copy};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::store::audit_chain_links::ChainRow;
use crate::store::{Db, Store, StoreError, Transaction, audit_chain_links as table};

/// Deletes all MACs and links. They are computed again with the present key when events are linked.
fn begin_chain(
    connection: &mut Transaction<'_>,
    chain: &AuditChain,
    audit_context: &AuditContext,
    event: &Event,
) -> Result<(), StoreError> {
    table::lock_writers(connection)?;
    table::delete_all(connection)?;
    let old = table::find_chain(connection)?.map_or(0, |ends| ends.last_position);
    let seen = chain.checkpoint().map_or(0, |seen| seen.position);
    let last = old.max(seen).saturating_add(RESTART_GAP);
    let mut ends = ChainRow {
        first_position: last + 1,
        base_link_mac: String::new(),
        last_position: last,
        last_link_mac: String::new(),
        backfilled_id: 0,
        backfill_end_id: table::last_event_id(connection)?,
        mac: String::new(),
    };
    ends.mac = chain.key().chain_mac(&ends);
    table::update_chain(connection, &ends)?;
    // Behind the backfilled_id events: this one gets its MAC as it is written.
    audit_context.record(connection, event)
}

/// Restarts the chain at the operator's request. `reason` is recorded.
///
/// # Errors
/// Errors of the store.
pub async fn restart(
    store: &Store,
    chain: &AuditChain,
    audit_context: AuditContext,
    reason: String,
) -> Result<(), Error> {
    let of_write = chain.clone();
    store
        .write(move |connection| {
            // Prevents linking meanwhile.
            table::lock_chain(connection)?;
            let event = Event::new(Action::AuditChainRestarted).with_detail("reason", &reason);
            Ok::<_, Error>(begin_chain(connection, &of_write, &audit_context, &event)?)
        })
        .await?;
    chain.clear_errors();
    Ok(())
}

/// Whether the chain was last written with a key that is not known here.
///
/// # Errors
/// Errors of the store.
pub fn is_of_unknown_key(connection: &mut Db, key: &AuditKey) -> Result<bool, StoreError> {
    let ends = table::find_chain(connection)?;
    Ok(ends.is_some_and(|ends| key.is_of_unknown_key(&ends.mac)))
}

/// Restarts the chain with the MACs of the master key in use. `old_key` is the id of the one before.
///
/// # Errors
/// Errors of the store.
pub async fn restart_with_present_key(
    store: &Store,
    chain: &AuditChain,
    audit_context: AuditContext,
    old_key: String,
) -> Result<(), Error> {
    let of_write = chain.clone();
    store
        .write(move |connection| {
            let ends = table::lock_chain(connection)?;
            let event = key_changed(&old_key, of_write.key(), ends.as_ref());
            Ok::<_, Error>(begin_chain(connection, &of_write, &audit_context, &event)?)
        })
        .await?;
    chain.clear_errors();
    Ok(())
}

fn key_changed(old_key: &str, key: &AuditKey, ends: Option<&ChainRow>) -> Event {
    let end = ends.map_or_else(String::new, |ends| {
        format!("{}:{}", ends.last_position, ends.last_link_mac)
    });
    Event::new(Action::MasterKeyChanged)
        .with_detail("old_key", old_key)
        .with_detail("key", key.id())
        .with_detail("end", end)
}

/// Restarts the chain if it was written with an unknown master key, because that was lost, and returns whether it was. A
/// chain that ends before the checkpoint, because an old copy of the database was restored, is not restarted: it stays
/// damaged until the operator restarts it. To be called at the start.
///
/// # Errors
/// Errors of the store.
pub async fn restart_on_key_change(services: &Services) -> Result<bool, Error> {
    let (chain, audit_context) = (
        services.audit_chain.clone(),
        services.audit_context(&Actor::server()),
    );
    services
        .store
        .write(move |connection| {
            let key = chain.key();
            let ends = table::lock_chain(connection)?;
            let Some(old) = ends.filter(|ends| key.is_of_unknown_key(&ends.mac)) else {
                return Ok(false);
            };
            // If the links or the checkpoint are of a known key, the row with the ends was forged.
            let is_own = |link: &str| !key.is_of_unknown_key(link);
            let seen = chain.checkpoint();
            if seen.as_ref().is_some_and(|seen| is_own(&seen.link))
                || table::find_last_link_mac(connection)?.is_some_and(|link| is_own(&link))
            {
                return Ok(false);
            }
            if let Some(seen) = &seen
                && is_old_copy(connection, &old, seen)?
            {
                return Ok(false);
            }
            let (old_key, _) = old.mac.split_once('.').unwrap_or_default();
            let event = key_changed(old_key, key, Some(&old));
            begin_chain(connection, &chain, &audit_context, &event)?;
            Ok::<_, Error>(true)
        })
        .await
}
