//! The database, its files, and what goes on by itself: the schema, the flush, the clock, the log.

use std::time::Duration;

use crate::{
    config::{Config, LogLevel, Span},
    domain::job::JobState,
    services::{
        audit_chain::chain::ChainError,
        checklist::{
            check::{Check, Level},
            finding::{Finding, LocalizedText},
            rows::FlushSeen,
            seen::{DataFiles, File, Seen, Unknown},
        },
    },
    store::engine::migrations::SchemaStatus,
};

/// How many intervals may pass without a flush: one may be left out for a clock that jumped, one for another that ran.
const INTERVALS: u32 = 3;
const SKEW: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));

pub(super) fn findings(seen: &Seen) -> Vec<Finding> {
    vec![
        database(seen),
        flush(seen),
        clock(seen),
        data_files(&seen.data),
        record_seal(seen),
        record_kept(seen.config),
        log_level(seen.config),
    ]
}

fn database(seen: &Seen) -> Finding {
    let check = Check::Database;
    let (found, advice) = match &seen.rows.standing {
        Err(unknown) => return unknown.finding(check),
        Ok(SchemaStatus::UpToDate) => {
            return Finding::ok(check, LocalizedText::new("database.up_to_date"));
        }
        Ok(SchemaStatus::Empty) => return Unknown::NoTables.finding(check),
        Ok(SchemaStatus::Behind(count)) => (
            LocalizedText::new("database.behind").with("count", count),
            "database.advice_behind",
        ),
        Ok(SchemaStatus::Ahead(version)) => (
            LocalizedText::new("database.ahead").with("version", version),
            "database.advice_ahead",
        ),
    };
    Finding::new(check, Level::Problem, found, LocalizedText::new(advice))
}

fn flush(seen: &Seen) -> Finding {
    match &seen.rows.flush {
        Err(unknown) => unknown.finding(Check::Flush),
        Ok(flush) => judge_flush(seen, flush),
    }
}

fn judge_flush(seen: &Seen, flush: &FlushSeen) -> Finding {
    let check = Check::Flush;
    let problem = |found, advice: &str| {
        Finding::new(check, Level::Problem, found, LocalizedText::new(advice))
    };
    let long = seen.config.flush.interval.get() * INTERVALS;
    if flush.is_running {
        return Finding::ok(check, LocalizedText::new("flush.running"));
    }
    let ended = flush.last.as_ref().and_then(|job| job.finished_at);
    let ago = ended.map_or_else(|| "–".to_owned(), |at| age(seen.now.since(at)).to_string());
    if flush
        .last
        .as_ref()
        .is_some_and(|job| job.state == JobState::Failed)
    {
        let found = LocalizedText::new("flush.failed").with("ago", ago);
        return problem(found, "flush.advice_failed");
    }
    // A server that was only just started has had no time for it.
    let had_time = seen.uptime.is_none_or(|uptime| uptime > long);
    let waits = flush.waiting.since.map(|since| seen.now.since(since));
    if let Some(waits) = waits.filter(|waits| *waits > long && had_time) {
        let sign = if flush.waiting.total.more { "+" } else { "" };
        let found = LocalizedText::new("flush.waits")
            .with("rows", format!("{}{sign}", flush.waiting.total.rows))
            .with("time", age(waits));
        return problem(found, "flush.advice_waits");
    }
    // Only a server knows that it has been there the whole time.
    let runs_long = seen.uptime.is_some_and(|uptime| uptime > long);
    if runs_long && ended.is_none_or(|at| seen.now.since(at) > long) {
        let found = LocalizedText::new("flush.long_ago").with("ago", ago);
        return problem(found, "flush.advice_waits");
    }
    let found = match ended {
        Some(_) => LocalizedText::new("flush.ended").with("ago", ago),
        None => LocalizedText::new("flush.nothing"),
    };
    Finding::ok(check, found)
}

fn clock(seen: &Seen) -> Finding {
    let check = Check::Clock;
    match seen.rows.clock {
        Err(ref unknown) => unknown.finding(check),
        Ok(None) => Finding::ok(check, LocalizedText::new("clock.same_machine")),
        Ok(Some(skew)) => {
            let level = Level::up_to(&skew, &SKEW.0, &SKEW.1);
            let millis = u64::try_from(skew.as_millis()).unwrap_or(u64::MAX);
            let found = LocalizedText::new("clock.found").with("skew", Span::millis(millis));
            Finding::new(check, level, found, LocalizedText::new("clock.advice"))
        }
    }
}

