//! The security checklist, computed: each rule that an operator can break, whether he has, and what to do. Of the settings
//! and the files alone in [`of_settings`], of what is in the database in [`of_data`].
//!
//! What a finding says in words is `locales/check.*.yml`'s.

mod data;
mod files;
mod network;
mod passwords;
mod record;
mod tokens;

use std::time::Duration;

use rust_i18n::t;

use super::Services;
use crate::{clock::Clock, config::Config, domain::language::Language};

pub use crate::domain::checklist::{Check, Group};
pub use data::HashCounts;

/// How good it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// As it should be.
    Ok,
    /// It could be better, or has to be known.
    Advice,
    /// It is wrong, or could not be looked at.
    Problem,
}

impl Status {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Advice => "advice",
            Self::Problem => "problem",
        }
    }
}

/// What a check gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which one.
    pub check: Check,
    /// How good it is.
    pub status: Status,
    /// Which of the things it can say.
    pub case: &'static str,
    a: String,
    b: String,
}

fn ok(check: Check, case: &'static str) -> Finding {
    Finding::new(check, Status::Ok, case)
}

fn advice(check: Check, case: &'static str) -> Finding {
    Finding::new(check, Status::Advice, case)
}

fn problem(check: Check, case: &'static str) -> Finding {
    Finding::new(check, Status::Problem, case)
}

/// A check that could not be made fails closed (ASVS 5.0 16.5.3).
fn unseen(check: Check, error: &impl ToString) -> Finding {
    Finding::new(check, Status::Problem, "unseen").with(error.to_string())
}

impl Finding {
    fn new(check: Check, status: Status, case: &'static str) -> Self {
        Self {
            check,
            status,
            case,
            a: String::new(),
            b: String::new(),
        }
    }

    /// With what was found.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "numbers and words are told as they are"
    )]
    fn with(self, a: impl ToString) -> Self {
        Self {
            a: a.to_string(),
            ..self
        }
    }

    /// With a second thing that was found.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "numbers and words are told as they are"
    )]
    fn and(self, b: impl ToString) -> Self {
        Self {
            b: b.to_string(),
            ..self
        }
    }

    /// What was looked at.
    #[must_use]
    pub fn title(&self, language: Language) -> String {
        say(language, &format!("{}.title", self.check), self)
    }

    /// What was found.
    #[must_use]
    pub fn found(&self, language: Language) -> String {
        match self.case {
            "unseen" => say(language, "unseen.unseen", self),
            case => say(language, &format!("{}.{case}", self.check), self),
        }
    }

    /// What to do about it; none where all is as it should be.
    #[must_use]
    pub fn advice(&self, language: Language) -> Option<String> {
        let key = match (self.status, self.case) {
            (Status::Ok, _) => return None,
            (_, "unseen") => "unseen.unseen_do".to_owned(),
            (_, case) => format!("{}.{case}_do", self.check),
        };
        Some(say(language, &key, self))
    }
}

/// The name of a group.
#[must_use]
pub fn group_title(group: Group, language: Language) -> String {
    let key = format!("check.group.{group}");
    t!(&key, locale = language.tag()).into_owned()
}

fn say(language: Language, key: &str, finding: &Finding) -> String {
    let key = format!("check.{key}");
    t!(&key, locale = language.tag(), a = finding.a, b = finding.b).into_owned()
}

/// What the settings say, and the files that they name.
#[must_use]
pub fn of_settings(config: &Config, clock: &Clock) -> Vec<Finding> {
    let mut findings = tokens::check(&config.tokens);
    findings.extend(files::check(config, clock.now()));
    findings.extend(network::check(config));
    findings.extend(passwords::check(config));
    findings.extend(record::check(config));
    findings
}

/// The database cannot be asked, for this reason.
#[must_use]
pub fn without_data(reason: &str) -> Finding {
    problem(Check::Database, "away").with(reason)
}

/// There is no database yet.
#[must_use]
pub fn before_the_first_start() -> Finding {
    advice(Check::Database, "none")
}

/// The database has not the schema of this program: what is in it cannot be looked at.
#[must_use]
pub fn other_schema(pending: usize) -> Finding {
    problem(Check::Schema, "pending").with(pending)
}

/// What is in the database.
pub async fn of_data(services: &Services) -> Vec<Finding> {
    let mut findings = vec![
        ok(Check::Database, "answers").with(services.store.backend()),
        ok(Check::Schema, "current"),
    ];
    findings.extend(data::check(services).await);
    findings.push(record::check_seal(services).await);
    findings
}

/// The whole list, in its order.
pub async fn all(services: &Services) -> Vec<Finding> {
    let mut findings = of_settings(&services.config, &services.clock);
    findings.extend(of_data(services).await);
    in_order(&mut findings);
    findings
}

/// Puts findings into the order of the list.
pub fn in_order(findings: &mut [Finding]) {
    let place = |finding: &Finding| Check::ALL.iter().position(|check| *check == finding.check);
    findings.sort_by_key(place);
}

/// A time in whole seconds and larger parts.
fn told(span: Duration) -> String {
    humantime::format_duration(Duration::from_secs(span.as_secs())).to_string()
}
