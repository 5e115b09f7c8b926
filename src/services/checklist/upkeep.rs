//! The database, its files, and background tasks: the schema, the flush, the clock, the audit log and the log.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::config::{Config, LogLevel, Span};
use crate::domain::job::JobState;
use crate::services::audit_chain::chain::ChainError;
use crate::services::audit_chain::state::ChainState;
use crate::services::checklist::check::{Check, Level};
use crate::services::checklist::files::{DataFiles, FileInfo};
use crate::services::checklist::finding::Finding;
use crate::services::checklist::inputs::Inputs;
use crate::services::checklist::rows::{FlushState, MAX_FAILED};
use crate::services::checklist::text::LocalizedText;
use crate::services::checklist::unknown::Unknown;
use crate::store::engine::file_access::Unwritable;
use crate::store::engine::migrations::SchemaStatus;
use crate::store::engine::preconditions::PostgresState;

/// How many intervals may pass without a flush: one may be skipped because the clock jumped, one because another flush ran.
const INTERVALS: u32 = 3;
/// The length of a secret for HS256 in bytes (RFC 7518 section 3.2).
const MIN_SECRET: usize = 32;
const SKEW: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));

pub(super) fn findings(inputs: &Inputs) -> Vec<Finding> {
    let (config, rows, now) = (inputs.config, &inputs.rows, inputs.now);
    vec![
        Unknown::or(Check::Database, &rows.schema, |schema| {
            database(schema, rows.postgres.as_ref())
        }),
        Unknown::or(Check::Flush, &rows.flush, |state| flush(inputs, state)),
        Unknown::or(Check::Clock, &rows.clock, |skew| clock(*skew)),
        Unknown::or(Check::FailedDeliveries, &rows.failed, |failed| {
            failed_deliveries(*failed)
        }),
        data_files(&inputs.data),
        Unknown::or(Check::AuditChain, &rows.chain, |state| {
            audit_chain(state, now)
        }),
        Unknown::or(Check::AuditCheckpoint, &rows.chain, audit_checkpoint),
        audit_retention(config),
        if config.django.has_key() {
            let both = inputs
                .django_key
                .as_ref()
                .and_then(|length| rows.django.as_ref().map(|last| (*length, *last)));
            match both {
                Ok((length, last)) => django_key(config, length, last, now),
                Err(unknown) => unknown.finding(Check::DjangoKey),
            }
        } else {
            Finding::ok(Check::DjangoKey, "common.not_used")
        },
        log_level(config),
    ]
}

/// The key of Django is needed until the last token has expired that can be exchanged.
fn django_key(
    config: &Config,
    length: Option<usize>,
    last: Option<Timestamp>,
    now: Timestamp,
) -> Finding {
    let check = Check::DjangoKey;
    if let Some(last) = last.filter(|last| *last > now) {
        if let Some(bytes) = length.filter(|length| *length < MIN_SECRET) {
            let found = LocalizedText::new("django_key.short").with("bytes", bytes);
            let found = found.with("at", last.whole_seconds());
            return Finding::new(check, Level::Advice, found, "django_key.advice_short");
        }
        let found = LocalizedText::new("django_key.needed").with("at", last.whole_seconds());
        return Finding::ok(check, found);
    }
    if config.django.accept_unbooked {
        return Finding::new(
            check,
            Level::Advice,
            "django_key.unbooked",
            "django_key.advice_unbooked",
        );
    }
    Finding::new(
        check,
        Level::Advice,
        "django_key.unneeded",
        "django_key.advice",
    )
}

fn database(schema: &SchemaStatus, postgres: Option<&PostgresState>) -> Finding {
    let check = Check::Database;
    let (found, advice) = match schema {
        SchemaStatus::UpToDate => {
            return postgres
                .and_then(unsuitable)
                .unwrap_or_else(|| Finding::ok(check, "database.up_to_date"));
        }
        SchemaStatus::Empty => return Unknown::NoTables.finding(check),
        SchemaStatus::Behind(count) => (
            LocalizedText::new("database.behind").with("count", count),
            "database.advice_behind",
        ),
        SchemaStatus::Ahead(version) => (
            LocalizedText::new("database.ahead").with("version", version),
            "database.advice_ahead",
        ),
    };
    Finding::new(check, Level::Problem, found, advice)
}

