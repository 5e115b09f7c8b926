//! `munjigi serve`: the start, the startup message, and the graceful shutdown.

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use actix_web::{
    dev::{Server, ServerHandle},
    web,
};
use clap::Args;
use tokio::{sync::oneshot, task::JoinHandle};

use crate::cli::background::{spawn_tasks, write_collected};
use crate::cli::error::CliError;
use crate::cli::listeners::{Listeners, Passed};
use crate::cli::reload::{self, Hangups, Reloading};
use crate::cli::signals::{Signals, stop_on_signal};
use crate::cli::{addresses, bootstrap, database, load_keys, logging, service_manager};
use crate::config::Config;
use crate::http::tls::Tls;
use crate::http::{app, metrics};
use crate::services::Services;
use crate::services::accounts::first_admin_link;
use crate::services::accounts::users::any_administrator;
use crate::services::audit_chain::chain::ChainError;
use crate::services::audit_chain::checkpoint::file_in;
use crate::services::audit_chain::linking::check;
use crate::services::audit_chain::restart::restart_on_key_change;
use crate::services::audit_chain::state::any_linked;
use crate::services::second_factors::lost_apps;

/// How long the shutdown waits for running jobs to stop, and again for pending messages to be delivered.
const DRAIN: Duration = Duration::from_secs(10);

#[derive(Args, Default)]
pub(super) struct Arguments {
    /// Replace a lost master key: make new signing keys, and start the audit chain again; everyone has to log in again
    #[arg(long)]
    new_key: bool,
}

pub(super) async fn run(
    config: Config,
    path: Option<&Path>,
    arguments: Arguments,
) -> Result<ExitCode, CliError> {
    let passed = Passed::take()?;
    let log = logging::start(&config.log).map_err(CliError::refused)?;
    let mut signals = Signals::listen()?;
    let hangups = Hangups::listen()?;
    service_manager::status("waiting for the database");
    tokio::select! {
        reached = wait_for_database(&config) => reached?,
        () = signals.next() => return Ok(ExitCode::SUCCESS),
    }
    let (store, migrations) = bootstrap::migrated_store(&config)?;
    let (master, new_key) = load_keys::master_keys(&config, arguments.new_key)?;
    let ring = load_keys::signing_keys(&config, &store, &master, arguments.new_key).await?;
    let keys = load_keys::with_django(&config, master, ring)?;
    bootstrap::report_lost_checkpoint(&config);
    let channel = bootstrap::channel(&config);
    let tls = reload::tls(&config)?;
    let listeners = passed.listeners(&config)?;
    let startup = Startup::new(&config, &listeners, migrations, new_key);
    let mail = bootstrap::mail(&config);
    let services = web::Data::new(bootstrap::start(config, store, keys, channel, mail)?);
    prepare(&services, arguments.new_key).await?;
    let (server, handles) = build(&services, listeners, tls.as_ref())?;
    // The server runs before readiness is announced.
    let running = actix_web::rt::spawn(server);
    startup.print(&services).await;
    let address = startup.url(&services.config);
    service_manager::ready(&address);
    let reloading = Reloading {
        services: services.clone(),
        path: path.map(Path::to_owned),
        tls,
        log: log.level(),
        address,
    };
    actix_web::rt::spawn(reloading.run(hangups));
    actix_web::rt::spawn(service_manager::watch(services.clone(), startup.address));
    let tasks = spawn_tasks(&services);
    let ended = tokio::select! {
        ended = running => ended,
        () = stop_on_signal(handles, signals, &services) => return Ok(ExitCode::SUCCESS),
    };
    shut_down(&services, &tasks).await;
    drop(log);
    match ended {
        Ok(Ok(())) => Ok(ExitCode::SUCCESS),
        Ok(Err(error)) => Err(CliError::Refused(format!("the server failed: {error}"))),
        Err(error) => Err(CliError::Refused(format!("the server failed: {error}"))),
    }
}

