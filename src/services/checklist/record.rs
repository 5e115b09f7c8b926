//! What is recorded and logged.

use std::time::Duration;

use super::{Check, Finding, advice, ok, problem, unseen};
use crate::{
    config::{Config, LogLevel, Span},
    services::{Services, audit},
};

/// What waits for its seal longer is waited for by nobody.
const LATE: Duration = Duration::from_mins(1);
/// What access records must be kept for at least.
const YEAR: Span = Span::days(365);

pub(super) fn check(config: &Config) -> Vec<Finding> {
    let kept = config.audit.keep_for;
    let finding = if kept < YEAR {
        advice(Check::RecordKept, "short")
    } else {
        ok(Check::RecordKept, "long")
    };
    let log = match config.log.level {
        LogLevel::Debug | LogLevel::Trace => advice(Check::Log, "talkative"),
        LogLevel::Error | LogLevel::Warn => advice(Check::Log, "silent"),
        LogLevel::Info => ok(Check::Log, "info"),
    };
    vec![finding.with(kept), log.with(config.log.level.as_str())]
}

/// Whether the record is sealed, as far as it shows without looking at each event.
pub(super) async fn check_seal(services: &Services) -> Finding {
    let state = match audit::state(&services.store, &services.recorder).await {
        Ok(state) => state,
        Err(error) => return unseen(Check::RecordSeal, &error),
    };
    let now = services.clock.now();
    let is_late = state.waiting_since.is_some_and(|at| now > at + LATE);
    if let Some(trouble) = state.trouble {
        problem(Check::RecordSeal, "broken").with(trouble)
    } else if state.to_adopt {
        ok(Check::RecordSeal, "adopting").with(state.sealed)
    } else if is_late {
        problem(Check::RecordSeal, "late").with(state.waiting)
    } else {
        ok(Check::RecordSeal, "sealed").with(state.sealed)
    }
}
