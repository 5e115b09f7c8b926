//! Waiting for a state.

use std::time::{Duration, Instant};

/// The longest time that a test waits for a state: only a server that hangs reaches it, also on a busy machine.
pub const TIMEOUT: Duration = Duration::from_mins(2);

/// Polls until `state` returns a value. Fails after [`TIMEOUT`] with `what`.
pub async fn wait_until<T>(what: &str, mut state: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(value) = state().await {
            return value;
        }
        assert!(began.elapsed() < TIMEOUT, "still waiting for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
