//! Beginning the chain anew over the events as they are: after the signing key was changed, and on the operator's word
//! after the record turned out to be broken. An event tells of it.

use crate::{
    domain::audit::{Action, Actor},
    services::{
        audit::log::{AuditContext, AuditLog, Event},
        audit_chain::event_mac::AuditKey,
        bootstrap::Services,
        error::Error,
    },
    store::{Db, Store, StoreError, audit_chain_links as table, audit_chain_links::ChainRow},
};

/// How far behind the last known place of the old chain a new one begins: behind what any instance may have seen of it.
pub(crate) const BEYOND: i64 = 1_000_000;

/// Takes the events as they are: their marks and seals are made anew with the present key, a moment later.
fn begin_anew(
    connection: &mut Db,
    audit_log: &AuditLog,
    audit_context: &AuditContext,
    event: &Event,
) -> Result<(), StoreError> {
    table::lock_writers(connection)?;
    table::delete_all(connection)?;
    let old = table::find_chain(connection)?.map_or(0, |chain| chain.last_position);
    let seen = audit_log.seen().map_or(0, |seen| seen.position);
    let last = old.max(seen).saturating_add(BEYOND);
    let mut chain = ChainRow {
        first_position: last + 1,
        base_link_mac: String::new(),
        last_position: last,
        last_link_mac: String::new(),
        backfilled_id: 0,
        backfill_end_id: table::last_event_id(connection)?,
        mac: String::new(),
    };
    chain.mac = audit_log.key().mark_of_chain(&chain);
    table::update_chain(connection, &chain)?;
    // Behind what is taken as it is: this one is marked as it is written.
    audit_context.record(connection, event)
}

/// Begins the chain anew on the operator's word. What was wrong with it is recorded with it.
///
/// # Errors
/// The store's.
pub async fn restart(store: &Store, audit_context: AuditContext, why: String) -> Result<(), Error> {
    let audit_log = audit_context.audit_log().clone();
    let of_write = audit_log.clone();
    store
        .write(move |connection| {
            // Nobody seals meanwhile.
            table::lock_chain(connection)?;
            let event = Event::new(Action::RecordRestarted).noting("reason", &why);
            Ok::<_, Error>(begin_anew(connection, &of_write, &audit_context, &event)?)
        })
        .await?;
    audit_log.memory(crate::services::audit_chain::chain::Memory::clear);
    Ok(())
}

/// Whether the chain was gone on with last by another key than this one.
///
/// # Errors
/// The store's.
pub fn is_of_another_key(connection: &mut Db, key: &AuditKey) -> Result<bool, StoreError> {
    let chain = table::find_chain(connection)?;
    Ok(chain.is_some_and(|chain| key.is_another(&chain.mac)))
}

/// Begins the chain anew where the server was started with another signing key than the one before; whether it was. To
/// be called at the start.
///
/// # Errors
/// The store's.
pub async fn note_key_change(services: &Services) -> Result<bool, Error> {
    let (audit_log, audit_context) = (
        services.audit_log.clone(),
        services.audit_context(&Actor::server()),
    );
    services
        .store
        .write(move |connection| {
            let key = audit_log.key();
            let chain = table::lock_chain(connection)?;
            let Some(old) = chain.filter(|chain| key.is_another(&chain.mac)) else {
                return Ok(false);
            };
            // Where the seals are ours, or what was seen before, the row of the ends is no key's but a forger's.
            let is_ours = |seal: &str| !key.is_another(seal);
            let seen = audit_log.seen();
            if seen.is_some_and(|seen| is_ours(&seen.seal))
                || table::find_last_link_mac(connection)?.is_some_and(|seal| is_ours(&seal))
            {
                return Ok(false);
            }
            let (before, _) = old.mac.split_once('.').unwrap_or_default();
            let event = Event::new(Action::SigningKeyChanged)
                .noting("old_key", before)
                .noting("key", key.id())
                .noting(
                    "end",
                    format!("{}:{}", old.last_position, old.last_link_mac),
                );
            begin_anew(connection, &audit_log, &audit_context, &event)?;
            Ok::<_, Error>(true)
        })
        .await
}