/// What the server needs or would use, and the Postgres database does not have.
fn unsuitable(postgres: &PostgresState) -> Option<Finding> {
    let (level, found, advice) = if !postgres.stores_every_text() {
        let advice = "database.advice_encoding";
        (Level::Problem, "database.encoding", advice)
    } else if !postgres.accepts_writes {
        let advice = "database.advice_read_only";
        (Level::Problem, "database.read_only", advice)
    } else if postgres.encoding != "UTF8" {
        let advice = "database.advice_encoding_unchecked";
        (Level::Advice, "database.encoding", advice)
    } else if !postgres.has_search_indexes {
        let advice = "database.advice_search_indexes";
        (Level::Advice, "database.no_search_indexes", advice)
    } else {
        return None;
    };
    let found = LocalizedText::new(found).with("encoding", &postgres.encoding);
    Some(Finding::new(Check::Database, level, found, advice))
}

fn flush(inputs: &Inputs, flush: &FlushState) -> Finding {
    let check = Check::Flush;
    let problem = |found, advice: &str| Finding::new(check, Level::Problem, found, advice);
    let long = inputs.config.flush.interval.get() * INTERVALS;
    if flush.is_running {
        return Finding::ok(check, "flush.running");
    }
    let last = flush.last.as_ref();
    let ended = last.and_then(|job| job.finished_at);
    let ago = ended.map_or_else(
        || "–".to_owned(),
        |at| age(inputs.now.since(at)).to_string(),
    );
    if last.is_some_and(|job| job.state == JobState::Failed) {
        let found = LocalizedText::new("flush.failed").with("ago", ago);
        return problem(found, "flush.advice_failed");
    }
    // A server that was just started has not flushed yet.
    let had_time = inputs.uptime.is_none_or(|uptime| uptime > long);
    let waits = flush.backlog.since.map(|since| inputs.now.since(since));
    if let Some(waits) = waits.filter(|waits| *waits > long && had_time) {
        let sign = if flush.backlog.total.more { "+" } else { "" };
        let found = LocalizedText::new("flush.waits")
            .with("rows", format!("{}{sign}", flush.backlog.total.rows))
            .with("time", age(waits));
        return problem(found, "flush.advice_waits");
    }
    // Only a running server knows how long it has been running.
    let runs_long = inputs.uptime.is_some_and(|uptime| uptime > long);
    if runs_long && ended.is_none_or(|at| inputs.now.since(at) > long) {
        let found = LocalizedText::new("flush.long_ago").with("ago", ago);
        return problem(found, "flush.advice_waits");
    }
    let found = match ended {
        Some(_) => LocalizedText::new("flush.ended").with("ago", ago),
        None => LocalizedText::new("flush.nothing"),
    };
    Finding::ok(check, found)
}

fn clock(skew: Option<Duration>) -> Finding {
    let check = Check::Clock;
    let Some(skew) = skew else {
        return Finding::ok(check, "clock.same_machine");
    };
    let millis = u64::try_from(skew.as_millis()).unwrap_or(u64::MAX);
    let found = LocalizedText::new("clock.found").with("skew", Span::millis(millis));
    Finding::new(check, Level::up_to(skew, SKEW), found, "clock.advice")
}

fn data_files(files: &DataFiles) -> Finding {
    let check = Check::DataFiles;
    if let Some(unknown) = files.unreadable.first() {
        return unknown.finding(check);
    }
    if let Some(unwritable) = &files.unwritable {
        return not_writable(unwritable);
    }
    let directory = files.directory.as_ref();
    let open_directory = directory.filter(|file| file.mode & 0o022 != 0);
    // A file cannot be reached if its directory cannot be entered.
    let is_open = |(file, directory): &&(FileInfo, FileInfo)| {
        let others_reach_it = file.mode & 0o006 != 0 && directory.mode & 0o001 != 0;
        // With write access to the directory the file can be replaced.
        others_reach_it || directory.mode & 0o002 != 0
    };
    let open_file = || Some(&files.database.iter().find(is_open)?.0);
    let Some(open) = open_directory.or_else(open_file) else {
        return Finding::ok(check, "data_files.closed");
    };
    let found = LocalizedText::new("data_files.open")
        .with("path", open.path.display())
        .with("mode", open.mode());
    let advice = LocalizedText::new("data_files.advice").with("path", open.path.display());
    Finding::new(check, Level::Problem, found, advice)
}

