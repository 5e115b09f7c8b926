//! Running an import: one thread reads the source, this one decides and writes, batch after batch.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use crate::domain::import::ImportField;
use crate::domain::principal::{UserSeq, UserType};
use crate::services::error::Error;
use crate::services::import::access::Access;
use crate::services::import::apply::apply;
use crate::services::import::candidate::{Candidate, Identity};
use crate::services::import::error::ImportError;
use crate::services::import::existing::Existing;
use crate::services::import::input::{Message, Parsed};
use crate::services::import::plan::{Plan, plan};
use crate::services::import::report::{Line, Report};
use crate::services::import::tokens;
use crate::store::imports::scratch::Scratch;
use crate::store::imports::transaction::Destination;
use crate::store::imports::{accounts as table, tokens as token_table};
use crate::store::{Db, StoreError, Transaction};

pub use crate::services::import::access::Mode;
pub use crate::services::import::input::{Input as Source, Phase};

/// How many batches may be read ahead.
const READ_AHEAD: usize = 2;
/// How many different words for roles are counted, each for itself.
const MAX_WORDS: usize = 100;
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
        rows: 0,
        imported_before: 0,
        preloaded: None,
        has_no_tokens: false,
        user_type: None,
    };
    let (sender, receiver) = sync_channel(READ_AHEAD);
    let result = std::thread::scope(|scope| {
        let reader = scope.spawn(move || {
            input.read(&mut |message| !stop.load(Ordering::Relaxed) && sender.send(message).is_ok())
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
    result
        .and_then(|()| work.access.finish(&work.report))
        .inspect_err(|_| work.access.fail(&mut work.report))?;
    Ok(work.report)
}

/// The state of a run.
struct Work<'a> {
    access: Access,
    scratch: Scratch,
    report: Report,
    observer: &'a mut dyn Observer,
    /// How many accounts of an earlier import the source still has.
    matched: u64,
    /// How many accounts were read, to tell two with the same key apart.
    rows: usize,
    imported_before: u64,
    /// All accounts that were there, if they are few.
    preloaded: Option<Existing>,
    has_no_tokens: bool,
    user_type: Option<UserType>,
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
                Message::Tokens(user_type, batch) => {
                    let rows = batch.len() as u64;
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
        self.end_accounts();
        Ok(())
    }

    fn begin(
        &mut self,
        phase: Phase,
        origin: &str,
        rows: u64,
        greatest: u64,
    ) -> Result<(), ImportError> {
        self.end_accounts();
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

    /// Counts the accounts of an earlier import that the source does not have any more.
    fn end_accounts(&mut self) {
        if let Some(user_type) = self.user_type.take() {
            let missing = self.imported_before.saturating_sub(self.matched);
            self.report.of(user_type).missing = missing;
        }
        self.matched = 0;
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
        let candidates = self.without_duplicates(user_type, candidates)?;
        let (plan, numbers) = self.write_accounts(user_type, &candidates)?;
        let imported: HashSet<&String> = numbers.iter().map(|(key, _)| key).collect();
        for candidate in &candidates {
            if imported.contains(&candidate.key) {
                self.count_role(candidate);
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
        self.observer.advance(rows);
        Ok(())
    }

    fn refuse(&mut self, user_type: UserType, lines: Vec<Line>) {
        self.report.of(user_type).refused += 1;
        for line in lines {
            self.report.problems += 1;
            self.observer.problem(&line);
        }
    }

    fn count_role(&mut self, candidate: &Candidate) {
        let Some(given) = &candidate.role else { return };
        let report = &mut self.report;
        let count = |of: &mut std::collections::BTreeMap<String, u64>, word: &str| {
            let is_full = of.len() >= MAX_WORDS && !of.contains_key(word);
            let word = if is_full { "others" } else { word };
            *of.entry(word.to_owned()).or_default() += 1;
        };
        count(&mut report.users.roles, &given.role.to_string());
        if let Some(word) = &given.unknown {
            count(&mut report.unknown_roles, word);
        }
        if let Some(word) = &given.withheld {
            count(&mut report.withheld_roles, word);
        }
        if let Some(word) = &given.unusable {
            count(&mut report.unusable_roles, word);
        }
    }

    /// Leaves out values that an account before has in the same source.
    fn without_duplicates(
        &mut self,
        user_type: UserType,
        candidates: Vec<Candidate>,
    ) -> Result<Vec<Candidate>, StoreError> {
        let mut values = Vec::new();
        let mut places = Vec::new();
        for (index, candidate) in candidates.iter().enumerate() {
            let mut add = |field: ImportField, value: String| {
                let row = self.rows + index;
                let row = i64::try_from(row).unwrap_or(i64::MAX);
                values.push((value, candidate.key.clone(), row));
                places.push((index, field));
            };
            if let Identity::Number(number) = candidate.identity {
                add(ImportField::Id, format!("number {number}"));
            }
            if let Some(id) = &candidate.external_id {
                add(ImportField::ExternalId, format!("external {}", id.as_str()));
            }
            for (field, login) in candidate.logins() {
                add(field, format!("login {login}"));
            }
        }
        let others = self.scratch.take(user_type, &values)?;
        self.rows += candidates.len();
        let mut candidates: Vec<Option<Candidate>> = candidates.into_iter().map(Some).collect();
        for ((index, field), other) in places.into_iter().zip(others) {
            let (Some(other), Some(slot)) = (other, candidates.get_mut(index)) else {
                continue;
            };
            let Some(candidate) = slot else { continue };
            let problem = format!("{other} of the source has the same");
            if field == ImportField::Id || !candidate.leave_out(field, &problem) {
                if field == ImportField::Id {
                    candidate.refuse(field, problem);
                }
                let lines = std::mem::take(&mut candidate.lines);
                *slot = None;
                self.refuse(user_type, lines);
            }
        }
        Ok(candidates.into_iter().flatten().collect())
    }

    /// Decides and writes a batch.
    fn write_accounts(
        &mut self,
        user_type: UserType,
        candidates: &[Candidate],
    ) -> Result<(Plan, Vec<(String, UserSeq)>), ImportError> {
        let preloaded = self.preloaded.as_ref();
        let decide = |connection: &mut Db| {
            let found;
            let existing = if let Some(existing) = preloaded {
                existing
            } else {
                found = Existing::of(connection, user_type, candidates)?;
                &found
            };
            Ok::<_, StoreError>(plan(existing, candidates.to_vec()))
        };
        let (destination, context, roles) = match &mut self.access {
            Access::DryRun(connection) => {
                let plan = match connection {
                    Some(connection) => decide(connection)?,
                    None => plan(&Existing::default(), candidates.to_vec()),
                };
                let numbers = plan.numbers();
                return Ok((plan, numbers));
            }
            Access::Write {
                destination,
                audit_context,
                roles,
                ..
            } => {
                let context = audit_context.part_of_run();
                (destination, context, Arc::clone(roles))
            }
        };
        Ok(again(destination, |connection| {
            let mut plan = decide(connection)?;
            let mut lines = Vec::new();
            let numbers = apply(connection, &context, &roles, user_type, &plan, &mut lines)?;
            plan.lines.append(&mut lines);
            Ok::<_, Error>((plan, numbers))
        })?)
    }

    fn tokens(&mut self, known: &[token_table::DjangoToken]) -> Result<(), ImportError> {
        let is_first = self.has_no_tokens;
        let split = |connection: &mut Db| tokens::split(connection, is_first, known);
        let (new, stored, newly) = match &mut self.access {
            Access::DryRun(None) => (known.to_vec(), Vec::new(), 0),
            Access::DryRun(Some(connection)) => {
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
