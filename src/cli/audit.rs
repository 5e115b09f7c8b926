//! `munjigi audit`: whether the record of what was done is as it was written, and beginning its chain anew.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use crate::{
    cli::{CliError, bootstrap, output, users::refusal},
    clock::Clock,
    config::Config,
    domain::audit::Actor,
    services::{
        audit::log::AuditLog,
        audit_chain::{
            chain::seal_waiting,
            checkpoint::Checkpoint,
            restart,
            verify::{self, ChainReport, Violation, ViolationKind},
        },
    },
    store::Store,
};

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Look at every event, its mark and its seal; exits 1 when one was changed, deleted or slipped in
    ///
    /// The record may be written meanwhile. At the end it prints where the chain ends: note that elsewhere, and give it
    /// back with `--noted` to prove later that nothing was cut off since, not even by putting an old copy of the database
    /// back.
    Verify {
        /// An end of the chain that was noted before
        #[arg(long, value_name = "PLACE:SEAL")]
        noted: Option<Checkpoint>,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
    /// Begin the chain anew over the events as they are now, after `verify` has said that it is broken
    ///
    /// What is wrong then stays in the record as an event.
    Restart {
        /// Why; it is recorded
        #[arg(long)]
        reason: String,
    },
}

pub(super) async fn run(config: &Config, verb: Verb) -> Result<ExitCode, CliError> {
    // A proof makes no key: nothing was written with it.
    let key = bootstrap::existing_signing_key(config).map_err(CliError::refused)?;
    let key = key.ok_or_else(|| {
        let file = config.signing_key_file().unwrap_or_default();
        CliError::Refused(format!(
            "there is no signing key ({}), and so no record to look at: start the server once, or look at server.data_dir",
            file.display()
        ))
    })?;
    let (store, _) = bootstrap::migrated_store(config)?;
    let audit_log = bootstrap::audit_log(config, &key);
    match verb {
        Verb::Verify { noted, json } => {
            let verdict = verify::verify(&store, &audit_log, noted, |_| ()).await;
            report(&verdict.map_err(refusal)?, json)
        }
        Verb::Restart { reason } => begin_anew(&store, &audit_log, reason).await,
    }
}

async fn begin_anew(
    store: &Store,
    audit_log: &AuditLog,
    reason: String,
) -> Result<ExitCode, CliError> {
    let reason = reason.trim().to_owned();
    if reason.is_empty() || reason.chars().count() > 500 || reason.contains(char::is_control) {
        return Err(CliError::Usage(
            "--reason: give 1 to 500 characters on one line, which the record will keep".into(),
        ));
    }
    let found = verify::verify(store, audit_log, None, |_| ())
        .await
        .map_err(refusal)?;
    let why = match found.breaks.first() {
        Some(first) => format!("{reason} ({} wrong; {})", found.broken, sentence(first)),
        None => format!("{reason} (nothing was wrong)"),
    };
    let audit_context = audit_log.audit_context(&Actor::operator(), Clock::System.now());
    restart::restart(store, audit_context, why)
        .await
        .map_err(refusal)?;
    let sealed = seal_waiting(store, audit_log).await.map_err(refusal)?;
    output::line(&format!("The chain begins anew over {sealed} events."))
}

/// What is wrong at a place, in a sentence.
fn sentence(found: &Violation) -> String {
    let at = found
        .happened_at
        .map_or_else(String::new, |at| format!(" of {}", at.whole_seconds()));
    let event = found.event.unwrap_or_default();
    match (found.kind, found.event) {
        (ViolationKind::Changed, _) => format!("event {event}{at} is not as it was written"),
        (ViolationKind::Deleted, Some(_)) => {
            format!("{} after event {event}{at} were deleted", counted(found.events))
        }
        (ViolationKind::Deleted, None) => {
            format!("{} at the beginning were deleted", counted(found.events))
        }
        (ViolationKind::NotOurs, _) => {
            format!("event {event} was slipped in: nobody with the signing key wrote it")
        }
        (ViolationKind::Unchained, _) => {
            format!("event {event}{at} has a seal that does not follow from the one before")
        }
        (ViolationKind::Ends, _) => {
            "the row that tells where the chain begins and ends is gone or was changed".to_owned()
        }
        (ViolationKind::NotAsNoted, _) => {
            "what was noted as the end of the chain is not in it: events were cut off, or an old copy was put back"
                .to_owned()
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

fn report(verdict: &ChainReport, as_json: bool) -> Result<ExitCode, CliError> {
    let code = if verdict.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    };
    if as_json {
        output::json(&view(verdict))?;
    } else {
        print(verdict)?;
    }
    Ok(code)
}

fn print(verdict: &ChainReport) -> Result<(), CliError> {
    if verdict.holds() {
        output::line("The record holds: every event is as it was written.")?;
    } else {
        output::line(&format!(
            "The record does not hold: {} places are wrong, and from the first one on it proves nothing.",
            verdict.broken
        ))?;
        for found in &verdict.breaks {
            output::line(&format!("  - {}", sentence(found)))?;
        }
        let untold = verdict.broken.saturating_sub(verdict.breaks.len() as u64);
        if untold > 0 {
            output::line(&format!("  and {untold} more"))?;
        }
    }
    if let (Some((first, from)), Some((last, to))) = (verdict.first, verdict.last) {
        output::line(&format!(
            "  sealed    {} from event {first} ({}) to event {last} ({})",
            counted(verdict.sealed),
            from.whole_seconds(),
            to.whole_seconds()
        ))?;
    }
    if verdict.waiting > 0 {
        output::line(&format!(
            "  waiting   {} for the seal, which a running server adds within a second",
            counted(verdict.waiting)
        ))?;
    }
    if verdict.to_adopt {
        output::line(
            "  older     events from before there was a chain are still being taken into it",
        )?;
    }
    if let Some(end) = &verdict.end {
        output::line(&format!("  end       {end}"))?;
    }
    Ok(())
}

fn view(verdict: &ChainReport) -> Value {
    let event = |event: Option<(i64, crate::clock::Timestamp)>| {
        event.map(|(id, at)| json!({"event": id, "happened_at": at}))
    };
    let breaks: Vec<Value> = verdict
        .breaks
        .iter()
        .map(|found| {
            json!({
                "kind": found.kind.as_str(), "event": found.event, "happened_at": found.happened_at,
                "events": found.events, "sentence": sentence(found),
            })
        })
        .collect();
    json!({
        "holds": verdict.holds(), "sealed": verdict.sealed, "waiting": verdict.waiting,
        "taking_in_older": verdict.to_adopt, "first": event(verdict.first), "last": event(verdict.last),
        "end": verdict.end.as_ref().map(ToString::to_string),
        "wrong": verdict.broken, "breaks": breaks,
    })
}
