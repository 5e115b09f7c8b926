//! Where the races are run: one or two instances on one database, the log of what they answered, and a look into the
//! database afterwards.

use std::{
    cell::RefCell,
    future::IntoFuture,
    time::{Duration, Instant},
};

use munjigi::{config::Config, services::maintenance::flush::flush};
use serde_json::json;

use super::{
    checker::{Rules, check},
    log::{Asked, Entry, LocalizedText, Pair, Token},
};
use crate::support::{Answer, App, Call, Random, Remote};

/// How long another instance is asked until it refuses what was revoked.
const PATIENCE: Duration = Duration::from_secs(5);

/// The instances and their log.
pub struct Field {
    /// The instances; the first one is the one that keeps the clock.
    pub apps: Vec<App>,
    begun: Instant,
    seconds: Duration,
    log: RefCell<Vec<Entry>>,
}

/// A variable of the tests' own.
#[expect(
    clippy::disallowed_methods,
    reason = "the tests' own setting, not the server's"
)]
fn variable(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty())?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {value}")),
    )
}

/// How long a race runs, and by which seed; told, so that it can be run again.
pub fn settings(race: &str) -> (Duration, Random) {
    let seconds = variable("MUNJIGI_HAMMER_SECONDS").unwrap_or(2);
    let seed = variable("MUNJIGI_HAMMER_SEED").unwrap_or(20_261_125);
    println!("{race}: {seconds} s, MUNJIGI_HAMMER_SEED={seed}");
    (Duration::from_secs(seconds), Random::new(seed))
}

/// What an answer says to the log.
pub fn told(answer: &Answer) -> LocalizedText {
    match answer.status {
        200 if answer.data().get("refresh").is_some() => LocalizedText::Accepted(Some(Pair {
            access: Token::read(&answer.text_of("access")),
            refresh: Token::read(&answer.text_of("refresh")),
        })),
        200 => LocalizedText::Accepted(None),
        401 => LocalizedText::Refused(answer.code().to_owned()),
        503 => LocalizedText::Ill,
        _ => LocalizedText::Odd(format!("{} {}", answer.status, answer.text)),
    }
}

impl Field {
    /// So many instances with these settings.
    pub fn new(instances: usize, seconds: Duration, change: impl FnOnce(&mut Config)) -> Self {
        let mut apps = vec![App::with_gateway(|config| {
            config.database.pool_size = 8;
            // Nobody is turned away for the size of the crowd: 503 would be a fault.
            config.database.acquire_timeout = munjigi::config::Span::seconds(30);
            config.login.hash_deadline = munjigi::config::Span::seconds(30);
            // Limits on guessing have tests of their own; here many come from one address.
            config.limits.failures = 100;
            config.limits.failures_per_address = 0;
            change(config);
        })];
        for _ in 1..instances {
            apps.push(apps[0].another_instance());
        }
        Self {
            apps,
            begun: Instant::now(),
            seconds,
            log: RefCell::default(),
        }
    }

    /// Whether another round is due.
    pub fn goes_on(&self) -> bool {
        self.begun.elapsed() < self.seconds
    }

    /// Somebody at one of the instances.
    pub fn remote(&self, instance: usize) -> &Remote {
        self.apps[instance].anonymous()
    }

    /// One of the instances.
    pub fn any(&self, random: &mut Random) -> usize {
        usize::try_from(random.below(self.apps.len() as u64)).unwrap()
    }

    /// Asks, and notes what was told.
    pub async fn ask(&self, instance: usize, asked: Asked, call: Call) -> (LocalizedText, Answer) {
        let began = self.begun.elapsed();
        let answer = call.await;
        let told = told(&answer);
        self.note(instance, began, asked, told.clone());
        (told, answer)
    }

    /// Asks, and hangs up when the answer is not there in time.
    pub async fn ask_briefly(&self, instance: usize, asked: Asked, call: Call, patience: Duration) {
        let began = self.begun.elapsed();
        let told = match tokio::time::timeout(patience, call.into_future()).await {
            Ok(answer) => told(&answer),
            Err(_) => LocalizedText::Lost,
        };
        self.note(instance, began, asked, told);
    }

    fn note(&self, instance: usize, began: Duration, asked: Asked, told: LocalizedText) {
        self.log.borrow_mut().push(Entry {
            instance,
            began,
            ended: self.begun.elapsed(),
            asked,
            told,
        });
    }

