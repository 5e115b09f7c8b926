//! `munjigi audit`: verifies the audit log, and starts its chain again.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use crate::cli::error::CliError;
use crate::cli::{bootstrap, load_keys, output};
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::domain::audit::Actor;
use crate::services::audit_chain::chain::AuditChain;
use crate::services::audit_chain::checkpoint::Checkpoint;
use crate::services::audit_chain::linking::link_pending;
use crate::services::audit_chain::report::{ChainReport, Violation, ViolationKind};
use crate::services::audit_chain::restart;
use crate::services::audit_chain::verify::verify;
use crate::services::bootstrap::audit_chain;
use crate::store::Store;

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Verify every event and its chain link; nothing is created or changed
    ///
    /// It may run while servers write. At the end it prints the last link of the chain: store it elsewhere and pass it to a
    /// later run with `--checkpoint`, to prove that nothing was cut off since, not even by restoring an old copy of the
    /// database.
    ///
    /// Exit code 1 if an event was changed, deleted or inserted, and also if there is no database or master key yet, or the
    /// schema is that of another version.
    Verify {
        /// The last link of the chain, as an earlier run printed it
        #[arg(long, value_name = "POSITION:LINK")]
        checkpoint: Option<Checkpoint>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Start the chain again over the existing events, after `verify` has found it broken
    ///
    /// An audit event records the reason and what was wrong.
    Restart {
        /// The reason, which the audit log keeps
        #[arg(long)]
        reason: String,
    },
}

pub(super) async fn run(config: &Config, verb: Verb) -> Result<ExitCode, CliError> {
    match verb {
        Verb::Verify { checkpoint, json } => {
            let store = bootstrap::read_only_store(config)?;
            let keys = load_keys::required_master_keys(config)?;
            let chain = audit_chain(config, &keys);
            let chain_report = verify(&store, &chain, checkpoint, |_| ()).await?;
            report(&chain_report, json)
        }
        Verb::Restart { reason } => {
            // No key is created: no event could have been written with it.
            let keys = load_keys::required_master_keys(config)?;
            let store = bootstrap::existing_store(config)?;
            restart_chain(&store, &audit_chain(config, &keys), reason).await
        }
    }
}

async fn restart_chain(
    store: &Store,
    chain: &AuditChain,
    reason: String,
) -> Result<ExitCode, CliError> {
    let reason = reason.trim().to_owned();
    if reason.is_empty() || reason.chars().count() > 500 || reason.contains(char::is_control) {
        return Err(CliError::Usage(
            "--reason: give 1 to 500 characters on one line".into(),
        ));
    }
    let found = verify(store, chain, None, |_| ()).await?;
    if found
        .violations
        .iter()
        .any(|found| found.kind == ViolationKind::CheckpointMismatch)
    {
        return Err(CliError::Refused(
            "the database is older than the audit checkpoint: it is a copy that was put back. `munjigi restore --in-place` starts \
             the chain again, and ends the sessions, of which some may have ended since then"
                .into(),
        ));
    }
    let why = match found.violations.first() {
        Some(first) => {
            let count = found.violation_count;
            format!("{reason} ({count} wrong; {})", sentence(first))
        }
        None => format!("{reason} (nothing was wrong)"),
    };
    let log = chain.log();
    let audit_context = log.audit_context(&Actor::operator(), Clock::System.now());
    restart::restart(store, chain, audit_context, why).await?;
    let linked = link_pending(store, chain).await?;
    output::line(&format!(
        "The chain was started again over {linked} events."
    ))
}

/// A violation as a sentence.
fn sentence(found: &Violation) -> String {
    let at = found
        .happened_at
        .map_or_else(String::new, |at| format!(" of {}", at.whole_seconds()));
    let event = found.event.unwrap_or_default();
    match (found.kind, found.event) {
        (ViolationKind::Changed, _) => format!("event {event}{at} was changed"),
        (ViolationKind::Deleted, Some(_)) => {
            format!("{} after event {event}{at} were deleted", counted(found.events))
        }
        (ViolationKind::Deleted, None) => {
            format!("{} at the beginning were deleted", counted(found.events))
        }
        (ViolationKind::Unauthenticated, _) => {
            format!("event {event} was inserted: it was not written with the master key")
        }
        (ViolationKind::BrokenLink, _) => {
            format!("event {event}{at} has a link that does not follow from the previous one")
        }
        (ViolationKind::Ends, _) => {
            "the row with the first and last link of the chain is missing or was changed".to_owned()
        }
        (ViolationKind::CheckpointMismatch, _) => {
            "a checkpoint is not in the chain: events were cut off, or an old copy of the database was restored".to_owned()
        }
    }
}

fn counted(events: i64) -> String {
    if events == 1 {
        "1 event".to_owned()
    } else {
        format!("{events} events")
    }
}

fn report(chain_report: &ChainReport, as_json: bool) -> Result<ExitCode, CliError> {
    if as_json {
        output::json(&view(chain_report))?;
    } else {
        print(chain_report)?;
    }
    Ok(ExitCode::from(u8::from(!chain_report.is_intact())))
}

fn print(chain_report: &ChainReport) -> Result<(), CliError> {
    if chain_report.is_intact() {
        output::line("The audit log is intact: no event was changed.")?;
    } else {
        output::line(&format!(
            "The audit log is not intact: {} violations were found, and events from the first one on cannot be trusted.",
            chain_report.violation_count
        ))?;
        for found in &chain_report.violations {
            output::line(&format!("  - {}", sentence(found)))?;
        }
        let not_shown = chain_report
            .violation_count
            .saturating_sub(chain_report.violations.len() as u64);
        if not_shown > 0 {
            output::line(&format!("  and {not_shown} more"))?;
        }
    }
    if let (Some((first, from)), Some((last, to))) = (chain_report.first, chain_report.last) {
        output::line(&format!(
            "  linked     {} from event {first} ({}) to event {last} ({})",
            counted(chain_report.linked),
            from.whole_seconds(),
            to.whole_seconds()
        ))?;
    }
    if chain_report.pending > 0 {
        output::line(&format!(
            "  pending    {} not linked yet; a running server links them within a second",
            counted(chain_report.pending)
        ))?;
    }
    if chain_report.to_adopt {
        output::line(
            "  older      events from before the chain was started again are still being added to it",
        )?;
    }
    if let Some(end) = &chain_report.checkpoint {
        output::line(&format!("  last link  {end}"))?;
    }
    if !chain_report.is_compared {
        output::line(
            "  checkpoint none was compared: if an old copy of the database was restored, or all events were deleted, \
             this cannot be detected. Keep the file audit.checkpoint of the data directory, or pass --checkpoint",
        )?;
    }
    Ok(())
}

fn view(chain_report: &ChainReport) -> Value {
    let event = |event: Option<(i64, Timestamp)>| {
        event.map(|(id, at)| json!({"event": id, "happened_at": at}))
    };
    let violations: Vec<Value> = chain_report
        .violations
        .iter()
        .map(|found| {
            json!({
                "kind": found.kind.as_str(), "event": found.event, "happened_at": found.happened_at,
                "events": found.events, "sentence": sentence(found),
            })
        })
        .collect();
    json!({
        "intact": chain_report.is_intact(), "linked": chain_report.linked, "pending": chain_report.pending,
        "linking_older": chain_report.to_adopt, "first": event(chain_report.first), "last": event(chain_report.last),
        "checkpoint": chain_report.checkpoint.as_ref().map(ToString::to_string),
        "compared_with_checkpoint": chain_report.is_compared,
        "violation_count": chain_report.violation_count, "violations": violations,
    })
}
