//! What a service manager such as systemd learns from the server (`sd_notify(3)`): that it is ready, reloads, stops, and
//! still answers. Without one nothing is sent. `sd-notify` reads its variables (`NOTIFY_SOCKET`, `WATCHDOG_USEC`) from the
//! environment.

use std::{net::SocketAddr, sync::atomic::Ordering, time::Duration};

use actix_web::web;
use futures_util::future::join_all;
use sd_notify::NotifyState;

use crate::cli::addresses::of_this_machine;
use crate::services::Services;

/// How many times the server is asked within the time that the watchdog allows.
const CHECKS: u32 = 3;

/// Sends states.
fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager cannot be notified");
    }
}

/// A line for `systemctl status`.
pub(super) fn status(text: &str) {
    notify(&[NotifyState::Status(text)]);
}

/// The server answers requests. `address` is what it listens on.
pub(super) fn ready(address: &str) {
    let status = format!("listening on {address}");
    notify(&[NotifyState::Ready, NotifyState::Status(&status)]);
}

/// The configuration is read again. [`ready`] ends it.
pub(super) fn reloading() {
    let mut states = vec![NotifyState::Reloading];
    // `Type=notify-reload` compares it with the time of its signal.
    states.extend(NotifyState::monotonic_usec_now().ok());
    notify(&states);
}

/// The server stops.
pub(super) fn stopping() {
    notify(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
}

/// Reports to the watchdog, if there is one, for as long as the server at this address answers on all its workers.
pub(super) async fn watch(services: web::Data<Services>, address: SocketAddr) {
    let Some(limit) = sd_notify::watchdog_enabled() else {
        return;
    };
    let (every, server) = (limit / CHECKS, &services.config.server);
    let url = format!("{}://{}/healthz", server.scheme(), of_this_machine(address));
    let workers = server.worker_threads();
    loop {
        actix_web::rt::time::sleep(every).await;
        if services.is_stopping.load(Ordering::Relaxed) {
            return;
        }
        match answers(&url, workers, every).await {
            Ok(()) => notify(&[NotifyState::Watchdog]),
            Err(error) => tracing::warn!(%error, "the server does not answer itself"),
        }
    }
}

/// Asks on as many new connections as there are workers, which get them in turn. Any answer will do, a refusal under load
/// too: what is watched are the workers and what accepts connections, not the database.
async fn answers(url: &str, workers: usize, limit: Duration) -> Result<(), reqwest::Error> {
    let client = client(limit)?;
    let asked = (0..workers).map(|_| client.get(url).send());
    let answers = join_all(asked).await;
    answers.into_iter().try_for_each(|answer| answer.map(drop))
}

/// A client of the server on the same machine: without a proxy, and without a check of the name in the certificate, which is
/// not the one that is asked for. Every request has a connection of its own.
pub(super) fn client(limit: Duration) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .no_proxy()
        .tls_danger_accept_invalid_certs(true)
        .pool_max_idle_per_host(0)
        .timeout(limit)
        .build()
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    const WORKERS: usize = 3;

    /// Accepts connections and answers all but `silent` of them.
    async fn server(silent: usize) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/healthz", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let mut held = Vec::new();
            for number in 0.. {
                let (mut stream, _) = listener.accept().await.unwrap();
                if number % WORKERS < silent {
                    held.push(stream);
                    continue;
                }
                let answer = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
                let read = stream.read(&mut [0; 1024]).await.unwrap();
                assert!(read > 0);
                stream.write_all(answer).await.unwrap();
            }
        });
        url
    }

    #[tokio::test]
    async fn every_worker_must_answer() {
        let long = Duration::from_mins(1);
        answers(&server(0).await, WORKERS, long).await.unwrap();
        let short = Duration::from_millis(300);
        for silent in [1, WORKERS] {
            let url = server(silent).await;
            answers(&url, WORKERS, short).await.unwrap_err();
        }
    }
}
