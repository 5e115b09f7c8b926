//! Changes of the signing keys by operators: generate, promote, retire, revoke. Each is one transaction with its audit event.
//! It begins with a lock of the active key, so one runs at a time over all instances.

use std::time::{Duration, Instant};

use crate::clock::Timestamp;
use crate::config::{Algorithm, Lifetimes, MAX_ACCESS_LIFETIME, MAX_LEEWAY, TokensConfig};
use crate::domain::audit::{Action, Actor};
use crate::domain::job::JobState;
use crate::domain::session::JobId;
use crate::domain::signing_key::KeyState;
use crate::services::audit::log::{AuditContext, Event};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::maintenance::job_report::Report;
use crate::services::maintenance::{job_runner, jobs};
use crate::services::signing_keys::refusal::KeyRefusal;
use crate::services::signing_keys::sealing;
use crate::services::signing_keys::session_job::{self, KeySessions};
use crate::store::signing_keys::{self as table, SigningKeyRow};
use crate::store::{Transaction, outstanding_tokens};
use crate::tokens::SigningKey;

/// An instance may sign with the old key for so long after a change: the greatest lag of the revocation feed.
const LAG: Duration = Duration::from_mins(1);

/// How long a key must be published before it signs.
#[must_use]
pub fn lead(settings: &TokensConfig) -> Duration {
    settings.jwks_max_age.get() + settings.leeway.get() + LAG
}

/// An upper bound of the expiry of every token signed until now. Of those that the database does not know, access tokens and
/// tokens that another instance signs in this moment, the greatest lifetime is assumed.
fn last_expiry(
    transaction: &mut Transaction<'_>,
    lifetimes: &Lifetimes,
    now: Timestamp,
) -> Result<Timestamp, Error> {
    let lifetime = lifetimes.longest().max(MAX_ACCESS_LIFETIME.get());
    let latest = now + lifetime + LAG;
    let stored = outstanding_tokens::last_expiry(transaction)?;
    Ok(stored.map_or(latest, |stored| stored.max(latest)) + MAX_LEEWAY.get())
}

fn refuse_files(services: &Services) -> Result<(), Error> {
    if services.config.tokens.keys.is_empty() {
        Ok(())
    } else {
        Err(KeyRefusal::Files.into())
    }
}

/// Makes a key, on a thread of its own: an RSA key takes seconds.
pub(super) async fn new_row(
    services: &Services,
    algorithm: Algorithm,
    state: KeyState,
) -> Result<SigningKeyRow, Error> {
    let (master_keys, now) = (services.master_keys.clone(), services.clock.now());
    let made = tokio::task::spawn_blocking(move || {
        sealing::row(&SigningKey::generate(algorithm)?, &master_keys, state, now)
    });
    let row = made
        .await
        .map_err(|error| Error::Internal(error.to_string()))?;
    row.map_err(|error| Error::Internal(error.to_string()))
}

fn event(action: Action, row: &SigningKeyRow) -> Event {
    Event::new(action)
        .with_detail("kid", &row.kid)
        .with_detail("algorithm", &row.algorithm)
}

/// Locks the keys and reads them: the id of the active one, and all. `None` if there is no active one, or if another
/// transaction has replaced it meanwhile.
pub(super) fn locked(
    transaction: &mut Transaction<'_>,
) -> Result<Option<(String, Vec<SigningKeyRow>)>, Error> {
    let Some(active) = table::lock_active(transaction)? else {
        return Ok(None);
    };
    Ok(Some((active, table::list(transaction)?)))
}

/// The key that signs next.
pub(super) fn next(rows: &[SigningKeyRow]) -> Option<&SigningKeyRow> {
    rows.iter().find(|row| row.state == KeyState::Next)
}

fn find<'a>(rows: &'a [SigningKeyRow], kid: &str) -> Result<&'a SigningKeyRow, KeyRefusal> {
    let row = rows.iter().find(|row| row.kid == kid);
    row.ok_or_else(|| KeyRefusal::NotFound(kid.to_owned()))
}

