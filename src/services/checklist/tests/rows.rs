//! What the database, its files and the clock show.

use crate::services::checklist::tests::*;

#[test]
fn hashes_below_the_cost() {
    let cheaper = |is_bounded| Hashes {
        all: 7,
        cheaper: 1,
        is_bounded,
    };
    for is_bounded in [false, true] {
        assert_seen(&[(Check::OldHashes, Advice)], |seen| {
            seen.rows.hashes = Ok((Hashes::default(), cheaper(is_bounded)));
        });
    }
}

#[test]
fn the_record() {
    for trouble in [
        ChainError::Gone,
        ChainError::NotOurs,
        ChainError::AnotherKey,
        ChainError::Taken,
        ChainError::WentBack,
        ChainError::OldEventChanged,
    ] {
        assert_seen(&[(Check::RecordSeal, Problem)], |seen| {
            seen.rows.record = Ok(ChainState {
                trouble: Some(trouble),
                ..sealed()
            });
        });
    }
    let waits = |seconds, to_adopt| {
        Ok(ChainState {
            waiting: 2,
            waiting_since: Some(now() - Duration::from_secs(seconds)),
            to_adopt,
            ..sealed()
        })
    };
    assert_seen(&[(Check::RecordSeal, Problem)], |seen| {
        seen.rows.record = waits(61, false);
    });
    // A moment ago; and behind older ones that are still being taken in.
    for (seconds, to_adopt) in [(59, false), (600, true)] {
        assert_seen(&[], |seen| seen.rows.record = waits(seconds, to_adopt));
    }
    assert_setting(&[(Check::RecordKept, Advice)], |c| {
        c.audit.keep_for = Span::days(364);
    });
}

#[test]
fn the_ways_of_browsers() {
    assert_setting(&[(Check::Transport, Advice)], |c| {
        c.server.allowed_origins = vec!["https://app.example.org".parse().unwrap()];
    });
    assert_setting(&[], |c| {
        c.server.allowed_origins = vec!["https://app.example.org".parse().unwrap()];
        c.tokens.transport = Transport::Cookie;
    });
    assert_setting(&[], |c| {
        c.server.allowed_origins = vec!["http://localhost:3000".parse().unwrap()];
        c.tokens.transport = Transport::Both;
    });
    assert_setting(&[(Check::AllowedOrigins, Problem)], |c| {
        c.server.allowed_origins = vec!["http://app.example.org".parse().unwrap()];
        c.tokens.transport = Transport::Cookie;
    });
}

#[test]
fn administration() {
    for (active, level) in [(0, Problem), (1, Advice)] {
        assert_seen(&[(Check::Administrators, level)], |seen| {
            seen.rows.administrators = Ok(Administrators {
                active,
                idle: Vec::new(),
            });
        });
    }
    let idle = (0..11).map(|n| {
        (
            format!("admin{n}@example.org"),
            (n > 0).then(|| now() - DAY * 100),
        )
    });
    let idle: Vec<_> = idle.collect();
    let config = good();
    let mut seen = looked_at(&config);
    seen.rows.administrators = Ok(Administrators { active: 12, idle });
    assert_eq!(not_well(&seen), [(Check::IdleAdministrators, Advice)]);
    let findings = findings(&seen);
    let found = findings
        .iter()
        .find(|one| one.check == Check::IdleAdministrators);
    let told = found.unwrap().found.say(Language::En);
    assert!(
        told.contains("admin0@example.org (–), admin1@example.org (100d)"),
        "{told}"
    );
    assert!(told.ends_with("admin9@example.org (100d), …"), "{told}");
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
        fault: None,
        started_at: now() - ended_ago,
        finished_at: Some(now() - ended_ago),
    }
}

/// The flush as it was seen, and since when rows wait, by a server that has been up for so long.
#[track_caller]
fn assert_flush(
    expected: Option<Level>,
    last: Option<Job>,
    waits: Option<Duration>,
    uptime: Option<Duration>,
) {
    let expected: Vec<_> = expected
        .map(|level| (Check::Flush, level))
        .into_iter()
        .collect();
    assert_seen(&expected, |seen| {
        seen.uptime = uptime;
        if let Ok(flush) = &mut seen.rows.flush {
            flush.last = last;
            flush.waiting.since = waits.map(|waits| now() - waits);
        }
    });
}

