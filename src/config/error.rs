//! What is wrong with a configuration, in words for the person who wrote it. Here belongs how a problem is said and
//! collected; which values are wrong is decided by the sections.

use std::{
    fmt::{self, Display},
    ops::RangeInclusive,
};

/// One thing that is wrong: where, and what would be right. It never holds the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key (`tokens.access_lifetime`), or the file or variable where no key is to blame.
    pub key: String,
    /// The file or the environment variable that the value came from; `None` for a value nobody gave.
    pub origin: Option<String>,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{} ({origin}): {}", self.key, self.message),
            None => write!(f, "{}: {}", self.key, self.message),
        }
    }
}

/// A configuration that munjigi does not start with: all its problems, one line each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.problems))]
pub struct ConfigError {
    problems: Vec<Problem>,
}

impl ConfigError {
    /// The problems, in the order they were found. Never empty.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    lines.join("\n")
}

/// The problems found so far, so that a person sees all of them at once.
#[derive(Debug, Default)]
pub(super) struct Checks {
    problems: Vec<Problem>,
}

impl Checks {
    /// Notes that the value of `key` is wrong.
    pub(super) fn refuse(&mut self, key: &str, message: impl Into<String>) {
        self.refuse_from(key, None, message);
    }

    /// Notes that the value of `key`, which came from `origin`, is wrong.
    pub(super) fn refuse_from(
        &mut self,
        key: &str,
        origin: Option<&str>,
        message: impl Into<String>,
    ) {
        self.problems.push(Problem {
            key: key.to_owned(),
            origin: origin.map(str::to_owned),
            message: message.into(),
        });
    }

    /// Notes a value that is outside of its range.
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

    /// The end of a check: an error when anything was noted.
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
    /// The same problems, with the origin that `of_key` knows for each key.
    pub(super) fn with_origins(mut self, of_key: impl Fn(&str) -> Option<String>) -> Self {
        for problem in &mut self.problems {
            if problem.origin.is_none() {
                problem.origin = of_key(&problem.key);
            }
        }
        self
    }
}