/// The main server and the handles that stop all servers gracefully. The others run already.
fn build(
    services: &web::Data<Services>,
    listeners: Listeners,
    tls: Option<&Tls>,
) -> Result<(Server, Vec<ServerHandle>), CliError> {
    let cannot_start = |error| CliError::Refused(format!("the server cannot be started: {error}"));
    let server =
        app::build(services.clone(), listeners.main, tls.cloned()).map_err(cannot_start)?;
    let mut handles = vec![server.handle()];
    if let Some(listener) = listeners.panel {
        let panel = app::build_panel(services.clone(), listener, tls.cloned());
        let panel = panel.map_err(cannot_start)?;
        handles.push(panel.handle());
        actix_web::rt::spawn(panel);
    }
    if let Some(listener) = listeners.metrics {
        let metrics = metrics::build(services.clone(), listener, tls.cloned())
            .map_err(|error| CliError::Refused(format!("the metrics cannot be served: {error}")))?;
        // It is not shut down gracefully: it ends with the process.
        actix_web::rt::spawn(metrics);
    }
    Ok((server, handles))
}

/// Waits on a thread of its own, which ends with the process.
async fn wait_for_database(config: &Config) -> Result<(), CliError> {
    let (ended, end) = oneshot::channel();
    let config = config.clone();
    std::thread::spawn(move || {
        let reached = database::wait(&config, |message| tracing::warn!("{message}"));
        // The receiver is gone after a signal to stop.
        let _ = ended.send(reached);
    });
    end.await.map_err(CliError::refused)?
}

/// What must be done before the first request.
async fn prepare(services: &web::Data<Services>, is_key_lost: bool) -> Result<(), CliError> {
    // The first response already refuses what was revoked before the start. Blocks meanwhile on a thread of its own.
    let of_thread = services.clone();
    let followed = tokio::task::spawn_blocking(move || of_thread.follow());
    let expected = services.expect_django_hashes().await;
    expected.map_err(CliError::refused)?;
    if is_key_lost && restart_on_key_change(services).await? {
        tracing::warn!(
            "the master key was replaced: the event MACs of the audit log are recomputed"
        );
    }
    if is_key_lost {
        warn_of_lost_apps(services).await?;
    }
    check_audit_chain(services).await?;
    let followed = followed.await.map_err(CliError::refused)?;
    followed.map_err(CliError::refused)
}

/// Says how many authenticator apps must be set up again because the master key is lost.
async fn warn_of_lost_apps(services: &Services) -> Result<(), CliError> {
    let apps = lost_apps::count_all(services).await;
    let apps = apps.map_err(CliError::refused)?;
    if apps > 0 {
        tracing::warn!(
            apps,
            "authenticator apps cannot be verified with this master key: their owners log in with a recovery code or a passkey and \
             set them up again; munjigi user remove-second-factor helps those who have neither"
        );
    }
    Ok(())
}

/// Logs at the start what is wrong with the audit chain, and that an old copy of the database could not be recognised. One
/// that is recognised is refused.
async fn check_audit_chain(services: &Services) -> Result<(), CliError> {
    let (store, chain) = (&services.store, &services.audit_chain);
    let is_compared = chain.checkpoint().is_some();
    check(store, chain).await?;
    if chain.known_error() == Some(ChainError::RolledBack) {
        return Err(old_copy(&services.config));
    }
    if !is_compared && any_linked(store).await? {
        tracing::warn!(
            data_dir = %services.config.server.data_dir.display(),
            "there was no checkpoint of the audit chain in the data directory: if the database is an old copy, this was not detected"
        );
    }
    Ok(())
}

/// The database is an older copy of the one that this server has seen: what was ended since then would be valid again.
fn old_copy(config: &Config) -> CliError {
    CliError::Refused(format!(
        "the database ({}) is older than the audit checkpoint ({}): it is a copy that was put back, and sessions that have \
         ended since then would be live again. Put the newer database back, or decide: `munjigi restore --in-place` ends all \
         sessions and marks the copy in the audit log; with `--keep-sessions` it keeps them. If the checkpoint is of another database, remove it",
        database::database_name(config),
        file_in(&config.server.data_dir).display()
    ))
}

