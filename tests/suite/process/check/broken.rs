//! Each check finds its problem: a setting, the permissions of a file, a row.

use std::{os::unix::fs::PermissionsExt, path::Path, process::Command};

use super::{
    super::place::{MASTER_KEY, Place, write},
    in_order, look, of, with_status,
};

#[track_caller]
fn assert_problem(place: &Place, check: &str, part: &str) {
    let (code, found) = look(place);
    let mut problems = with_status(&found, "problem");
    if check.starts_with("key_") && check != "key_file" {
        // The audit log was written with the previous key, or there is no usable key to read it with.
        let of_the_key = ["audit_chain", "audit_checkpoint", "lost_apps"];
        assert!(
            problems.iter().any(|name| name == "audit_chain"),
            "{found:#}"
        );
        problems.retain(|name| !of_the_key.contains(&name.as_str()));
    }
    assert_eq!(problems, [check], "{found:#}");
    assert_eq!(code, Some(1));
    let found = of(&found, check)["found"].as_str().unwrap();
    assert!(found.contains(part), "{found}");
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn each_bad_setting_is_found() {
    for (variable, value, check, part) in [
        ("TOKENS__ROTATE_REFRESH_TOKENS", "false", "rotation", "off"),
        (
            "TOKENS__BLACKLIST_AFTER_ROTATION",
            "false",
            "blacklist",
            "off",
        ),
        (
            "TOKENS__SESSION_LIFETIME",
            "3650d",
            "session_lifetime",
            "3650d",
        ),
        ("SERVER__MASTER_KEY", MASTER_KEY, "key_strength", "example"),
        (
            "TOKENS__EXTRA_CLAIMS",
            r#"{"api_key":"hush-hush"}"#,
            "extra_claims",
            "api_key",
        ),
        (
            "WEBHOOK__URL",
            "http://hooks.example.org/hush-hush",
            "webhook_tls",
            "http://hooks.example.org",
        ),
        (
            "EVENT_WEBHOOKS__ALLOWED_NETWORKS",
            "10.0.0.0/8,0.0.0.0/0",
            "webhook_networks",
            "0.0.0.0/0",
        ),
        (
            "METRICS__LISTEN",
            "0.0.0.0:9464",
            "metrics_listen",
            "0.0.0.0:9464",
        ),
        ("LIMITS__FAILURES_PER_ADDRESS", "0", "address_limit", "off"),
        ("ADMIN__SESSION_ABSOLUTE", "30d", "panel_sessions", "30d"),
    ] {
        let place = in_order()
            .with("MUNJIGI_WEBHOOK__ALLOW_HTTP", "true")
            .with(&format!("MUNJIGI_{variable}"), value);
        assert_problem(&place, check, part);
        let printed = place.run(&["check"]).stdout;
        assert!(
            !printed.contains("hush-hush") && !printed.contains(MASTER_KEY),
            "{printed}"
        );
    }
    let place = in_order()
        .with("MUNJIGI_SERVER__LISTEN", "0.0.0.0:0")
        .with("MUNJIGI_OTP__ALLOW_REMOTE_CONSOLE", "true");
    let open = in_order().with("MUNJIGI_SERVER__TRUSTED_PROXIES", "0.0.0.0/0");
    let (_, found) = look(&open);
    // Behind a proxy, the server is reachable by others.
    let expected = [
        "https",
        "cookies",
        "hsts",
        "trusted_proxies",
        "otp_delivery",
    ];
    assert_eq!(with_status(&found, "problem"), expected);
    let (code, found) = look(&place);
    let expected = ["https", "cookies", "hsts", "otp_delivery"];
    assert_eq!(
        (code, with_status(&found, "problem")),
        (Some(1), expected.map(str::to_owned).to_vec())
    );
    assert_eq!(of(&found, "listen")["status"], "advice");
}

#[test]
fn files_that_others_may_read_are_found() {
    let place = Place::on_sqlite();
    place.user("ann@example.org", "admin");
    place.user("bob@example.org", "admin");
    let (key, data) = (
        place.path("munjigi-data/master.key"),
        place.path("munjigi-data"),
    );
    assert_eq!(look(&place).0, Some(0));
    chmod(&key, 0o640);
    assert_problem(&place, "key_file", "0640");
    chmod(&key, 0o600);
    // Others may enter the directory and read the file.
    chmod(&data, 0o755);
    chmod(&data.join("munjigi.db"), 0o644);
    assert_problem(&place, "data_files", "munjigi-data/munjigi.db");
    for file in std::fs::read_dir(&data).unwrap() {
        chmod(&file.unwrap().path(), 0o600);
    }
    assert_eq!(look(&place).0, Some(0));
    chmod(&data, 0o770);
    assert_problem(&place, "data_files", "0770");
    chmod(&data, 0o700);
    // An old key, and one that is too short.
    let touched = Command::new("touch")
        .args(["-d", "400 days ago"])
        .arg(&key)
        .status()
        .unwrap();
    assert!(touched.success());
    let (_, found) = look(&place);
    assert_eq!(of(&found, "key_age")["found"], "400 days");
    assert_eq!(of(&found, "key_age")["status"], "advice");
    write(&key, "kR7vQx2mZp9LsWc4TnYb8HdFgJ6a\n");
    assert_problem(&place, "key_length", "28 bytes");
    std::fs::remove_file(&key).unwrap();
    let (_, found) = look(&place);
    assert!(
        of(&found, "key_length")["found"]
            .as_str()
            .unwrap()
            .contains("no key yet")
    );
    assert!(!key.exists());
}

#[test]
fn each_bad_row_is_found() {
    let place = in_order();
    let database = &place.database;
    database.execute("UPDATE users SET last_login_at = NULL WHERE email = 'bob@example.org'");
    // A new account is not idle yet.
    assert_eq!(of(&look(&place).1, "idle_administrators")["status"], "ok");
    database.execute("UPDATE users SET created_at = '2020-01-01 00:00:00'");
    let (code, found) = look(&place);
    assert_eq!(code, Some(0));
    let finding = of(&found, "idle_administrators");
    assert_eq!(finding["status"], "advice");
    assert!(
        finding["found"]
            .as_str()
            .unwrap()
            .ends_with(": bob@example.org (–)"),
        "{finding}"
    );
    database.execute(
        "UPDATE users SET last_login_at = '2020-01-01 00:00:00' WHERE email = 'ann@example.org'",
    );
    let (_, found) = look(&place);
    let finding = of(&found, "idle_administrators")["found"].as_str().unwrap();
    assert!(
        finding.contains(": bob@example.org (–), ann@example.org (") && finding.ends_with("d)"),
        "{finding}"
    );
    database.execute("UPDATE users SET is_active = false");
    assert_problem(&place, "administrators", "0 active");
    database.execute("UPDATE users SET is_active = true, last_login_at = created_at");
    place.client("acme");
    database
        .execute("UPDATE client_users SET password_hash = REPLACE(password_hash, 'r=10$', 'r=9$')");
    let (_, found) = look(&place);
    assert_eq!(of(&found, "old_hashes")["status"], "advice");
    assert_eq!(
        of(&found, "old_hashes")["found"],
        "0 of 2 internal users, 1 of 1 clients, below 10"
    );
    let expired = "INSERT INTO rate_limits (bucket, hits, expires_at) \
        VALUES ('x', 1, '2020-01-01 00:00:00')";
    database.execute(expired);
    assert_problem(&place, "flush", "expired rows: 1, the first for");
    place.done(&["tokens", "flush"], "");
    assert_eq!(look(&place).0, Some(0));
    database.execute("UPDATE jobs SET state = 'failed'");
    assert_problem(&place, "flush", "failed");
    database.execute("UPDATE jobs SET state = 'done'");
    database.execute("INSERT INTO __diesel_schema_migrations (version, run_on) VALUES ('20991231000001', '2026-01-01 00:00:00')");
    // This version works on it, unless it says otherwise.
    assert_eq!(of(&look(&place).1, "database")["status"], "ok");
    database.execute("UPDATE schema_compatibility SET oldest_version = '99.0.0'");
    assert_problem(
        &place,
        "database",
        "newer than this munjigi: migration 20991231000001",
    );
    database.execute("DELETE FROM __diesel_schema_migrations WHERE version = '20991231000001' OR version = '20261128000001'");
    assert_problem(&place, "database", "missing migrations: 1");
    assert!(
        place.done(&["migrate", "--status"], "").contains("[ ]"),
        "a migration ran"
    );
}

#[test]
fn an_unreadable_table_does_not_affect_the_other_checks() {
    let place = in_order();
    place
        .database
        .execute("ALTER TABLE jobs RENAME TO jobs_away");
    let (code, found) = look(&place);
    assert_eq!(
        (code, with_status(&found, "problem")),
        (Some(1), vec!["flush".to_owned()])
    );
    assert!(
        of(&found, "flush")["found"]
            .as_str()
            .unwrap()
            .contains("jobs")
    );
}
