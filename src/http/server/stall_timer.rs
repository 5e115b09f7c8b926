//! The deadline of a transfer that makes no progress.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

/// Runs while a transfer waits.
#[derive(Default)]
pub(super) struct StallTimer(Option<Pin<Box<Sleep>>>);

impl StallTimer {
    /// Whether the transfer with this outcome has been pending for `limit`. Otherwise the task is woken by then.
    pub(super) fn has_expired<T>(
        &mut self,
        cx: &mut Context<'_>,
        outcome: &Poll<T>,
        limit: Duration,
    ) -> bool {
        if outcome.is_ready() {
            self.0 = None;
            return false;
        }
        let timer = self
            .0
            .get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + limit)));
        timer.as_mut().poll(cx).is_ready()
    }
}
