//! When each service last authenticated, for administrators. It is written in the background, at most once a minute for each
//! service and instance.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use crate::clock::Timestamp;
use crate::domain::principal::UserSeq;
use crate::services::mutex::lock;
use crate::store::{Store, services as table};

/// How often the use of one service is written.
const WRITE_EVERY: Duration = Duration::from_mins(1);

/// The times that were written last.
#[derive(Default)]
pub struct LastUse(Mutex<HashMap<UserSeq, Timestamp>>);

impl LastUse {
    /// Records that a service authenticated.
    pub(super) fn record(&self, store: &Store, service: UserSeq, now: Timestamp) {
        if !self.is_due(service, now) {
            return;
        }
        let store = store.clone();
        tokio::spawn(async move {
            let write = move |connection: &mut _| table::record_use(connection, service, now);
            if let Err(error) = store.write_statement(write).await {
                tracing::warn!(%error, "the last use of a service cannot be written");
            }
        });
    }

    /// Whether the use is to be written; if so, the next one is a while later.
    fn is_due(&self, service: UserSeq, now: Timestamp) -> bool {
        let mut written = lock(&self.0);
        let is_due = written
            .get(&service)
            .is_none_or(|at| now < *at || now.since(*at) >= WRITE_EVERY);
        if is_due {
            written.insert(service, now);
        }
        is_due
    }
}
