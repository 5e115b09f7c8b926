//! Each check, broken: by a setting, a file or a row. What the command line and the panel make of it is tested from outside.

use std::time::Duration;

mod rows;
mod settings;

use crate::{
    clock::Timestamp,
    config::{
        ClaimName, Config, Database, LogLevel, OtpDelivery, Secret, SmtpTls, Span, Transport,
    },
    domain::{
        job::{JobKind, JobState, StartedBy},
        language::Language,
        paging::Count,
        session::JobId,
    },
    services::{
        audit_chain::chain::{ChainError, ChainState},
        checklist::{
            check::Check,
            rows::{Administrators, FlushSeen, Hashes},
            seen::File,
            *,
        },
        maintenance::{flush::Waiting, jobs::Job},
    },
    store::engine::migrations::SchemaStatus,
    tokens::{KeyStrength, Weakness},
};

const DAY: Duration = Duration::from_hours(24);

fn now() -> Timestamp {
    Timestamp::EPOCH + DAY * 20_000
}

/// Settings with which nothing is to be said.
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

fn file(path: &str, mode: u32, age: Duration) -> File {
    File {
        path: path.into(),
        mode,
        modified: now() - age,
    }
}

/// A chain with which nothing is to be said.
fn sealed() -> ChainState {
    ChainState {
        sealed: 7,
        waiting: 0,
        waiting_since: None,
        to_adopt: false,
        trouble: None,
    }
}

/// Rows with which nothing is to be said.
fn good_rows() -> Rows {
    let waiting = Waiting {
        tables: Vec::new(),
        total: Count {
            rows: 0,
            more: false,
        },
        since: None,
    };
    let hashes = Hashes {
        all: 7,
        cheaper: 0,
        is_bounded: false,
    };
    Rows {
        standing: Ok(SchemaStatus::UpToDate),
        administrators: Ok(Administrators {
            active: 2,
            idle: Vec::new(),
        }),
        hashes: Ok((hashes, hashes)),
        record: Ok(sealed()),
        flush: Ok(FlushSeen {
            is_running: false,
            last: None,
            waiting,
        }),
        clock: Ok(Some(Duration::from_millis(20))),
    }
}

fn looked_at(config: &Config) -> Seen<'_> {
    Seen {
        config,
        now: now(),
        uptime: None,
        key: Ok(KeyStrength {
            bytes: 64,
            weakness: None,
        }),
        key_file: Some(Ok(file("signing.key", 0o600, DAY))),
        data: DataFiles {
            directory: Some(file("data", 0o700, DAY)),
            database: vec![(
                file("data/munjigi.db", 0o644, DAY),
                file("data", 0o700, DAY),
            )],
            unseen: Vec::new(),
        },
        rows: good_rows(),
    }
}

/// What is not well, each told in both languages without an open placeholder or a missing text.
fn not_well(seen: &Seen) -> Vec<(Check, Level)> {
    let findings = findings(seen);
    for finding in &findings {
        for language in [Language::En, Language::Ko] {
            let told = [Some(&finding.found), finding.advice.as_ref()];
            for text in told.into_iter().flatten().map(|told| told.say(language)) {
                let is_whole =
                    !text.is_empty() && !text.contains("%{") && !text.contains("checklist.");
                assert!(is_whole, "{:?}: {text}", finding.check);
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
    assert_eq!(not_well(&looked_at(&config)), expected);
}

#[track_caller]
fn assert_seen(expected: &[(Check, Level)], change: impl FnOnce(&mut Seen)) {
    let config = good();
    let mut seen = looked_at(&config);
    change(&mut seen);
    assert_eq!(not_well(&seen), expected);
}

use Level::{Advice, Problem};

#[test]
fn each_check_is_made_once_in_the_order_of_the_list_and_good_settings_pass_all() {
    let config = good();
    let seen = looked_at(&config);
    let made: Vec<Check> = findings(&seen)
        .iter()
        .map(|finding| finding.check)
        .collect();
    assert_eq!(made, Check::ALL);
    assert_eq!(not_well(&seen), []);
    assert_eq!(Check::ALL.len(), Check::NAMES.len());
}

#[test]
fn the_key() {
    assert_seen(&[(Check::KeyLength, Problem)], |seen| {
        seen.key = Ok(KeyStrength {
            bytes: 31,
            weakness: None,
        });
    });
    for weakness in [
        Weakness::FewBytes,
        Weakness::Repeats,
        Weakness::Counts,
        Weakness::Example,
        Weakness::Words,
    ] {
        let weakness = Some(weakness);
        assert_seen(&[(Check::KeyStrength, Problem)], |seen| {
            seen.key = Ok(KeyStrength {
                bytes: 64,
                weakness,
            });
        });
    }
    for mode in [0o640, 0o604, 0o620, 0o602] {
        assert_seen(&[(Check::KeyFile, Problem)], |seen| {
            seen.key_file = Some(Ok(file("signing.key", mode, DAY)));
        });
    }
    assert_seen(&[(Check::KeyAge, Advice)], |seen| {
        seen.key_file = Some(Ok(file("signing.key", 0o600, DAY * 366)));
    });
    let mut config = good();
    config.tokens.signing_key = Some(Secret::new("x"));
    let mut seen = looked_at(&config);
    seen.key_file = None;
    let expected = [(Check::KeySource, Advice), (Check::KeyAge, Advice)];
    assert_eq!(not_well(&seen), expected);
}
