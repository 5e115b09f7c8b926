//! `munjigi check`: findings, exit codes, and that it changes nothing.

mod broken;

use std::{fs::DirBuilder, os::unix::fs::DirBuilderExt};

use insta::assert_json_snapshot;
use munjigi::services::checklist::check::Check;
use serde_json::Value;

use super::{
    database::{Database, on_postgres},
    place::{Finished, Place, write},
    tools::in_repository,
};

/// A random key.
const GOOD_KEY: &str = "kR7vQx2mZp9LsWc4TnYb8HdFgJ6aEu3o+V5iXtBq1NwC0rMz/yPhGkSlDfAeUjOI";

/// A place set up as recommended, with two administrators who have just logged in.
fn in_order() -> Place {
    let place = Place::new().with("MUNJIGI_SERVER__MASTER_KEY", GOOD_KEY);
    // On Postgres only the server creates it. It keeps the checkpoint of the audit chain.
    let directory = place.path("munjigi-data");
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .unwrap();
    for name in ["ann", "bob"] {
        place.user(&format!("{name}@example.org"), "admin");
    }
    place
        .database
        .execute("UPDATE users SET last_login_at = created_at");
    place
}

fn look(place: &Place) -> (Option<i32>, Value) {
    let finished = place.run(&["check", "--json"]);
    assert_eq!(finished.stderr, "", "{finished:?}");
    let printed = &finished.stdout;
    let found = serde_json::from_str(printed).unwrap_or_else(|error| panic!("{error}: {printed}"));
    (finished.code, found)
}

/// One check of the report.
fn of<'a>(found: &'a Value, check: &str) -> &'a Value {
    let checks = found["checks"].as_array().unwrap();
    checks.iter().find(|one| one["check"] == check).unwrap()
}

