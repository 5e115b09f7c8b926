//! Running an import: one thread reads the source, this one decides and writes, batch after batch.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use crate::domain::principal::{UserSeq, UserType};
use crate::services::error::Error;
use crate::services::import::access::Access;
use crate::services::import::apply::apply;
use crate::services::import::candidate::Candidate;
use crate::services::import::duplicates;
use crate::services::import::error::ImportError;
use crate::services::import::existing::Existing;
use crate::services::import::input::{Message, Parsed};
use crate::services::import::plan::{Plan, given_up, plan, plan_deferred};
use crate::services::import::report::{Line, Report};
use crate::services::import::tokens;
use crate::store::imports::scratch::Scratch;
use crate::store::imports::transaction::Destination;
use crate::store::imports::{accounts as table, tokens as token_table};
use crate::store::{Db, StoreError, Transaction, users};

pub use crate::services::import::access::Mode;
pub use crate::services::import::input::{Input as Source, Phase};

/// How many batches may be read ahead.
const READ_AHEAD: usize = 1;
/// How many accounts are deferred before they are decided: as many as one query can ask for.
const MAX_DEFERRED: usize = 5_000;
/// How often a batch is decided again because another process has taken a name meanwhile.
const TRIES: u32 = 3;
/// The longest pause between two batches.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Follows an import.
pub trait Observer {
    /// A part begins, with this many rows; 0 if the number is not known.
    fn begin(&mut self, phase: Phase, rows: u64);
    /// This many rows were done.
    fn advance(&mut self, rows: u64);
    /// A problem was found.
    fn problem(&mut self, line: &Line);
}

/// Runs an import to its end, or until `stop` is set.
///
/// # Errors
/// [`ImportError`]. The batches before it are written, except by an import into a new database, which is one transaction.
pub fn run(
    input: &mut impl Source,
    mode: Mode,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Report, ImportError> {
    let mut work = Work {
        access: Access::open(mode)?,
        scratch: Scratch::open()?,
        report: Report::default(),
        observer,
        matched: 0,
        imported_before: 0,
        preloaded: None,
        deferred: Vec::new(),
        has_no_tokens: false,
        user_type: None,
        stop,
    };
    let (sender, receiver) = sync_channel(READ_AHEAD);
    let result = std::thread::scope(|scope| {
        let goes_on = || !stop.load(Ordering::Relaxed);
        let reader = scope.spawn(move || {
            duplicates::read(input, |message| goes_on() && sender.send(message).is_ok())
        });
        // When this fails, the receiver is gone, and the reader stops.
        let worked = work.all(receiver);
        let read = reader
            .join()
            .unwrap_or_else(|_| Err(ImportError::Source("reading the source failed".into())));
        worked.and(read)
    });
    work.report.stopped = stop.load(Ordering::Relaxed);
    if work.report.stopped {
        // What it has not read is not missing.
        (work.report.users.missing, work.report.clients.missing) = (0, 0);
    }
    let Work {
        mut access,
        scratch,
        mut report,
        ..
    } = work;
    // Building the indexes needs the memory.
    drop(scratch);
    result
        .and_then(|()| access.finish(&report))
        .inspect_err(|_| access.fail(&mut report))?;
    Ok(report)
}

/// The state of a run.
struct Work<'a> {
    access: Access,
    scratch: Scratch,
    report: Report,
    observer: &'a mut dyn Observer,
    /// How many accounts of an earlier import the source still has.
    matched: u64,
    imported_before: u64,
    /// All accounts that were there, if they are few.
    preloaded: Option<Existing>,
    /// Accounts whose names depend on other accounts of the source.
    deferred: Vec<Candidate>,
    has_no_tokens: bool,
    user_type: Option<UserType>,
    stop: &'a AtomicBool,
}

