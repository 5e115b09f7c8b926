//! SIGHUP: the server reads its configuration again and takes over what can change while it runs. An invalid configuration
//! changes nothing.

use std::{path::PathBuf, sync::Arc};

use actix_web::web;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::error::CliError;
use crate::cli::logging::LogLevelHandle;
use crate::cli::service_manager;
use crate::config::Config;
use crate::http::tls::Tls;
use crate::services::Services;

/// SIGHUP. Once it is listened for, it no longer ends the process by itself.
pub(super) struct Hangups(Signal);

impl Hangups {
    pub(super) fn listen() -> Result<Self, CliError> {
        let listened = signal(SignalKind::hangup());
        listened
            .map(Self)
            .map_err(|error| CliError::Refused(format!("cannot listen for signals: {error}")))
    }
}

/// The certificate of these settings; `None` if the server speaks http.
pub(super) fn tls(config: &Config) -> Result<Option<Tls>, CliError> {
    let server = &config.server;
    let (Some(certificate), Some(key)) = (&server.tls_certificate, &server.tls_key) else {
        return Ok(None);
    };
    let tls = Tls::load(certificate, key).map_err(CliError::refused)?;
    Ok(Some(tls))
}

/// What a reload changes.
pub(super) struct Reloading {
    pub(super) services: web::Data<Services>,
    /// The configuration file, if one was named.
    pub(super) path: Option<PathBuf>,
    /// The certificate of the listeners.
    pub(super) tls: Option<Tls>,
    /// The level of the log.
    pub(super) log: LogLevelHandle,
    /// What the server listens on.
    pub(super) address: String,
}

impl Reloading {
    /// Reloads at each signal.
    pub(super) async fn run(self, mut hangups: Hangups) {
        while hangups.0.recv().await.is_some() {
            service_manager::reloading();
            if let Err(error) = self.reload() {
                tracing::error!(%error, "the configuration was not reloaded; the server continues with the previous one");
            }
            service_manager::ready(&self.address);
        }
    }

    fn reload(&self) -> Result<(), CliError> {
        let new = Config::load(self.path.as_deref()).map_err(CliError::refused)?;
        let certificate = tls(&new)?;
        let previous = self.services.current.load_full();
        let (current, changes) = previous.reloaded(&new);
        let level = current.log.level;
        self.services.current.store(Arc::new(current));
        // These lines are logged even if it logs less from now on.
        self.log.set(level.max(previous.log.level));
        if let (Some(used), Some(new)) = (&self.tls, &certificate) {
            used.replace(new);
            tracing::info!("the certificate was read again");
        }
        let keys = changes.reloaded.join(", ");
        tracing::info!(keys, "the configuration was reloaded");
        if !changes.needs_restart.is_empty() {
            let keys = changes.needs_restart.join(", ");
            tracing::warn!(keys, "these settings changed and need a restart");
        }
        self.log.set(level);
        Ok(())
    }
}
