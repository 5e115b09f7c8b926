//! [`CliError`]: why a command failed, and the exit code that reports it.

use std::process::ExitCode;

use crate::domain::language::Language;
use crate::domain::problem::Problem;
use crate::services::Error;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    /// It was refused, or something failed: exit code 1.
    #[error("{0}")]
    Refused(String),
    /// The command line is wrong: exit code 2.
    #[error("{0}")]
    Usage(String),
}

impl CliError {
    pub(super) fn refused(error: impl std::fmt::Display) -> Self {
        Self::Refused(error.to_string())
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Refused(_) => ExitCode::from(1),
            Self::Usage(_) => ExitCode::from(2),
        }
    }
}

impl From<Error> for CliError {
    /// Invalid input becomes one line per problem, after the name of its field.
    fn from(error: Error) -> Self {
        let Error::Invalid(problems) = error else {
            return Self::refused(error);
        };
        let lines: Vec<String> = problems
            .iter()
            .flat_map(|(field, problems)| {
                let line =
                    move |problem: &Problem| format!("{field}: {}", problem.message(Language::En));
                problems.iter().map(line)
            })
            .collect();
        Self::Refused(lines.join("\n"))
    }
}
