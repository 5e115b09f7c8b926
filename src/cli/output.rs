//! Printing to standard output: tables for people, JSON for programs.

use std::{io::Write, process::ExitCode};

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::cli::error::CliError;

/// Prints a value as JSON.
pub(super) fn json<T: Serialize>(value: &T) -> Result<ExitCode, CliError> {
    let text = serde_json::to_string_pretty(value).map_err(CliError::refused)?;
    line(&text)
}

/// Prints a line. A closed pipe (`munjigi user list | head -1`) is not an error.
pub(super) fn line(text: &str) -> Result<ExitCode, CliError> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(CliError::refused(error))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Prints a line of many; `false` if nobody reads them any more.
pub(super) fn pipe_line(text: &str) -> Result<bool, CliError> {
    match writeln!(std::io::stdout(), "{text}") {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(CliError::refused(error)),
    }
}

/// Escapes each line like [`sanitize`].
pub(super) fn lines(text: &str) -> String {
    text.lines().map(|line| sanitize(line) + "\n").collect()
}

/// Prints rows in columns as wide as their widest cell. Hangul takes two columns on a terminal.
pub(super) fn table(header: &[&str], rows: &[Vec<String>]) -> Result<ExitCode, CliError> {
    let width = |text: &str| text.width();
    let mut widths: Vec<usize> = header.iter().map(|cell| width(cell)).collect();
    for row in rows {
        for (widest, cell) in widths.iter_mut().zip(row) {
            *widest = (*widest).max(width(cell));
        }
    }
    let header: Vec<String> = header.iter().map(|cell| (*cell).to_owned()).collect();
    for row in std::iter::once(&header).chain(rows) {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, widest)| format!("{cell}{}", " ".repeat(widest - width(cell))));
        line(cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Escapes control characters and characters that change the writing direction.
pub(super) fn sanitize(text: &str) -> String {
    text.chars().fold(String::new(), |mut safe, c| {
        let changes_direction = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || changes_direction {
            safe.extend(c.escape_unicode());
        } else {
            safe.push(c);
        }
        safe
    })
}
