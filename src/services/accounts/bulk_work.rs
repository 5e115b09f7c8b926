//! The work of a bulk change: the accounts in the order of their numbers, batch after batch.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use crate::clock::Clock;
use crate::config::{PanelAccess, RolesConfig};
use crate::domain::account::Account;
use crate::domain::audit::{Action, Actor, AuditSource, Subject};
use crate::domain::job::BulkAction;
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::session::RevocationReason;
use crate::services::account_lookup::find_account;
use crate::services::accounts::bulk_request::{Accounts, BulkRequest};
use crate::services::accounts::changes::lock_account;
use crate::services::accounts::lifecycle::{delete_in, set_active_in};
use crate::services::audit::log::{AuditContext, AuditLog, Event};
use crate::services::auth::ended_sessions::LiveSessions;
use crate::services::auth::logout;
use crate::services::error::Error;
use crate::services::maintenance::job_report::{BulkReport, Report};
use crate::services::maintenance::job_runner::{Batch, Work};
use crate::store::account_pages::{count_exact, ids_after};
use crate::store::{Db, Store, Transaction, browser_sessions};

/// How many accounts are changed in one transaction.
const BATCH: usize = 50;
/// How many account numbers are read at once.
const READ_AHEAD: i64 = 1_000;

/// The result for one account.
#[derive(Clone, Debug)]
enum Outcome {
    Changed,
    Unchanged,
    Gone,
    SkippedSelf,
    SkippedLast(String),
}

/// The work of a bulk change.
pub(crate) struct Bulk {
    audit_log: AuditLog,
    roles: Arc<RolesConfig>,
    actor: Actor,
    request: BulkRequest,
    /// The accounts to be changed next.
    pending: VecDeque<UserSeq>,
    /// The number behind which further accounts are read; `None` if all were.
    next: Option<i64>,
    report: BulkReport,
}

impl Bulk {
    pub(crate) fn new(
        audit_log: AuditLog,
        roles: Arc<RolesConfig>,
        actor: Actor,
        request: BulkRequest,
    ) -> Self {
        let (pending, next) = match &request.accounts {
            Accounts::Selected(ids) => (ids.iter().copied().collect(), None),
            Accounts::Filtered { .. } => (VecDeque::new(), Some(0)),
        };
        Self {
            audit_log,
            roles,
            // Each account's event is part of the job, whose start is an event of its own. The operator has no account by
            // which the rights could be checked.
            actor: if actor.is_trusted() {
                actor
            } else {
                Actor {
                    source: AuditSource::Job,
                    ..actor
                }
            },
            report: BulkReport::new(request.user_type, request.action),
            request,
            pending,
            next,
        }
    }

    /// Reads further accounts, if none is pending.
    async fn refill(&mut self, store: &Store) -> Result<(), Error> {
        let (Accounts::Filtered { filter, up_to, .. }, Some(after), true) =
            (&self.request.accounts, self.next, self.pending.is_empty())
        else {
            return Ok(());
        };
        let (filter, up_to) = (filter.clone(), *up_to);
        let found = store
            .read_list_when_free(move |connection| {
                ids_after(connection, &filter, after, up_to, READ_AHEAD)
            })
            .await?;
        self.next = found.last().map(|id| id.get());
        self.pending.extend(found);
        Ok(())
    }

    /// What was done.
    pub(crate) fn into_report(self) -> BulkReport {
        self.report
    }

    fn add(&mut self, outcome: Outcome) {
        let report = &mut self.report;
        match outcome {
            Outcome::Changed => report.changed += 1,
            Outcome::Unchanged => report.unchanged += 1,
            Outcome::Gone => report.gone += 1,
            Outcome::SkippedSelf => report.skipped_self = true,
            Outcome::SkippedLast(name) => report.skipped_last_administrator = Some(name),
        }
    }
}

impl Work for Bulk {
    fn report(&self) -> Report {
        Report::Bulk(self.report.clone())
    }

