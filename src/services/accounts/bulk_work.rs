//! The work of a change of many accounts: in the order of their numbers, batch after batch.

use std::collections::VecDeque;

use crate::{
    clock::Clock,
    domain::{
        account::Role,
        audit::{Action, Actor, Subject},
        job::BulkAction,
        principal::{Principal, UserSeq, UserType},
        session::RevocationReason,
    },
    services::{
        accounts::{
            bulk::{Accounts, BulkReport, BulkRequest},
            client_user_changes, user_changes,
        },
        audit::log::{AuditContext, AuditLog, Event},
        auth::logout,
        error::Error,
        maintenance::{
            job_runner::{Batch, Work},
            jobs::Report,
        },
    },
    store::{
        Db, Store, Transaction,
        account_pages::{count_exact, ids_after},
        browser_sessions, client_users as client_table, users as user_table,
        users::UserRow,
    },
};

/// How many accounts are changed in one transaction.
const BATCH: usize = 50;
/// How many numbers are looked up at once.
const LOOKED_UP: i64 = 1_000;

/// What became of one account.
#[derive(Clone, Debug)]
enum Outcome {
    Changed,
    Unchanged,
    Gone,
    SkippedSelf,
    SkippedLast(String),
}

/// The work.
pub(crate) struct Bulk {
    audit_log: AuditLog,
    actor: Actor,
    wish: BulkRequest,
    /// Whose turn it is.
    waiting: VecDeque<UserSeq>,
    /// Where the next look-up begins; none when everybody was looked up.
    next: Option<i64>,
    report: BulkReport,
}

impl Bulk {
    pub(crate) fn new(audit_log: AuditLog, actor: Actor, wish: BulkRequest) -> Self {
        let (waiting, next) = match &wish.accounts {
            Accounts::Selected(ids) => (ids.iter().copied().collect(), None),
            Accounts::Fitting { .. } => (VecDeque::new(), Some(0)),
        };
        Self {
            audit_log,
            actor,
            report: BulkReport::new(&wish),
            wish,
            waiting,
            next,
        }
    }

    /// Looks up whose turn it is next, when nobody waits any more.
    async fn refill(&mut self, store: &Store) -> Result<(), Error> {
        let (Accounts::Fitting { filter, up_to, .. }, Some(after), true) =
            (&self.wish.accounts, self.next, self.waiting.is_empty())
        else {
            return Ok(());
        };
        let (filter, up_to) = (filter.clone(), *up_to);
        let found = store
            .read_list(move |connection| ids_after(connection, &filter, after, up_to, LOOKED_UP))
            .await?;
        self.next = found.last().map(|id| id.get());
        self.waiting.extend(found);
        Ok(())
    }

    fn tell(&mut self, outcome: Outcome) {
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
        let (filter, up_to) = match &self.wish.accounts {
            Accounts::Selected(ids) => return Ok(ids.len() as u64),
            Accounts::Fitting { filter, up_to, .. } => (filter.clone(), *up_to),
        };
        let rows = store
            .read_list(move |connection| count_exact(connection, &filter, up_to))
            .await?;
        Ok(u64::try_from(rows).unwrap_or(0))
    }

    async fn batch(&mut self, store: &Store, clock: &Clock) -> Result<Batch, Error> {
        self.refill(store).await?;
        let ids: Vec<UserSeq> = self.waiting.iter().copied().take(BATCH).collect();
        if ids.is_empty() {
            return Ok(Batch::Last(0));
        }
        let done = ids.len();
        let audit_context = self.audit_log.audit_context(&self.actor, clock.now());
        let (user_type, action) = (self.wish.user_type, self.wish.action);
        let outcomes = store
            .write(move |connection| {
                ids.iter()
                    .map(|id| match user_type {
                        UserType::User => change_user(connection, &audit_context, action, *id),
                        UserType::Client => change_client(connection, &audit_context, action, *id),
                    })
                    .collect::<Result<Vec<Outcome>, Error>>()
            })
            .await?;
        self.waiting.drain(..done);
        for outcome in outcomes {
            self.tell(outcome);
        }
        Ok(Batch::Some(done as u64))
    }
}

