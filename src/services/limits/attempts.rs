//! Guessing: how often a password or a code may be wrong. A try is counted before it is judged, so a hundred at once are
//! no more tries than a hundred in a row, on however many instances; what turns out right is taken back.
//!
//! [`begin`] a try, judge it, and `Attempt::conclude` it. What cannot be guessed for an account (links, garbage in the place
//! of tokens) is counted for its address alone, after it was refused: see [`addresses`].

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    clock::{Clock, Timestamp},
    domain::{
        audit::{Action, Actor, Subject},
        limits::LimitKind,
        principal::{Principal, UserType},
        session::Device,
    },
    services::{
        audit::log::{AuditContext, AuditLog, Event},
        bootstrap::Services,
        error::Error,
        limits::{
            addresses::Addresses,
            pending_attempts::{Entry, PendingAttempts},
            rules::{self, LoginName, Rule},
        },
    },
    store::{Db, Store, StoreError, client_users, rate_limits as table, users},
};

/// The longest a try waits for others at the same account to be judged.
const PATIENCE: Duration = Duration::from_secs(10);

/// What this process remembers of tries; everything that decides stands in the database.
#[derive(Default)]
pub struct Limits {
    gate: PendingAttempts,
    pub(crate) addresses: Addresses,
}

impl Limits {
    /// Forgets that a bucket was locked.
    pub(crate) fn forget(&self, bucket: &str) {
        self.addresses.forget(bucket);
    }
}

/// Whoever tries to be let in.
#[derive(Clone, Debug)]
pub struct LoginContext {
    /// Through which door, from where, in which request.
    pub actor: Actor,
    /// The device token that was shown.
    pub device_token: Option<String>,
}

impl LoginContext {
    /// The device a session begins from.
    #[must_use]
    pub fn device(&self) -> Device {
        Device::new(self.actor.ip_address, self.actor.user_agent.as_deref())
    }
}

/// A try that was counted in a bucket.
#[derive(Clone)]
pub(crate) struct Counted {
    rule: Rule,
    hits: i64,
    /// Until when this try locked the bucket, if it did.
    pub(crate) locked_until: Option<Timestamp>,
}

/// A try that is counted and may be judged. Dropped without a verdict it stays counted as a failure.
#[must_use]
pub struct Attempt {
    counted: Vec<Counted>,
    actor: Actor,
    store: Store,
    clock: Clock,
    audit_log: AuditLog,
    entry: Option<Entry>,
}

/// Counts a try to be let in to an account by the name that was typed, whether it exists or not, before it is judged.
///
/// Where the tries that are allowed are being judged right now, it waits for their verdicts.
///
/// # Errors
/// [`Error::RateLimited`] when the account (or the device, of one that has logged in before) or the address must wait; and
/// the store's.
pub async fn begin(
    services: &Services,
    kind: LimitKind,
    account: LoginName<'_>,
    login_context: &LoginContext,
) -> Result<Attempt, Error> {
    let mut rules = vec![rules::of_account(services, kind, account, login_context)];
    rules.extend(rules::of_address(
        services,
        kind,
        login_context.actor.ip_address,
    ));
    let names: Vec<String> = rules.iter().map(|rule| rule.bucket.name.clone()).collect();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let judged = services.limits.gate.watch(&names);
        if let Some((bucket, wait)) = longest_lock(services, &names).await? {
            if judged.wait_for(&bucket, deadline).await {
                continue;
            }
            return Err(Error::RateLimited { retry_after: wait });
        }
        let entry = services.limits.gate.enter(&names);
        match count_all(services, &rules).await {
            Ok(counted) => {
                return Ok(Attempt {
                    counted,
                    actor: login_context.actor.clone(),
                    store: services.store.clone(),
                    clock: services.clock.clone(),
                    audit_log: services.audit_log.clone(),
                    entry: Some(entry),
                });
            }
            // Another took the last try in between: whether it is worth waiting for is seen above.
            Err(Error::RateLimited { .. }) if Instant::now() < deadline => {}
            Err(error) => return Err(error),
        }
    }
}

/// Of these buckets the one that is locked the longest, and how long it still is.
pub(crate) async fn longest_lock(
    services: &Services,
    names: &[String],
) -> Result<Option<(String, Duration)>, Error> {
    let (names, now) = (names.to_vec(), services.clock.now());
    let locked = services
        .store
        .read(move |connection| table::find_locked(connection, &names, now))
        .await?;
    let longest = locked.into_iter().max_by_key(|(_, until)| *until);
    Ok(longest.map(|(bucket, until)| (bucket, until.since(now))))
}

/// Counts in all of the buckets or, where one of them is locked, in none.
async fn count_all(services: &Services, rules: &[Rule]) -> Result<Vec<Counted>, Error> {
    let (rules, now) = (rules.to_vec(), services.clock.now());
    services
        .store
        .write(move |connection| {
            let counted = rules.iter().map(|rule| count(connection, rule, now));
            counted.collect::<Result<Vec<_>, Error>>()
        })
        .await
}

/// Counts in a bucket, and locks it when it has had enough by this; part of a transaction, which the refusal rolls back.
pub(crate) fn count(connection: &mut Db, rule: &Rule, now: Timestamp) -> Result<Counted, Error> {
    let count = table::count(
        connection,
        &rule.bucket,
        now,
        now + rule.window,
        rule.slides(),
    )?;
    if let Some(until) = count.locked_until {
        return Err(Error::RateLimited {
            retry_after: until.since(now),
        });
    }
    let locked_until = rule.lock_of(&count, now);
    if let Some(until) = locked_until {
        table::lock(connection, &rule.bucket.name, now, until)?;
    }
    Ok(Counted {
        rule: rule.clone(),
        hits: count.hits,
        locked_until,
    })
}

