//! The background jobs of this process: where they run, and how they are stopped.

use std::{sync::Mutex, time::Duration};

use tokio::{runtime::Handle, sync::watch, task::JoinHandle};

use crate::clock::{Clock, Timestamp};
use crate::domain::session::JobId;
use crate::services::maintenance::job_runner::{Work, run};
use crate::services::mutex::lock;
use crate::store::Store;

/// The background jobs of this process.
pub struct Jobs {
    /// The runtime that this was created on. It outlives the server's workers.
    runtime: Option<Handle>,
    stopping: watch::Sender<bool>,
    next_flush: Mutex<Option<Timestamp>>,
}

impl Default for Jobs {
    fn default() -> Self {
        Self {
            runtime: Handle::try_current().ok(),
            stopping: watch::Sender::new(false),
            next_flush: Mutex::default(),
        }
    }
}

impl Jobs {
    /// Asks all jobs of this process to stop before their next batch. [`Jobs::drain`] waits until they have.
    pub fn stop_all(&self) {
        self.stopping.send_replace(true);
    }

    /// Waits until no job of this process is running, for at most this time.
    pub async fn drain(&self, at_most: Duration) {
        // Each job holds a receiver as long as it runs.
        let _ = tokio::time::timeout(at_most, self.stopping.closed()).await;
    }

    /// Becomes `true` when the jobs of this process are to stop.
    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    pub(crate) fn next_flush(&self) -> Option<Timestamp> {
        *lock(&self.next_flush)
    }

    pub(crate) fn set_next_flush(&self, at: Timestamp) {
        *lock(&self.next_flush) = Some(at);
    }

    /// Runs a job in the background.
    pub(crate) fn spawn(
        &self,
        store: Store,
        clock: Clock,
        id: JobId,
        mut work: impl Work,
    ) -> JoinHandle<()> {
        let stopping = self.stopping();
        let job = async move {
            // An error is in the job's row and in the log.
            let _ = run(&store, &clock, &id, &mut work, stopping, |_, _| ()).await;
        };
        match &self.runtime {
            Some(runtime) => runtime.spawn(job),
            None => tokio::spawn(job),
        }
    }
}