fn change_user(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    action: BulkAction,
    id: UserSeq,
) -> Result<Outcome, Error> {
    let Some(old) = user_table::lock(connection, id)? else {
        return Ok(Outcome::Gone);
    };
    let own = Principal::user(id);
    match action {
        BulkAction::Activate if old.is_active => return Ok(Outcome::Unchanged),
        BulkAction::Activate => user_changes::set_active(connection, audit_context, &old, true)?,
        BulkAction::Deactivate if !old.is_active => return Ok(Outcome::Unchanged),
        BulkAction::Deactivate | BulkAction::Delete => {
            if let Some(skipped) = must_stay(connection, &audit_context.actor, &old)? {
                return Ok(skipped);
            }
            if action == BulkAction::Delete {
                user_changes::remove(connection, audit_context, &old)?;
            } else {
                user_changes::set_active(connection, audit_context, &old, false)?;
            }
        }
        BulkAction::EndSessions if audit_context.actor.is(own) => return Ok(Outcome::SkippedSelf),
        BulkAction::EndSessions => {
            let reason = RevocationReason::Administrator;
            let in_panel =
                browser_sessions::end_all(connection, id, None, audit_context.now, reason)?;
            let subject = Subject::account(own, &old.email);
            return end_sessions(connection, audit_context, subject, own, in_panel);
        }
    }
    Ok(Outcome::Changed)
}

/// Whether an account keeps its rights whatever is wished.
fn must_stay(connection: &mut Db, actor: &Actor, old: &UserRow) -> Result<Option<Outcome>, Error> {
    // Nobody else is the last administrator: the look at all of them is spared.
    if old.role != Role::Admin && !actor.is(Principal::user(old.id)) {
        return Ok(None);
    }
    match user_changes::refuse_to_take_away(connection, actor, old) {
        Ok(()) => Ok(None),
        Err(Error::OwnAccount) => Ok(Some(Outcome::SkippedSelf)),
        Err(Error::LastAdministrator) => Ok(Some(Outcome::SkippedLast(old.email.clone()))),
        Err(error) => Err(error),
    }
}

fn change_client(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    action: BulkAction,
    id: UserSeq,
) -> Result<Outcome, Error> {
    let Some(old) = client_table::lock(connection, id)? else {
        return Ok(Outcome::Gone);
    };
    match action {
        BulkAction::Activate if old.is_active => return Ok(Outcome::Unchanged),
        BulkAction::Deactivate if !old.is_active => return Ok(Outcome::Unchanged),
        BulkAction::Activate => {
            client_user_changes::set_active(connection, audit_context, &old, true)?
        }
        BulkAction::Deactivate => {
            client_user_changes::set_active(connection, audit_context, &old, false)?
        }
        BulkAction::Delete => client_user_changes::remove(connection, audit_context, &old)?,
        BulkAction::EndSessions => {
            let own = Principal::client(id);
            let subject = Subject::account(own, &old.username);
            return end_sessions(connection, audit_context, subject, own, 0);
        }
    }
    Ok(Outcome::Changed)
}

/// Ends the sessions of an account, and records it where there were any; `in_panel` were ended before.
fn end_sessions(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    subject: Subject,
    owner: Principal,
    in_panel: usize,
) -> Result<Outcome, Error> {
    let reason = RevocationReason::Administrator;
    let ended = in_panel + logout::end_all(connection, owner, audit_context.now, reason)?;
    if ended == 0 {
        return Ok(Outcome::Unchanged);
    }
    let event = Event::new(Action::SessionsEnded)
        .to(subject)
        .noting("sessions", ended);
    audit_context.record(connection, &event)?;
    Ok(Outcome::Changed)
}
