//! The judge of a run, who sees its log alone.
//!
//! 1. What was revoked by an answered request is refused in every request that begins later: at once where it was
//!    revoked, and by every refresh; on another instance after at most the allowed lag.
//! 2. Whatever is given for a refresh token is one and the same successor, and each has one predecessor: a session is a line.
//! 3. An honest client is refused only what somebody began to revoke.
//! 4. A code is good once.
//! 5. No answer but 200 and 401, and 503 while a fault was made.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    time::Duration,
};

use super::log::{Asked, Entry, LocalizedText, Pair, Token};

/// What a run may show.
#[derive(Clone, Debug)]
pub struct Rules {
    /// How long another instance may go on accepting what was revoked.
    pub most_lag: Duration,
    /// When a fault was made: 503 is right for what overlaps with it.
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

/// What the judge found.
#[derive(Debug, Default)]
pub struct Verdict {
    /// What was against the rules, in words.
    pub violations: Vec<String>,
    /// For each revocation that another instance was asked about: how long after it that one last accepted.
    pub lags: Vec<Duration>,
    /// How many requests honest clients were accepted with.
    pub honest: usize,
    /// How many requests were refused because of a revocation.
    pub refused: usize,
}

/// Something that takes tokens their worth.
struct Revocation {
    instance: usize,
    began: Duration,
    /// When it was answered; none: it was not.
    answered: Option<Duration>,
    scope: Scope,
}

enum Scope {
    Session,
    /// All sessions of an account that were given in an answer before this time.
    Account(Duration),
    /// The access tokens of an account that give another role than this one, until it gets the next.
    Role(String, Duration),
}

const FOREVER: Duration = Duration::MAX;

/// Judges a run.
pub fn check(log: &[Entry], rules: &Rules) -> Verdict {
    let mut judge = ReuseDetector {
        rules,
        births: births(log),
        revocations: revocations(log),
        verdict: Verdict::default(),
    };
    let mut lags = HashMap::new();
    for entry in log {
        judge.entry(entry, &mut lags);
    }
    judge.verdict.lags = lags.into_values().collect();
    lines(log, &mut judge.verdict);
    codes(log, &mut judge.verdict);
    judge.verdict
}

struct ReuseDetector<'a> {
    rules: &'a Rules,
    births: HashMap<String, Range<Duration>>,
    revocations: HashMap<String, Vec<Revocation>>,
    verdict: Verdict,
}

/// When each session was asked for and given.
fn births(log: &[Entry]) -> HashMap<String, Range<Duration>> {
    log.iter()
        .filter(|entry| matches!(entry.asked, Asked::LogIn(_) | Asked::Code(_)))
        .filter_map(|entry| match &entry.told {
            LocalizedText::Accepted(Some(pair)) => {
                Some((pair.access.session.clone(), entry.began..entry.ended))
            }
            _ => None,
        })
        .collect()
}

