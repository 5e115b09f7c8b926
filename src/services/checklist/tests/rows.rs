//! Tests of the checks of the database, the files and the clock.

use crate::services::checklist::tests::*;
use crate::services::checklist::text::LocalizedText;
use crate::services::passwords::hash_format::HashFormat;

#[test]
fn hashes_below_the_cost() {
    let cheaper = |is_bounded| Hashes {
        all: 7,
        cheaper: 1,
        of_django: Vec::new(),
        is_bounded,
    };
    for is_bounded in [false, true] {
        assert_inputs(&[(Check::OldHashes, Advice)], |inputs| {
            inputs.rows.hashes = Ok((Hashes::default(), cheaper(is_bounded)));
        });
    }
}

#[test]
fn hashes_of_django() {
    let of_django = |format| Hashes {
        all: 7,
        of_django: vec![(format, 1)],
        ..Hashes::default()
    };
    for (format, expected) in [
        (HashFormat::Md5, &[(Check::ImportedHashes, Advice)][..]),
        (HashFormat::Unusable, &[]),
    ] {
        assert_inputs(expected, |inputs| {
            inputs.rows.hashes = Ok((of_django(format), Hashes::default()));
        });
    }
}

#[test]
fn every_format_of_a_hash_of_django_is_counted_in_both_populations() {
    let of_django = |count| Hashes {
        all: 7,
        of_django: HashFormat::DJANGO.map(|format| (format, count)).to_vec(),
        ..Hashes::default()
    };
    for is_bounded in [false, true] {
        let config = good();
        let mut inputs = inputs_of(&config);
        let users = Hashes {
            is_bounded,
            ..of_django(2)
        };
        inputs.rows.hashes = Ok((users, of_django(3)));
        let findings = findings(&inputs);
        let is_it = |finding: &&Finding| finding.check == Check::ImportedHashes;
        let found = findings.iter().find(is_it).unwrap().found.say(Language::En);
        let formats = "pbkdf2_sha256 5, pbkdf2_sha1 5, argon2 5, bcrypt_sha256 5, bcrypt 5, scrypt 5, md5 5, unusable 5";
        assert!(found.contains(formats), "{found}");
    }
}

#[test]
fn the_key_of_django() {
    let with_key = |is_unbooked| {
        let mut config = good();
        config.django.secret_key = Some(Secret::new("of Django"));
        config.django.accept_unbooked = is_unbooked;
        config
    };
    let in_future = Some(now() + DAY);
    let advice = "django_key.advice";
    for (length, last, is_unbooked, expected) in [
        (Some(32), in_future, false, None),
        (Some(31), in_future, false, Some("django_key.advice_short")),
        (Some(31), in_future, true, Some("django_key.advice_short")),
        (None, in_future, false, None),
        (Some(31), Some(now()), false, Some(advice)),
        (Some(50), None, false, Some(advice)),
        (Some(50), None, true, Some("django_key.advice_unbooked")),
    ] {
        let config = with_key(is_unbooked);
        let mut inputs = inputs_of(&config);
        inputs.django_key = Ok(length);
        inputs.rows.django = Ok(last);
        let level = expected.map(|_| (Check::DjangoKey, Advice));
        assert_eq!(
            above_ok(&inputs),
            Vec::from_iter(level),
            "{length:?} {last:?}"
        );
        let findings = findings(&inputs);
        let finding = findings.iter().find(|one| one.check == Check::DjangoKey);
        let said = finding.unwrap().advice.as_ref();
        let said = said.map(|text| text.say(Language::En));
        let expected = expected.map(|key| LocalizedText::new(key).say(Language::En));
        assert_eq!(said, expected);
    }
}

#[test]
fn the_audit_chain() {
    for error in [
        ChainError::Missing,
        ChainError::Unmarked,
        ChainError::InvalidMac,
        ChainError::AnotherKey,
        ChainError::PositionTaken,
        ChainError::RolledBack,
        ChainError::OldEventChanged,
    ] {
        assert_inputs(&[(Check::AuditChain, Problem)], |inputs| {
            inputs.rows.chain = Ok(ChainState {
                error: Some(error),
                ..linked()
            });
        });
    }
    let pending = |seconds, to_adopt| {
        Ok(ChainState {
            pending: 2,
            pending_since: Some(now() - Duration::from_secs(seconds)),
            to_adopt,
            ..linked()
        })
    };
    assert_inputs(&[(Check::AuditChain, Problem)], |inputs| {
        inputs.rows.chain = pending(61, false);
    });
    // Pending for a short time, or behind older events that are still being added.
    for (seconds, to_adopt) in [(59, false), (600, true)] {
        assert_inputs(&[], |inputs| inputs.rows.chain = pending(seconds, to_adopt));
    }
    for (linked_events, expected) in [(0, &[][..]), (1, &[(Check::AuditCheckpoint, Problem)])] {
        assert_inputs(expected, |inputs| {
            inputs.rows.chain = Ok(ChainState {
                linked: linked_events,
                keeps_checkpoint: false,
                ..linked()
            });
        });
    }
    assert_setting(&[(Check::AuditRetention, Advice)], |c| {
        c.audit.keep_for = Span::days(364);
    });
}

