//! A load on real processes while a fault is made: people who call, refresh, log in and out, each on a thread of its own,
//! and the log of what they were told.

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

/// Whom the load's sessions belong to.
pub const EMAIL: &str = "staff@example.org";
const ACCOUNT: &str = "user:1";
/// Between two requests of one person, so that a small machine has time for all.
const BREATH: Duration = Duration::from_millis(4);

/// Who calls what, and what came of it.
pub struct Load {
    addresses: Vec<SocketAddr>,
    begun: Instant,
    log: Mutex<Vec<Entry>>,
    over: AtomicBool,
    /// How many answers were good since [`Load::until_well`] last asked.
    good: [AtomicUsize; 3],
}

/// What an answer says to the log. A 503 must say when to come again.
fn told(answer: &io::Result<Answer>) -> Outcome {
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

/// What the load consists of.
#[derive(Clone, Copy)]
enum Part {
    Bearer,
    Refresher,
    Comer,
}

impl Load {
    /// On these instances.
    pub fn on(addresses: Vec<SocketAddr>) -> Self {
        Self {
            addresses,
            begun: Instant::now(),
            log: Mutex::default(),
            over: AtomicBool::new(false),
            good: Default::default(),
        }
    }

    /// The time, as the log has it.
    pub fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Runs `during` beside the load.
    pub fn beside<T>(&self, during: impl FnOnce() -> T) -> T {
        thread::scope(|scope| {
            for number in 0..2 {
                scope.spawn(move || self.bearer(number));
                scope.spawn(move || self.refresher(number));
                scope.spawn(move || self.comer(number));
            }
            // However `during` ends, the load must.
            let end = End(&self.over);
            let value = during();
            drop(end);
            value
        })
    }

    /// Waits until a call, a refresh and a log-in are answered with 200.
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

    /// What was told in this time to those who called with an access token.
    pub fn calls(&self, time: Range<Duration>) -> Vec<Outcome> {
        self.told_in(&time, |asked| matches!(asked, Request::Use(_)))
    }

    /// What was told in this time to those who wanted something written.
    pub fn writes(&self, time: Range<Duration>) -> Vec<Outcome> {
        self.told_in(&time, |asked| !matches!(asked, Request::Use(_)))
    }

    /// Of whatever began and ended in this time.
    fn told_in(&self, time: &Range<Duration>, fits: impl Fn(&Request) -> bool) -> Vec<Outcome> {
        let log = self.log.lock().unwrap();
        log.iter()
            .filter(|entry| {
                time.contains(&entry.began) && time.contains(&entry.ended) && fits(&entry.request)
            })
            .map(|entry| entry.outcome.clone())
            .collect()
    }

    /// Holds the log against the rules; 503 is right in these times alone.
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
            "{} times against the rules: {shown:#?}",
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
        thread::sleep(BREATH);
        !self.over.load(Ordering::SeqCst)
    }

    /// Asks; one whose answer is lost goes on at the next instance.
    fn ask(
        &self,
        part: Part,
        at: &mut Caller,
        asked: Request,
        call: impl FnOnce(&mut Client) -> io::Result<Answer>,
    ) -> (Outcome, Option<Answer>) {
        let began = self.now();
        let answer = call(&mut at.client);
        let told = told(&answer);
        let entry = Entry {
            instance: at.instance,
            began,
            ended: self.now(),
            request: asked,
            outcome: told.clone(),
        };
        self.log.lock().unwrap().push(entry);
        match told {
            Outcome::Lost => at.go_on(&self.addresses),
            Outcome::Accepted(_) => {
                self.good[part as usize].fetch_add(1, Ordering::SeqCst);
            }
            _ => {}
        }
        (told, answer.ok())
    }

    fn log_in(&self, part: Part, at: &mut Caller) -> Option<client::Pair> {
        let body = json!({"username": EMAIL, "password": PASSWORD});
        let asked = Request::LogIn(ACCOUNT.into());
        let (told, answer) = self.ask(part, at, asked, |client| {
            client.try_post("/auth/login", &[], &body)
        });
        matches!(told, Outcome::Accepted(_)).then(|| client::Pair::of(&answer.unwrap()))
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

    /// Calls with one access token, which lives longer than the test.
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

    /// Refreshes, and comes again with the same token when it was told nothing good.
    fn refresher(&self, number: usize) {
        let mut at = Caller::at(&self.addresses, number);
        let mut pair = None;
        while self.runs() {
            let Some(client::Pair { refresh, .. }) = &pair else {
                pair = self.log_in(Part::Comer, &mut at);
                continue;
            };
            match self.refresh(Part::Refresher, &mut at, refresh) {
                (Outcome::Accepted(_), answer) => pair = answer.as_ref().map(client::Pair::of),
                // Wrong, and in the log.
                (Outcome::Refused(_), _) => return,
                _ => {}
            }
        }
    }

    /// Logs in, calls, logs out, and tries all of it again; whether that is right is the checker's to say.
    fn comer(&self, number: usize) {
        let mut at = Caller::at(&self.addresses, number);
        let mut gone: Vec<client::Pair> = Vec::new();
        while self.runs() {
            for pair in gone.iter().rev().take(2) {
                self.call(Part::Comer, &mut at, &pair.access);
                self.refresh(Part::Comer, &mut at, &pair.refresh);
            }
            let Some(pair) = self.log_in(Part::Comer, &mut at) else {
                continue;
            };
            self.call(Part::Comer, &mut at, &pair.access);
            let asked = Request::End(Token::read(&pair.refresh).session);
            let (told, _) = self.ask(Part::Comer, &mut at, asked, |client| {
                client.try_log_out(&pair)
            });
            if matches!(told, Outcome::Accepted(_)) {
                gone.push(pair);
            }
        }
        // Once more, when all is over: of what was answered nothing is lost.
        for pair in &gone {
            self.call(Part::Comer, &mut at, &pair.access);
            self.refresh(Part::Comer, &mut at, &pair.refresh);
        }
    }
}

/// Ends the load when it goes.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Somebody at one of the instances.
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

    fn go_on(&mut self, addresses: &[SocketAddr]) {
        *self = Self::at(addresses, self.instance + 1);
    }
}
