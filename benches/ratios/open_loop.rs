//! Open loop: requests at fixed times, whatever became of those before. Latency counts from the instant a request was due,
//! so that a server that stands still cannot hide it by keeping the next request from being sent.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::{Result, exchange::Caller};

/// The time from one request to the next: 200 of them each second.
const INTERVAL: Duration = Duration::from_millis(5);
/// Threads that take turns; each sleeps until its own request is due, more precisely than a timer wheel would.
const THREADS: u32 = 16;

/// Sends a request at every interval for so long; the latency of each.
pub fn latencies(address: SocketAddr, request: &[u8], turn: Duration) -> Result<Vec<Duration>> {
    let began = Instant::now() + Duration::from_millis(50);
    let end = began + turn;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|first| {
                scope.spawn(move || {
                    let mut caller = Caller::open(address)?;
                    let mut latencies = Vec::new();
                    let mut due = began + INTERVAL * first;
                    while due < end {
                        std::thread::sleep(due.saturating_duration_since(Instant::now()));
                        caller.exchange(request)?.expect(200)?;
                        latencies.push(due.elapsed());
                        due += INTERVAL * THREADS;
                    }
                    Ok::<_, crate::Failure>(latencies)
                })
            })
            .collect();
        let mut all = Vec::new();
        for thread in threads {
            all.extend(thread.join().map_err(|_| "a probe panicked")??);
        }
        Ok(all)
    })
}
