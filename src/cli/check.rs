//! `munjigi check`: the security checklist of this configuration and its data. It makes nothing and changes nothing.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{Failure, house, output};
use crate::{
    clock::Clock,
    config::{Config, Database},
    delivery::Channel,
    domain::{checklist::Group, language::Language},
    services::checklist::{self, Finding, Status},
    store::{Store, migrations},
};

#[derive(Args)]
pub(super) struct Arguments {
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(config: Config, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let mut findings = checklist::of_settings(&config, &Clock::System);
    findings.extend(of_data(config).await?);
    checklist::in_order(&mut findings);
    if arguments.json {
        print_json(&findings)?;
    } else {
        print(&findings)?;
    }
    Ok(if count(&findings, Status::Problem) == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

/// What the database says, where there is one of this program's schema.
async fn of_data(config: Config) -> Result<Vec<Finding>, Failure> {
    if let Database::Sqlite(file) = config.database()
        && !file.exists()
    {
        return Ok(vec![checklist::before_the_first_start()]);
    }
    let mut connection = match house::connect(&config) {
        Ok(connection) => connection,
        Err(failure) => return Ok(vec![checklist::without_data(&failure.to_string())]),
    };
    let pending = match migrations::status(&mut connection) {
        Ok(states) => states.iter().filter(|state| !state.applied).count(),
        Err(error) => return Ok(vec![checklist::without_data(&error.to_string())]),
    };
    drop(connection);
    if pending > 0 {
        return Ok(vec![checklist::other_schema(pending)]);
    }
    // A key that is to be made by the first start is not made here.
    if config.tokens.signing_key.is_none()
        && config.signing_key_file().is_some_and(|file| !file.exists())
    {
        return Ok(vec![checklist::before_the_first_start()]);
    }
    let (key, _) = house::signing_key(&config)?;
    let store = match Store::open(&house::store_settings(&config)) {
        Ok(store) => store,
        Err(error) => return Ok(vec![checklist::without_data(&error.to_string())]),
    };
    let services = house::services(config, store, key, Channel::Console, None)?;
    Ok(checklist::of_data(&services).await)
}

fn count(findings: &[Finding], status: Status) -> usize {
    let same = |finding: &&Finding| finding.status == status;
    findings.iter().filter(same).count()
}

fn print_json(findings: &[Finding]) -> Result<ExitCode, Failure> {
    let checks: Vec<_> = findings
        .iter()
        .map(|finding| {
            json!({
                "check": finding.check.as_str(),
                "group": finding.check.group().as_str(),
                "status": finding.status.as_str(),
                "title": finding.title(Language::En),
                "found": finding.found(Language::En),
                "advice": finding.advice(Language::En),
                "source": finding.check.source(),
            })
        })
        .collect();
    output::json(&json!({
        "ok": count(findings, Status::Ok),
        "advice": count(findings, Status::Advice),
        "problems": count(findings, Status::Problem),
        "checks": checks,
    }))
}

/// How wide a line may be.
const WIDTH: usize = 100;

fn print(findings: &[Finding]) -> Result<(), Failure> {
    for group in Group::ALL {
        let of_group = findings
            .iter()
            .filter(|finding| finding.check.group() == *group);
        let mut is_first = true;
        for finding in of_group {
            if is_first {
                output::line(&checklist::group_title(*group, Language::En))?;
                is_first = false;
            }
            print_one(finding)?;
        }
        if !is_first {
            output::line("")?;
        }
    }
    output::line(&format!(
        "{} ok, {} to consider, {} wrong",
        count(findings, Status::Ok),
        count(findings, Status::Advice),
        count(findings, Status::Problem)
    ))?;
    Ok(())
}

fn print_one(finding: &Finding) -> Result<(), Failure> {
    let status = finding.status.as_str();
    let line = format!(
        "{}: {}",
        finding.title(Language::En),
        finding.found(Language::En)
    );
    for (at, part) in wrapped(&line, WIDTH - 11).iter().enumerate() {
        let mark = if at == 0 { status } else { "" };
        output::line(&format!("  {mark:<7}  {part}"))?;
    }
    if let Some(advice) = finding.advice(Language::En) {
        let advice = format!("{advice} ({})", finding.check.source());
        for part in wrapped(&advice, WIDTH - 13) {
            output::line(&format!("             {part}"))?;
        }
    }
    Ok(())
}

/// Text in lines of so many columns; a word that is longer has one of its own.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.len() - 1;
        if !lines[last].is_empty() && lines[last].chars().count() + 1 + word.chars().count() > width
        {
            lines.push(word.to_owned());
        } else {
            if !lines[last].is_empty() {
                lines[last].push(' ');
            }
            lines[last].push_str(word);
        }
    }
    lines
}