impl Work<'_> {
    fn all(&mut self, messages: Receiver<Message>) -> Result<(), ImportError> {
        for message in messages {
            let started = Instant::now();
            match message {
                Message::Begin {
                    phase,
                    origin,
                    rows,
                    greatest,
                } => self.begin(phase, &origin, rows, greatest)?,
                Message::Accounts(user_type, parsed) => self.accounts(user_type, parsed)?,
                Message::Tokens(user_type, batch, rows) => {
                    let keys: Vec<&str> = batch
                        .iter()
                        .map(|token| token.owner.as_deref().unwrap_or_default())
                        .collect();
                    let owners = self.scratch.find(user_type, &keys)?;
                    let counts = &mut self.report.tokens;
                    let known = tokens::known(user_type, batch, &owners, counts);
                    self.tokens(&known)?;
                    self.observer.advance(rows);
                }
            }
            if matches!(self.access, Access::Write { pauses: true, .. }) {
                std::thread::sleep(started.elapsed().min(LONGEST_PAUSE));
            }
        }
        self.end_accounts()
    }

    fn begin(
        &mut self,
        phase: Phase,
        origin: &str,
        rows: u64,
        greatest: u64,
    ) -> Result<(), ImportError> {
        self.end_accounts()?;
        self.observer.begin(phase, rows);
        match phase {
            Phase::Accounts(user_type) => {
                let before = self
                    .access
                    .read(|connection| table::count_imported(connection, user_type, origin))?;
                self.imported_before = before.map_or(0, |n| u64::try_from(n).unwrap_or(0));
                self.user_type = Some(user_type);
                if self.access.is_bulk() {
                    self.preloaded = self
                        .access
                        .read(|connection| Existing::all(connection, user_type))?;
                }
                let greatest = i64::try_from(greatest).unwrap_or(0);
                if let Access::Write { destination, .. } = &mut self.access {
                    destination
                        .write(|connection| table::reserve(connection, user_type, greatest))?;
                }
            }
            Phase::Tokens => {
                let is_empty = self.access.read(token_table::is_empty)?;
                self.has_no_tokens = is_empty.unwrap_or(true);
            }
        }
        Ok(())
    }

    /// Decides the deferred accounts, and counts those of an earlier import that the source does not have any more.
    fn end_accounts(&mut self) -> Result<(), ImportError> {
        if let Some(user_type) = self.user_type.take() {
            self.decide_deferred(user_type)?;
            let missing = self.imported_before.saturating_sub(self.matched);
            self.report.of(user_type).missing = missing;
        }
        self.matched = 0;
        Ok(())
    }

    fn accounts(&mut self, user_type: UserType, parsed: Vec<Parsed>) -> Result<(), ImportError> {
        let rows = parsed.len() as u64;
        self.report.of(user_type).read += rows;
        let mut candidates = Vec::with_capacity(parsed.len());
        for row in parsed {
            match row {
                Ok(candidate) => candidates.push(candidate),
                Err(lines) => self.refuse(user_type, lines),
            }
        }
        self.decide(user_type, &candidates, false)?;
        if self.deferred.len() > MAX_DEFERRED {
            self.decide_deferred(user_type)?;
        }
        self.observer.advance(rows);
        Ok(())
    }

    fn decide_deferred(&mut self, user_type: UserType) -> Result<(), ImportError> {
        let candidates = std::mem::take(&mut self.deferred);
        if candidates.is_empty() || self.stop.load(Ordering::Relaxed) {
            // The next run reads them again.
            return Ok(());
        }
        self.decide(user_type, &candidates, true)
    }

    /// Decides and writes accounts, and adds what was done to the report.
    fn decide(
        &mut self,
        user_type: UserType,
        candidates: &[Candidate],
        deferred: bool,
    ) -> Result<(), ImportError> {
        let (plan, numbers) = self.write_accounts(user_type, candidates, deferred)?;
        let imported: HashSet<&String> = numbers.iter().map(|(key, _)| key).collect();
        for candidate in candidates {
            if imported.contains(&candidate.key) {
                self.report.count_role(candidate.role.as_ref());
            }
        }
        let numbers: Vec<(&str, i64)> = numbers
            .iter()
            .map(|(key, id)| (key.as_str(), id.get()))
            .collect();
        self.scratch.remember(user_type, &numbers)?;
        for line in &plan.lines {
            self.report.problems += 1;
            self.observer.problem(line);
        }
        self.matched += plan.matched;
        let counts = self.report.of(user_type);
        counts.created += plan.counts.created;
        counts.updated += plan.counts.updated;
        counts.unchanged += plan.counts.unchanged;
        counts.kept += plan.counts.kept;
        counts.refused += plan.counts.refused;
        self.deferred.extend(plan.deferred);
        Ok(())
    }

    fn refuse(&mut self, user_type: UserType, lines: Vec<Line>) {
        self.report.of(user_type).refused += 1;
        for line in lines {
            self.report.problems += 1;
            self.observer.problem(&line);
        }
    }

    /// Decides a batch, or all `deferred` accounts, and writes it unless this is a dry run. Returns the numbers of the accounts
    /// by their keys, too.
    fn write_accounts(
        &mut self,
        user_type: UserType,
        candidates: &[Candidate],
        deferred: bool,
    ) -> Result<(Plan, Vec<(String, UserSeq)>), ImportError> {
        let Access::Write {
            destination,
            audit_context,
            roles,
            ..
        } = &mut self.access
        else {
            let plan = self.look(user_type, candidates, deferred)?;
            let numbers = plan.numbers();
            return Ok((plan, numbers));
        };
        let (context, roles) = (audit_context.part_of_run(), Arc::clone(roles));
        // They are as they were before the first batch.
        let preloaded = self.preloaded.as_ref().filter(|_| !deferred);
        Ok(again(destination, |connection| {
            if user_type == UserType::User {
                users::lock_all_logins(connection)?;
            }
            if deferred {
                Existing::lock(connection, user_type, candidates)?;
            }
            let mut plan = if let Some(existing) = preloaded {
                plan(existing, candidates.to_vec())
            } else {
                let existing = Existing::of(connection, user_type, candidates)?;
                if deferred {
                    plan_deferred(&existing, candidates)
                } else {
                    plan(&existing, candidates.to_vec())
                }
            };
            let mut lines = Vec::new();
            let numbers = apply(connection, &context, &roles, user_type, &plan, &mut lines)?;
            plan.lines.append(&mut lines);
            Ok::<_, Error>((plan, numbers))
        })?)
    }

    /// Decides a batch, or all `deferred` accounts, and writes nothing. What the batches before would have changed is remembered.
    fn look(
        &mut self,
        user_type: UserType,
        candidates: &[Candidate],
        deferred: bool,
    ) -> Result<Plan, ImportError> {
        let Access::DryRun {
            connection,
            roles,
            administrators,
        } = &mut self.access
        else {
            return Ok(Plan::default());
        };
        let mut existing = match connection {
            Some(connection) => Existing::of(connection, user_type, candidates)?,
            None => Existing::default(),
        };
        let mut plan = if deferred {
            let wanted = candidates.iter().flat_map(Candidate::logins);
            let wanted: Vec<&str> = wanted.map(|(_, login)| login).collect();
            existing.forget(&self.scratch.find_given_up(user_type, &wanted)?);
            plan_deferred(&existing, candidates)
        } else {
            let plan = plan(&existing, candidates.to_vec());
            let given_up = given_up(&existing, &plan.updates);
            let logins: Vec<&str> = given_up.iter().map(|name| name.login.as_str()).collect();
            self.scratch.give_up(user_type, &logins)?;
            plan
        };
        administrators.follow(roles, user_type, &mut plan);
        Ok(plan)
    }

    fn tokens(&mut self, known: &[token_table::DjangoToken]) -> Result<(), ImportError> {
        let is_first = self.has_no_tokens;
        let split = |connection: &mut Db| tokens::split(connection, is_first, known);
        let (new, stored, newly) = match &mut self.access {
            Access::DryRun {
                connection: None, ..
            } => (known.to_vec(), Vec::new(), 0),
            Access::DryRun {
                connection: Some(connection),
                ..
            } => {
                let (new, stored) = split(connection)?;
                let newly = tokens::count_newly(connection, &stored)?;
                (new, stored, newly)
            }
            Access::Write { destination, .. } => again(destination, |connection| {
                let (new, stored) = split(connection)?;
                let newly = tokens::write(connection, &new, &stored)?;
                Ok::<_, Error>((new, stored, newly))
            })?,
        };
        let counts = &mut self.report.tokens;
        let blacklisted = new
            .iter()
            .filter(|token| token.blacklisted_at.is_some())
            .count() as u64;
        counts.blacklisted += blacklisted;
        counts.live += new.len() as u64 - blacklisted;
        counts.newly_blacklisted += newly;
        counts.unchanged += stored.len() as u64 - newly;
        Ok(())
    }
}

/// Writes a batch, again if another process has taken a name or stored a token meanwhile.
fn again<T>(
    destination: &mut Destination,
    f: impl Fn(&mut Transaction<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut tries = 1;
    loop {
        match destination.write(&f) {
            Err(Error::Store(StoreError::Conflict { .. }) | Error::AlreadyExists { .. })
                if tries < TRIES && !destination.is_bulk() =>
            {
                tries += 1;
            }
            result => return result,
        }
    }
}
