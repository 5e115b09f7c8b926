//! The two lanes in which passwords are hashed. Known devices and authenticated callers have queue and threads of their own,
//! so that no flood of strangers delays them, and those threads have the usual priority. The threads for strangers have a
//! low one: other work gets the cores first.

use std::{io, time::Instant};

use crate::config::LoginConfig;
use crate::services::passwords::queue::Queue;
use crate::traces::{Kind, child};
use crate::worker_pool::{PoolFigures, PoolSettings, WorkError, WorkerPool, cores};

/// The lane of a caller, and the group with which it shares its turns there.
#[derive(Clone, Debug)]
pub enum Priority {
    /// A known device or an authenticated caller, by account.
    Account(String),
    /// Any other caller, by network.
    Network(String),
}

/// Known devices and authenticated callers have one of this many places of the queue.
const SHARE: usize = 4;

/// Both lanes. Clones share them.
#[derive(Clone)]
pub(super) struct Lanes {
    accounts: Lane,
    networks: Lane,
}

#[derive(Clone)]
struct Lane {
    pool: WorkerPool<()>,
    queue: Queue,
}

impl Lanes {
    /// Starts the threads: `hash_threads` for strangers, half as many for the others.
    ///
    /// # Errors
    /// When the operating system cannot start a thread.
    pub(super) fn start(login: &LoginConfig) -> io::Result<Self> {
        let threads = match login.hash_threads {
            0 => cores(),
            threads => threads,
        };
        let of_accounts = login.hash_queue.div_ceil(SHARE);
        let of_networks = login.hash_queue.saturating_sub(of_accounts).max(1);
        let pool = |name, threads, low_priority| PoolSettings {
            name,
            threads,
            // They wait in front of the pool, for a thread.
            max_waiting: threads,
            timeout: login.hash_deadline.get(),
            low_priority,
        };
        Ok(Self {
            accounts: Lane::start(pool("known-hash", threads.div_ceil(2), false), of_accounts)?,
            networks: Lane::start(pool("hash", threads, true), of_networks)?,
        })
    }

    /// Waits for a thread of the caller's lane, and runs `work` on it.
    ///
    /// # Errors
    /// [`WorkError`].
    pub(super) async fn run<T: Send + 'static>(
        &self,
        priority: Priority,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, WorkError> {
        let mut span = child("hash", Kind::Internal);
        let (lane, group) = match priority {
            Priority::Account(account) => (&self.accounts, account),
            Priority::Network(network) => (&self.networks, network),
        };
        let asked = Instant::now();
        let turn = lane.queue.turn(group).await;
        if let Some(span) = &mut span {
            span.set("munjigi.wait_us", asked.elapsed());
            if turn.is_err() {
                span.fail();
            }
        }
        let turn = turn?;
        let job = move |(): &mut ()| {
            let done = work();
            drop(turn);
            done
        };
        lane.pool.run(job).await
    }
}

impl Lanes {
    /// How the threads of each lane are used, for metrics.
    pub(super) fn figures(&self) -> [(&'static str, PoolFigures); 2] {
        [
            ("known", self.accounts.queue.figures()),
            ("other", self.networks.queue.figures()),
        ]
    }
}

impl Lane {
    fn start(pool: PoolSettings, places: usize) -> io::Result<Self> {
        Ok(Self {
            queue: Queue::new(pool.threads, places, pool.timeout),
            pool: WorkerPool::start(pool, || ())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn strangers_that_fill_all_threads_and_places_delay_no_known_device() {
        let login = LoginConfig {
            hash_threads: 1,
            hash_queue: 4,
            ..LoginConfig::default()
        };
        let lanes = Lanes::start(&login).unwrap();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let network = |name: &str| Priority::Network(name.to_owned());
        let running = tokio::spawn({
            let (lanes, priority) = (lanes.clone(), network("a"));
            async move { lanes.run(priority, move || released.recv().is_ok()).await }
        });
        tokio::task::yield_now().await;
        let mut waiting = Vec::new();
        for name in ["a", "b", "c"] {
            let (lanes, priority) = (lanes.clone(), network(name));
            waiting.push(tokio::spawn(
                async move { lanes.run(priority, || ()).await },
            ));
            tokio::task::yield_now().await;
        }
        let further = lanes.run(network("d"), || ()).await;
        assert_eq!(further, Err(WorkError::Overloaded));
        for account in ["ann", "bob", "ann"] {
            let known = Priority::Account(account.to_owned());
            assert_eq!(lanes.run(known, || 1).await, Ok(1));
        }
        release.send(()).unwrap();
        assert_eq!(running.await.unwrap(), Ok(true));
        for task in waiting {
            assert_eq!(task.await.unwrap(), Ok(()));
        }
    }
}
