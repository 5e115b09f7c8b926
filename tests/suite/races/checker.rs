//! Compares the log of a run with the rules:
//!
//! 1. After a request that revokes tokens is answered, every later request with them is refused: at once on the same
//!    instance and by every refresh, on another instance after at most the allowed lag.
//! 2. All answers to one refresh token contain the same successor, and each successor has one predecessor.
//! 3. A client is refused only tokens whose revocation had begun.
//! 4. A code is accepted once.
//! 5. Every answer is 200 or 401, or 503 while a fault was injected.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    time::Duration,
};

use super::log::{Entry, Outcome, Pair, Request, Token};

/// The limits of a run.
#[derive(Clone, Debug)]
pub struct Rules {
    /// How long another instance may accept a revoked access token.
    pub most_lag: Duration,
    /// When faults were injected: a request that overlaps with one may be answered 503.
    pub faults: Vec<Range<Duration>>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            most_lag: Duration::from_secs(5),
            faults: Vec::new(),
        }
    }
}

/// The result of a check.
#[derive(Debug, Default)]
pub struct Report {
    /// A sentence for each violation.
    pub violations: Vec<String>,
    /// For each revocation and other instance that was called: how long after it that instance last accepted a token.
    pub lags: Vec<Duration>,
    /// How many requests with tokens were accepted.
    pub accepted: usize,
    /// How many requests were refused because of a revocation.
    pub refused: usize,
}

/// A request that revokes tokens.
struct Revocation {
    instance: usize,
    began: Duration,
    /// When it was answered; `None` when it was not.
    answered: Option<Duration>,
    scope: Scope,
}

enum Scope {
    Session,
    /// All sessions of an account that began before this time.
    Account(Duration),
    /// The access tokens of an account with another role than this one, until the next change.
    Role(String, Duration),
}

const FOREVER: Duration = Duration::MAX;

/// Checks a log.
pub fn check(log: &[Entry], rules: &Rules) -> Report {
    let mut checker = Checker {
        rules,
        births: births(log),
        revocations: revocations(log),
        report: Report::default(),
    };
    let mut lags = HashMap::new();
    for entry in log {
        checker.entry(entry, &mut lags);
    }
    checker.report.lags = lags.into_values().collect();
    clients(log, &mut checker.report);
    codes(log, &mut checker.report);
    checker.report
}

struct Checker<'a> {
    rules: &'a Rules,
    births: HashMap<String, Range<Duration>>,
    revocations: HashMap<String, Vec<Revocation>>,
    report: Report,
}

/// When each session was requested and answered.
fn births(log: &[Entry]) -> HashMap<String, Range<Duration>> {
    log.iter()
        .filter(|entry| matches!(entry.request, Request::LogIn(_) | Request::Code(_)))
        .filter_map(|entry| match &entry.outcome {
            Outcome::Accepted(Some(pair)) => {
                Some((pair.access.session.clone(), entry.began..entry.ended))
            }
            _ => None,
        })
        .collect()
}

/// The revocations by session or account.
fn revocations(log: &[Entry]) -> HashMap<String, Vec<Revocation>> {
    let next = |entry: &Entry, fits: &dyn Fn(&Request) -> bool| {
        let later = log
            .iter()
            .filter(|other| other.began > entry.began && fits(&other.request));
        later.map(|other| other.began).min().unwrap_or(FOREVER)
    };
    let mut revocations: HashMap<String, Vec<Revocation>> = HashMap::new();
    for entry in log {
        let (of, scope, done) = match &entry.request {
            Request::End(session) => (session, Scope::Session, entry.is_accepted()),
            // A replay ends the session, if it had not ended.
            Request::Replay(token) => {
                let done = matches!(&entry.outcome, Outcome::Refused(_));
                (&token.session, Scope::Session, done)
            }
            Request::Deactivate(account) => {
                let until = next(entry, &|request| {
                    *request == Request::Activate(account.clone())
                });
                (account, Scope::Account(until), entry.is_accepted())
            }
            Request::SetRole(account, role) => {
                let until = next(
                    entry,
                    &|request| matches!(request, Request::SetRole(of, _) if of == account),
                );
                (
                    account,
                    Scope::Role(role.clone(), until),
                    entry.is_accepted(),
                )
            }
            _ => continue,
        };
        revocations.entry(of.clone()).or_default().push(Revocation {
            instance: entry.instance,
            began: entry.began,
            answered: done.then_some(entry.ended),
            scope,
        });
    }
    revocations
}

