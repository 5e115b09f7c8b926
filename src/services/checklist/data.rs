//! What is in the database: clocks, the flush, hashes, administrators.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::{Check, Finding, advice, ok, problem, told, unseen};
use crate::{
    clock::Timestamp,
    domain::job::JobState,
    services::{
        Error, Services,
        flush::{last_flush, waiting},
    },
    store::checks::{self, Administrator},
};

/// Clocks that are further apart make tokens of the one not yet valid for the other.
const APART: Duration = Duration::from_secs(1);
const FAR_APART: Duration = Duration::from_secs(5);
/// An administrator who has not logged in for so long perhaps needs to be none.
const IDLE: Duration = Duration::from_hours(24 * 90);
/// How many of them are named.
const NAMED: usize = 10;

pub(super) async fn check(services: &Services) -> Vec<Finding> {
    let mut findings = vec![
        clock(services).await,
        flush(services).await,
        hashes(services).await,
    ];
    findings.extend(administrators(services).await);
    findings
}

async fn clock(services: &Services) -> Finding {
    let before = services.clock.now();
    let theirs = match services.store.read(checks::database_clock).await {
        Ok(theirs) => theirs,
        Err(error) => return unseen(Check::Clock, &error),
    };
    let after = services.clock.now();
    let apart = if theirs < before {
        before.since(theirs)
    } else {
        // What was waited for the answer is no difference.
        theirs.since(after)
    };
    if apart > FAR_APART {
        problem(Check::Clock, "far").with(told(apart))
    } else if apart > APART {
        advice(Check::Clock, "apart").with(told(apart))
    } else {
        ok(Check::Clock, "together")
    }
}

async fn flush(services: &Services) -> Finding {
    let (waits, last) = match tokio::join!(waiting(services), last_flush(services)) {
        (Ok(waits), Ok(last)) => (waits, last),
        (Err(error), _) | (_, Err(error)) => return unseen(Check::Flush, &error),
    };
    let patience = services.config.flush.interval.get() * 3;
    let is_late = waits
        .since
        .is_some_and(|at| services.clock.now() > at + patience);
    if last.is_some_and(|job| job.state == JobState::Failed) {
        problem(Check::Flush, "failed")
    } else if is_late {
        problem(Check::Flush, "late").with(waits.total.rows)
    } else {
        ok(Check::Flush, "current").with(waits.total.rows)
    }
}

/// How many stored hashes there are, and how many of them are cheaper than the configured cost: counted again when they
/// are older than ten minutes, as all accounts have to be looked at.
#[derive(Default)]
pub struct HashCounts(Mutex<Option<(Timestamp, i64, i64)>>);

impl HashCounts {
    /// How long a count is told again.
    const GOOD_FOR: Duration = Duration::from_mins(10);

    async fn get(&self, services: &Services) -> Result<(i64, i64), Error> {
        let now = services.clock.now();
        let kept = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, cheap, all)) = kept.filter(|(at, ..)| now < *at + Self::GOOD_FOR) {
            return Ok((cheap, all));
        }
        let cost = services.config.login.bcrypt_cost;
        let (cheap, all) = services
            .store
            .look_through(move |connection| checks::count_hashes(connection, cost))
            .await?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, cheap, all));
        Ok((cheap, all))
    }
}

async fn hashes(services: &Services) -> Finding {
    match services.hash_counts.get(services).await {
        Ok((0, all)) => ok(Check::StoredHashes, "current").with(all),
        Ok((cheap, all)) => advice(Check::StoredHashes, "cheap").with(cheap).and(all),
        Err(error) => unseen(Check::StoredHashes, &error),
    }
}

async fn administrators(services: &Services) -> Vec<Finding> {
    let found = services.store.read(checks::list_administrators).await;
    let all = match found {
        Ok(all) => all,
        Err(error) => return vec![unseen(Check::Administrators, &error)],
    };
    let number = match all.len() {
        0 => problem(Check::Administrators, "none"),
        1 => advice(Check::Administrators, "one"),
        number => ok(Check::Administrators, "several").with(number),
    };
    if all.is_empty() {
        return vec![number];
    }
    vec![number, idle(&all, services.clock.now())]
}

fn idle(all: &[Administrator], now: Timestamp) -> Finding {
    let idle: Vec<&str> = all
        .iter()
        .filter(|one| now > one.last_login_at.unwrap_or(one.created_at) + IDLE)
        .map(|one| one.email.as_str())
        .collect();
    if idle.is_empty() {
        return ok(Check::IdleAdministrators, "none");
    }
    let mut named = idle[..idle.len().min(NAMED)].join(", ");
    if idle.len() > NAMED {
        named.push_str(", …");
    }
    advice(Check::IdleAdministrators, "idle")
        .with(idle.len())
        .and(named)
}
