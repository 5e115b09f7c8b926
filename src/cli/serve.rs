//! `munjigi serve`: the start, what is printed then, the flush that goes on beside, and the graceful end.

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use actix_web::{dev::ServerHandle, web};
use futures_util::FutureExt;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::JoinHandle,
};

use crate::{
    cli::{CliError, bootstrap, logging},
    config::Config,
    http::{metrics, server},
    services::{
        Services,
        accounts::{first_admin_link, users::any_administrator},
        audit_chain::{
            chain::{self, SEAL_EVERY},
            restart::note_key_change,
        },
        auth::access_token_usage::AccessTokenUsage,
        maintenance::{clock_skew::ClockWatch, flush},
    },
};

/// How long codes that wait for their delivery are waited for at the end, and jobs that stop.
const DRAIN: Duration = Duration::from_secs(10);

/// How long after the first signal to stop another one is its echo.
const ECHO: Duration = Duration::from_secs(1);
/// The interval at which the delivery results of one-time codes are written.
const WRITE_EVERY: Duration = Duration::from_secs(10);

pub(super) async fn run(config: Config) -> Result<ExitCode, CliError> {
    let log = logging::start(&config.log);
    let (store, migrations) = bootstrap::migrated_store(&config)?;
    let (key, made_key) = bootstrap::signing_key(&config)?;
    let channel = bootstrap::channel(&config)?;
    let listener = bind(config.server.listen, "server.listen", 8081)?;
    let watched = config
        .metrics
        .listen
        .map(|own| bind(own, "metrics.listen", 9465));
    let watched = watched.transpose()?;
    // With port 0 the system chose one.
    let address = listener.local_addr().unwrap_or(config.server.listen);
    let figures = watched.as_ref().and_then(|own| own.local_addr().ok());
    let mail = bootstrap::mail(&config);
    let services = web::Data::new(bootstrap::services(config, store, key, channel, mail)?);
    // Before the first request: what was revoked before the start is refused by the first answer.
    services
        .revocations
        .follow(&services.store)
        .map_err(CliError::refused)?;
    if note_key_change(&services)
        .await
        .map_err(CliError::refused)?
    {
        tracing::warn!("the signing key was changed: the record is marked anew with this one");
    }
    let server = server::build(services.clone(), listener)
        .map_err(|error| CliError::Refused(format!("the server cannot be started: {error}")))?;
    if let Some(listener) = watched {
        let metrics = metrics::build(services.clone(), listener)
            .map_err(|error| CliError::Refused(format!("the figures cannot be served: {error}")))?;
        // It ends with the process: nobody loses anything by it.
        actix_web::rt::spawn(metrics);
    }
    let handle = server.handle();
    // Heard before anything is printed: who reads that it listens may stop it.
    let signals = Signals::listen()?;
    // Spawned before anything is printed: who reads that it listens gets an answer.
    let running = actix_web::rt::spawn(server);
    greet(
        &services,
        (address, figures),
        &migrations,
        made_key.as_ref(),
    )
    .await;
    let chores = [
        actix_web::rt::spawn(flush_regularly(services.clone())),
        actix_web::rt::spawn(write_regularly(services.clone())),
        actix_web::rt::spawn(note_first_uses(services.clone())),
        actix_web::rt::spawn(seal_regularly(services.clone())),
    ];
    let ended = tokio::select! {
        ended = running => ended,
        () = stop_on_signal(handle, signals, &services) => return Ok(ExitCode::SUCCESS),
    };
    // Those that began beside the last requests hear it too.
    services.jobs.stop_all();
    services.jobs.drain(DRAIN).await;
    chores.iter().for_each(JoinHandle::abort);
    services.delivery.drain(DRAIN).await;
    write_noted(&services).await;
    bootstrap::seal(&services).await;
    tracing::info!("stopped");
    drop(log);
    match ended {
        Ok(Ok(())) => Ok(ExitCode::SUCCESS),
        Ok(Err(error)) => Err(CliError::Refused(format!("the server failed: {error}"))),
        Err(error) => Err(CliError::Refused(format!("the server failed: {error}"))),
    }
}

fn bind(address: SocketAddr, key: &str, another: u16) -> Result<TcpListener, CliError> {
    TcpListener::bind(address).map_err(|error| {
        let reason = match error.kind() {
            std::io::ErrorKind::AddrInUse => "another program listens there already".to_owned(),
            std::io::ErrorKind::PermissionDenied => {
                "ports below 1024 need special rights".to_owned()
            }
            std::io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
            _ => error.to_string(),
        };
        let variable = key.to_uppercase().replace('.', "__");
        CliError::Refused(format!(
            "cannot listen on {address}: {reason}. Choose another address with {key}, for example \
             MUNJIGI_{variable}=127.0.0.1:{another}"
        ))
    })
}

