//! `munjigi tokens`: the flush of expired rows, and the inspection of a token.

use std::{
    io::{IsTerminal, Read, stderr, stdin},
    process::ExitCode,
};

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};

use crate::cli::database::database_name;
use crate::cli::error::CliError;
use crate::cli::{bootstrap, load_keys, output};
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::delivery::Channel;
use crate::domain::job::StartedBy;
use crate::services::Error;
use crate::services::auth::bearer;
use crate::services::bootstrap::audit_chain;
use crate::services::maintenance::flush::{FlushRules, NotFlushed, count, flush};
use crate::services::maintenance::flush_counts::FlushCounts;
use crate::services::service::access;
use crate::services::signing_keys::ring;
use crate::tokens::{TokenError, unverified_parts};

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Delete expired tokens, codes and sessions; the server does the same every `flush.interval`
    Flush {
        /// Only count what would be deleted; nothing is created or changed
        ///
        /// Exit code 1 if there is no database yet, or its schema is that of another version.
        #[arg(long)]
        dry_run: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Read a token from standard input, print its contents, and whether it would be accepted now
    ///
    /// Nothing is created or changed. Exit code 0 if the token would be accepted, 1 if it would be refused, and also 1 if there
    /// is no database or keys yet, or the schema is that of another version.
    Inspect {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(config: Config, verb: Verb) -> Result<ExitCode, CliError> {
    match verb {
        Verb::Flush { dry_run, json } => Box::pin(run_flush(&config, dry_run, json)).await,
        Verb::Inspect { json } => inspect(config, json).await,
    }
}

async fn run_flush(config: &Config, dry_run: bool, json: bool) -> Result<ExitCode, CliError> {
    let (clock, keep_events_for) = (Clock::System, config.audit.keep_for.get());
    if dry_run {
        let store = bootstrap::read_only_store(config)?;
        let expired = count(&store, clock.now(), keep_events_for).await;
        let expired = expired.map_err(CliError::refused)?;
        return report(&expired, json, "would be deleted");
    }
    let store = bootstrap::store_for_flush(config)?;
    let (keys, _) = load_keys::master_keys(config, false)?;
    ring::check_master_key(&store, &keys)
        .await
        .map_err(CliError::refused)?;
    let rules = FlushRules {
        batch_size: config.flush.batch_size,
        keep_events_for,
        audit_chain: audit_chain(config, &keys),
    };
    let bar = progress_bar();
    let progress = |rows, of| {
        bar.set_length(of);
        bar.inc(rows);
    };
    let deleted = Box::pin(flush(&store, &clock, rules, progress)).await;
    bar.finish_and_clear();
    let deleted = deleted.map_err(not_flushed)?;
    store.sync().await.map_err(CliError::refused)?;
    let done = format!("deleted ({})", database_name(config));
    report(&deleted, json, &done)
}

fn not_flushed(error: NotFlushed) -> CliError {
    match error {
        NotFlushed::Busy(Some(job)) => CliError::Refused(format!(
            "another flush is running: started by {} at {}, {} of {} expired rows deleted so far. Only one runs at a \
             time; try again when it has ended",
            started_by(&job.started_by),
            job.started_at,
            job.done,
            job.total
        )),
        NotFlushed::Busy(None) => CliError::Refused("another flush was running; try again".into()),
        NotFlushed::Failed(error) => error.into(),
    }
}

fn started_by(starter: &StartedBy) -> &str {
    match starter {
        StartedBy::Server => "the server",
        StartedBy::CommandLine => "the command line",
        StartedBy::Account(name) | StartedBy::Service(name) => name,
    }
}

/// A progress bar on standard error, if that is a terminal.
fn progress_bar() -> ProgressBar {
    if !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(
        "flushing {bar:30} {human_pos} of {human_len} rows, {per_sec}, {eta} left",
    );
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
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
        ("revocation events", counts.revocations),
        ("panel sessions", counts.browser_sessions),
        ("one-time links", counts.set_up_links),
        ("deliveries", counts.deliveries),
        ("device tokens", counts.device_tokens),
        ("signing keys", counts.signing_keys),
        ("tokens of Django", counts.django_tokens),
        ("second factor challenges", counts.second_factor_challenges),
        ("passkey challenges", counts.passkey_challenges),
        ("webhook deliveries", counts.webhook_deliveries),
        ("idempotency keys", counts.idempotency_keys),
        ("ended jobs", counts.jobs),
        ("audit events", counts.audit_events),
    ];
    for (name, rows) in rows {
        output::line(&format!("{rows:>10}  {name}"))?;
    }
    output::line(&format!("{:>10}  expired rows {done}", counts.total()))
}

/// Limit of what is read from standard input, in bytes; far above the longest token.
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
    let store = bootstrap::read_only_store(&config)?;
    let master = load_keys::required_master_keys(&config)?;
    let ring = load_keys::existing_signing_keys(&config, &store, &master).await?;
    let keys = load_keys::with_django(&config, master, ring)?;
    let services = bootstrap::start(config, store, keys, Channel::Console, None)?;
    let verified = match bearer::verify(&services, token).await {
        Err(Error::Token(TokenError::OtherOwner)) => {
            access::verify(&services, token).await.map(drop)
        }
        result => result.map(drop),
    };
    let (accepted, sentence) = match verified {
        Ok(()) => (true, "it would be accepted now".to_owned()),
        Err(error) => (false, CliError::from(error).to_string()),
    };
    let now = services.clock.now();
    let is_of_django = services.tokens.examine(token, None, now).is_err()
        && services.tokens.examine_django(token, now).is_some();
    let sentence = if is_of_django {
        format!("{sentence} (signed by Django)")
    } else {
        sentence
    };
    let (header, claims) = unverified_parts(token).unwrap_or_default();
    let code = ExitCode::from(u8::from(!accepted));
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
    let result = if accepted { "accepted" } else { "refused" };
    output::line(&format!("{result}: {sentence}"))?;
    Ok(code)
}

fn print_part(title: &str, part: &Map<String, Value>) -> Result<(), CliError> {
    output::line(title)?;
    for (name, value) in part {
        let is_time = matches!(name.as_str(), "exp" | "iat" | "nbf");
        let readable = value
            .as_i64()
            .filter(|_| is_time)
            .and_then(Timestamp::from_unix_seconds)
            .map_or_else(String::new, |time| format!("  {time}"));
        // The token's contents are unverified: they must not control the terminal.
        let (name, value) = (output::sanitize(name), output::sanitize(&value.to_string()));
        output::line(&format!("  {name:<12} {value}{readable}"))?;
    }
    Ok(())
}
