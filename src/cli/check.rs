//! `munjigi check`: the security checklist for the operator. It writes nothing: no directory, key or table is created, and no
//! migration runs.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use crate::cli::database::{database_name, open_read_only};
use crate::cli::error::CliError;
use crate::cli::{load_keys, output};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::language::Language;
use crate::services::bootstrap::audit_chain;
use crate::services::checklist;
use crate::services::checklist::check::{Group, Level};
use crate::services::checklist::files::{DataFiles, key_file};
use crate::services::checklist::finding::Finding;
use crate::services::checklist::inputs::Inputs;
use crate::services::checklist::rows::{ReadOptions, Rows};
use crate::services::checklist::text::LocalizedText;
use crate::services::checklist::unknown::Unknown;
use crate::store::StoreError;
use crate::tokens::{KeyStrength, MasterKey, MasterKeyError, MasterKeys};

#[derive(Args)]
pub(super) struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Maximum width of a line, in columns.
const WIDTH: usize = 100;
/// Column of the text after the status.
const INDENT: usize = 11;
/// A space that no line is broken at.
const HARD_SPACE: &str = "\u{a0}";
/// Minimum width of a title, so that the findings are aligned.
const TITLE: usize = 30;

pub(super) fn run(config: &Config, arguments: &Arguments) -> Result<ExitCode, CliError> {
    let clock = Clock::System;
    let rows = rows(config, &clock);
    let inputs = Inputs {
        config,
        now: clock.now(),
        uptime: None,
        ignored_proxy: None,
        key: key(config),
        django_key: load_keys::django_key_length(config)
            .map_err(|error| Unknown::Unreadable(error.to_string())),
        key_file: key_file(config),
        data: DataFiles::read(config),
        rows,
    };
    let findings = checklist::findings(&inputs);
    if arguments.json {
        output::json(&as_json(&findings))?;
    } else {
        print(&findings)?;
    }
    let has_problems = checklist::count(&findings, Level::Problem) > 0;
    Ok(ExitCode::from(u8::from(has_problems)))
}

fn key(config: &Config) -> Result<KeyStrength, Unknown> {
    if let Some(secret) = &config.server.master_key {
        return Ok(KeyStrength::of(secret.reveal().as_bytes()));
    }
    let path = config.master_key_file().unwrap_or_default();
    MasterKey::strength_of_file(&path).map_err(|error| match error {
        MasterKeyError::File { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            Unknown::NoKey(path.display().to_string())
        }
        error => Unknown::Unreadable(error.to_string()),
    })
}

fn existing_master_keys(config: &Config) -> Result<MasterKeys, Unknown> {
    let keys = load_keys::existing_master_keys(config)
        .map_err(|error| Unknown::Unreadable(error.to_string()))?;
    let path = config.master_key_file().unwrap_or_default();
    keys.ok_or_else(|| Unknown::NoKey(path.display().to_string()))
}

fn rows(config: &Config, clock: &Clock) -> Rows {
    let master_keys = existing_master_keys(config);
    let options = ReadOptions {
        clock: clock.clone(),
        audit_chain: master_keys.clone().map(|keys| audit_chain(config, &keys)),
        master_keys,
        roles: config.roles.clone(),
        rotation_policy: config.tokens.rotation_policy(),
        bcrypt_cost: config.login.bcrypt_cost,
        bound: None,
    };
    let unreadable = |error: StoreError| Unknown::Unreadable(first_line(&error.to_string()));
    match open_read_only(config) {
        Err(error) => Rows::unknown(&Unknown::Unreadable(error.to_string())),
        Ok(None) => Rows::unknown(&Unknown::NoDatabase(database_name(config))),
        Ok(Some(mut connection)) => Rows::read(&mut connection, &options, unreadable)
            .unwrap_or_else(|error| Rows::unknown(&unreadable(error))),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}

fn as_json(findings: &[Finding]) -> Value {
    let say = |text: &LocalizedText| text.say(Language::En);
    let checks: Vec<Value> = findings
        .iter()
        .map(|finding| {
            json!({
                "check": finding.check.as_str(),
                "group": finding.check.group().as_str(),
                "status": finding.level.as_str(),
                "found": say(&finding.found),
                "advice": finding.advice.as_ref().map(say),
                "source": finding.check.source(),
            })
        })
        .collect();
    let count = |level| checklist::count(findings, level);
    json!({
        "checks": checks,
        "summary": {
            "ok": count(Level::Ok),
            "advice": count(Level::Advice),
            "problem": count(Level::Problem),
        },
    })
}

fn print(findings: &[Finding]) -> Result<(), CliError> {
    let mut printed = Vec::new();
    for group in Group::ALL {
        output::line(&group.title(Language::En))?;
        for finding in findings.iter().filter(|one| one.check.group() == *group) {
            print_found(finding)?;
            let Some(advice) = &finding.advice else {
                continue;
            };
            // One cause can have many findings; its advice is printed once.
            if !printed.contains(&advice) {
                printed.push(advice);
                print_advice(finding, advice)?;
            }
        }
        output::line("")?;
    }
    let count = |level| checklist::count(findings, level);
    output::line(&format!(
        "{} checks: {} ok, {} advice, {} problem",
        findings.len(),
        count(Level::Ok),
        count(Level::Advice),
        count(Level::Problem)
    ))?;
    Ok(())
}

/// `  problem  Access token lifetime         2h`
fn print_found(finding: &Finding) -> Result<(), CliError> {
    let title = finding.title(Language::En);
    let found = output::sanitize(&finding.found.say(Language::En));
    let gap = TITLE.saturating_sub(title.width());
    let (status, indent) = (finding.level.as_str(), INDENT + TITLE + 2);
    let mut head = format!("  {status:<7}  {title}{}  ", " ".repeat(gap));
    for line in wrapped(&found, WIDTH - indent) {
        output::line(format!("{head}{line}").trim_end())?;
        head = " ".repeat(indent);
    }
    Ok(())
}

/// Below it: `→ Services that check tokens … [RFC 6750 5.3]`
fn print_advice(finding: &Finding, advice: &LocalizedText) -> Result<(), CliError> {
    let source = finding.check.source().replace(' ', HARD_SPACE);
    let advice = format!("{} [{source}]", output::sanitize(&advice.say(Language::En)));
    let mut sign = "→ ";
    for line in wrapped(&advice, WIDTH - INDENT - 2) {
        output::line(&format!("{}{sign}{line}", " ".repeat(INDENT)))?;
        sign = "  ";
    }
    Ok(())
}

/// Breaks a text into lines of at most this width, between words. A longer word stays whole, so that it can be copied.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let fits = |line: &String| line.is_empty() || line.width() + 1 + word.width() <= width;
        if !lines.last().is_some_and(fits) {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
        .iter()
        .map(|line| line.replace(HARD_SPACE, " "))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn lines_break_between_words_and_a_long_word_stays_whole() {
        assert_eq!(wrapped("", 5), [""]);
        assert_eq!(wrapped("a bc def", 4), ["a bc", "def"]);
        assert_eq!(
            wrapped("a munjigi-data/x b", 4),
            ["a", "munjigi-data/x", "b"]
        );
        assert_eq!(wrapped("문지기 a", 6), ["문지기", "a"]);
        assert_eq!(wrapped("a b\u{a0}c", 4), ["a", "b c"]);
    }
}
