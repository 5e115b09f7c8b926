//! Ending many sessions: a preview with the numbers, then a job in small transactions. Each session is ended and recorded as
//! if it were ended alone.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use crate::clock::{Clock, Timestamp};
use crate::config::RolesConfig;
use crate::domain::audit::{Action, Actor};
use crate::domain::principal::Principal;
use crate::domain::session::{RevocationReason, SessionId, SessionStatus};
use crate::services::account_lookup::subject;
use crate::services::accounts::bulk_work::check_actor;
use crate::services::audit::log::{AuditContext, AuditLog, Event};
use crate::services::auth::logout::end_one;
use crate::services::auth::session_list::SessionQuery;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::maintenance::job_report::{Report, SessionsReport};
use crate::services::maintenance::job_runner::{Batch, Work};
use crate::services::maintenance::jobs::{self, Started};
use crate::services::tokens::owner::ByOwner;
use crate::store::session_list::{SessionFilter, SessionListRow};
use crate::store::{Store, Transaction, session_list, sessions};

/// How many sessions are ended in one transaction.
const BATCH: usize = 50;
/// How many sessions are read at once.
const READ_AHEAD: i64 = 1_000;
/// How many sessions a preview names.
const NAMED: i64 = 20;

/// The sessions to end.
#[derive(Clone, Debug)]
pub enum Chosen {
    /// These.
    Selected(Vec<SessionId>),
    /// All live ones that match a query and began before a time.
    Matching {
        /// The query.
        query: Box<SessionQuery>,
        /// Its query string, for the audit log.
        text: String,
        /// Sessions that begin later are not ended.
        begun_before: Timestamp,
    },
}

/// What would be ended now.
#[derive(Clone, Debug, Default)]
pub struct Preview {
    /// The number of live sessions.
    pub sessions: u64,
    /// The number of their accounts.
    pub accounts: u64,
    /// The first of them.
    pub first: Vec<SessionListRow>,
}

fn live(query: &SessionQuery, begun_before: Timestamp) -> SessionQuery {
    let before = query
        .before
        .map_or(begun_before, |before| before.min(begun_before));
    SessionQuery {
        status: Some(SessionStatus::Live),
        before: Some(before),
        ..query.clone()
    }
}

/// What would be ended now, counted exactly.
///
/// # Errors
/// The store's.
pub async fn preview(services: &Services, chosen: &Chosen) -> Result<Preview, Error> {
    let (now, chosen) = (services.clock.now(), chosen.clone());
    let found = services
        .store
        .read_list(move |connection| match &chosen {
            Chosen::Selected(ids) => {
                let mut rows = session_list::find_all(connection, ids)?;
                rows.retain(|row| row.ended_at.is_none() && row.expires_at > now);
                let mut accounts: Vec<String> =
                    rows.iter().map(|row| row.principal().to_string()).collect();
                accounts.sort_unstable();
                accounts.dedup();
                let (sessions, accounts) = (rows.len() as u64, accounts.len() as u64);
                rows.truncate(usize::try_from(NAMED).unwrap_or(0));
                Ok(ByOwner::Found(Preview {
                    sessions,
                    accounts,
                    first: rows,
                }))
            }
            Chosen::Matching {
                query,
                begun_before,
                ..
            } => live(query, *begun_before).with_filter(connection, now, |connection, filter| {
                let (sessions, accounts) = session_list::count(connection, &filter)?;
                let number = |rows: i64| u64::try_from(rows).unwrap_or(0);
                Ok(Preview {
                    sessions: number(sessions),
                    accounts: number(accounts),
                    first: session_list::batch(connection, &filter, None, NAMED)?,
                })
            }),
        })
        .await?;
    Ok(match found {
        ByOwner::Found(preview) => preview,
        ByOwner::NoAccount | ByOwner::TooManyAccounts => Preview::default(),
    })
}