/// The checks with this status.
fn with_status(found: &Value, status: &str) -> Vec<String> {
    let checks = found["checks"].as_array().unwrap();
    let those = checks.iter().filter(|one| one["status"] == status);
    those
        .map(|one| one["check"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_server_in_order_has_advice_only_and_exits_with_0() {
    let place = in_order();
    let (code, found) = look(&place);
    assert_eq!(with_status(&found, "problem"), [""; 0], "{found:#}");
    assert_eq!(code, Some(0));
    let listed: Vec<&Value> = found["checks"].as_array().unwrap().iter().collect();
    let names: Vec<&str> = listed
        .iter()
        .map(|one| one["check"].as_str().unwrap())
        .collect();
    assert_eq!(names, Check::NAMES);
    let count = |status| with_status(&found, status).len();
    assert_eq!(found["summary"]["ok"], count("ok"));
    assert_eq!(found["summary"]["advice"], count("advice"));
    assert_eq!(found["summary"]["problem"], 0);
    assert_json_snapshot!([of(&found, "access_lifetime"), of(&found, "bcrypt_cost"), of(&found, "old_hashes")], @r#"
    [
      {
        "advice": null,
        "check": "access_lifetime",
        "found": "30m",
        "group": "tokens",
        "source": "RFC 6750 5.3",
        "status": "ok"
      },
      {
        "advice": "Stolen hashes can be guessed two to four times as fast as at the usual cost. Set login.bcrypt_cost = 12.",
        "check": "bcrypt_cost",
        "found": "10",
        "group": "guessing",
        "source": "ASVS 11.4",
        "status": "advice"
      },
      {
        "advice": null,
        "check": "old_hashes",
        "found": "0 of 2 internal users, 0 of 0 clients, below 10",
        "group": "guessing",
        "source": "ASVS 11.4",
        "status": "ok"
      }
    ]
    "#);
    let printed = place.run(&["check"]);
    assert_eq!((printed.code, printed.stderr.as_str()), (Some(0), ""));
    assert!(!printed.stdout.contains(GOOD_KEY));
}

#[test]
fn findings_are_printed_with_advice_below() {
    let place = in_order().with("MUNJIGI_TOKENS__ACCESS_LIFETIME", "2h");
    let Finished { code, stdout, .. } = place.run(&["check"]);
    assert_eq!(code, Some(1));
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(
        lines[..5],
        [
            "Tokens and sessions",
            "  problem  Access token lifetime           2h",
            "           → Services that verify tokens themselves accept a token until it expires. Set",
            "             tokens.access_lifetime to 15m or 30m. [RFC 6750 5.3]",
            "  ok       Refresh token lifetime          30d",
        ]
    );
    for line in &lines {
        assert!(line.chars().count() <= 100, "{line}");
    }
    let checks = lines.iter().filter(|line| {
        let status = line
            .strip_prefix("  ")
            .and_then(|line| line.split(' ').next());
        ["ok", "advice", "problem"].contains(&status.unwrap_or_default())
    });
    assert_eq!(checks.count(), Check::ALL.len(), "{stdout}");
    let summary = lines.last().unwrap();
    let all = format!("{} checks: ", Check::ALL.len());
    assert!(
        summary.starts_with(&all) && summary.ends_with(", 1 problem"),
        "{summary}"
    );
}

#[test]
fn before_the_first_start_nothing_is_known_and_nothing_is_created() {
    let place = Place::on_sqlite();
    let (code, found) = look(&place);
    assert_eq!(code, Some(1));
    let unknown = [
        "key_length",
        "key_strength",
        "key_file",
        "key_age",
        "old_hashes",
        "imported_hashes",
        "administrators",
        "idle_administrators",
        "second_factor",
        "lost_apps",
        "roles",
        "database",
        "flush",
        "clock",
        "failed_deliveries",
        "data_files",
        "audit_chain",
        "audit_checkpoint",
    ];
    assert_eq!(with_status(&found, "problem"), unknown);
    for check in unknown {
        let check = of(&found, check);
        assert!(
            check["found"]
                .as_str()
                .unwrap()
                .starts_with("unknown: there is no "),
            "{check}"
        );
        assert!(
            check["advice"]
                .as_str()
                .unwrap()
                .starts_with("Start the server once"),
            "{check}"
        );
    }
    assert!(std::fs::read_dir(place.path("")).unwrap().next().is_none());
}

#[test]
fn an_empty_database_is_left_unchanged() {
    let place = Place::new();
    if let Database::Sqlite(file) = &place.database {
        // A name that must be escaped in a URL.
        let odd = file.with_file_name("a?b#c%41 ü.db");
        write(&odd, "");
        let place = Place::on_sqlite().with("DATABASE_URL", odd.as_os_str());
        let (_, found) = look(&place);
        let finding = of(&found, "database")["found"].as_str().unwrap();
        assert!(finding.contains("has no tables yet"), "{finding}");
        assert_eq!(std::fs::metadata(&odd).unwrap().len(), 0);
        let beside = std::fs::read_dir(odd.parent().unwrap()).unwrap().count();
        assert_eq!(beside, 1);
        return;
    }
    let (code, found) = look(&place);
    assert_eq!(code, Some(1));
    let finding = of(&found, "database")["found"].as_str().unwrap();
    assert!(finding.contains("has no tables yet"), "{finding}");
    let created = place.database.texts(
        "relname::text",
        "pg_class WHERE relname LIKE '%migrations%'",
    );
    assert!(created.is_empty(), "{created:?}");
}

#[test]
fn an_unreachable_database_is_a_problem_and_its_password_is_not_printed() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let place = Place::on_sqlite()
        .with(
            "DATABASE_URL",
            format!("postgres://munjigi:hush-hush@{unused}/munjigi"),
        )
        .with("MUNJIGI_SERVER__MASTER_KEY", GOOD_KEY);
    let (code, found) = look(&place);
    assert_eq!(code, Some(1));
    let expected = [
        "old_hashes",
        "imported_hashes",
        "administrators",
        "idle_administrators",
        "second_factor",
        "lost_apps",
        "roles",
        "database",
        "flush",
        "clock",
        "failed_deliveries",
        "audit_chain",
        "audit_checkpoint",
    ];
    assert_eq!(with_status(&found, "problem"), expected);
    let finding = of(&found, "database")["found"].as_str().unwrap();
    assert!(finding.contains("cannot be reached"), "{finding}");
    assert!(!found.to_string().contains("hush-hush"));
    // A connection without TLS to another machine.
    let remote = "postgres://munjigi:hush-hush@db.invalid/munjigi";
    let (_, found) = look(&place.with("DATABASE_URL", remote));
    assert_eq!(of(&found, "postgres_tls")["status"], "problem");
}

#[test]
fn clocks_on_one_machine_agree() {
    let (_, found) = look(&in_order());
    let finding = &of(&found, "clock");
    assert_eq!(finding["status"], "ok");
    let expected = if on_postgres() {
        "differs by 0s"
    } else {
        "SQLite uses the clock of this machine"
    };
    assert_eq!(finding["found"], expected);
}

#[test]
fn the_help_describes_effects_and_exit_code() {
    let help = Place::on_sqlite().done(&["check", "--help"], "");
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "--json",
        "Exit code 1 when there is a problem",
        "Nothing is created or changed",
    ] {
        assert!(help.contains(part), "{help}");
    }
}

#[test]
fn what_cannot_be_checked_is_a_problem() {
    let place = in_order().with("MUNJIGI_SERVER__DATA_DIR", "a-file/data");
    write(&place.path("a-file"), "");
    let (code, found) = look(&place);
    assert_eq!(code, Some(1));
    let finding = of(&found, "data_files")["found"].as_str().unwrap();
    assert!(finding.starts_with("unknown: Not a directory"), "{finding}");
}

#[test]
fn a_command_that_is_advised_exists() {
    let texts = std::fs::read_to_string(in_repository("locales/checklist.en.yml")).unwrap();
    let place = Place::on_sqlite();
    let mut commands = 0;
    for command in texts.split('`').skip(1).step_by(2) {
        let mut parts = command.split(' ');
        if parts.next() != Some("munjigi") {
            continue;
        }
        commands += 1;
        let mut arguments: Vec<&str> = parts.collect();
        let options = arguments.iter().position(|part| part.starts_with('-'));
        let options = arguments.split_off(options.unwrap_or(arguments.len()));
        let help = place.done(&[&arguments[..], &["--help"]].concat(), "");
        for option in options.iter().filter(|part| part.starts_with('-')) {
            assert!(help.contains(option), "{command}: {help}");
        }
    }
    assert!(commands > 3, "the texts are not read any more");
}

#[test]
fn an_unusable_key_of_django_is_found() {
    let same = in_order().with_signing_key();
    let signing_key = std::fs::read_to_string(same.path("jwt.key")).unwrap();
    let pem = "-----BEGIN PUBLIC KEY-----\nx";
    for (place, key, words) in [
        (same, signing_key.as_str(), "tokens.keys"),
        (in_order(), pem, "PEM"),
    ] {
        let place = place.with("MUNJIGI_DJANGO__SECRET_KEY", key);
        let (code, found) = look(&place);
        assert_eq!(code, Some(1));
        let finding = of(&found, "django_key")["found"].as_str().unwrap();
        assert!(finding.contains(words), "{finding}");
        let started = place.run(&["serve"]);
        assert!(started.stderr.contains(words), "{started:?}");
    }
}
