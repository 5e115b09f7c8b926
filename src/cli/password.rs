//! Reading a password: twice and without echo on a terminal, or one line from standard input.

use std::io::{IsTerminal, Read, stdin};

use crate::cli::error::CliError;
use crate::domain::language::Language;
use crate::domain::password::Password;

/// Limit of what is read from standard input, in bytes; far above the longest password.
const MAX_INPUT: u64 = 64 * 1024;

/// Reads a password from standard input if `from_stdin`, else from the terminal.
pub(super) fn ask(from_stdin: bool) -> Result<Password, CliError> {
    let typed = if from_stdin { read_line()? } else { prompt()? };
    Password::parse(&typed).map_err(|problem| {
        CliError::Refused(format!("the password: {}", problem.message(Language::En)))
    })
}

fn read_line() -> Result<String, CliError> {
    let mut text = String::new();
    let read = stdin().lock().take(MAX_INPUT).read_to_string(&mut text);
    read.map_err(|error| {
        CliError::Refused(format!(
            "the password cannot be read from standard input: {error}"
        ))
    })?;
    // The line end is not part of the password; spaces are.
    let line = text.lines().next().unwrap_or("");
    Ok(line.to_owned())
}

fn prompt() -> Result<String, CliError> {
    if !stdin().is_terminal() {
        return Err(CliError::Usage(
            "no terminal to read the password from; use --password-stdin".into(),
        ));
    }
    let ask = |text: &str| rpassword::prompt_password(text).map_err(CliError::refused);
    let password = ask("Password: ")?;
    if ask("Repeat: ")? == password {
        Ok(password)
    } else {
        Err(CliError::Refused(
            "the two passwords differ; nothing was changed".into(),
        ))
    }
}
