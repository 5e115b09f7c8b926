//! The revocation cache: memory for a million ended sessions, and the time of a lookup compared with an empty cache.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use munjigi::{
    clock::Clock,
    domain::session::{RevocationReason, SessionId},
    services::revocations::cache::RevocationCache,
};

use crate::{
    Result,
    options::Options,
    table::{Row, Target},
    work_dir::WorkDir,
};

/// Number of ended sessions.
const ENDED: u32 = 1_000_000;
/// Net size of an entry in bytes: session id, expiry, reason.
const NET_SIZE: f64 = 21.0;
/// Target size of an entry in bytes.
const LIMIT: f64 = 100.0;

/// Measures bytes per entry and nanoseconds per lookup.
pub fn measure(options: &Options, _: &WorkDir) -> Result<Vec<Row>> {
    let ids: Vec<SessionId> = (0..ENDED)
        .map(|_| SessionId::new(Clock::System.now()))
        .collect();
    let before = resident_bytes()?;
    let full = RevocationCache::default();
    for id in &ids {
        full.insert_ended(
            id,
            RevocationReason::Logout,
            Duration::ZERO,
            Duration::from_mins(35),
        );
    }
    let each = (resident_bytes()? - before) / f64::from(ENDED);
    if u32::try_from(full.len()) != Ok(ENDED) {
        return Err("duplicate ids".into());
    }
    let memory = Row::ratio(
        "memory of an ended session",
        "B",
        &[each],
        &[NET_SIZE],
        Target::None,
    )
    .with_target(&format!("< {LIMIT} B"), each < LIMIT);
    let empty = RevocationCache::default();
    let live: Vec<SessionId> = (0..ENDED)
        .map(|_| SessionId::new(Clock::System.now()))
        .collect();
    let (mut subject, mut baseline) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        subject.push(nanoseconds(&full, &live));
        baseline.push(nanoseconds(&empty, &live));
    }
    let name = "lookup of an active session among a million ended ones";
    Ok(vec![
        memory,
        Row::ratio(name, "ns", &subject, &baseline, Target::None),
    ])
}

fn nanoseconds(cache: &RevocationCache, sessions: &[SessionId]) -> f64 {
    let start = Instant::now();
    for session in sessions {
        black_box(cache.ended(black_box(session)));
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(ENDED)
}

/// Resident memory of this process in bytes (`/proc/self/statm`, Linux only).
fn resident_bytes() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages = text.split_whitespace().nth(1).ok_or("no statm")?;
    Ok(pages.parse::<f64>()? * 4096.0)
}
