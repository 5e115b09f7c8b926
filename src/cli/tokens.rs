//! `munjigi tokens`: the flush, and a look into a token.

use std::{
    io::{IsTerminal, Read, stderr, stdin},
    process::ExitCode,
};

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};

use crate::{
    cli::{CliError, bootstrap, output, users::refusal},
    clock::{Clock, Timestamp},
    config::Config,
    domain::job::StartedBy,
    services::{
        auth::bearer,
        maintenance::{
            flush::{FlushRules, NotFlushed, count, flush},
            flush_counts::FlushCounts,
        },
    },
    tokens::unverified_parts,
};

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Delete expired tokens, codes and sessions; the server does the same by itself, every hour unless set otherwise
    Flush {
        /// Only count what would be deleted
        #[arg(long)]
        dry_run: bool,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
    /// Read a token from standard input and say what it holds, and whether it would be accepted now
    Inspect {
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(config: Config, verb: Verb) -> Result<ExitCode, CliError> {
    match verb {
        Verb::Flush { dry_run, json } => run_flush(&config, dry_run, json).await,
        Verb::Inspect { json } => inspect(config, json).await,
    }
}

async fn run_flush(config: &Config, dry_run: bool, json: bool) -> Result<ExitCode, CliError> {
    let (store, _) = bootstrap::migrated_store(config)?;
    let (key, _) = bootstrap::signing_key(config)?;
    let clock = Clock::System;
    let rules = FlushRules {
        batch_size: config.flush.batch_size,
        keep_events_for: config.audit.keep_for.get(),
        audit_log: bootstrap::audit_log(config, &key),
    };
    let expired = count(&store, &clock, &rules)
        .await
        .map_err(CliError::refused)?;
    if dry_run {
        return report(&expired, json, "would be deleted");
    }
    let bar = progress_bar(expired.total());
    let deleted = flush(&store, &clock, rules, |rows| {
        bar.inc(rows);
    })
    .await;
    bar.finish_and_clear();
    report(&deleted.map_err(not_flushed)?, json, "deleted")
}

fn not_flushed(error: NotFlushed) -> CliError {
    match error {
        NotFlushed::Busy(Some(job)) => CliError::Refused(format!(
            "another flush is running: {} began it at {}, and {} of {} expired rows are deleted. One runs at a time; try \
             again when it has ended",
            by_whom(&job.started_by),
            job.started_at,
            job.done,
            job.total
        )),
        NotFlushed::Busy(None) => CliError::Refused("another flush was running; try again".into()),
        NotFlushed::Failed(error) => refusal(error),
    }
}

fn by_whom(started_by: &StartedBy) -> &str {
    match started_by {
        StartedBy::Server => "the server",
        StartedBy::CommandLine => "the command line",
        StartedBy::Account(name) => name,
    }
}

/// A bar on a terminal; nothing elsewhere.
fn progress_bar(total: u64) -> ProgressBar {
    if !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(
        "flushing {bar:30} {human_pos} of {human_len} rows, {per_sec}, {eta} left",
    );
    ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn report(counts: &FlushCounts, json: bool, done: &str) -> Result<ExitCode, CliError> {
    if json {
        return output::json(counts);
    }
    let rows = [
        ("outstanding tokens", counts.outstanding_tokens),
        ("blacklisted tokens", counts.blacklisted_tokens),
        ("one-time codes", counts.otp_challenges),
        ("rate limits", counts.rate_limits),
        ("sessions", counts.sessions),
        ("news of revocations", counts.revocations),
        ("browsers' sessions", counts.browser_sessions),
        ("one-time links", counts.set_up_links),
        ("deliveries of codes", counts.otp_deliveries),
        ("ended jobs", counts.jobs),
        ("events of the record", counts.audit_events),
    ];
    for (name, rows) in rows {
        output::line(&format!("{rows:>10}  {name}"))?;
    }
    output::line(&format!("{:>10}  expired rows {done}", counts.total()))
}

/// More than any token; what is longer is no token but a file.
const MAX_INPUT: u64 = 64 * 1024;

async fn inspect(config: Config, json: bool) -> Result<ExitCode, CliError> {
    let mut text = String::new();
    stdin()
        .lock()
        .take(MAX_INPUT)
        .read_to_string(&mut text)
        .map_err(CliError::refused)?;
    let token = text.trim();
    if token.is_empty() {
        return Err(CliError::Usage("give the token on standard input".into()));
    }
    let services = bootstrap::open(config)?;
    let verdict = match bearer::verify(&services, token).await {
        Ok(_) => Ok("it would be accepted now".to_owned()),
        Err(error) => Err(refusal(error).to_string()),
    };
    let (header, claims) = unverified_parts(token).unwrap_or_default();
    let code = if verdict.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    };
    let (accepted, sentence) = match &verdict {
        Ok(sentence) => (true, sentence),
        Err(sentence) => (false, sentence),
    };
    if json {
        output::json(
            &json!({"header": header, "claims": claims, "accepted": accepted, "reason": sentence}),
        )?;
        return Ok(code);
    }
    if !header.is_empty() {
        print_part("header", &header)?;
        print_part("claims", &claims)?;
    }
    output::line(&format!(
        "{}: {sentence}",
        if accepted { "accepted" } else { "refused" }
    ))?;
    Ok(code)
}

fn print_part(title: &str, part: &Map<String, Value>) -> Result<(), CliError> {
    output::line(title)?;
    for (name, value) in part {
        let time = matches!(name.as_str(), "exp" | "iat" | "nbf")
            .then(|| value.as_i64())
            .flatten();
        let readable = time
            .and_then(Timestamp::from_unix_seconds)
            .map_or_else(String::new, |time| format!("  {time}"));
        // What a stranger wrote into a token must not reach the terminal raw.
        let (name, value) = (output::sanitize(name), output::sanitize(&value.to_string()));
        output::line(&format!("  {name:<12} {value}{readable}"))?;
    }
    Ok(())
}
