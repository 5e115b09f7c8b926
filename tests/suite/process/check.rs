//! `munjigi check`: what it says of a configuration and its data, and with which exit code.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use super::{database::on_postgres, place::Place};

struct Told {
    code: Option<i32>,
    json: Value,
}

impl Told {
    /// The status of a check; nothing where it was not made.
    fn status(&self, check: &str) -> Option<&str> {
        self.one(check)?["status"].as_str()
    }

    fn one(&self, check: &str) -> Option<&Value> {
        let checks = self.json["checks"].as_array().unwrap();
        checks.iter().find(|one| one["check"] == check)
    }
}

fn check(place: &Place) -> Told {
    let finished = place.run(&["check", "--json"]);
    assert_eq!(finished.stderr, "", "{finished:?}");
    let json = serde_json::from_str(&finished.stdout).unwrap();
    Told {
        code: finished.code,
        json,
    }
}

/// A place that is as good as the tests can make it.
fn good() -> Place {
    Place::new()
        .with("MUNJIGI_LOGIN__BCRYPT_COST", "12")
        .with("MUNJIGI_SERVER__PUBLIC_URL", "https://login.example.org")
}

fn used(place: Place) -> Place {
    for name in ["ann", "bob"] {
        place.user(&format!("{name}@example.org"), "admin");
    }
    place
}

#[test]
fn what_is_well_is_told_with_exit_code_zero() {
    let place = used(good());
    let told = check(&place);
    assert_eq!(
        (told.code, &told.json["problems"]),
        (Some(0), &json!(0)),
        "{}",
        told.json
    );
    for name in [
        "access_lifetime",
        "rotation",
        "blacklist",
        "https",
        "cookies",
        "bcrypt_cost",
        "stored_hashes",
        "schema",
        "flush",
        "administrators",
        "record_seal",
    ] {
        assert_eq!(told.status(name), Some("ok"), "{name}: {}", told.json);
    }
    // The e-mail address in tokens is the default, and worth a thought.
    assert_eq!(told.status("claims"), Some("advice"));
    let found = told.one("access_lifetime").unwrap();
    assert_eq!(
        (&found["found"], &found["advice"]),
        (&json!("30m"), &json!(null))
    );
    let text = place.run(&["check"]);
    assert_eq!(text.code, Some(0));
    assert!(
        text.stdout.lines().all(|line| line.chars().count() <= 100),
        "{}",
        text.stdout
    );
    assert!(text.stdout.ends_with(", 0 wrong\n"), "{}", text.stdout);
}

/// Settings, the check that they concern, how good it is then, and a part of what to do.
type Unsafe = (
    &'static [(&'static str, &'static str)],
    &'static str,
    &'static str,
    &'static str,
);

const UNSAFE: &[Unsafe] = &[
    (
        &[("TOKENS__ACCESS_LIFETIME", "45m")],
        "access_lifetime",
        "advice",
        "tokens.access_lifetime",
    ),
    (
        &[("TOKENS__ACCESS_LIFETIME", "2h")],
        "access_lifetime",
        "problem",
        "15m",
    ),
    (
        &[("TOKENS__REFRESH_LIFETIME", "60d")],
        "refresh_lifetime",
        "advice",
        "30d",
    ),
    (
        &[("TOKENS__ROTATE_REFRESH_TOKENS", "false")],
        "rotation",
        "problem",
        "true",
    ),
    (
        &[("TOKENS__BLACKLIST_AFTER_ROTATION", "false")],
        "blacklist",
        "problem",
        "true",
    ),
    (&[("TOKENS__REUSE_GRACE", "50s")], "reuse", "advice", "30s"),
    (
        &[("TOKENS__RECOVER_LOST_ANSWER", "true")],
        "reuse",
        "advice",
        "recover_lost_answer",
    ),
    (
        &[(
            "TOKENS__SIGNING_KEY",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        )],
        "key",
        "problem",
        "openssl rand",
    ),
    (
        &[("SERVER__PUBLIC_URL", "http://login.example.org")],
        "https",
        "problem",
        "https://",
    ),
    (
        &[("SERVER__PUBLIC_URL", "http://login.example.org")],
        "cookies",
        "problem",
        "public_url",
    ),
    (
        &[("SERVER__TRUSTED_PROXIES", "0.0.0.0/0")],
        "proxies",
        "problem",
        "server.trusted_proxies",
    ),
    (
        &[("SERVER__ALLOWED_ORIGINS", "http://app.example.org")],
        "origins",
        "problem",
        "https://",
    ),
    (
        &[("SERVER__ALLOWED_ORIGINS", "https://app.example.org")],
        "transport",
        "advice",
        "cookie",
    ),
    (
        &[("METRICS__LISTEN", "0.0.0.0:9464")],
        "metrics",
        "advice",
        "monitoring",
    ),
    (
        &[("LOGIN__BCRYPT_COST", "10")],
        "bcrypt_cost",
        "advice",
        "login.bcrypt_cost",
    ),
    (
        &[("LOGIN__BCRYPT_COST", "13")],
        "stored_hashes",
        "advice",
        "log in",
    ),
    (
        &[("LIMITS__FAILURES_PER_ADDRESS", "0")],
        "guessing",
        "problem",
        "limits.failures_per_address",
    ),
    (
        &[("LIMITS__FAILURES", "50")],
        "guessing",
        "advice",
        "limits.failures",
    ),
    (
        &[
            ("SERVER__LISTEN", "0.0.0.0:0"),
            ("OTP__ALLOW_REMOTE_CONSOLE", "true"),
        ],
        "code_delivery",
        "problem",
        "otp.delivery",
    ),
    (
        &[("AUDIT__KEEP_FOR", "30d")],
        "record_kept",
        "advice",
        "audit.keep_for",
    ),
    (&[("LOG__LEVEL", "debug")], "log", "advice", "log.level"),
];