/// What a right try leaves of its counts, to be done in the transaction of the success.
#[derive(Clone)]
pub(crate) struct CounterReset(Vec<Counted>);

impl CounterReset {
    /// Forgets the failures of the account or device, and takes this try back from its address.
    pub(crate) fn forget(&self, connection: &mut Db) -> Result<(), StoreError> {
        for counted in &self.0 {
            if counted.rule.is_of_address() {
                counted.take_back(connection)?;
            } else {
                table::delete(connection, &counted.rule.bucket.name)?;
            }
        }
        Ok(())
    }

    /// Takes this try back, and nothing else.
    fn take_back(&self, connection: &mut Db) -> Result<(), StoreError> {
        self.0
            .iter()
            .try_for_each(|counted| counted.take_back(connection))
    }
}

impl Counted {
    fn take_back(&self, connection: &mut Db) -> Result<(), StoreError> {
        let name = &self.rule.bucket.name;
        table::subtract(connection, name, self.rule.enough, self.locked_until)
    }
}

impl Attempt {
    /// What the success must do in its transaction.
    pub(crate) fn forgiveness(&self) -> CounterReset {
        CounterReset(self.counted.clone())
    }

    /// The verdict, by what came of the try: a success has used [`Attempt::forgiveness`]; wrong credentials and codes stay
    /// counted; whatever else went wrong was no guess and is taken back.
    pub(crate) async fn conclude<T>(self, result: Result<T, Error>) -> Result<T, Error> {
        match &result {
            Ok(_) => self.right(),
            Err(Error::InvalidCredentials | Error::InvalidOtp) => self.wrong().await,
            Err(_) => self.undo().await,
        }
        result
    }

    /// It was right, and its forgiveness is committed.
    fn right(mut self) {
        if let Some(entry) = self.entry.take() {
            entry.free();
        }
    }

    /// It was wrong: what it locked is told to the record.
    pub(crate) async fn wrong(mut self) {
        let entry = self.entry.take();
        let locks = self.locks();
        if !locks.is_empty() {
            tell(self.store.clone(), self.audit_context(), locks).await;
        }
        // Only now: whoever waits for the verdict finds the record complete.
        drop(entry);
    }

    /// It was no guess.
    pub(crate) async fn undo(mut self) {
        let entry = self.entry.take();
        let forgiveness = self.forgiveness();
        let undone = self
            .store
            .write(move |connection| forgiveness.take_back(connection))
            .await;
        if let Err(error) = undone {
            tracing::warn!(%error, "a try that was no guess stays counted");
        }
        if let Some(entry) = entry {
            entry.free();
        }
    }

    /// Whoever writes into the record what this try led to.
    fn audit_context(&self) -> AuditContext {
        self.audit_log.audit_context(&self.actor, self.clock.now())
    }

    fn locks(&self) -> Vec<Counted> {
        let locked = |counted: &&Counted| counted.locked_until.is_some();
        self.counted.iter().filter(locked).cloned().collect()
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        // Whoever hangs up before the verdict has had his try, and what it locked is told all the same.
        let locks = self.locks();
        if self.entry.is_some() && !locks.is_empty() {
            let (store, audit_context) = (self.store.clone(), self.audit_context());
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn(tell(store, audit_context, locks));
            }
        }
    }
}

/// Records the locks that a failure began.
async fn tell(store: Store, audit_context: AuditContext, locks: Vec<Counted>) {
    let told = store
        .write(move |connection| {
            locks
                .iter()
                .try_for_each(|lock| record_lock(connection, &audit_context, lock))
        })
        .await;
    if let Err(error) = told {
        tracing::warn!(%error, "a lock is missing in the record");
    }
}

/// Records a lock: who was tried, and what for; from where is the actor's.
pub(crate) fn record_lock(
    connection: &mut Db,
    audit_context: &AuditContext,
    lock: &Counted,
) -> Result<(), StoreError> {
    let bucket = &lock.rule.bucket;
    let principal = match (bucket.user_type, &bucket.subject) {
        (Some(user_type), Some(name)) => find_account(connection, user_type, name)?,
        _ => None,
    };
    let subject = Subject {
        principal,
        name: bucket.subject.clone(),
    };
    let mut event = Event::new(Action::Locked).to(subject);
    if let Some(kind) = bucket.kind {
        event = event.noting("limit", kind);
    }
    if let Some(user_type) = bucket.user_type {
        event = event.noting("user_type", user_type);
    }
    event = event.noting("tries", lock.hits);
    if let Some(until) = lock.locked_until {
        event = event.noting("until", until.whole_seconds());
    }
    audit_context.record(connection, &event)
}

/// Whoever was named, as the record has him: what was typed may be a password in the wrong field.
pub(crate) fn named_subject(account: LoginName<'_>, principal: Option<Principal>) -> Subject {
    Subject {
        principal,
        name: rules::subject(account),
    }
}

/// The account of this name.
pub(crate) fn find_account(
    connection: &mut Db,
    user_type: UserType,
    name: &str,
) -> Result<Option<Principal>, StoreError> {
    Ok(match user_type {
        UserType::User => {
            users::find_by_email(connection, name)?.map(|row| Principal::user(row.id))
        }
        UserType::Client => {
            client_users::find_by_username(connection, name)?.map(|row| Principal::client(row.id))
        }
    })
}