/// The few lines that an operator reads. They go to standard error; standard output is the log's.
async fn greet(
    services: &Services,
    (address, figures): (SocketAddr, Option<SocketAddr>),
    migrations: &[String],
    made_key: Option<&PathBuf>,
) {
    let config = &services.config;
    eprintln!("munjigi {}", env!("CARGO_PKG_VERSION"));
    eprintln!("  listening on   http://{address}");
    if let Some(url) = &config.server.public_url {
        eprintln!("  reached at     {url}");
    }
    eprintln!("  database       {}", bootstrap::database_name(config));
    if let Some(figures) = figures {
        eprintln!("  metrics at     http://{figures}/metrics");
    }
    if !migrations.is_empty() {
        eprintln!("  schema         {} migrations run", migrations.len());
    }
    if let Some(path) = made_key {
        eprintln!(
            "  signing key    {} (made just now; keep it secret, and keep it)",
            path.display()
        );
    }
    if let Ok(false) = any_administrator(services).await {
        // As this process was called, so that the line can be copied.
        let program = std::env::args()
            .next()
            .unwrap_or_else(|| "munjigi".to_owned());
        if let Ok(Some(secret)) = first_admin_link::issue_first(services).await {
            let base = config.server.public_url.as_ref().map_or_else(
                || format!("http://{address}"),
                |url| url.as_str().trim_end_matches('/').to_owned(),
            );
            eprintln!("  first admin    {base}/admin/setup/{secret} (good once, for one hour)");
        }
        eprintln!(
            "  or             {program} user create --email you@example.org --name \"Your name\" --role admin"
        );
    }
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        listen = %address,
        database = services.store.backend(),
        "started"
    );
}

async fn flush_regularly(services: web::Data<Services>) {
    let interval = services.config.flush.interval.get();
    let mut watch = ClockWatch::start(&services.clock);
    loop {
        flush::announce_next(&services, interval);
        actix_web::rt::time::sleep(interval).await;
        match watch.look(&services).await {
            Ok(None) => {}
            Ok(Some(doubt)) => {
                tracing::warn!(%doubt, "nothing is flushed: a clock that is ahead calls expired what is not");
                continue;
            }
            Err(error) => {
                tracing::warn!(%error, "the flush will be tried again at its next time");
                continue;
            }
        }
        match flush::flush_regularly(&services).await {
            Ok(Some(counts)) => tracing::info!(
                outstanding_tokens = counts.outstanding_tokens,
                blacklisted_tokens = counts.blacklisted_tokens,
                otp_challenges = counts.otp_challenges,
                rate_limits = counts.rate_limits,
                sessions = counts.sessions,
                "flushed"
            ),
            Ok(None) => tracing::info!("another flush runs already"),
            Err(error) => {
                tracing::warn!(%error, "the flush failed and will be tried again at its next time");
            }
        }
    }
}

/// Writes the delivery results of one-time codes, which are collected in memory, at intervals.
async fn write_regularly(services: web::Data<Services>) {
    loop {
        actix_web::rt::time::sleep(WRITE_EVERY).await;
        write_noted(&services).await;
    }
}

/// What was done is sealed a moment later.
async fn seal_regularly(services: web::Data<Services>) {
    loop {
        if let Err(error) = chain::seal_waiting(&services.store, &services.audit_log).await {
            tracing::warn!(%error, "the record cannot be sealed and will be tried again");
        }
        actix_web::rt::time::sleep(SEAL_EVERY).await;
    }
}

/// Which access tokens were used is written sooner: a used refresh token may be answered by it.
async fn note_first_uses(services: web::Data<Services>) {
    if !services.tokens.settings().recover_lost_answer {
        return;
    }
    loop {
        actix_web::rt::time::sleep(AccessTokenUsage::WRITE_EVERY).await;
        if let Err(error) = services.access_token_usage.write(&services.store).await {
            tracing::warn!(%error, "which tokens were used cannot be written and will be tried again");
        }
    }
}

async fn write_noted(services: &Services) {
    let store = &services.store;
    for written in [
        services
            .otp_deliveries
            .write(store, &services.audit_log)
            .await,
        services.access_token_usage.write(store).await,
    ] {
        if let Err(error) = written {
            tracing::warn!(%error, "what was noted cannot be written and will be tried again");
        }
    }
}

/// The two signals that ask for the end. Once they are listened to they end the process no more by themselves.
struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    fn listen() -> Result<Self, CliError> {
        let listen = |kind| {
            signal(kind)
                .map_err(|error| CliError::Refused(format!("cannot listen for signals: {error}")))
        };
        Ok(Self {
            term: listen(SignalKind::terminate())?,
            int: listen(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}

/// The first SIGTERM or SIGINT lets requests in flight finish; a later one does not wait for them, and ends this.
async fn stop_on_signal(handle: ServerHandle, mut signals: Signals, services: &Services) {
    signals.next().await;
    tracing::info!(graceful = true, "stopping");
    services.jobs.stop_all();
    // The server takes no second word while it stops gracefully: whoever calls this ends instead.
    actix_web::rt::spawn(handle.stop(true));
    // Supervisors signal the process and its group: the echo of the first signal is not a second wish.
    actix_web::rt::time::sleep(ECHO).await;
    while signals.next().now_or_never().is_some() {}
    signals.next().await;
    tracing::info!(graceful = false, "stopping");
}