    /// Calls with an access token.
    pub async fn try_out(&self, instance: usize, access: &str) -> LocalizedText {
        let call = self.remote(instance).get("/api/me").bearer(access);
        self.ask(instance, Asked::Use(Token::read(access)), call)
            .await
            .0
    }

    /// Asks for a successor.
    pub async fn refresh(&self, instance: usize, refresh: &str) -> (LocalizedText, Answer) {
        let asked = Asked::Refresh(Token::read(refresh));
        self.ask(instance, asked, self.remote(instance).refresh(refresh))
            .await
    }

    /// Asks every instance for a token that was revoked, until each refuses it.
    pub async fn until_refused(&self, access: &str) {
        for instance in 0..self.apps.len() {
            let begun = Instant::now();
            while matches!(
                self.try_out(instance, access).await,
                LocalizedText::Accepted(_)
            ) {
                assert!(begun.elapsed() < PATIENCE, "it goes on being accepted");
                // So that the asking is not what takes the other instance its time.
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    }

    /// Takes a batch of what has expired out.
    pub async fn flush(&self) -> u64 {
        let services = self.apps[0].services();
        flush(
            &services.store,
            &services.clock,
            self.apps[0].flush_rules(20),
            |_| (),
        )
        .await
        .unwrap()
        .total()
    }

    /// Sets one account's switch by an administrator.
    pub async fn administer(
        &self,
        instance: usize,
        access: &str,
        seq: i64,
        asked: Asked,
    ) -> LocalizedText {
        let change = match &asked {
            Asked::Deactivate(_) => json!({"is_active": false}),
            Asked::Activate(_) => json!({"is_active": true}),
            Asked::SetRole(_, role) => json!({"role": role}),
            other => unreachable!("{other:?} is no change of an account"),
        };
        let path = format!("/api/users/{seq}");
        let call = self.remote(instance).call("PATCH", &path).bearer(access);
        self.ask(instance, asked, call.json(&change)).await.0
    }

    /// Holds the log and the database against the rules.
    pub async fn judge(self, race: &str) {
        self.hold_lines().await;
        let log = self.log.into_inner();
        let verdict = check(&log, &Rules::default());
        let shown: Vec<_> = verdict.violations.iter().take(10).collect();
        assert!(
            shown.is_empty(),
            "{race}: {} times against the rules, such as {shown:#?}",
            verdict.violations.len()
        );
        let mut lags = verdict.lags;
        lags.sort();
        println!(
            "{race}: {} answers, {} accepted, {} refused; {} revocations seen elsewhere{}",
            log.len(),
            verdict.honest,
            verdict.refused,
            lags.len(),
            lags.last().map_or(String::new(), |last| {
                let p99 = lags[(lags.len() * 99).div_ceil(100) - 1];
                format!(", after {p99:?} (p99), {last:?} at the latest")
            })
        );
        // How soon is what the bench `propagation` measures; that it is within the agreed lag is a rule of the checker.
        assert!(verdict.honest > 20, "no race");
    }

    /// What the database holds of each session is one line, and all that was answered is there.
    async fn hold_lines(&self) {
        let rotated = "FROM blacklisted_tokens WHERE reason = 'rotated'";
        let bad = [
            (
                "two used tokens with one successor",
                format!("SELECT successor {rotated} GROUP BY successor HAVING COUNT(*) > 1"),
            ),
            (
                "a used token without a successor",
                format!("SELECT jti {rotated} AND successor IS NULL"),
            ),
            (
                "a successor that is not of the same session",
                "SELECT b.jti FROM blacklisted_tokens b WHERE b.reason = 'rotated' AND NOT EXISTS \
                 (SELECT 1 FROM outstanding_tokens o WHERE o.jti = b.successor AND o.session_id = b.session_id)"
                .to_owned(),
            ),
            (
                "two ends of one session",
                format!(
                    "SELECT session_id FROM outstanding_tokens WHERE jti NOT IN (SELECT jti {rotated}) \
                 GROUP BY session_id HAVING COUNT(*) > 1"
                ),
            ),
        ];
        for (what, rows) in bad {
            let query = format!("SELECT COUNT(*) AS number FROM ({rows}) bad");
            assert_eq!(self.apps[0].number(&query).await, 0, "{what}");
        }
    }
}