/// Makes a key in the state [`KeyState::Next`]: it is published, and signs once it is promoted.
///
/// # Errors
/// [`KeyRefusal::Files`], and errors of the store.
pub async fn generate(
    services: &Services,
    actor: &Actor,
    algorithm: Algorithm,
) -> Result<String, Error> {
    refuse_files(services)?;
    let row = new_row(services, algorithm, KeyState::Next).await?;
    let kid = row.kid.clone();
    services
        .write_as(actor, move |transaction, audit_context| {
            insert(transaction, audit_context, &row)
        })
        .await?;
    Ok(kid)
}

pub(super) fn insert(
    transaction: &mut Transaction<'_>,
    audit_context: &AuditContext,
    row: &SigningKeyRow,
) -> Result<(), Error> {
    table::insert(transaction, row)?;
    Ok(audit_context.record(transaction, &event(Action::SigningKeyCreated, row))?)
}

/// Lets a key sign; the one before is retired. `at_once` even if it was published only recently.
///
/// # Errors
/// [`KeyRefusal`], and errors of the store.
pub async fn promote(
    services: &Services,
    actor: &Actor,
    kid: &str,
    at_once: bool,
) -> Result<(), Error> {
    refuse_files(services)?;
    let (lead, lifetimes) = (lead(&services.config.tokens), services.config.lifetimes());
    let kid = kid.to_owned();
    services
        .write_as(actor, move |transaction, audit_context| {
            let (active, rows) = locked(transaction)?.ok_or(KeyRefusal::Changed)?;
            let row = find(&rows, &kid)?;
            if row.state != KeyState::Next {
                return Err(KeyRefusal::NotNext(row.state).into());
            }
            let from = row.published_at + lead;
            if !at_once && audit_context.now < from {
                return Err(KeyRefusal::TooEarly(from).into());
            }
            replace_active(transaction, audit_context, &lifetimes, &active, row)
        })
        .await
}

/// Retires the active key and lets the next one sign.
pub(super) fn replace_active(
    transaction: &mut Transaction<'_>,
    audit_context: &AuditContext,
    lifetimes: &Lifetimes,
    active: &str,
    next: &SigningKeyRow,
) -> Result<(), Error> {
    let now = audit_context.now;
    let expires_at = last_expiry(transaction, lifetimes, now)?;
    if !table::retire(transaction, active, now, expires_at)?
        || !table::activate(transaction, &next.kid, now)?
    {
        return Err(KeyRefusal::Changed.into());
    }
    let event = event(Action::SigningKeyPromoted, next).with_detail("old_key", active);
    Ok(audit_context.record(transaction, &event)?)
}

/// Withdraws a key that was to sign. It has signed nothing, so the next flush deletes it.
///
/// # Errors
/// [`KeyRefusal`], and errors of the store.
pub async fn retire(services: &Services, actor: &Actor, kid: &str) -> Result<(), Error> {
    refuse_files(services)?;
    let kid = kid.to_owned();
    services
        .write_as(actor, move |transaction, audit_context| {
            let (_, rows) = locked(transaction)?.ok_or(KeyRefusal::Changed)?;
            let row = find(&rows, &kid)?;
            match row.state {
                KeyState::Next => {}
                KeyState::Active => return Err(KeyRefusal::Active.into()),
                state => return Err(KeyRefusal::Already(state).into()),
            }
            let now = audit_context.now;
            if !table::retire(transaction, &kid, now, now)? {
                return Err(KeyRefusal::Changed.into());
            }
            Ok(audit_context.record(transaction, &event(Action::SigningKeyRetired, row))?)
        })
        .await
}

/// What a revocation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// The key that signs instead, if the revoked one was active.
    pub successor: Option<String>,
    /// How many sessions were ended so far.
    pub sessions: u64,
    /// Whether further sessions are being ended.
    pub is_ending: bool,
    /// The job that ends them.
    pub job: JobId,
}