async fn shut_down(services: &Services, tasks: &[JoinHandle<()>]) {
    // Again, for jobs that the last requests have started.
    services.jobs.stop_all();
    services.jobs.drain(DRAIN).await;
    tasks.iter().for_each(JoinHandle::abort);
    services.delivery.drain(DRAIN).await;
    if let Some(tracer) = &services.traces {
        tracer.drain(DRAIN).await;
    }
    write_collected(services).await;
    bootstrap::link_events(services).await;
    tracing::info!("stopped");
}

/// What the startup message contains.
struct Startup {
    address: SocketAddr,
    metrics: Option<SocketAddr>,
    /// The listener of the panel, if it has one of its own.
    panel: Option<SocketAddr>,
    /// The migrations that were run.
    migrations: Vec<String>,
    /// The file of the master key, if it was created.
    new_key: Option<PathBuf>,
}

impl Startup {
    fn new(
        config: &Config,
        listeners: &Listeners,
        migrations: Vec<String>,
        new_key: Option<PathBuf>,
    ) -> Self {
        let address_of = |listener: &TcpListener| listener.local_addr().ok();
        Self {
            // With port 0 the system has chosen one.
            address: address_of(&listeners.main).unwrap_or(config.server.listen),
            metrics: listeners.metrics.as_ref().and_then(address_of),
            panel: listeners.panel.as_ref().and_then(address_of),
            migrations,
            new_key,
        }
    }

    /// Prints the startup message on standard error; standard output is for the log.
    async fn print(&self, services: &Services) {
        let (config, address) = (&services.config, self.address);
        eprintln!("munjigi {}", env!("CARGO_PKG_VERSION"));
        eprintln!("  listening on   {}", self.url(config));
        if let Some(url) = &config.server.public_url {
            eprintln!("  public URL     {url}");
        }
        if let Some(panel) = self.panel {
            eprintln!(
                "  admin panel    {}://{panel}/admin",
                config.server.scheme()
            );
        }
        eprintln!("  database       {}", database::database_name(config));
        if let Some(metrics) = self.metrics {
            eprintln!("  metrics at     http://{metrics}/metrics");
        }
        if !self.migrations.is_empty() {
            eprintln!("  schema         {} migrations run", self.migrations.len());
        }
        if let Some(path) = &self.new_key {
            eprintln!(
                "  master key     {} (created; keep it secret and back it up)",
                path.display()
            );
        }
        if let Ok(false) = any_administrator(services).await {
            self.print_first_steps(services).await;
        }
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            listen = %address,
            database = services.store.backend(),
            "started"
        );
    }

    /// What the server listens on.
    fn url(&self, config: &Config) -> String {
        format!("{}://{}", config.server.scheme(), self.address)
    }

    /// The address of the panel without the public one.
    fn local_base(&self, config: &Config) -> String {
        let address = addresses::of_network(self.panel.unwrap_or(self.address));
        format!("{}://{address}", config.server.scheme())
    }

    /// How to create the first administrator.
    async fn print_first_steps(&self, services: &Services) {
        if services.config.admin.enabled
            && let Ok(Some(secret)) = first_admin_link::issue_first(services).await
        {
            // The public address is that of the main listener.
            let public = services.config.server.public_base();
            let base = public
                .filter(|_| self.panel.is_none())
                .map_or_else(|| self.local_base(&services.config), str::to_owned);
            eprintln!("  first admin    {base}/admin/setup/{secret} (valid once, for one hour)");
        }
        // The path that this process was started with, so that the line can be copied.
        let program = std::env::args()
            .next()
            .unwrap_or_else(|| "munjigi".to_owned());
        eprintln!(
            "  or             {program} user create --email you@example.org --name \"Your name\" --role {}",
            services.roles.administrator()
        );
    }
}