#[test]
fn each_setting_that_is_unsafe_is_told_with_what_to_do() {
    let place = used(good());
    for (settings, name, status, advice) in UNSAFE {
        let mut command = place.command(&["check", "--json"]);
        for (key, value) in *settings {
            command.env(format!("MUNJIGI_{key}"), value);
        }
        let finished = super::place::finish(command, "");
        let json = serde_json::from_str(&finished.stdout)
            .unwrap_or_else(|_| panic!("{settings:?}: {finished:?}"));
        let told = Told {
            code: finished.code,
            json,
        };
        assert_eq!(
            told.status(name),
            Some(*status),
            "{settings:?}: {}",
            told.json
        );
        let said = told.one(name).unwrap()["advice"].as_str().unwrap();
        assert!(said.contains(advice), "{settings:?}: {said}");
        let code = i32::from(told.json["problems"] != json!(0));
        assert_eq!(told.code, Some(code), "{settings:?}");
    }
}

#[test]
fn what_is_in_the_database_is_looked_at() {
    let place = good();
    place.user("ann@example.org", "admin");
    assert_eq!(check(&place).status("administrators"), Some("advice"));
    place.user("bob@example.org", "admin");
    let old = "UPDATE users SET created_at = '2020-01-01 00:00:00' WHERE email LIKE 'bob%'";
    place.database.execute(old);
    let told = check(&place);
    assert_eq!(told.status("idle_administrators"), Some("advice"));
    let found = told.one("idle_administrators").unwrap()["found"]
        .as_str()
        .unwrap();
    assert!(
        found.contains("bob@example.org") && !found.contains("ann"),
        "{found}"
    );

    place.database.execute("UPDATE users SET is_active = FALSE");
    let told = check(&place);
    assert_eq!(
        (told.code, told.status("administrators")),
        (Some(1), Some("problem"))
    );
    place.database.execute("UPDATE users SET is_active = TRUE");

    place.database.execute(
        "INSERT INTO rate_limits (bucket, hits, expires_at) VALUES ('b', 1, '2026-01-01 00:00:00')",
    );
    let told = check(&place);
    assert_eq!(
        (told.code, told.status("flush")),
        (Some(1), Some("problem"))
    );
    place.done(&["tokens", "flush"], "");
    assert_eq!(check(&place).status("flush"), Some("ok"));

    place
        .database
        .execute("UPDATE audit_chain SET mark = 'nothing'");
    let told = check(&place);
    assert_eq!(
        (told.code, told.status("record_seal")),
        (Some(1), Some("problem"))
    );
}

#[test]
fn files_that_others_can_read_are_told() {
    if on_postgres() {
        return;
    }
    let place = used(good());
    let open = |name: &str, mode| {
        let file = place.path(name);
        std::fs::set_permissions(file, PermissionsExt::from_mode(mode)).unwrap();
    };
    assert_eq!(check(&place).status("key_file"), Some("ok"));
    open("munjigi-data/signing.key", 0o644);
    // Nobody else comes through the directory.
    assert_eq!(check(&place).status("key_file"), Some("ok"));
    open("munjigi-data", 0o755);
    let told = check(&place);
    assert_eq!(
        (told.code, told.status("key_file")),
        (Some(1), Some("problem"))
    );
    assert_eq!(told.status("database_file"), Some("problem"));
    open("munjigi-data/signing.key", 0o600);
    open("munjigi-data/munjigi.db", 0o600);
    let told = check(&place);
    assert_eq!(
        (told.status("key_file"), told.status("database_file")),
        (Some("ok"), Some("ok"))
    );
}

#[test]
fn where_nothing_is_nothing_is_made() {
    let place = Place::on_sqlite();
    let told = check(&place);
    assert_eq!(
        (told.code, told.status("database")),
        (Some(0), Some("advice")),
        "{}",
        told.json
    );
    assert_eq!(told.status("key"), Some("advice"));
    assert!(!place.path("munjigi-data").exists());
}

#[test]
fn a_database_that_does_not_answer_is_a_problem() {
    let place = Place::on_sqlite()
        .with("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")
        .with("MUNJIGI_TOKENS__SIGNING_KEY", super::place::SIGNING_KEY);
    let told = check(&place);
    assert_eq!(
        (told.code, told.status("database")),
        (Some(1), Some("problem")),
        "{}",
        told.json
    );
    assert_eq!(told.status("rotation"), Some("ok"));
    assert_eq!(told.status("flush"), None);
}

#[test]
fn the_way_to_the_database_is_looked_at() {
    let place = Place::on_sqlite().with("MUNJIGI_TOKENS__SIGNING_KEY", super::place::SIGNING_KEY);
    for (url, status) in [
        ("postgres://u@127.0.0.1:1/n", "ok"),
        ("postgres://u@%2Fvar%2Frun/n?connect_timeout=1", "ok"),
        ("postgres://u@192.0.2.1:1/n?connect_timeout=2", "problem"),
        (
            "postgres://u@192.0.2.1:1/n?sslmode=require&connect_timeout=2",
            "advice",
        ),
        (
            "postgres://u@192.0.2.1:1/n?sslmode=verify-full&connect_timeout=2",
            "ok",
        ),
    ] {
        let mut command = place.command(&["check", "--json"]);
        command.env("DATABASE_URL", url);
        let finished = super::place::finish(command, "");
        let json = serde_json::from_str(&finished.stdout).unwrap();
        let told = Told {
            code: finished.code,
            json,
        };
        assert_eq!(
            told.status("database_tls"),
            Some(status),
            "{url}: {}",
            told.json
        );
    }
}
