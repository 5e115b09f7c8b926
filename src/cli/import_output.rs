//! What `munjigi import` prints: the mapping, a progress bar, the problems as they are found, the numbers at the end.

use std::collections::BTreeMap;
use std::io::{IsTerminal, stderr};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::cli::error::CliError;
use crate::cli::output;
use crate::config::RolesConfig;
use crate::domain::principal::UserType;
use crate::services::import::mapping::{Mapped, SiteTables};
use crate::services::import::report::{AccountCounts, Consequence, Line, Report};
use crate::services::import::roles::suggestion;
use crate::services::import::run::{Observer, Phase};
use crate::services::mutex::lock;

/// Prints the tables and columns that are read.
fn print_mapping(tables: &SiteTables) -> Result<(), CliError> {
    let print = |name: &str, mapped: &Mapped| {
        let table = output::sanitize(&mapped.table.name);
        output::line(&format!("{name}: table {table}"))?;
        for (field, column) in &mapped.columns {
            let column = output::sanitize(column);
            output::line(&format!("  {:<13} {column}", field.as_str()))?;
        }
        Ok::<_, CliError>(())
    };
    if let Some(users) = &tables.users {
        print("users", users)?;
    }
    if let Some(clients) = &tables.clients {
        print("clients", clients)?;
    }
    let tokens = match tables.tokens {
        Some(UserType::User) => "tokens: those of the users",
        Some(UserType::Client) => "tokens: those of the clients",
        None => "tokens: none; SimpleJWT's blacklist app is not installed for these tables",
    };
    output::line(tokens).map(|_| ())
}

/// The member `mapping` of the JSON document.
fn mapping(tables: &SiteTables) -> String {
    let of = |mapped: &Mapped| {
        let columns = mapped.columns.iter();
        let columns: BTreeMap<&str, &str> = columns
            .map(|(field, column)| (field.as_str(), column.as_str()))
            .collect();
        json!({"table": mapped.table.name, "columns": columns})
    };
    let tables = json!({
        "users": tables.users.as_ref().map(of),
        "clients": tables.clients.as_ref().map(of),
        "tokens": tables.tokens,
    });
    format!("\"mapping\": {tables}, ")
}

/// The output; clones share it.
#[derive(Clone)]
pub(super) struct Output {
    is_json: bool,
    roles: Arc<RolesConfig>,
    bar: ProgressBar,
    has_problems: Arc<Mutex<bool>>,
}

impl Output {
    pub(super) fn new(
        is_json: bool,
        roles: Arc<RolesConfig>,
        tables: Option<&SiteTables>,
    ) -> Result<Self, CliError> {
        if is_json {
            let mapping = tables.map(mapping).unwrap_or_default();
            // The problems are printed as they are found: there can be as many as accounts.
            output::line(&format!("{{{mapping}\"problems\": ["))?;
        } else if let Some(tables) = tables {
            print_mapping(tables)?;
        }
        let bar = ProgressBar::hidden();
        let style = ProgressStyle::with_template(
            "{msg} {bar:30} {human_pos} of {human_len}, {per_sec}, {eta} left",
        );
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Ok(Self {
            is_json,
            roles,
            bar,
            has_problems: Arc::default(),
        })
    }

    /// Says that the import is being stopped.
    pub(super) fn stopping() {
        // Not through the progress bar, which a line that cannot be printed holds up.
        eprintln!("munjigi: it stops after the running batch");
    }

    /// Ends the JSON document of an import that failed.
    pub(super) fn fail(&self, error: &CliError) -> Result<(), CliError> {
        self.bar.finish_and_clear();
        if self.is_json {
            let error = json!(error.to_string());
            output::line(&format!(
                "],\n  \"is_done\": false,\n  \"error\": {error}\n}}"
            ))?;
        }
        Ok(())
    }

    /// Prints the numbers. `would_be` is `would be `, or empty if it was done.
    pub(super) fn end(
        &self,
        report: &Report,
        would_be: &str,
        refusal: Option<&str>,
    ) -> Result<ExitCode, CliError> {
        self.bar.finish_and_clear();
        let code = ExitCode::from(u8::from(!report.is_clean()));
        if self.is_json {
            let report = serde_json::to_string_pretty(report).map_err(CliError::refused)?;
            let report = report.trim_start_matches('{').trim_start();
            let is_done = would_be.is_empty();
            output::line(&format!("],\n  \"is_done\": {is_done},\n  {report}"))?;
            return Ok(code);
        }
        print_numbers(report, would_be, &self.roles)?;
        if let Some(refusal) = refusal {
            output::line(refusal)?;
        }
        Ok(code)
    }
}