impl Checker<'_> {
    fn report_violation(&mut self, what: &str, entry: &Entry) {
        self.report.violations.push(format!("{what}: {entry:?}"));
    }

    fn entry(&mut self, entry: &Entry, lags: &mut HashMap<(Duration, usize), Duration>) {
        match &entry.outcome {
            Outcome::Unexpected(_) => self.report_violation("neither 200 nor 401", entry),
            Outcome::Unavailable => {
                let excused =
                    |fault: &Range<Duration>| entry.began < fault.end && entry.ended > fault.start;
                if !self.rules.faults.iter().any(excused) {
                    self.report_violation("503 without a fault", entry);
                }
            }
            Outcome::Lost => {}
            Outcome::Accepted(_) => self.accepted(entry, lags),
            Outcome::Refused(code) => self.refused(entry, code, lags),
        }
    }

    fn accepted(&mut self, entry: &Entry, lags: &mut HashMap<(Duration, usize), Duration>) {
        let (token, is_use) = match &entry.request {
            Request::Use(token) => (token, true),
            Request::Refresh(token) => (token, false),
            Request::Replay(_) => {
                return self.report_violation("a stolen token was accepted", entry);
            }
            _ => return,
        };
        self.report.accepted += 1;
        let mut late = Vec::new();
        for revocation in self.of(token) {
            let Some(since) = revocation
                .answered
                .and_then(|at| entry.began.checked_sub(at))
            else {
                continue;
            };
            if since.is_zero() || !self.takes(revocation, token, entry, is_use) {
                continue;
            }
            let elsewhere = revocation.instance != entry.instance && is_use;
            late.push((revocation.began, elsewhere, since));
        }
        for (revocation, elsewhere, since) in late {
            if !elsewhere {
                self.report_violation("accepted after it was revoked", entry);
            } else if since > self.rules.most_lag {
                self.report_violation("accepted elsewhere long after it was revoked", entry);
            }
            if elsewhere {
                let lag = lags.entry((revocation, entry.instance)).or_default();
                *lag = since.max(*lag);
            }
        }
    }

    fn refused(
        &mut self,
        entry: &Entry,
        code: &str,
        lags: &mut HashMap<(Duration, usize), Duration>,
    ) {
        let excused = match &entry.request {
            Request::Use(token) => self.is_excused(token, entry, code),
            Request::Refresh(token) => self.is_excused(token, entry, ""),
            Request::LogIn(account) => self.was_inactive(account, entry),
            // Refused for other reasons than a revocation.
            Request::Replay(_) | Request::Code(_) => true,
            Request::End(session) => self.revocations[session]
                .iter()
                .any(|other| other.began < entry.began),
            Request::Deactivate(_)
            | Request::Activate(_)
            | Request::SetRole(..)
            | Request::Flush => false,
        };
        if !excused {
            self.report_violation("a client was refused without a revocation", entry);
        }
        self.report.refused += 1;
        if let Request::Use(token) = &entry.request {
            for revocation in self.of(token) {
                let answered = revocation.answered.is_some_and(|at| at < entry.began);
                if answered
                    && revocation.instance != entry.instance
                    && self.takes(revocation, token, entry, true)
                {
                    lags.entry((revocation.began, entry.instance)).or_default();
                }
            }
        }
    }

    fn of(&self, token: &Token) -> impl Iterator<Item = &Revocation> {
        let find = |key: &str| self.revocations.get(key).into_iter().flatten();
        find(&token.session).chain(find(&token.account))
    }

    /// Whether a revocation, once it is answered, certainly covers this token.
    fn takes(&self, revocation: &Revocation, token: &Token, entry: &Entry, is_use: bool) -> bool {
        match &revocation.scope {
            Scope::Session => true,
            // A session that began while the account was inactive began before the deactivation.
            Scope::Account(until) => self
                .births
                .get(&token.session)
                .is_none_or(|birth| birth.end < *until),
            Scope::Role(role, until) => {
                is_use
                    && token.role.as_ref().is_some_and(|given| given != role)
                    && entry.ended < *until
            }
        }
    }

    /// Whether a revocation that may cover this token had begun before it was refused.
    fn is_excused(&self, token: &Token, entry: &Entry, code: &str) -> bool {
        self.of(token).any(|revocation| {
            revocation.began < entry.ended
                && match &revocation.scope {
                    Scope::Session => true,
                    Scope::Account(..) => {
                        let birth = self.births.get(&token.session).map(|birth| birth.start);
                        birth.is_none_or(|birth| revocation.answered.is_none_or(|at| birth < at))
                    }
                    Scope::Role(..) => code == "TOKEN_EXPIRED",
                }
        })
    }

    fn was_inactive(&self, account: &str, entry: &Entry) -> bool {
        self.revocations.get(account).into_iter().flatten().any(|revocation| {
            matches!(revocation.scope, Scope::Account(until) if entry.began < until.saturating_add(TO_ACTIVATE))
                && revocation.began < entry.ended
        })
    }
}

/// How long an activation may take to be answered: until then the account may be inactive.
const TO_ACTIVATE: Duration = Duration::from_secs(5);

/// Checks that rotations form one chain for each session.
fn clients(log: &[Entry], report: &mut Report) {
    let mut successors: HashMap<&str, &str> = HashMap::new();
    let mut predecessors: HashMap<&str, &str> = HashMap::new();
    let mut access = HashSet::new();
    for entry in log {
        let Outcome::Accepted(Some(Pair {
            access: given,
            refresh,
        })) = &entry.outcome
        else {
            continue;
        };
        let mut report_violation =
            |what: &str| report.violations.push(format!("{what}: {entry:?}"));
        if !access.insert(&given.jti) {
            report_violation("an access token was given twice");
        }
        if given.session != refresh.session {
            report_violation("a pair of two sessions");
        }
        let Request::Refresh(old) = &entry.request else {
            continue;
        };
        if old.session != refresh.session {
            report_violation("the successor is of another session");
        }
        if *successors.entry(&old.jti).or_insert(&refresh.jti) != refresh.jti {
            report_violation("a second successor");
        }
        if *predecessors.entry(&refresh.jti).or_insert(&old.jti) != old.jti {
            report_violation("a successor of two");
        }
    }
}

/// Checks that each code was accepted once.
fn codes(log: &[Entry], report: &mut Report) {
    let mut used = HashSet::new();
    for entry in log {
        if let Request::Code(challenge) = &entry.request
            && entry.is_accepted()
            && !used.insert(challenge)
        {
            report
                .violations
                .push(format!("a code was used twice: {entry:?}"));
        }
    }
}
