//! Open-loop load: requests at fixed times, independent of earlier responses. Latency is measured from the scheduled time,
//! which avoids coordinated omission.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::{Result, http::BlockingConnection};

/// Time between two requests: 200 requests per second.
const INTERVAL: Duration = Duration::from_millis(5);
/// Threads that send the requests in turn. Each sleeps until its next request, which is more precise than a timer wheel.
const THREADS: u32 = 16;

/// Sends the request at each interval for `duration` and returns the latencies.
pub fn latencies(address: SocketAddr, request: &[u8], duration: Duration) -> Result<Vec<Duration>> {
    let start = Instant::now() + Duration::from_millis(50);
    let end = start + duration;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|first| {
                scope.spawn(move || {
                    let mut connection = BlockingConnection::open(address)?;
                    let mut latencies = Vec::new();
                    let mut due = start + INTERVAL * first;
                    while due < end {
                        std::thread::sleep(due.saturating_duration_since(Instant::now()));
                        connection.exchange(request)?.expect(200)?;
                        latencies.push(due.elapsed());
                        due += INTERVAL * THREADS;
                    }
                    Ok::<_, crate::Failure>(latencies)
                })
            })
            .collect();
        let mut all = Vec::new();
        for thread in threads {
            all.extend(thread.join().map_err(|_| "a load thread panicked")??);
        }
        Ok(all)
    })
}