#[test]
fn a_flush_that_is_behind() {
    let hours = Duration::from_hours;
    let done = |ago| Some(job(JobState::Done, hours(ago)));
    // At the command line nobody knows whether a server runs: what waits tells.
    assert_flush(None, None, None, None);
    assert_flush(None, done(100), None, None);
    assert_flush(None, done(1), Some(hours(2)), None);
    assert_flush(Some(Problem), done(100), Some(hours(4)), None);
    assert_flush(Some(Problem), None, Some(hours(4)), None);
    // A server that runs for long must have flushed; one that was just started will.
    assert_flush(None, None, Some(hours(90)), Some(hours(2)));
    assert_flush(None, done(1), None, Some(hours(100)));
    assert_flush(Some(Problem), None, None, Some(hours(4)));
    assert_flush(Some(Problem), done(4), None, Some(hours(100)));
    let stopped = Some(job(JobState::Stopped, hours(1)));
    assert_flush(None, stopped, None, Some(hours(100)));
    let failed = Some(job(JobState::Failed, hours(1)));
    assert_flush(Some(Problem), failed, None, Some(hours(1)));
    assert_seen(&[], |seen| {
        if let Ok(flush) = &mut seen.rows.flush {
            flush.last = Some(job(JobState::Failed, hours(9)));
            flush.is_running = true;
        }
    });
}

#[test]
fn a_schema_that_is_another() {
    for standing in [
        SchemaStatus::Empty,
        SchemaStatus::Behind(2),
        SchemaStatus::Ahead("2099".into()),
    ] {
        assert_seen(&[(Check::Database, Problem)], |seen| {
            seen.rows.standing = Ok(standing);
        });
    }
}

#[test]
fn a_clock_that_is_apart_from_the_databases() {
    for (millis, expected) in [
        (1_000, &[][..]),
        (1_001, &[(Check::Clock, Advice)]),
        (5_001, &[(Check::Clock, Problem)]),
    ] {
        assert_seen(expected, |seen| {
            seen.rows.clock = Ok(Some(Duration::from_millis(millis)));
        });
    }
    assert_seen(&[], |seen| seen.rows.clock = Ok(None));
}

#[test]
fn files_that_others_can_read() {
    let expected = &[(Check::DataFiles, Problem)];
    for mode in [0o770, 0o707, 0o702] {
        assert_seen(expected, |seen| {
            seen.data.directory = Some(file("data", mode, DAY));
        });
    }
    // A file is as open as the directory on the way to it.
    for (file_mode, directory_mode, expected) in [
        (0o644, 0o755, &expected[..]),
        (0o640, 0o755, &[]),
        (0o644, 0o750, &[]),
    ] {
        assert_seen(expected, |seen| {
            let directory = file("data", directory_mode, DAY);
            seen.data.database = vec![(file("data/munjigi.db", file_mode, DAY), directory)];
        });
    }
}

#[test]
fn a_log_that_tells_too_much() {
    for level in [LogLevel::Debug, LogLevel::Trace] {
        let mut config = good();
        config.log.level = level;
        assert_eq!(not_well(&looked_at(&config)), [(Check::LogLevel, Advice)]);
    }
}

#[test]
fn what_cannot_be_looked_at_is_a_problem() {
    for unknown in [
        Unknown::NoDatabase("munjigi.db".into()),
        Unknown::NoTables,
        Unknown::NoKey("signing.key".into()),
        Unknown::Unreadable("permission denied".into()),
        Unknown::Logged,
    ] {
        let all = [
            Check::KeyLength,
            Check::KeyStrength,
            Check::KeyFile,
            Check::KeyAge,
            Check::OldHashes,
            Check::Administrators,
            Check::IdleAdministrators,
            Check::Database,
            Check::Flush,
            Check::Clock,
            Check::DataFiles,
            Check::RecordSeal,
        ];
        assert_seen(&all.map(|check| (check, Problem)), |seen| {
            seen.key = Err(unknown.clone());
            seen.key_file = Some(Err(unknown.clone()));
            seen.data.unseen.push(unknown.clone());
            seen.rows = Rows::unknown(&unknown);
        });
    }
}
