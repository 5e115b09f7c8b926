//! The signals that stop the server.

use std::{sync::atomic::Ordering, time::Duration};

use actix_web::dev::ServerHandle;
use futures_util::{FutureExt, future::join_all};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::error::CliError;
use crate::cli::service_manager;
use crate::services::Services;

/// After the first signal to stop, further ones within this time are repetitions of it.
const ECHO: Duration = Duration::from_secs(1);

/// SIGTERM and SIGINT. Once they are listened for, they no longer end the process by themselves.
pub(super) struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    pub(super) fn listen() -> Result<Self, CliError> {
        let listen = |kind| {
            signal(kind)
                .map_err(|error| CliError::Refused(format!("cannot listen for signals: {error}")))
        };
        Ok(Self {
            term: listen(SignalKind::terminate())?,
            int: listen(SignalKind::interrupt())?,
        })
    }

    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}

/// After the first SIGTERM or SIGINT, `/readyz` says that the server stops; after `server.drain` the ports are closed, and requests
/// in flight may finish. Returns at a second one, which does not wait for them.
pub(super) async fn stop_on_signal(
    handles: Vec<ServerHandle>,
    mut signals: Signals,
    services: &Services,
) {
    signals.next().await;
    tracing::info!(graceful = true, "stopping");
    service_manager::stopping();
    services.jobs.stop_all();
    services.is_stopping.store(true, Ordering::Relaxed);
    let drain = services.config.server.drain.get();
    // A graceful stop cannot be made a forced one: the caller ends the process instead.
    actix_web::rt::spawn(async move {
        actix_web::rt::time::sleep(drain).await;
        join_all(handles.iter().map(|handle| handle.stop(true))).await;
    });
    // Supervisors signal the process and its group, so the first signal can arrive twice.
    actix_web::rt::time::sleep(ECHO).await;
    while signals.next().now_or_never().is_some() {}
    signals.next().await;
    tracing::info!(graceful = false, "stopping");
}
