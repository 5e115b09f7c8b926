//! Load on real processes during a fault: clients that call, refresh, log in and out, each on its own thread, and the log of
//! their responses.

use std::{
    io,
    net::SocketAddr,
    ops::Range,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{
    client::{self, Answer, Client},
    place::PASSWORD,
    server::eventually,
};
use crate::races::{
    checker::{Report, Rules, check},
    log::{Entry, Outcome, Pair, Request, Token},
};

/// The account of all sessions.
pub const EMAIL: &str = "staff@example.org";
const ACCOUNT: &str = "user:1";
/// Pause between two requests of a client, so that a small machine has time for all.
const PAUSE: Duration = Duration::from_millis(4);

/// The running load and its log.
pub struct Load {
    addresses: Vec<SocketAddr>,
    begun: Instant,
    log: Mutex<Vec<Entry>>,
    over: AtomicBool,
    /// Number of responses with 200 since [`Load::until_well`] was called last, by [`Part`].
    good: [AtomicUsize; 3],
}

/// The response as it is logged. A 503 must have `Retry-After`.
fn outcome(answer: &io::Result<Answer>) -> Outcome {
    let Ok(answer) = answer else {
        return Outcome::Lost;
    };
    match answer.status {
        200 if answer.body["data"]["refresh"].is_string() => {
            let pair = client::Pair::of(answer);
            Outcome::Accepted(Some(Pair {
                access: Token::read(&pair.access),
                refresh: Token::read(&pair.refresh),
            }))
        }
        200 => Outcome::Accepted(None),
        401 => Outcome::Refused(answer.code().to_owned()),
        503 if answer.retry_after.is_some() => Outcome::Unavailable,
        _ => Outcome::Unexpected(format!("{answer:?}")),
    }
}

/// The kinds of clients.
#[derive(Clone, Copy)]
enum Part {
    Bearer,
    Refresher,
    Visitor,
}

impl Load {
    /// For these instances.
    pub fn on(addresses: Vec<SocketAddr>) -> Self {
        Self {
            addresses,
            begun: Instant::now(),
            log: Mutex::default(),
            over: AtomicBool::new(false),
            good: Default::default(),
        }
    }

    /// The current time of the log.
    pub fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Runs `during` while the load runs.
    pub fn beside<T>(&self, during: impl FnOnce() -> T) -> T {
        thread::scope(|scope| {
            for number in 0..2 {
                scope.spawn(move || self.bearer(number));
                scope.spawn(move || self.refresher(number));
                scope.spawn(move || self.visitor(number));
            }
            // The load must end even if `during` panics.
            let end = End(&self.over);
            let value = during();
            drop(end);
            value
        })
    }

    /// Waits until calls, refreshes and logins are answered with 200 again.
    pub fn until_well(&self) {
        for good in &self.good {
            good.store(0, Ordering::SeqCst);
        }
        eventually(|| {
            self.good
                .iter()
                .all(|good| good.load(Ordering::SeqCst) >= 3)
        });
    }

    /// Waits until more than `count` requests with a token were accepted since the beginning (see [`Report::accepted`]).
    pub fn until_accepted(&self, count: usize) {
        eventually(|| {
            let log = self.log.lock().unwrap();
            let accepted = log.iter().filter(|entry| {
                entry.is_accepted()
                    && matches!(entry.request, Request::Use(_) | Request::Refresh(_))
            });
            accepted.count() > count
        });
    }

    /// The responses in this time to calls with an access token.
    pub fn calls(&self, time: Range<Duration>) -> Vec<Outcome> {
        self.responses_in(&time, |asked| matches!(asked, Request::Use(_)))
    }

    /// The responses in this time to requests that write.
    pub fn writes(&self, time: Range<Duration>) -> Vec<Outcome> {
        self.responses_in(&time, |asked| !matches!(asked, Request::Use(_)))
    }

    /// Only requests that began and ended in this time.
    fn responses_in(
        &self,
        time: &Range<Duration>,
        fits: impl Fn(&Request) -> bool,
    ) -> Vec<Outcome> {
        let log = self.log.lock().unwrap();
        log.iter()
            .filter(|entry| {
                time.contains(&entry.began) && time.contains(&entry.ended) && fits(&entry.request)
            })
            .map(|entry| entry.outcome.clone())
            .collect()
    }

    /// Checks the log by the rules; 503 is allowed in these times only.
    pub fn judge(self, faults: Vec<Range<Duration>>) -> Report {
        let log = self.log.into_inner().unwrap();
        let rules = Rules {
            faults,
            ..Rules::default()
        };
        let verdict = check(&log, &rules);
        let shown: Vec<_> = verdict.violations.iter().take(10).collect();
        assert!(
            shown.is_empty(),
            "{} violations: {shown:#?}",
            verdict.violations.len()
        );
        let ill = log
            .iter()
            .filter(|entry| entry.outcome == Outcome::Unavailable)
            .count();
        let lost = log
            .iter()
            .filter(|entry| entry.outcome == Outcome::Lost)
            .count();
        println!(
            "{} answers: {} accepted, {} refused, {ill} ill, {lost} lost",
            log.len(),
            verdict.accepted,
            verdict.refused
        );
        verdict
    }

    fn runs(&self) -> bool {
        thread::sleep(PAUSE);
        !self.over.load(Ordering::SeqCst)
    }

    /// Sends a request. If its response is lost, the client continues on the next instance.
    fn ask(
        &self,
        part: Part,
        at: &mut Caller,
        asked: Request,
        call: impl FnOnce(&mut Client) -> io::Result<Answer>,
    ) -> (Outcome, Option<Answer>) {
        let began = self.now();
        let answer = call(&mut at.client);
        let result = outcome(&answer);
        let entry = Entry {
            instance: at.instance,
            began,
            ended: self.now(),
            request: asked,
            outcome: result.clone(),
        };
        self.log.lock().unwrap().push(entry);
        match result {
            Outcome::Lost => at.next(&self.addresses),
            Outcome::Accepted(_) => {
                self.good[part as usize].fetch_add(1, Ordering::SeqCst);
            }
            _ => {}
        }
        (result, answer.ok())
    }

    fn log_in(&self, part: Part, at: &mut Caller) -> Option<client::Pair> {
        let body = json!({"username": EMAIL, "password": PASSWORD});
        let asked = Request::LogIn(ACCOUNT.into());
        let (result, answer) = self.ask(part, at, asked, |client| {
            client.try_post("/auth/login", &[], &body)
        });
        matches!(result, Outcome::Accepted(_)).then(|| client::Pair::of(&answer.unwrap()))
    }

    fn call(&self, part: Part, at: &mut Caller, access: &str) -> Outcome {
        let asked = Request::Use(Token::read(access));
        self.ask(part, at, asked, |client| client.try_get("/api/me", access))
            .0
    }

    fn refresh(&self, part: Part, at: &mut Caller, refresh: &str) -> (Outcome, Option<Answer>) {
        let asked = Request::Refresh(Token::read(refresh));
        let body = json!({"refresh": refresh});
        self.ask(part, at, asked, |client| {
            client.try_post("/auth/refresh", &[], &body)
        })
    }

    /// Calls with one access token, which is valid longer than the test runs.
    fn bearer(&self, number: usize) {
        let mut at = Caller::at(&self.addresses, number);
        let mut pair = None;
        while self.runs() {
            match &pair {
                None => pair = self.log_in(Part::Bearer, &mut at),
                Some(client::Pair { access, .. }) => {
                    self.call(Part::Bearer, &mut at, access);
                }
            }
        }
    }

    /// Refreshes, and retries with the same token until it is accepted.
    fn refresher(&self, number: usize) {
        let mut at = Caller::at(&self.addresses, number);
        let mut pair = None;
        while self.runs() {
            let Some(client::Pair { refresh, .. }) = &pair else {
                pair = self.log_in(Part::Visitor, &mut at);
                continue;
            };
            match self.refresh(Part::Refresher, &mut at, refresh) {
                (Outcome::Accepted(_), answer) => pair = answer.as_ref().map(client::Pair::of),
                // A violation, which the checker finds in the log.
                (Outcome::Refused(_), _) => return,
                _ => {}
            }
        }
    }

    /// Logs in, calls, logs out, and then uses the old tokens; the checker decides whether each response is right.
    fn visitor(&self, number: usize) {
        let mut at = Caller::at(&self.addresses, number);
        let mut gone: Vec<(client::Pair, u32)> = Vec::new();
        while self.runs() {
            for (pair, tries) in gone.iter_mut().rev().take(2) {
                self.call(Part::Visitor, &mut at, &pair.access);
                // A refused refresh token is limited to ten tries a minute.
                if *tries < 8 {
                    *tries += 1;
                    self.refresh(Part::Visitor, &mut at, &pair.refresh);
                }
            }
            let Some(pair) = self.log_in(Part::Visitor, &mut at) else {
                continue;
            };
            self.call(Part::Visitor, &mut at, &pair.access);
            let asked = Request::End(Token::read(&pair.refresh).session);
            let (result, _) = self.ask(Part::Visitor, &mut at, asked, |client| {
                client.try_log_out(&pair)
            });
            if matches!(result, Outcome::Accepted(_)) {
                gone.push((pair, 0));
            }
        }
        // Again at the end: no answered logout is lost.
        for (pair, _) in &gone {
            self.call(Part::Visitor, &mut at, &pair.access);
            self.refresh(Part::Visitor, &mut at, &pair.refresh);
        }
    }
}

/// Ends the load when it is dropped.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A client of one of the instances.
struct Caller {
    instance: usize,
    client: Client,
}

impl Caller {
    fn at(addresses: &[SocketAddr], number: usize) -> Self {
        let instance = number % addresses.len();
        Self {
            instance,
            client: Client::new(addresses[instance]),
        }
    }

    fn next(&mut self, addresses: &[SocketAddr]) {
        *self = Self::at(addresses, self.instance + 1);
    }
}