#[test]
fn browsers_and_other_origins() {
    let origin = |origin: &str, transport| {
        let origins = vec![origin.parse().unwrap()];
        move |c: &mut Config| {
            c.server.allowed_origins = origins;
            c.tokens.transport = transport;
        }
    };
    let app = "https://app.example.org";
    assert_setting(&[(Check::Transport, Advice)], origin(app, Transport::Body));
    assert_setting(&[], origin(app, Transport::Cookie));
    assert_setting(&[], origin("http://localhost:3000", Transport::Both));
    // Browsers keep no cookies for apps.
    let of_app = origin("capacitor://localhost", Transport::Body);
    assert_setting(&[], of_app);
    let unencrypted = origin("http://app.example.org", Transport::Cookie);
    assert_setting(&[(Check::AllowedOrigins, Problem)], unencrypted);
}

#[test]
fn administration() {
    for (active, level) in [(0, Problem), (1, Advice)] {
        assert_inputs(&[(Check::Administrators, level)], |inputs| {
            inputs.rows.administrators = Ok(Administrators {
                active,
                unknown_roles: Vec::new(),
                idle: Vec::new(),
                without_factor: 0,
            });
        });
    }
    let last_login = |n| (n > 0).then(|| now() - DAY * 100);
    let idle = (0..11).map(|n| (format!("admin{n}@example.org"), last_login(n)));
    let idle: Vec<_> = idle.collect();
    let config = good();
    let mut inputs = inputs_of(&config);
    inputs.rows.administrators = Ok(Administrators {
        active: 12,
        unknown_roles: vec!["boss (3)".to_owned()],
        idle,
        without_factor: 0,
    });
    assert_eq!(
        above_ok(&inputs),
        [(Check::IdleAdministrators, Advice), (Check::Roles, Advice)]
    );
    let findings = findings(&inputs);
    let found = findings
        .iter()
        .find(|one| one.check == Check::IdleAdministrators);
    let text = found.unwrap().found.say(Language::En);
    assert!(
        text.contains("admin0@example.org (–), admin1@example.org (100d)"),
        "{text}"
    );
    assert!(text.ends_with("admin9@example.org (100d), …"), "{text}");
    assert_setting(&[(Check::IdleAdministrators, Advice)], |c| {
        c.tokens.update_last_login = false;
    });
    assert_setting(&[(Check::PanelSessions, Advice)], |c| {
        c.admin.session_idle = Span::hours(3);
    });
    assert_setting(&[(Check::PanelSessions, Problem)], |c| {
        c.admin.session_absolute = Span::days(8);
    });
    assert_setting(&[(Check::LinkLifetime, Advice)], |c| {
        c.admin.link_lifetime = Span::days(2);
    });
}

fn job(state: JobState, ended_ago: Duration) -> Job {
    Job {
        id: JobId::new(now()),
        kind: JobKind::Flush,
        state,
        started_by: StartedBy::Server,
        total: 0,
        done: 0,
        stop_requested: false,
        report: None,
        failure: None,
        started_at: now() - ended_ago,
        finished_at: Some(now() - ended_ago),
    }
}

/// Asserts the finding for the last flush, the age of the first expired row, and the uptime of the server.
#[track_caller]
fn assert_flush(
    expected: Option<Level>,
    last: Option<Job>,
    waits: Option<Duration>,
    uptime: Option<Duration>,
) {
    let expected = expected.map(|level| (Check::Flush, level));
    assert_inputs(expected.as_slice(), |inputs| {
        inputs.uptime = uptime;
        if let Ok(flush) = &mut inputs.rows.flush {
            flush.last = last;
            flush.backlog.since = waits.map(|waits| now() - waits);
        }
    });
}