fn not_writable(file: &Unwritable) -> Finding {
    let (found, advice) = if file.on_read_only_file_system {
        let advice = "data_files.advice_read_only_file_system";
        ("data_files.read_only_file_system", advice)
    } else {
        ("data_files.unwritable", "data_files.advice_unwritable")
    };
    let with_names = |text| {
        LocalizedText::new(text)
            .with("path", file.path.display())
            .with("owner", &file.owner)
            .with("user", &file.user)
            .with("mode", format!("{:04o}", file.mode))
    };
    let (found, advice) = (with_names(found), with_names(advice));
    Finding::new(Check::DataFiles, Level::Problem, found, advice)
}

/// An event that is pending for longer shows that no server links events.
const LINKED_WITHIN: Duration = Duration::from_mins(1);
/// Intrusions are often discovered months later.
const KEPT: Span = Span::days(365);

fn audit_chain(state: &ChainState, now: Timestamp) -> Finding {
    let check = Check::AuditChain;
    if let Some(error) = state.error {
        let (found, advice) = match error {
            ChainError::Missing => ("audit_chain.missing", "audit_chain.advice"),
            ChainError::Unmarked => ("audit_chain.unmarked", "audit_chain.advice"),
            ChainError::InvalidMac => ("audit_chain.invalid_mac", "audit_chain.advice"),
            ChainError::AnotherKey => ("audit_chain.another_key", "audit_chain.advice_key"),
            ChainError::PositionTaken => ("audit_chain.position_taken", "audit_chain.advice"),
            ChainError::RolledBack => ("audit_chain.rolled_back", "audit_chain.advice_copy"),
            ChainError::OldEventChanged => ("audit_chain.old_event_changed", "audit_chain.advice"),
        };
        return Finding::new(check, Level::Problem, found, advice);
    }
    let waits = state.pending_since.map(|at| now.since(at));
    if let Some(waits) = waits.filter(|waits| *waits > LINKED_WITHIN && !state.to_adopt) {
        let found = LocalizedText::new("audit_chain.pending")
            .with("events", state.pending)
            .with("time", age(waits));
        let advice = "audit_chain.advice_pending";
        return Finding::new(check, Level::Problem, found, advice);
    }
    let found = LocalizedText::new("audit_chain.linked").with("events", state.linked);
    Finding::ok(check, found)
}

/// Without a checkpoint outside the database, all events can be replaced by an older copy of them.
fn audit_checkpoint(state: &ChainState) -> Finding {
    let check = Check::AuditCheckpoint;
    if state.keeps_checkpoint {
        Finding::ok(check, "audit_checkpoint.kept")
    } else if state.linked == 0 {
        Finding::ok(check, "audit_checkpoint.no_events")
    } else {
        let found = "audit_checkpoint.missing";
        Finding::new(check, Level::Problem, found, "audit_checkpoint.advice")
    }
}

fn failed_deliveries(failed: i64) -> Finding {
    let check = Check::FailedDeliveries;
    if failed == 0 {
        return Finding::ok(check, "failed_deliveries.none");
    }
    let key = if failed < MAX_FAILED {
        "failed_deliveries.found"
    } else {
        "failed_deliveries.more"
    };
    let found = LocalizedText::new(key).with("count", failed);
    Finding::new(check, Level::Advice, found, "failed_deliveries.advice")
}

fn audit_retention(config: &Config) -> Finding {
    let (check, kept) = (Check::AuditRetention, config.audit.keep_for);
    let (level, found) = (Level::Advice.when(kept < KEPT), LocalizedText::value(kept));
    Finding::new(check, level, found, "audit_retention.advice")
}

fn log_level(config: &Config) -> Finding {
    let level = match config.log.level {
        LogLevel::Debug | LogLevel::Trace => Level::Advice,
        LogLevel::Error | LogLevel::Warn | LogLevel::Info => Level::Ok,
    };
    let found = LocalizedText::value(config.log.level.as_str());
    Finding::new(Check::LogLevel, level, found, "log_level.advice")
}

/// A duration in its two greatest units.
fn age(duration: Duration) -> Span {
    let seconds = duration.as_secs();
    let least = match seconds {
        86_400.. => 3_600,
        3_600.. => 60,
        _ => 1,
    };
    Span::seconds(seconds - seconds % least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_shown_in_two_units() {
        for (seconds, shown) in [(0, "0s"), (61, "1m1s"), (3_661, "1h1m"), (90_061, "1d1h")] {
            assert_eq!(age(Duration::from_secs(seconds)).to_string(), shown);
        }
    }
}
