//! Tests of each check with bad settings, files and rows. The CLI and the panel are tested in `tests/suite`.

use std::time::Duration;

mod rows;
mod settings;

use crate::clock::Timestamp;
use crate::config::{
    ClaimName, Config, Database, LogLevel, OtpDelivery, Secret, SmtpTls, Span, Transport,
};
use crate::domain::job::{JobKind, JobState, StartedBy};
use crate::domain::language::Language;
use crate::domain::paging::Count;
use crate::domain::session::JobId;
use crate::services::audit_chain::chain::ChainError;
use crate::services::audit_chain::state::ChainState;
use crate::services::checklist::check::Check;
use crate::services::checklist::files::FileInfo;
use crate::services::checklist::rows::{Administrators, FlushState, Hashes};
use crate::services::checklist::*;
use crate::services::ignored_proxies::IgnoredProxy;
use crate::services::maintenance::flush::Backlog;
use crate::services::maintenance::jobs::Job;
use crate::store::engine::migrations::SchemaStatus;
use crate::tokens::{KeyStrength, Weakness};

const DAY: Duration = Duration::from_hours(24);

fn now() -> Timestamp {
    Timestamp::EPOCH + DAY * 20_000
}

/// A configuration without findings.
fn good() -> Config {
    let mut config = Config::default();
    config.server.public_url = Some("https://auth.example.org".parse().unwrap());
    config.server.trusted_proxies = vec!["10.0.0.7/32".parse().unwrap()];
    config.tokens.issuer = Some("https://auth.example.org".into());
    config.tokens.audience = vec!["api.example.org".into()];
    config.tokens.claims = vec![ClaimName::Role];
    config.otp.delivery = OtpDelivery::Smtp;
    config.smtp.host = Some("mail.example.org".into());
    config
}

fn key(bytes: usize, weakness: Option<Weakness>) -> KeyStrength {
    KeyStrength { bytes, weakness }
}

fn file(path: &str, mode: u32, age: Duration) -> FileInfo {
    FileInfo {
        path: path.into(),
        mode,
        modified: now() - age,
    }
}

/// A chain without findings.
fn linked() -> ChainState {
    ChainState {
        linked: 7,
        pending: 0,
        pending_since: None,
        to_adopt: false,
        keeps_checkpoint: true,
        error: None,
    }
}

/// Data of the database without findings.
fn good_rows() -> Rows {
    let backlog = Backlog {
        tables: Vec::new(),
        total: Count {
            rows: 0,
            more: false,
        },
        since: None,
    };
    let hashes = Hashes {
        all: 7,
        ..Hashes::default()
    };
    Rows {
        schema: Ok(SchemaStatus::UpToDate),
        postgres: None,
        administrators: Ok(Administrators {
            active: 2,
            unknown_roles: Vec::new(),
            idle: Vec::new(),
            without_factor: 0,
        }),
        hashes: Ok((hashes.clone(), hashes)),
        chain: Ok(linked()),
        flush: Ok(FlushState {
            is_running: false,
            last: None,
            backlog,
        }),
        lost_apps: Ok(0),
        django: Ok(None),
        failed: Ok(0),
        clock: Ok(Some(Duration::from_millis(20))),
    }
}

fn inputs_of(config: &Config) -> Inputs<'_> {
    Inputs {
        ignored_proxy: None,
        config,
        now: now(),
        uptime: None,
        key: Ok(key(64, None)),
        django_key: Ok(Some(50)),
        key_file: Some(Ok(file("master.key", 0o600, DAY))),
        data: DataFiles {
            directory: Some(file("data", 0o700, DAY)),
            database: vec![(
                file("data/munjigi.db", 0o644, DAY),
                file("data", 0o700, DAY),
            )],
            unwritable: None,
            unreadable: Vec::new(),
        },
        rows: good_rows(),
    }
}

/// The findings above level `ok`. Each must have its texts in both languages, with all placeholders replaced.
fn above_ok(inputs: &Inputs) -> Vec<(Check, Level)> {
    let findings = findings(inputs);
    for finding in &findings {
        for language in [Language::En, Language::Ko] {
            let texts = [Some(&finding.found), finding.advice.as_ref()];
            for text in texts.into_iter().flatten().map(|text| text.say(language)) {
                let is_complete =
                    !text.is_empty() && !text.contains("%{") && !text.contains("checklist.");
                assert!(is_complete, "{:?}: {text}", finding.check);
            }
        }
        assert_eq!(finding.advice.is_some(), finding.level > Level::Ok);
    }
    findings
        .iter()
        .filter(|finding| finding.level > Level::Ok)
        .map(|finding| (finding.check, finding.level))
        .collect()
}

#[track_caller]
fn assert_setting(expected: &[(Check, Level)], change: impl FnOnce(&mut Config)) {
    let mut config = good();
    change(&mut config);
    assert_eq!(above_ok(&inputs_of(&config)), expected);
}

#[track_caller]
fn assert_inputs(expected: &[(Check, Level)], change: impl FnOnce(&mut Inputs)) {
    let config = good();
    let mut inputs = inputs_of(&config);
    change(&mut inputs);
    assert_eq!(above_ok(&inputs), expected);
}

use Level::{Advice, Problem};

#[test]
fn each_check_is_made_once_in_the_order_of_the_list_and_good_settings_pass_all() {
    let config = good();
    let inputs = inputs_of(&config);
    let checks: Vec<Check> = findings(&inputs)
        .iter()
        .map(|finding| finding.check)
        .collect();
    assert_eq!(checks, Check::ALL);
    assert_eq!(above_ok(&inputs), []);
    assert_eq!(Check::ALL.len(), Check::NAMES.len());
}

#[test]
fn the_key() {
    assert_inputs(&[(Check::KeyLength, Problem)], |inputs| {
        inputs.key = Ok(key(31, None));
    });
    for weakness in [
        Weakness::FewBytes,
        Weakness::Repeats,
        Weakness::Counts,
        Weakness::Example,
        Weakness::Words,
    ] {
        assert_inputs(&[(Check::KeyStrength, Problem)], |inputs| {
            inputs.key = Ok(key(64, Some(weakness)));
        });
    }
    for mode in [0o640, 0o604, 0o620, 0o602] {
        assert_inputs(&[(Check::KeyFile, Problem)], |inputs| {
            inputs.key_file = Some(Ok(file("master.key", mode, DAY)));
        });
    }
    assert_inputs(&[(Check::KeyAge, Advice)], |inputs| {
        inputs.key_file = Some(Ok(file("master.key", 0o600, DAY * 366)));
    });
    let mut config = good();
    config.server.master_key = Some(Secret::new("x"));
    let mut inputs = inputs_of(&config);
    inputs.key_file = None;
    let expected = [(Check::KeySource, Advice), (Check::KeyAge, Advice)];
    assert_eq!(above_ok(&inputs), expected);
}