#[test]
fn a_flush_that_is_behind() {
    let hours = Duration::from_hours;
    let done = |ago| Some(job(JobState::Done, hours(ago)));
    // The CLI does not know whether a server is running: only pending rows count.
    assert_flush(None, None, None, None);
    assert_flush(None, done(100), None, None);
    assert_flush(None, done(1), Some(hours(2)), None);
    assert_flush(Some(Problem), done(100), Some(hours(4)), None);
    assert_flush(Some(Problem), None, Some(hours(4)), None);
    // A server that has been running for long must have flushed; one that was just started has not yet.
    assert_flush(None, None, Some(hours(90)), Some(hours(2)));
    assert_flush(None, done(1), None, Some(hours(100)));
    assert_flush(Some(Problem), None, None, Some(hours(4)));
    assert_flush(Some(Problem), done(4), None, Some(hours(100)));
    let stopped = Some(job(JobState::Stopped, hours(1)));
    assert_flush(None, stopped, None, Some(hours(100)));
    let failed = Some(job(JobState::Failed, hours(1)));
    assert_flush(Some(Problem), failed, None, Some(hours(1)));
    assert_inputs(&[], |inputs| {
        if let Ok(flush) = &mut inputs.rows.flush {
            flush.last = Some(job(JobState::Failed, hours(9)));
            flush.is_running = true;
        }
    });
}

#[test]
fn a_schema_of_another_version() {
    for schema in [
        SchemaStatus::Empty,
        SchemaStatus::Behind(2),
        SchemaStatus::Ahead("2099".into()),
    ] {
        assert_inputs(&[(Check::Database, Problem)], |inputs| {
            inputs.rows.schema = Ok(schema);
        });
    }
}

#[test]
fn a_clock_that_differs_from_the_databases() {
    for (millis, expected) in [
        (1_000, &[][..]),
        (1_001, &[(Check::Clock, Advice)]),
        (5_001, &[(Check::Clock, Problem)]),
    ] {
        assert_inputs(expected, |inputs| {
            inputs.rows.clock = Ok(Some(Duration::from_millis(millis)));
        });
    }
    assert_inputs(&[], |inputs| inputs.rows.clock = Ok(None));
}

#[test]
fn files_that_others_can_read() {
    let expected = &[(Check::DataFiles, Problem)];
    for mode in [0o770, 0o707, 0o702] {
        assert_inputs(expected, |inputs| {
            inputs.data.directory = Some(file("data", mode, DAY));
        });
    }
    // A file can be reached only through its directory.
    for (file_mode, directory_mode, expected) in [
        (0o644, 0o755, &expected[..]),
        (0o640, 0o755, &[]),
        (0o644, 0o750, &[]),
    ] {
        assert_inputs(expected, |inputs| {
            let directory = file("data", directory_mode, DAY);
            inputs.data.database = vec![(file("data/munjigi.db", file_mode, DAY), directory)];
        });
    }
}

#[test]
fn a_log_with_too_much_detail() {
    for level in [LogLevel::Debug, LogLevel::Trace] {
        let mut config = good();
        config.log.level = level;
        assert_eq!(above_ok(&inputs_of(&config)), [(Check::LogLevel, Advice)]);
    }
}

#[test]
fn authenticator_apps_of_a_lost_master_key() {
    for (count, expected) in [(0, &[][..]), (3, &[(Check::LostApps, Advice)])] {
        assert_inputs(expected, |inputs| inputs.rows.lost_apps = Ok(count));
    }
}

#[test]
fn an_input_that_cannot_be_read_is_a_problem() {
    for unknown in [
        Unknown::NoDatabase("munjigi.db".into()),
        Unknown::NoTables,
        Unknown::NoKey("master.key".into()),
        Unknown::Unreadable("permission denied".into()),
        Unknown::Logged,
    ] {
        let all = [
            Check::KeyLength,
            Check::KeyStrength,
            Check::KeyFile,
            Check::KeyAge,
            Check::OldHashes,
            Check::ImportedHashes,
            Check::Administrators,
            Check::IdleAdministrators,
            Check::SecondFactor,
            Check::LostApps,
            Check::Roles,
            Check::Database,
            Check::Flush,
            Check::Clock,
            Check::FailedDeliveries,
            Check::DataFiles,
            Check::AuditChain,
            Check::AuditCheckpoint,
        ];
        assert_inputs(&all.map(|check| (check, Problem)), |inputs| {
            inputs.key = Err(unknown.clone());
            inputs.key_file = Some(Err(unknown.clone()));
            inputs.data.unreadable.push(unknown.clone());
            inputs.rows = Rows::unknown(&unknown);
        });
    }
}

#[test]
fn messages_that_were_not_sent() {
    for failed in [1, 1_000] {
        assert_inputs(&[(Check::FailedDeliveries, Advice)], |inputs| {
            inputs.rows.failed = Ok(failed);
        });
    }
}
