//! Verification of the audit log: every event against its MAC, every link against the previous one, and the ends of the
//! chain against their row.

use crate::services::audit_chain::chain::{AuditChain, ChainError, is_new};
use crate::services::audit_chain::checkpoint::Checkpoint;
use crate::services::audit_chain::report::{ChainReport, ViolationKind};
use crate::services::audit_chain::unchained::{
    check_checkpoint, check_macs, check_outside, check_pending,
};
use crate::services::audit_chain::walk::{BATCH, Walk, read_rows};
use crate::services::error::Error;
use crate::store::audit_chain_links::{ChainLinkRow, ChainRow};
use crate::store::{Store, audit_chain_links as table};

/// Verifies the whole audit log. `progress` is called with the number of events verified since the last call. The chain must
/// contain this process's checkpoint, and `checkpoint` if one is given. Servers may write, link and prune events meanwhile.
///
/// # Errors
/// Errors of the store.
pub async fn verify(
    store: &Store,
    chain: &AuditChain,
    checkpoint: Option<Checkpoint>,
    mut progress: impl FnMut(u64) + Send,
) -> Result<ChainReport, Error> {
    loop {
        let (report, first) = verify_once(store, chain, checkpoint.clone(), &mut progress).await?;
        let ends = store.read(table::find_chain).await?;
        // Events that were pruned meanwhile are not missing.
        let was_pruned =
            ends.is_some_and(|ends| first.is_some_and(|first| ends.first_position > first));
        if report.is_intact() || !was_pruned {
            return Ok(report);
        }
    }
}

/// One verification, and the first position of the chain at its beginning.
async fn verify_once(
    store: &Store,
    chain: &AuditChain,
    given: Option<Checkpoint>,
    progress: &mut (impl FnMut(u64) + Send),
) -> Result<(ChainReport, Option<i64>), Error> {
    let own = chain.checkpoint();
    let ends = store.read(table::find_chain).await?;
    let first = ends.as_ref().map(|ends| ends.first_position);
    let (error, ends) = match ends {
        Some(ends) => (chain.check_ends(&ends, own.as_ref()).err(), ends),
        None => (Some(ChainError::Missing), unknown_ends()),
    };
    let mut walk = Walk::new(chain.key().clone(), &ends);
    walk.report.is_compared = own.is_some() || given.is_some();
    match error {
        Some(ChainError::Missing | ChainError::InvalidMac | ChainError::AnotherKey) => {
            walk.chain_violation(ViolationKind::Ends);
        }
        Some(ChainError::RolledBack) => walk.chain_violation(ViolationKind::CheckpointMismatch),
        // Found below, at the event.
        Some(ChainError::OldEventChanged | ChainError::PositionTaken | ChainError::Unmarked)
        | None => {}
    }
    // Links that are added meanwhile are left to the next verification.
    while walk.position < ends.last_position {
        let after = walk.position;
        let (rows, events) = read_rows(store, move |connection| {
            table::list_linked(connection, after, BATCH)
        })
        .await?;
        let within = |row: &&ChainLinkRow| row.position <= Some(ends.last_position);
        let count = rows.iter().filter(within).count();
        if count == 0 {
            break;
        }
        for row in rows.iter().filter(within) {
            walk.step(row, events.get(&row.event_id));
        }
        progress(count as u64);
    }
    // A checkpoint behind the end was reported above.
    let own = own.filter(|own| own.position <= ends.last_position);
    let checkpoints = [given, own].into_iter().flatten().collect();
    let report = finish(store, walk, &ends, checkpoints).await?;
    Ok((report, first))
}

/// The ends of a chain whose row is missing.
fn unknown_ends() -> ChainRow {
    ChainRow {
        first_position: 1,
        base_link_mac: String::new(),
        last_position: i64::MAX,
        last_link_mac: String::new(),
        backfilled_id: i64::MAX,
        backfill_end_id: i64::MAX,
        mac: String::new(),
    }
}

async fn finish(
    store: &Store,
    mut walk: Walk,
    ends: &ChainRow,
    checkpoints: Vec<Checkpoint>,
) -> Result<ChainReport, Error> {
    let is_known = ends.last_position != i64::MAX;
    if is_known && walk.position < ends.last_position {
        walk.missing(ends.last_position.saturating_sub(walk.position));
    } else if is_known && walk.position == ends.last_position && walk.link != ends.last_link_mac {
        walk.chain_violation(ViolationKind::Ends);
    }
    walk.report.last = walk.event;
    walk.report.checkpoint = (!is_new(ends) && walk.position > 0).then(|| Checkpoint {
        position: walk.position,
        link: walk.link.clone(),
    });
    walk.report.to_adopt = is_known && ends.backfilled_id < ends.backfill_end_id;
    if is_known {
        check_outside(store, &mut walk, ends).await?;
    }
    check_pending(store, &mut walk).await?;
    check_macs(store, &mut walk, ends).await?;
    for checkpoint in checkpoints {
        check_checkpoint(store, &mut walk, ends, checkpoint).await?;
    }
    Ok(walk.report)
}
