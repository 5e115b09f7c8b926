//! Asking the operator to confirm something.

use std::io::{IsTerminal, stderr, stdin};

use crate::cli::error::CliError;

/// Asks on the terminal.
pub(super) fn confirm(question: &str) -> Result<(), CliError> {
    if !stdin().is_terminal() || !stderr().is_terminal() {
        return Err(CliError::Refused(format!(
            "{question} Give --yes to confirm it"
        )));
    }
    eprint!("{question} [y/N] ");
    let mut answer = String::new();
    stdin().read_line(&mut answer).map_err(CliError::refused)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(CliError::Refused("nothing was changed".into())),
    }
}