fn data_files(files: &DataFiles) -> Finding {
    let check = Check::DataFiles;
    if let Some(unknown) = files.unseen.first() {
        return unknown.finding(check);
    }
    let problem = |path: String, mode: String| {
        let found = LocalizedText::new("data_files.open")
            .with("path", &path)
            .with("mode", mode);
        let advice = LocalizedText::new("data_files.advice").with("path", path);
        Finding::new(check, Level::Problem, found, advice)
    };
    if let Some(directory) = files
        .directory
        .as_ref()
        .filter(|file| file.mode & 0o022 != 0)
    {
        return problem(directory.path.display().to_string(), directory.mode());
    }
    // Who may not enter the directory does not get to the file.
    let is_open = |(file, directory): &&(File, File)| {
        let others_reach_it = file.mode & 0o006 != 0 && directory.mode & 0o001 != 0;
        // Who may write into the directory can put another file in its place.
        others_reach_it || directory.mode & 0o002 != 0
    };
    if let Some((file, _)) = files.database.iter().find(is_open) {
        return problem(file.path.display().to_string(), file.mode());
    }
    Finding::ok(check, LocalizedText::new("data_files.closed"))
}

/// What waits for its seal longer is waited for by nobody.
const SEALED_WITHIN: Duration = Duration::from_mins(1);
/// An intrusion is often found months later.
const KEPT: Span = Span::days(365);

fn record_seal(seen: &Seen) -> Finding {
    let check = Check::RecordSeal;
    let state = match &seen.rows.record {
        Err(unknown) => return unknown.finding(check),
        Ok(state) => state,
    };
    let problem = |found, advice: &str| {
        Finding::new(check, Level::Problem, found, LocalizedText::new(advice))
    };
    if let Some(trouble) = state.trouble {
        let (found, advice) = match trouble {
            ChainError::Gone => ("record_seal.gone", "record_seal.advice"),
            ChainError::NotOurs => ("record_seal.not_ours", "record_seal.advice"),
            ChainError::AnotherKey => ("record_seal.another_key", "record_seal.advice_key"),
            ChainError::Taken => ("record_seal.taken", "record_seal.advice"),
            ChainError::WentBack => ("record_seal.went_back", "record_seal.advice"),
            ChainError::OldEventChanged => ("record_seal.old_event_changed", "record_seal.advice"),
        };
        return problem(LocalizedText::new(found), advice);
    }
    let waits = state.waiting_since.map(|at| seen.now.since(at));
    if let Some(waits) = waits.filter(|waits| *waits > SEALED_WITHIN && !state.to_adopt) {
        let found = LocalizedText::new("record_seal.waits")
            .with("events", state.waiting)
            .with("time", age(waits));
        return problem(found, "record_seal.advice_waits");
    }
    Finding::ok(
        check,
        LocalizedText::new("record_seal.sealed").with("events", state.sealed),
    )
}

fn record_kept(config: &Config) -> Finding {
    let kept = config.audit.keep_for;
    let level = if kept < KEPT {
        Level::Advice
    } else {
        Level::Ok
    };
    Finding::new(
        Check::RecordKept,
        level,
        LocalizedText::value(kept),
        LocalizedText::new("record_kept.advice"),
    )
}

fn log_level(config: &Config) -> Finding {
    let level = match config.log.level {
        LogLevel::Debug | LogLevel::Trace => Level::Advice,
        LogLevel::Error | LogLevel::Warn | LogLevel::Info => Level::Ok,
    };
    let found = LocalizedText::value(config.log.level.as_str());
    Finding::new(
        Check::LogLevel,
        level,
        found,
        LocalizedText::new("log_level.advice"),
    )
}

/// A length of time in its two greatest units.
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
    fn an_age_is_told_in_two_units() {
        for (seconds, told) in [(0, "0s"), (61, "1m1s"), (3_661, "1h1m"), (90_061, "1d1h")] {
            assert_eq!(age(Duration::from_secs(seconds)).to_string(), told);
        }
    }
}
