//! One run of a race: one or two instances with one database, the log of their responses, and the checks afterwards.

use std::{
    cell::RefCell,
    future::IntoFuture,
    time::{Duration, Instant},
};

use munjigi::{
    config::{Algorithm, Config},
    domain::audit::Actor,
    services::{
        maintenance::flush::flush,
        signing_keys::changes::{generate, promote},
    },
};
use serde_json::json;

use super::{
    checker::{Rules, check},
    log::{Entry, Outcome, Pair, Request, Token, overlaps},
};
use crate::support::{Answer, App, Call, Random, Remote, wait_until};

/// The longest time that a test waits for a revocation or an overlap, so that it does not hang. The allowed lag of a
/// revocation is a rule of the checker.
const LIMIT: Duration = Duration::from_mins(2);

/// The instances and the log of their answers.
pub struct RaceRun {
    /// The instances; they share one database and clock.
    pub apps: Vec<App>,
    started: Instant,
    seconds: Duration,
    log: RefCell<Vec<Entry>>,
}

/// A whole number from an environment variable of the tests.
#[expect(
    clippy::disallowed_methods,
    reason = "a setting of the tests, not of the server"
)]
fn variable(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty())?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name} is not a whole number: {value}")),
    )
}

/// The duration of a race and its random numbers. The seed is printed, so that a run can be repeated.
pub fn settings(race: &str) -> (Duration, Random) {
    let seconds = variable("MUNJIGI_RACE_SECONDS").unwrap_or(2);
    let seed = variable("MUNJIGI_RACE_SEED").unwrap_or(20_261_125);
    println!("{race}: {seconds} s, MUNJIGI_RACE_SEED={seed}");
    (Duration::from_secs(seconds), Random::new(seed))
}

/// The outcome of a response for the log.
pub fn outcome(answer: &Answer) -> Outcome {
    match answer.status {
        200 if answer.data().get("refresh").is_some() => Outcome::Accepted(Some(Pair {
            access: Token::read(&answer.text_of("access")),
            refresh: Token::read(&answer.text_of("refresh")),
        })),
        200 => Outcome::Accepted(None),
        401 => Outcome::Refused(answer.code().to_owned()),
        503 => Outcome::Unavailable,
        _ => Outcome::Unexpected(format!("{} {}", answer.status, answer.text)),
    }
}

impl RaceRun {
    /// Starts this many instances with changed settings.
    pub fn new(instances: usize, seconds: Duration, change: impl FnOnce(&mut Config)) -> Self {
        let mut apps = vec![App::with_gateway(|config| {
            config.database.pool_size = 8;
            // No request is refused because of load: for the checker a 503 is a fault.
            config.database.acquire_timeout = munjigi::config::Span::minutes(1);
            config.login.hash_deadline = munjigi::config::Span::minutes(1);
            // Limits on attempts have their own tests; all requests of a race come from one address.
            config.limits.failures = 100;
            config.limits.failures_per_address = 0;
            change(config);
        })];
        for _ in 1..instances {
            apps.push(apps[0].another_instance());
        }
        Self {
            apps,
            started: Instant::now(),
            seconds,
            log: RefCell::default(),
        }
    }

    /// Whether to run another round: the duration has not passed, or the two sides of the race have not overlapped yet.
    pub fn is_running(&self, side: fn(&Request) -> bool, other: fn(&Request) -> bool) -> bool {
        let elapsed = self.started.elapsed();
        elapsed < self.seconds
            || (elapsed < LIMIT && overlaps(&self.log.borrow(), side, other) == 0)
    }

    /// An unauthenticated client of an instance.
    pub fn remote(&self, instance: usize) -> &Remote {
        self.apps[instance].anonymous()
    }

    /// The number of a random instance.
    pub fn any(&self, random: &mut Random) -> usize {
        usize::try_from(random.below(self.apps.len() as u64)).unwrap()
    }

    /// Sends a request and logs its outcome.
    pub async fn ask(&self, instance: usize, request: Request, call: Call) -> (Outcome, Answer) {
        let began = self.started.elapsed();
        let answer = call.await;
        let outcome = outcome(&answer);
        self.push(instance, began, request, outcome.clone());
        (outcome, answer)
    }

    /// Sends a request, and closes the connection if there is no response within `limit`.
    pub async fn ask_briefly(
        &self,
        instance: usize,
        request: Request,
        call: Call,
        limit: Duration,
    ) {
        let began = self.started.elapsed();
        let outcome = match tokio::time::timeout(limit, call.into_future()).await {
            Ok(answer) => outcome(&answer),
            Err(_) => Outcome::Lost,
        };
        self.push(instance, began, request, outcome);
    }

    fn push(&self, instance: usize, began: Duration, request: Request, outcome: Outcome) {
        self.log.borrow_mut().push(Entry {
            instance,
            began,
            ended: self.started.elapsed(),
            request,
            outcome,
        });
    }

    /// Calls with an access token.
    pub async fn call_with(&self, instance: usize, access: &str) -> Outcome {
        let call = self.remote(instance).get("/api/me").bearer(access);
        self.ask(instance, Request::Use(Token::read(access)), call)
            .await
            .0
    }