/// Revokes a key: its tokens are refused from now on, by every instance, and a job ends their sessions. If it is the active key,
/// the oldest key in the state next signs instead; if there is none, a new one of the same algorithm.
///
/// Returns when the job has ended, or earlier, before the request that this belongs to times out.
///
/// # Errors
/// [`KeyRefusal`], and errors of the store.
pub async fn revoke(services: &Services, actor: &Actor, kid: &str) -> Result<Revoked, Error> {
    let began = Instant::now();
    let (successor, job) = begin_revocation(services, actor, kid).await?;
    let work = KeySessions::new(services.audit_log.clone(), kid);
    let mut started = jobs::spawn(services, job.clone(), work);
    started.wait(jobs::may_wait(services, began)).await;
    let found = jobs::find(services, &job).await?;
    let is_ending = found.as_ref().is_none_or(|job| job.state != JobState::Done);
    let sessions = match found.and_then(|job| job.report) {
        Some(Report::Key(report)) => report.ended,
        _ => 0,
    };
    Ok(Revoked {
        successor,
        sessions,
        is_ending,
        job,
    })
}

/// As [`revoke`], but returns when all sessions have ended.
///
/// # Errors
/// [`KeyRefusal`], and errors of the store; [`Error::Unavailable`] if the key was revoked, but not all of its sessions were ended.
pub async fn revoke_to_end(
    services: &Services,
    actor: &Actor,
    kid: &str,
) -> Result<Revoked, Error> {
    let (successor, job) = begin_revocation(services, actor, kid).await?;
    let mut work = KeySessions::new(services.audit_log.clone(), kid);
    let (store, clock) = (&services.store, &services.clock);
    let stopping = services.jobs.stopping();
    let run = job_runner::run(store, clock, &job, &mut work, stopping, |_, _| ());
    let reason = match Box::pin(run).await {
        Ok(JobState::Done) => {
            return Ok(Revoked {
                successor,
                sessions: work.ended(),
                is_ending: false,
                job,
            });
        }
        Ok(state) => format!("the job {job} is {state}"),
        Err(error) => error.to_string(),
    };
    Err(Error::Unavailable(format!(
        "{kid} is revoked and its tokens are refused, but not all of its sessions have ended ({reason}): the server goes on"
    )))
}

/// Revokes a key and inserts the job that ends its sessions, in one transaction. Returns the key that signs instead, and the job.
async fn begin_revocation(
    services: &Services,
    actor: &Actor,
    kid: &str,
) -> Result<(Option<String>, JobId), Error> {
    refuse_files(services)?;
    let rows = services.store.read(table::list).await?;
    let row = find(&rows, kid)?;
    let algorithm = Algorithm::from_word(&row.algorithm).unwrap_or_default();
    let needs_new = row.state == KeyState::Active && next(&rows).is_none();
    let spare = if needs_new {
        Some(new_row(services, algorithm, KeyState::Next).await?)
    } else {
        None
    };
    let (lifetimes, of_write) = (services.config.lifetimes(), kid.to_owned());
    services
        .write_as(actor, move |transaction, audit_context| {
            let (kid, spare) = (&of_write, spare.as_ref());
            let successor = revoke_in(transaction, audit_context, &lifetimes, kid, spare)?;
            let (actor, now) = (&audit_context.actor, audit_context.now);
            let job = session_job::insert(transaction, actor, kid, now)?;
            Ok((successor, job))
        })
        .await
}

fn revoke_in(
    transaction: &mut Transaction<'_>,
    audit_context: &AuditContext,
    lifetimes: &Lifetimes,
    kid: &str,
    spare: Option<&SigningKeyRow>,
) -> Result<Option<String>, Error> {
    let now = audit_context.now;
    let (active, rows) = locked(transaction)?.ok_or(KeyRefusal::Changed)?;
    let row = find(&rows, kid)?;
    if row.state == KeyState::Revoked {
        return Err(KeyRefusal::Already(row.state).into());
    }
    let expires_at = last_expiry(transaction, lifetimes, now)?;
    if !table::revoke(transaction, kid, now, expires_at)? {
        return Err(KeyRefusal::Changed.into());
    }
    let mut event = event(Action::SigningKeyRevoked, row);
    let mut successor = None;
    if active == kid {
        let next = if let Some(next) = next(&rows) {
            next
        } else {
            let new = spare.ok_or(KeyRefusal::Changed)?;
            insert(transaction, audit_context, new)?;
            new
        };
        if !table::activate(transaction, &next.kid, now)? {
            return Err(KeyRefusal::Changed.into());
        }
        event = event.with_detail("key", &next.kid);
        successor = Some(next.kid.clone());
    }
    audit_context.record(transaction, &event)?;
    Ok(successor)
}
