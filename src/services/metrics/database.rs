//! Figures that are read from the database, shortly before they are exported.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::Mutex, time::timeout};

use crate::clock::Timestamp;
use crate::domain::signing_key::KeyState;
use crate::services::bootstrap::Services;
use crate::services::maintenance::flush::{Backlog, backlog_at};
use crate::store::{StoreError, signing_keys};

/// How long figures are exported without reading them again.
const REUSED_FOR: Duration = Duration::from_secs(1);
/// How long reading them may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The figures.
#[derive(Debug)]
pub(super) struct DatabaseFigures {
    /// The rows that the next flush would delete.
    pub(super) backlog: Backlog,
    /// The signing keys: their states, and since when the active one signs.
    pub(super) keys: Vec<(KeyState, Timestamp)>,
}

/// When figures were read, and what was read; `None` if they could not be read.
type Read = (Instant, Option<Arc<DatabaseFigures>>);

/// The figures that were read last.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<Option<Read>>);

impl Cache {
    /// The figures; `None` while they cannot be read.
    pub(super) async fn figures(&self, services: &Services) -> Option<Arc<DatabaseFigures>> {
        // One read at a time, however many ask.
        let mut last = self.0.lock().await;
        if let Some((at, figures)) = &*last
            && at.elapsed() < REUSED_FOR
        {
            return figures.clone();
        }
        let figures = match timeout(TIMEOUT, read(services)).await {
            Ok(Ok(figures)) => Some(Arc::new(figures)),
            Ok(Err(error)) => {
                tracing::warn!(%error, "figures for the metrics cannot be read");
                None
            }
            Err(_) => {
                tracing::warn!("figures for the metrics cannot be read in time");
                None
            }
        };
        *last = Some((Instant::now(), figures.clone()));
        figures
    }
}

async fn read(services: &Services) -> Result<DatabaseFigures, StoreError> {
    let now = services.clock.now();
    services
        .store
        .read_list(move |connection| {
            let keys = signing_keys::list(connection)?.into_iter();
            Ok(DatabaseFigures {
                backlog: backlog_at(connection, now)?,
                keys: keys
                    .map(|key| (key.state, key.activated_at.unwrap_or(key.created_at)))
                    .collect(),
            })
        })
        .await
}