    /// Refreshes with a refresh token.
    pub async fn refresh(&self, instance: usize, refresh: &str) -> (Outcome, Answer) {
        let request = Request::Refresh(Token::read(refresh));
        self.ask(instance, request, self.remote(instance).refresh(refresh))
            .await
    }

    /// Calls every instance with a revoked access token until it is refused.
    pub async fn until_refused(&self, access: &str) {
        for instance in 0..self.apps.len() {
            let started = Instant::now();
            while matches!(self.call_with(instance, access).await, Outcome::Accepted(_)) {
                assert!(
                    started.elapsed() < LIMIT,
                    "the revoked token is still accepted"
                );
                // Leaves the other instance time to apply the revocation.
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    }

    /// Flushes expired rows, in batches of 20; returns how many.
    pub async fn flush(&self) -> u64 {
        let services = self.apps[0].services();
        let began = self.started.elapsed();
        let rows = flush(
            &services.store,
            &services.clock,
            self.apps[0].flush_rules(20),
            |_, _| (),
        )
        .await
        .unwrap()
        .total();
        self.push(0, began, Request::Flush, Outcome::Accepted(None));
        rows
    }

    /// Makes a signing key, waits until every instance knows it, and lets it sign.
    pub async fn change_key(&self, algorithm: Algorithm) {
        let services = self.apps[0].services();
        let actor = Actor::operator();
        let kid = generate(services, &actor, algorithm).await.unwrap();
        for app in &self.apps {
            let tokens = &app.services().tokens;
            wait_until("the new key", async || {
                let published = tokens.public_keys().to_string();
                published.contains(&kid).then_some(())
            })
            .await;
        }
        let began = self.started.elapsed();
        promote(services, &actor, &kid, true).await.unwrap();
        self.push(0, began, Request::ChangeKey, Outcome::Accepted(None));
    }

    /// Changes an account as an administrator.
    pub async fn administer(
        &self,
        instance: usize,
        access: &str,
        seq: i64,
        request: Request,
    ) -> Outcome {
        let change = match &request {
            Request::Deactivate(_) => json!({"is_active": false}),
            Request::Activate(_) => json!({"is_active": true}),
            Request::SetRole(_, role) => json!({"role": role}),
            other => unreachable!("{other:?} does not change an account"),
        };
        let path = format!("/api/users/{seq}");
        let call = self.remote(instance).call("PATCH", &path).bearer(access);
        self.ask(instance, request, call.json(&change)).await.0
    }

    /// Asserts that the log and the database follow the rules, and that requests of the two sides overlapped.
    pub async fn check(self, race: &str, side: fn(&Request) -> bool, other: fn(&Request) -> bool) {
        self.check_database().await;
        let log = self.log.into_inner();
        let report = check(&log, &Rules::default());
        let examples: Vec<_> = report.violations.iter().take(10).collect();
        assert!(
            examples.is_empty(),
            "{race}: {} violations, such as {examples:#?}",
            report.violations.len()
        );
        let overlaps = overlaps(&log, side, other);
        let mut lags = report.lags;
        lags.sort();
        println!(
            "{race}: {} responses, {} accepted, {} refused, {overlaps} overlaps; {} revocations seen elsewhere{}",
            log.len(),
            report.accepted,
            report.refused,
            lags.len(),
            lags.last().map_or(String::new(), |last| {
                let p99 = lags[(lags.len() * 99).div_ceil(100) - 1];
                format!(", after {p99:?} (p99), {last:?} at the latest")
            })
        );
        // The bench `propagation` measures the lag; the checker only limits it.
        assert!(report.accepted > 0, "{race}: nothing was accepted");
        assert!(overlaps > 0, "{race}: the two sides never overlapped");
    }

    /// Asserts that each session in the database is one rotation chain, and that every rotated token has a successor.
    async fn check_database(&self) {
        let rotated = "FROM blacklisted_tokens WHERE reason = 'rotated'";
        let violations = [
            (
                "two used tokens with one successor",
                format!("SELECT successor {rotated} GROUP BY successor HAVING COUNT(*) > 1"),
            ),
            (
                "a used token without a successor",
                format!("SELECT jti {rotated} AND successor IS NULL"),
            ),
            (
                "a successor of another session",
                "SELECT b.jti FROM blacklisted_tokens b WHERE b.reason = 'rotated' AND NOT EXISTS \
                 (SELECT 1 FROM outstanding_tokens o WHERE o.jti = b.successor AND o.session_id = b.session_id)"
                .to_owned(),
            ),
            (
                "two unused tokens of one session",
                format!(
                    "SELECT session_id FROM outstanding_tokens WHERE jti NOT IN (SELECT jti {rotated}) \
                 GROUP BY session_id HAVING COUNT(*) > 1"
                ),
            ),
        ];
        for (what, rows) in violations {
            let query = format!("SELECT COUNT(*) AS number FROM ({rows}) violations");
            assert_eq!(self.apps[0].number(&query).await, 0, "{what}");
        }
    }
}