    async fn count(&mut self, store: &Store) -> Result<u64, Error> {
        let (filter, up_to) = match &self.request.accounts {
            Accounts::Selected(ids) => return Ok(ids.len() as u64),
            Accounts::Filtered { filter, up_to, .. } => (filter.clone(), *up_to),
        };
        let rows = store
            .read_list_when_free(move |connection| count_exact(connection, &filter, up_to))
            .await?;
        Ok(u64::try_from(rows).unwrap_or(0))
    }

    async fn batch(&mut self, store: &Store, clock: &Clock, _: Duration) -> Result<Batch, Error> {
        self.refill(store).await?;
        let ids: Vec<UserSeq> = self.pending.iter().copied().take(BATCH).collect();
        if ids.is_empty() {
            return Ok(Batch::Last(0));
        }
        let done = ids.len();
        let audit_context = self.audit_log.audit_context(&self.actor, clock.now());
        let (user_type, action) = (self.request.user_type, self.request.action);
        let roles = Arc::clone(&self.roles);
        let outcomes = store
            .write(move |connection| {
                check_actor(connection, &audit_context.actor, &roles)?;
                ids.iter()
                    .map(|&user_seq| {
                        let owner = Principal::new(user_type, user_seq);
                        change(connection, &audit_context, &roles, action, owner)
                    })
                    .collect::<Result<Vec<Outcome>, Error>>()
            })
            .await?;
        self.pending.drain(..done);
        for outcome in outcomes {
            self.add(outcome);
        }
        Ok(Batch::Some(done as u64))
    }
}

/// Refuses to go on if the administrator who started the job has lost the rights meanwhile.
pub(in crate::services) fn check_actor(
    connection: &mut Db,
    actor: &Actor,
    roles: &RolesConfig,
) -> Result<(), Error> {
    let account = match actor.principal {
        Some(principal) => find_account(connection, principal)?,
        None => None,
    };
    let is_admin = |account: &Account| {
        account.is_active && roles.rights_of(account).panel == PanelAccess::Write
    };
    if actor.is_trusted() || account.is_some_and(|account| is_admin(&account)) {
        Ok(())
    } else {
        Err(Error::Forbidden)
    }
}

fn change(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    roles: &RolesConfig,
    action: BulkAction,
    owner: Principal,
) -> Result<Outcome, Error> {
    let changed = match action {
        BulkAction::Activate => set_active_in(connection, audit_context, roles, owner, true, false),
        BulkAction::Deactivate => {
            set_active_in(connection, audit_context, roles, owner, false, false)
        }
        BulkAction::Delete => delete_in(connection, audit_context, roles, owner).map(|()| true),
        BulkAction::EndSessions => end_sessions(connection, audit_context, owner),
    };
    // Refusals come before any write, so that the transaction can go on.
    Ok(match changed {
        Ok(true) => Outcome::Changed,
        Ok(false) => Outcome::Unchanged,
        Err(Error::AccountNotFound(_)) => Outcome::Gone,
        Err(Error::OwnAccount) => Outcome::SkippedSelf,
        Err(Error::LastAdministrator) => {
            let account = find_account(connection, owner)?;
            Outcome::SkippedLast(account.map_or_else(String::new, |account| account.login().into()))
        }
        Err(error) => return Err(error),
    })
}

/// Ends the sessions of an account, and records it if there were any.
fn end_sessions(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    owner: Principal,
) -> Result<bool, Error> {
    let account = lock_account(connection, owner)?;
    if audit_context.actor.is(owner) {
        return Err(Error::OwnAccount);
    }
    let (now, reason) = (audit_context.now, RevocationReason::Administrator);
    let live = LiveSessions::read(connection, owner, now)?;
    let in_panel = match owner.user_type {
        UserType::User => {
            browser_sessions::end_all(connection, &[owner.user_seq], None, now, reason)?
        }
        UserType::Client => 0,
    };
    let ended = logout::end_all(connection, owner, now, reason)?;
    if in_panel + ended > 0 {
        let event = Event::new(Action::SessionsEnded).to(Subject::of(&account));
        audit_context.record(connection, &live.add_to(event, ended))?;
    }
    Ok(in_panel + ended > 0)
}
