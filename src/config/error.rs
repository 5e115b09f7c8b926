//! Configuration errors, and how they are collected. The checks themselves are in the files of the sections.

use std::{
    fmt::{self, Display},
    ops::RangeInclusive,
};

use crate::config::values::Span;

/// One problem, with its location and how to fix it. Never contains the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// The key, such as `tokens.access_lifetime`; a file or variable if the problem concerns no single key.
    pub key: String,
    /// The file or environment variable that set the value; `None` for a default.
    pub origin: Option<String>,
    /// What is wrong and how to fix it.
    pub message: String,
}

impl Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{} ({origin}): {}", self.key, self.message),
            None => write!(f, "{}: {}", self.key, self.message),
        }
    }
}

/// An invalid configuration. `Display` prints all problems, one per line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.problems))]
pub struct ConfigError {
    problems: Vec<ConfigProblem>,
}

impl ConfigError {
    /// Never empty.
    #[must_use]
    pub fn problems(&self) -> &[ConfigProblem] {
        &self.problems
    }
}

fn lines(problems: &[ConfigProblem]) -> String {
    let lines: Vec<String> = problems.iter().map(ConfigProblem::to_string).collect();
    lines.join("\n")
}

/// Reports each field of a section that is outside of its range. The keys are the names of the fields.
macro_rules! check_ranges {
    ($checks:expr, $section:literal, $config:expr, { $($field:ident: $range:expr,)+ }) => {
        $($checks.within(concat!($section, ".", stringify!($field)), &$config.$field, $range);)+
    };
}
pub(super) use check_ranges;

/// Collects problems, so that all of them are reported at once.
#[derive(Debug, Default)]
pub(super) struct Checks {
    problems: Vec<ConfigProblem>,
}

impl Checks {
    /// Reports a problem of `key`.
    pub(super) fn refuse(&mut self, key: &str, message: impl Into<String>) {
        self.refuse_from(key, None, message);
    }

    /// Reports a problem of `key`, with the origin of its value.
    pub(super) fn refuse_from(
        &mut self,
        key: &str,
        origin: Option<&str>,
        message: impl Into<String>,
    ) {
        self.problems.push(ConfigProblem {
            key: key.to_owned(),
            origin: origin.map(str::to_owned),
            message: message.into(),
        });
    }

    /// Reports `value` if it is outside of `range`.
    pub(super) fn within<T: PartialOrd + Display>(
        &mut self,
        key: &str,
        value: &T,
        range: RangeInclusive<T>,
    ) {
        if !range.contains(value) {
            let (least, most) = range.into_inner();
            self.refuse(
                key,
                format!("`{value}` is out of range: give {least} to {most}"),
            );
        }
    }

    /// Reports a duration that is not a whole number of seconds.
    pub(super) fn whole_seconds(&mut self, key: &str, span: Span) {
        if !span.is_whole_seconds() {
            self.refuse(
                key,
                format!("`{span}` is not a whole number of seconds: give whole seconds"),
            );
        }
    }

    /// Reports the lifetime of refresh tokens if it is not longer than that of access tokens. Each comes with its key.
    pub(super) fn longer(
        &mut self,
        (refresh_key, refresh): (&str, Span),
        (access_key, access): (&str, Span),
    ) {
        if refresh <= access {
            self.refuse(
                refresh_key,
                format!(
                    "`{refresh}` is not longer than `{access_key}` ({access}): give a longer time, for example `30d`"
                ),
            );
        }
    }

    /// Reports `value` if it is shorter than that of another key.
    pub(super) fn not_shorter(&mut self, key: &str, value: Span, other_key: &str, other: Span) {
        if value < other {
            self.refuse(
                key,
                format!("`{value}` is shorter than `{other_key}` ({other}): give at least as much"),
            );
        }
    }

    /// An error if any problem was reported.
    pub(super) fn finish(self) -> Result<(), ConfigError> {
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(ConfigError {
                problems: self.problems,
            })
        }
    }
}

impl ConfigError {
    /// Adds the origin of each key, as returned by `of_key`.
    pub(super) fn with_origins(mut self, of_key: impl Fn(&str) -> Option<String>) -> Self {
        for problem in &mut self.problems {
            if problem.origin.is_none() {
                problem.origin = of_key(&problem.key);
            }
        }
        self
    }
}