/// The revocations by what they are of: a session or an account.
fn revocations(log: &[Entry]) -> HashMap<String, Vec<Revocation>> {
    let next = |entry: &Entry, fits: &dyn Fn(&Asked) -> bool| {
        let later = log
            .iter()
            .filter(|other| other.began > entry.began && fits(&other.asked));
        later.map(|other| other.began).min().unwrap_or(FOREVER)
    };
    let mut revocations: HashMap<String, Vec<Revocation>> = HashMap::new();
    for entry in log {
        let (of, scope, done) = match &entry.asked {
            Asked::End(session) => (session, Scope::Session, entry.is_accepted()),
            // Any repeat of a token that may be stolen ends its session, if it had not ended.
            Asked::Replay(token) => {
                let done = matches!(&entry.told, LocalizedText::Refused(_));
                (&token.session, Scope::Session, done)
            }
            Asked::Deactivate(account) => {
                let until = next(entry, &|asked| *asked == Asked::Activate(account.clone()));
                (account, Scope::Account(until), entry.is_accepted())
            }
            Asked::SetRole(account, role) => {
                let until = next(
                    entry,
                    &|asked| matches!(asked, Asked::SetRole(of, _) if of == account),
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

impl ReuseDetector<'_> {
    fn blame(&mut self, what: &str, entry: &Entry) {
        self.verdict.violations.push(format!("{what}: {entry:?}"));
    }

    fn entry(&mut self, entry: &Entry, lags: &mut HashMap<(Duration, usize), Duration>) {
        match &entry.told {
            LocalizedText::Odd(_) => self.blame("neither 200 nor 401", entry),
            LocalizedText::Ill => {
                let excused =
                    |fault: &Range<Duration>| entry.began < fault.end && entry.ended > fault.start;
                if !self.rules.faults.iter().any(excused) {
                    self.blame("503 without a fault", entry);
                }
            }
            LocalizedText::Lost => {}
            LocalizedText::Accepted(_) => self.accepted(entry, lags),
            LocalizedText::Refused(code) => self.refused(entry, code, lags),
        }
    }

    fn accepted(&mut self, entry: &Entry, lags: &mut HashMap<(Duration, usize), Duration>) {
        let (token, is_use) = match &entry.asked {
            Asked::Use(token) => (token, true),
            Asked::Refresh(token) => (token, false),
            Asked::Replay(_) => return self.blame("a stolen token was accepted", entry),
            _ => return,
        };
        self.verdict.honest += 1;
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
                self.blame("accepted after it was revoked", entry);
            } else if since > self.rules.most_lag {
                self.blame("accepted elsewhere long after it was revoked", entry);
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
        let excused = match &entry.asked {
            Asked::Use(token) => self.is_excused(token, entry, code),
            Asked::Refresh(token) => self.is_excused(token, entry, ""),
            Asked::LogIn(account) => self.was_inactive(account, entry),
            // Whose is somebody else's, or wrong, is refused for other reasons than these.
            Asked::Replay(_) | Asked::Code(_) => true,
            Asked::End(session) => self.revocations[session]
                .iter()
                .any(|other| other.began < entry.began),
            Asked::Deactivate(_) | Asked::Activate(_) | Asked::SetRole(..) => false,
        };
        if !excused {
            self.blame("an honest client was refused", entry);
        }
        self.verdict.refused += 1;
        if let Asked::Use(token) = &entry.asked {
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

    /// Whether a revocation, once it is answered, certainly is one of this token.
    fn takes(&self, revocation: &Revocation, token: &Token, entry: &Entry, is_use: bool) -> bool {
        match &revocation.scope {
            Scope::Session => true,
            // Begun while the account was inactive it can only have been before.
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

    /// Whether somebody had begun to revoke what may be this token before it was refused.
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

/// How long the answer to an activation may take: until it has come the account may be inactive.
const TO_ACTIVATE: Duration = Duration::from_secs(5);

/// Holds that what was given for refresh tokens makes a line.
fn lines(log: &[Entry], verdict: &mut Verdict) {
    let mut successors: HashMap<&str, &str> = HashMap::new();
    let mut predecessors: HashMap<&str, &str> = HashMap::new();
    let mut access = HashSet::new();
    for entry in log {
        let LocalizedText::Accepted(Some(Pair {
            access: given,
            refresh,
        })) = &entry.told
        else {
            continue;
        };
        let mut blame = |what: &str| verdict.violations.push(format!("{what}: {entry:?}"));
        if !access.insert(&given.jti) {
            blame("an access token was given twice");
        }
        if given.session != refresh.session {
            blame("a pair of two sessions");
        }
        let Asked::Refresh(old) = &entry.asked else {
            continue;
        };
        if old.session != refresh.session {
            blame("the successor is of another session");
        }
        if *successors.entry(&old.jti).or_insert(&refresh.jti) != refresh.jti {
            blame("a second successor");
        }
        if *predecessors.entry(&refresh.jti).or_insert(&old.jti) != old.jti {
            blame("a successor of two");
        }
    }
}

/// Holds that a code lets in once.
fn codes(log: &[Entry], verdict: &mut Verdict) {
    let mut used = HashSet::new();
    for entry in log {
        if let Asked::Code(challenge) = &entry.asked
            && entry.is_accepted()
            && !used.insert(challenge)
        {
            verdict
                .violations
                .push(format!("a code was used twice: {entry:?}"));
        }
    }
}
