//! What a server does at intervals: flush, write what is collected in memory, link audit events, rotate keys, back up, send
//! webhooks.

use std::time::Duration;

use actix_web::web;
use tokio::task::JoinHandle;

use crate::domain::principal::UserSeq;
use crate::services::audit::outbox;
use crate::services::audit_chain::linking::{LINK_EVERY, link_pending};
use crate::services::auth::access_token_usage::AccessTokenUsage;
use crate::services::backup::schedule;
use crate::services::maintenance::clock_skew::ClockWatch;
use crate::services::maintenance::flush;
use crate::services::signing_keys::{rotation, session_job};
use crate::services::webhooks::background::Running;
use crate::services::webhooks::deliver;
use crate::services::{Error, Services};

/// The interval at which the delivery results of one-time codes are written.
const WRITE_EVERY: Duration = Duration::from_secs(10);

/// The pause after a backup that failed.
const RETRY_BACKUP_AFTER: Duration = Duration::from_mins(5);

/// How often events for webhooks are looked for.
const SEND_EVERY: Duration = Duration::from_secs(1);

/// How often the events that wait are counted for the metrics.
const COUNT_EVERY: Duration = Duration::from_secs(30);

/// How often the signing keys are looked at: whether the rotation has a change to make, and whether sessions of revoked keys are
/// left.
const CHECK_KEYS_EVERY: Duration = Duration::from_mins(1);

/// Starts them all.
pub(super) fn spawn_tasks(services: &web::Data<Services>) -> [JoinHandle<()>; 8] {
    [
        actix_web::rt::spawn(flush_regularly(services.clone())),
        actix_web::rt::spawn(write_regularly(services.clone())),
        actix_web::rt::spawn(write_token_usage(services.clone())),
        actix_web::rt::spawn(link_regularly(services.clone())),
        actix_web::rt::spawn(check_keys(services.clone())),
        actix_web::rt::spawn(back_up(services.clone())),
        actix_web::rt::spawn(send_events(services.clone())),
        actix_web::rt::spawn(count_events(services.clone())),
    ]
}

async fn flush_regularly(services: web::Data<Services>) {
    let interval = services.config.flush.interval.get();
    let mut watch = ClockWatch::start(&services.clock);
    loop {
        services
            .jobs
            .set_next_flush(services.clock.now() + interval);
        actix_web::rt::time::sleep(interval).await;
        match watch.check(&services).await {
            Ok(None) => {}
            Ok(Some(skew)) => {
                tracing::warn!(%skew, "nothing is flushed: if the clock is ahead, valid rows look expired");
                continue;
            }
            Err(error) => {
                tracing::warn!(%error, "the flush is skipped this time");
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
            Ok(None) => tracing::info!("another flush is running"),
            Err(error) => {
                tracing::warn!(%error, "the flush failed; the next one continues");
            }
        }
    }
}

/// Writes the states of deliveries, which are collected in memory, at intervals.
async fn write_regularly(services: web::Data<Services>) {
    loop {
        actix_web::rt::time::sleep(WRITE_EVERY).await;
        write_collected(&services).await;
    }
}

/// Links audit events into the audit chain shortly after they were written, and logs those of commands.
async fn link_regularly(services: web::Data<Services>) {
    loop {
        if let Err(error) = link_and_log(&services).await {
            tracing::warn!(%error, "audit events cannot be linked into the chain or logged; it is tried again");
        }
        actix_web::rt::time::sleep(LINK_EVERY).await;
    }
}

async fn link_and_log(services: &Services) -> Result<(), Error> {
    link_pending(&services.store, &services.audit_chain).await?;
    outbox::log_pending(&services.store).await
}

/// Replaces the signing key as `tokens.rotate_keys_every` demands, and ends sessions of revoked keys that another process has
/// left.
async fn check_keys(services: web::Data<Services>) {
    let rotates = !services.config.tokens.rotate_keys_every.get().is_zero();
    loop {
        if rotates && let Err(error) = rotation::rotate(&services).await {
            tracing::warn!(%error, "the signing keys cannot be rotated; it is tried again");
        }
        if let Err(error) = session_job::resume(&services).await {
            tracing::warn!(%error, "sessions of revoked keys cannot be looked for; it is tried again");
        }
        actix_web::rt::time::sleep(CHECK_KEYS_EVERY).await;
    }
}

/// Makes the backups of `backup.interval`.
async fn back_up(services: web::Data<Services>) {
    if let Some(last) = schedule::last(&services) {
        services.metrics.backed_up(last.created_at, last.size);
    }
    while let Some(wait) = schedule::due_in(&services) {
        actix_web::rt::time::sleep(wait).await;
        match schedule::run(&services).await {
            Ok(None) => return,
            Ok(Some(backup)) => {
                services.metrics.backed_up(backup.created_at, backup.size);
                tracing::info!(file = %backup.path.display(), bytes = backup.size, "backed up");
            }
            Err(error) => {
                services.metrics.backup_failed();
                tracing::error!(%error, "the backup failed; it is tried again");
                actix_web::rt::time::sleep(RETRY_BACKUP_AFTER).await;
            }
        }
    }
}

/// Sends events to the endpoints of webhooks, to each in a task of its own, so that a slow one does not delay the others.
async fn send_events(services: web::Data<Services>) {
    loop {
        match deliver::due_endpoints(&services).await {
            Ok(endpoints) => {
                for endpoint in endpoints {
                    if let Some(running) = services.webhooks.begin(endpoint) {
                        actix_web::rt::spawn(send_to(services.clone(), endpoint, running));
                    }
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the events for webhooks cannot be read; it is tried again");
            }
        }
        actix_web::rt::time::sleep(SEND_EVERY).await;
    }
}

async fn send_to(services: web::Data<Services>, endpoint: UserSeq, running: Running) {
    if let Err(error) = deliver::deliver(&services, endpoint).await {
        tracing::warn!(%error, %endpoint, "events cannot be sent to an endpoint; it is tried again");
    }
    drop(running);
}

/// Counts the events that wait, for the metrics.
async fn count_events(services: web::Data<Services>) {
    if services.config.metrics.listen.is_none() {
        return;
    }
    loop {
        if let Err(error) = deliver::count_waiting(&services).await {
            tracing::warn!(%error, "the events for webhooks cannot be counted; it is tried again");
        }
        actix_web::rt::time::sleep(COUNT_EVERY).await;
    }
}

/// Writes first uses of access tokens, for `tokens.recover_lost_answer`. The interval is short because refreshes depend on it.
async fn write_token_usage(services: web::Data<Services>) {
    if !services.tokens.settings().recover_lost_answer {
        return;
    }
    loop {
        actix_web::rt::time::sleep(AccessTokenUsage::WRITE_EVERY).await;
        if let Err(error) = services.access_token_usage.write(&services.store).await {
            tracing::warn!(%error, "first uses of access tokens cannot be written; it is tried again");
        }
    }
}

/// Writes what is collected in memory.
pub(super) async fn write_collected(services: &Services) {
    let store = &services.store;
    for written in [
        services
            .deliveries
            .write(store, &services.audit_log, services.clock.now())
            .await,
        services.access_token_usage.write(store).await,
    ] {
        if let Err(error) = written {
            tracing::warn!(%error, "collected figures cannot be written; it is tried again");
        }
    }
}
