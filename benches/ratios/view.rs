//! What is revoked, kept in memory: what a million ended sessions take, and what looking into them costs against looking
//! into nothing.

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
    workplace::Workplace,
};

/// How many sessions ended within the life of an access token.
const ENDED: u32 = 1_000_000;
/// The bare numbers of an entry: the session's 16 bytes, when it is forgotten, and why it ended.
const BARE: f64 = 21.0;
/// What an entry may take, in bytes.
const LIMIT: f64 = 100.0;

/// Bytes for each entry, and nanoseconds for each look.
pub fn measure(options: &Options, _: &Workplace) -> Result<Vec<Row>> {
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
        return Err("ids came twice".into());
    }
    let memory = Row::ratio(
        "memory of an ended session",
        "B",
        &[each],
        &[BARE],
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
    let name = "a live session looked for among a million ended ones";
    Ok(vec![
        memory,
        Row::ratio(name, "ns", &subject, &baseline, Target::None),
    ])
}

fn nanoseconds(view: &RevocationCache, sessions: &[SessionId]) -> f64 {
    let begun = Instant::now();
    for session in sessions {
        black_box(view.ended(black_box(session)));
    }
    begun.elapsed().as_secs_f64() * 1e9 / f64::from(ENDED)
}

/// The memory of this process that is really there (`/proc/self/statm`, Linux only).
fn resident_bytes() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages = text.split_whitespace().nth(1).ok_or("no statm")?;
    Ok(pages.parse::<f64>()? * 4096.0)
}
