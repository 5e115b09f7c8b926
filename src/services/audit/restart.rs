//! Beginning the chain anew over the events as they are: after the signing key was changed, and on the operator's word
//! after the record turned out to be broken. An event tells of it.

use super::{
    Recorder,
    marks::AuditKey,
    scribe::{Event, Scribe},
};
use crate::{
    domain::audit::{Action, Actor},
    services::{Error, Services},
    store::{
        Db, Store, StoreError,
        audit_seals::{self as table, ChainRow},
    },
};

/// How far behind the last known place of the old chain a new one begins: behind what any instance may have seen of it.
pub(super) const BEYOND: i64 = 1_000_000;

/// Takes the events as they are: their marks and seals are made anew with the present key, a moment later.
fn begin_anew(
    connection: &mut Db,
    recorder: &Recorder,
    scribe: &Scribe,
    event: &Event,
) -> Result<(), StoreError> {
    table::hold_writers(connection)?;
    table::clear(connection)?;
    let old = table::find_chain(connection)?.map_or(0, |chain| chain.last_position);
    let seen = recorder.seen().map_or(0, |seen| seen.position);
    let last = old.max(seen).saturating_add(BEYOND);
    let mut chain = ChainRow {
        first_position: last + 1,
        base_seal: String::new(),
        last_position: last,
        last_seal: String::new(),
        adopted: 0,
        adopt_to: table::last_event(connection)?,
        mark: String::new(),
    };
    chain.mark = recorder.key().mark_of_chain(&chain);
    table::update_chain(connection, &chain)?;
    // Behind what is taken as it is: this one is marked as it is written.
    scribe.record(connection, event)
}

/// Begins the chain anew on the operator's word. What was wrong with it is recorded with it.
///
/// # Errors
/// The store's.
pub async fn restart(store: &Store, scribe: Scribe, why: String) -> Result<(), Error> {
    let recorder = scribe.recorder().clone();
    let of_write = recorder.clone();
    store
        .write(move |connection| {
            // Nobody seals meanwhile.
            table::lock_chain(connection)?;
            let event = Event::new(Action::RecordRestarted).noting("reason", &why);
            Ok::<_, Error>(begin_anew(connection, &of_write, &scribe, &event)?)
        })
        .await?;
    recorder.memory(super::chain::Memory::clear);
    Ok(())
}

/// Whether the chain was gone on with last by another key than this one.
///
/// # Errors
/// The store's.
pub fn is_of_another_key(connection: &mut Db, key: &AuditKey) -> Result<bool, StoreError> {
    let chain = table::find_chain(connection)?;
    Ok(chain.is_some_and(|chain| key.is_another(&chain.mark)))
}

/// Begins the chain anew where the server was started with another signing key than the one before; whether it was. To
/// be called at the start.
///
/// # Errors
/// The store's.
pub async fn note_key_change(services: &Services) -> Result<bool, Error> {
    let (recorder, scribe) = (services.recorder.clone(), services.scribe(&Actor::server()));
    services
        .store
        .write(move |connection| {
            let key = recorder.key();
            let chain = table::lock_chain(connection)?;
            let Some(old) = chain.filter(|chain| key.is_another(&chain.mark)) else {
                return Ok(false);
            };
            // Where the seals are ours, or what was seen before, the row of the ends is no key's but a forger's.
            let is_ours = |seal: &str| !key.is_another(seal);
            let seen = recorder.seen();
            if seen.is_some_and(|seen| is_ours(&seen.seal))
                || table::find_last_seal(connection)?.is_some_and(|seal| is_ours(&seal))
            {
                return Ok(false);
            }
            let (before, _) = old.mark.split_once('.').unwrap_or_default();
            let event = Event::new(Action::SigningKeyChanged)
                .noting("old_key", before)
                .noting("key", key.id())
                .noting("end", format!("{}:{}", old.last_position, old.last_seal));
            begin_anew(connection, &recorder, &scribe, &event)?;
            Ok::<_, Error>(true)
        })
        .await
}
