//! Compares the log of a run with the rules:
//!
//! 1. Once a request that revokes tokens is answered, later requests with them are refused: access tokens at once on
//!    the same instance and within the allowed lag on others, refresh tokens at once on every instance.
//! 2. All successful responses to one refresh token contain the same successor, and each successor has one predecessor.
//! 3. No request is refused unless a revocation of its token had begun.
//! 4. A code is accepted once.
//! 5. Every response is 200 or 401, or 503 while a fault was injected.

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
    /// The times of injected faults: a request that overlaps with one may be answered 503.
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
    /// A description of each violation.
    pub violations: Vec<String>,
    /// For each revocation and each other instance: the longest time after which that instance still accepted a token.
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
    /// The access tokens of an account with a role other than this one, until the next change.
    Role(String, Duration),
}

const FOREVER: Duration = Duration::MAX;

/// Checks a log.
pub fn check(log: &[Entry], rules: &Rules) -> Report {
    let mut checker = Checker {
        rules,
        logins: logins(log),
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
    logins: HashMap<String, Range<Duration>>,
    revocations: HashMap<String, Vec<Revocation>>,
    report: Report,
}

/// The start and end of the login of each session.
fn logins(log: &[Entry]) -> HashMap<String, Range<Duration>> {
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
            // A replay ends the session, if it has not ended yet.
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
            Outcome::Unexpected(_) => self.report_violation("unexpected response", entry),
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
        let mut accepted_late = Vec::new();
        for revocation in self.of(token) {
            let Some(since) = revocation
                .answered
                .and_then(|at| entry.began.checked_sub(at))
            else {
                continue;
            };
            if since.is_zero() || !self.covers(revocation, token, entry, is_use) {
                continue;
            }
            let on_other_instance = revocation.instance != entry.instance && is_use;
            accepted_late.push((revocation.began, on_other_instance, since));
        }
        for (revocation, on_other_instance, since) in accepted_late {
            if !on_other_instance {
                self.report_violation("accepted after it was revoked", entry);
            } else if since > self.rules.most_lag {
                self.report_violation("accepted by another instance after the allowed lag", entry);
            }
            if on_other_instance {
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
            | Request::Flush
            | Request::ChangeKey => false,
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
                    && self.covers(revocation, token, entry, true)
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

    /// Whether a revocation, once it is answered, covers this token for certain.
    fn covers(&self, revocation: &Revocation, token: &Token, entry: &Entry, is_use: bool) -> bool {
        match &revocation.scope {
            Scope::Session => true,
            // A session that began while the account was inactive began before the deactivation.
            Scope::Account(until) => self
                .logins
                .get(&token.session)
                .is_none_or(|login| login.end < *until),
            Scope::Role(role, until) => {
                is_use
                    && token.role.as_ref().is_some_and(|issued| issued != role)
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
                        let login = self.logins.get(&token.session).map(|login| login.start);
                        login.is_none_or(|login| revocation.answered.is_none_or(|at| login < at))
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
            access: issued,
            refresh,
        })) = &entry.outcome
        else {
            continue;
        };
        let mut report_violation =
            |what: &str| report.violations.push(format!("{what}: {entry:?}"));
        if !access.insert(&issued.jti) {
            report_violation("an access token was issued twice");
        }
        if issued.session != refresh.session {
            report_violation("the two tokens belong to different sessions");
        }
        let Request::Refresh(old) = &entry.request else {
            continue;
        };
        if old.session != refresh.session {
            report_violation("the successor belongs to another session");
        }
        if *successors.entry(&old.jti).or_insert(&refresh.jti) != refresh.jti {
            report_violation("a second successor");
        }
        if *predecessors.entry(&refresh.jti).or_insert(&old.jti) != old.jti {
            report_violation("a successor of two tokens");
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