/// Starts the job that ends them.
///
/// # Errors
/// The store's.
pub async fn start(services: &Services, actor: &Actor, chosen: Chosen) -> Result<Started, Error> {
    let now = services.clock.now();
    let mut event = Event::new(Action::BulkStarted).with_detail("action", "end_sessions");
    let (pending, filter) = match chosen {
        Chosen::Selected(ids) => {
            event = event.with_detail("sessions", ids.len());
            (ids, None)
        }
        Chosen::Matching {
            query,
            text,
            begun_before,
        } => {
            event = event.with_detail("filter", text);
            let query = live(&query, begun_before);
            let found = services
                .store
                .read_list(move |connection| {
                    query.with_filter(connection, now, |_, filter| Ok(filter))
                })
                .await?;
            match found {
                ByOwner::Found(filter) => (Vec::new(), Some(filter)),
                ByOwner::NoAccount | ByOwner::TooManyAccounts => (Vec::new(), None),
            }
        }
    };
    let work = EndSessions {
        audit_log: services.audit_log.clone(),
        roles: Arc::clone(&services.roles),
        actor: actor.clone(),
        pending: pending.into(),
        filter,
        after: None,
        report: SessionsReport::default(),
    };
    jobs::start(services, actor, event, work).await
}

/// The work of the job.
struct EndSessions {
    audit_log: AuditLog,
    roles: Arc<RolesConfig>,
    actor: Actor,
    /// The sessions to be ended next.
    pending: VecDeque<SessionId>,
    /// The filter by which further sessions are read; `None` if all were.
    filter: Option<SessionFilter>,
    after: Option<SessionId>,
    report: SessionsReport,
}

impl EndSessions {
    /// Reads further sessions, if none is pending.
    async fn refill(&mut self, store: &Store) -> Result<(), Error> {
        let Some(filter) = self.filter.clone().filter(|_| self.pending.is_empty()) else {
            return Ok(());
        };
        let after = self.after.clone();
        let found = store
            .read_list_when_free(move |connection| {
                session_list::batch(connection, &filter, after.as_ref(), READ_AHEAD)
            })
            .await?;
        self.after = found.last().map(|row| row.id.clone());
        if self.after.is_none() {
            self.filter = None;
        }
        self.pending.extend(found.into_iter().map(|row| row.id));
        Ok(())
    }
}

impl Work for EndSessions {
    fn report(&self) -> Report {
        Report::Sessions(self.report.clone())
    }

    async fn count(&mut self, store: &Store) -> Result<u64, Error> {
        let Some(filter) = self.filter.clone() else {
            return Ok(self.pending.len() as u64);
        };
        let (sessions, _) = store
            .read_list_when_free(move |connection| session_list::count(connection, &filter))
            .await?;
        Ok(u64::try_from(sessions).unwrap_or(0))
    }

    async fn batch(&mut self, store: &Store, clock: &Clock, _: Duration) -> Result<Batch, Error> {
        self.refill(store).await?;
        let ids: Vec<SessionId> = self.pending.iter().take(BATCH).cloned().collect();
        if ids.is_empty() {
            return Ok(Batch::Last(0));
        }
        let done = ids.len();
        let audit_context = self.audit_log.audit_context(&self.actor, clock.now());
        let roles = Arc::clone(&self.roles);
        let ended = store
            .write(move |connection| {
                check_actor(connection, &audit_context.actor, &roles)?;
                let mut ended = 0;
                for id in &ids {
                    ended += u64::from(end(connection, &audit_context, id)?);
                }
                Ok::<u64, Error>(ended)
            })
            .await?;
        self.pending.drain(..done);
        self.report.ended += ended;
        self.report.unchanged += done as u64 - ended;
        Ok(Batch::Some(done as u64))
    }
}

/// Ends a session, and records it. Returns `true` if this call did it.
fn end(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    id: &SessionId,
) -> Result<bool, Error> {
    let Some(session) = sessions::find_by_id(connection, id)? else {
        return Ok(false);
    };
    let owner = Principal::new(session.user_type, session.user_seq);
    let (now, reason) = (audit_context.now, RevocationReason::Administrator);
    if session.expires_at <= now || !end_one(connection, owner, id, now, reason)? {
        return Ok(false);
    }
    let event = Event::new(Action::SessionEnded)
        .to(subject(connection, owner)?)
        .of_session(id);
    audit_context.record(connection, &event)?;
    Ok(true)
}