impl Observer for Output {
    fn begin(&mut self, phase: Phase, rows: u64) {
        let name = match phase {
            Phase::Accounts(UserType::User) => "users",
            Phase::Accounts(UserType::Client) => "clients",
            Phase::Tokens => "tokens",
        };
        self.bar.reset();
        self.bar.set_length(rows);
        self.bar.set_message(name);
        if stderr().is_terminal() {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }

    fn advance(&mut self, rows: u64) {
        self.bar.inc(rows);
    }

    fn problem(&mut self, line: &Line) {
        let text = if self.is_json {
            let mut has_problems = lock(&self.has_problems);
            let comma = if *has_problems { "," } else { "" };
            *has_problems = true;
            format!("{comma}{}", serde_json::to_string(line).unwrap_or_default())
        } else {
            let consequence = match line.consequence {
                Consequence::LeftOut => "left out",
                Consequence::NotImported => "not imported",
            };
            let id = output::sanitize(&line.id);
            let problem = output::sanitize(&line.problem);
            let Line {
                user_type, field, ..
            } = line;
            format!("{user_type} {id}: {field}: {problem} ({consequence})")
        };
        // A reader that has gone away, as with `| head`, does not stop the import.
        self.bar.suspend(|| _ = output::line(&text));
    }
}

fn print_numbers(report: &Report, would_be: &str, roles: &RolesConfig) -> Result<(), CliError> {
    for (name, counts) in [("user", &report.users), ("client", &report.clients)] {
        if counts.read > 0 || counts.missing > 0 {
            print_accounts(name, counts, would_be)?;
        }
    }
    let tokens = &report.tokens;
    for (number, what) in [
        (
            tokens.read,
            format!("{} read, not expired", noun(tokens.read, "token")),
        ),
        (
            tokens.live,
            format!("  {would_be}imported, for one exchange each"),
        ),
        (
            tokens.blacklisted,
            format!("  {would_be}imported as blacklisted"),
        ),
        (
            tokens.newly_blacklisted,
            format!("  {would_be}blacklisted since the last import"),
        ),
        (tokens.unchanged, "  here already".to_owned()),
        (
            tokens.without_account,
            "  without an imported account".to_owned(),
        ),
        (tokens.unreadable, "  unreadable".to_owned()),
    ] {
        print_number(number, &what)?;
    }
    print_roles(report, roles)?;
    if report.problems > 0 {
        let problems = noun(report.problems, "problem");
        print_number(report.problems, &format!("{problems}, listed above"))?;
    }
    if report.stopped {
        output::line("It was stopped before its end: run it again to continue.")?;
    }
    Ok(())
}

/// Prints which words of the source are no roles yet.
fn print_roles(report: &Report, roles: &RolesConfig) -> Result<(), CliError> {
    for (word, users) in &report.withheld_roles {
        let word = output::sanitize(word);
        output::line(&format!(
            "{users} {} with {word}, which may write: name a role with --role \"{word}=ROLE\"",
            noun(*users, "user")
        ))?;
    }
    for (word, users) in &report.unusable_roles {
        let word = output::sanitize(word);
        output::line(&format!(
            "{users} {} with the role {word:?}, which cannot be the name of a role: name one with --role \"{word}=ROLE\"",
            noun(*users, "user")
        ))?;
    }
    if !report.unknown_roles.is_empty() {
        let words = report.unknown_roles.keys();
        output::line(
            "These roles are not configured and give no rights. The section that has them:",
        )?;
        output::line(&output::lines(&suggestion(roles, words)))?;
    }
    Ok(())
}

fn print_accounts(name: &str, counts: &AccountCounts, would_be: &str) -> Result<(), CliError> {
    for (number, what) in [
        (counts.read, format!("{} read", noun(counts.read, name))),
        (counts.created, format!("  {would_be}created")),
        (counts.updated, format!("  {would_be}updated")),
        (counts.unchanged, "  unchanged".to_owned()),
        (
            counts.kept,
            "  changed here as well: that is kept".to_owned(),
        ),
        (counts.refused, format!("  {would_be}not imported")),
        (
            counts.missing,
            "  kept, of an earlier import and not in the source any more".to_owned(),
        ),
    ] {
        print_number(number, &what)?;
    }
    for (role, users) in &counts.roles {
        print_number(
            *users,
            &format!("  with the role {}", output::sanitize(role)),
        )?;
    }
    Ok(())
}

/// The noun for this number of things.
fn noun(number: u64, singular: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{singular}{ending}")
}

fn print_number(number: u64, what: &str) -> Result<(), CliError> {
    if number > 0 {
        output::line(&format!("{number:>10}  {what}"))?;
    }
    Ok(())
}
