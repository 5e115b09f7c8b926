//! A status list of 2^20 sessions: its size and the time to sign it, by how many of the sessions are marked. The baseline is
//! the list before it is compressed.

use std::time::{Duration, Instant};

use munjigi::{
    clock::Clock,
    config::{Algorithm, TokensConfig},
    domain::status_index::{LIST_SIZE, StatusIndex},
    services::revocations::status_marks::StatusMarks,
    tokens::{
        SigningKey, Tokens,
        status_list::{TYPE, claims},
    },
};

use crate::{
    Result,
    options::Options,
    statistics::millis,
    table::{Row, Target},
    work_dir::WorkDir,
};

/// How many of the sessions are marked.
const MARKED: [u32; 5] = [0, 1_000, 10_000, 100_000, LIST_SIZE / 2];

/// Measures the bytes of the signed list and the time from the marks to the signature.
pub fn measure(options: &Options, _: &WorkDir) -> Result<Vec<Row>> {
    let key = SigningKey::from_private_bytes(Algorithm::Hs256, &[7; 64])?;
    let tokens = Tokens::new(TokensConfig::default(), key);
    let mut rows = Vec::new();
    for marked in MARKED {
        let marks = marks(marked);
        let (mut sizes, mut times) = (Vec::new(), Vec::new());
        for _ in 0..options.rounds {
            let start = Instant::now();
            let bits = marks.of(0).bits;
            let hour = Duration::from_hours(1);
            let claims = claims("https://x/0", &bits, Clock::System.now(), hour, hour);
            let list = tokens.sign_statement(TYPE, &claims)?;
            times.push(millis(start.elapsed()));
            sizes.push(f64::from(u32::try_from(list.len())?) / 1024.0);
        }
        let name = format!("status list of 1,048,576 sessions, {marked} of them marked");
        let plain = vec![f64::from(LIST_SIZE) / 8.0 / 1024.0; sizes.len()];
        rows.push(Row::ratio(&name, "KiB", &sizes, &plain, Target::None));
        let name = format!("time to sign it, {marked} marked");
        let first = vec![times[0]; times.len()];
        rows.push(Row::ratio(&name, "ms", &times, &first, Target::None));
    }
    Ok(rows)
}

/// Marks `count` sessions at random places, the same in each run.
fn marks(count: u32) -> StatusMarks {
    let marks = StatusMarks::default();
    let mut places: Vec<u32> = (0..LIST_SIZE).collect();
    let mut state: u64 = 1;
    for first in 0..count {
        // Fisher and Yates, with xorshift64.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let other = first + u32::try_from(state % u64::from(LIST_SIZE - first)).unwrap_or(0);
        places.swap(first as usize, other as usize);
        if let Some(index) = StatusIndex::new(places[first as usize].into()) {
            marks.insert(index, Duration::ZERO, Duration::from_mins(30));
        }
    }
    marks
}
