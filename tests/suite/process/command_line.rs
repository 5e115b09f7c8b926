//! `migrate`, `config`, the help, and what all commands have in common.

use super::{
    database::Database,
    place::{MASTER_KEY, Place, write},
    server::eventually,
};

/// Every command of the program.
pub const VERBS: [&[&str]; 74] = [
    &[],
    &["serve"],
    &["migrate"],
    &["user"],
    &["user", "create"],
    &["user", "list"],
    &["user", "set-password"],
    &["user", "set-claims"],
    &["user", "activate"],
    &["user", "deactivate"],
    &["user", "remove-second-factor"],
    &["user", "unlock"],
    &["user", "rename-role"],
    &["client"],
    &["client", "create"],
    &["client", "list"],
    &["client", "set-password"],
    &["client", "set-claims"],
    &["client", "activate"],
    &["client", "deactivate"],
    &["client", "remove-second-factor"],
    &["client", "unlock"],
    &["service"],
    &["service", "create"],
    &["service", "list"],
    &["service", "show"],
    &["service", "set-scopes"],
    &["service", "rotate-secret"],
    &["service", "activate"],
    &["service", "deactivate"],
    &["service", "delete"],
    &["webhooks"],
    &["webhooks", "list"],
    &["webhooks", "create"],
    &["webhooks", "rotate-secret"],
    &["webhooks", "activate"],
    &["webhooks", "deactivate"],
    &["webhooks", "delete"],
    &["webhooks", "resend"],
    &["import"],
    &["import", "django"],
    &["import", "users"],
    &["export"],
    &["export", "users"],
    &["tokens"],
    &["tokens", "flush"],
    &["tokens", "inspect"],
    &["mail"],
    &["mail", "test"],
    &["mail", "preview"],
    &["mail", "templates"],
    &["keys"],
    &["keys", "list"],
    &["keys", "generate"],
    &["keys", "promote"],
    &["keys", "retire"],
    &["keys", "revoke"],
    &["keys", "rewrap"],
    &["backup"],
    &["restore"],
    &["sessions"],
    &["sessions", "end"],
    &["audit"],
    &["audit", "verify"],
    &["audit", "restart"],
    &["check"],
    &["health"],
    &["openapi"],
    &["completions"],
    &["man"],
    &["config"],
    &["config", "show"],
    &["config", "example"],
    &["config", "from-simplejwt"],
];

#[test]
fn every_verb_has_help() {
    let place = Place::on_sqlite();
    for verb in VERBS {
        let printed = place.done(&[verb, &["--help"]].concat(), "");
        let usage = format!("Usage: {} ", [&["munjigi"], verb].concat().join(" "));
        assert!(printed.contains(&usage), "{usage}: {printed}");
        let short = place.done(&[verb, &["-h"]].concat(), "");
        for line in short.lines() {
            assert!(line.chars().count() <= 130, "{line}");
        }
    }
    let version = place.done(&["--version"], "");
    assert_eq!(
        version.trim_end(),
        concat!("munjigi ", env!("CARGO_PKG_VERSION"))
    );
    assert!(!place.path("munjigi-data").exists());
}

#[test]
fn migrate_runs_all_migrations_and_lists_them() {
    let place = Place::new();
    if let Database::Postgres { .. } = place.database {
        assert!(
            place
                .done(&["migrate", "--status"], "")
                .lines()
                .all(|line| line.starts_with("[ ] "))
        );
    }
    let ran = place.json(&["migrate"], "");
    let names: Vec<&str> = ran["migrations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    let mut folders: Vec<String> =
        std::fs::read_dir(super::tools::in_repository("migrations/sqlite"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
    folders.sort();
    assert_eq!(names, folders);
    assert_eq!(place.done(&["migrate"], ""), "The schema is up to date.\n");
    assert_eq!(
        place.json(&["migrate"], "")["migrations"],
        serde_json::json!([])
    );
    let status = place.done(&["migrate", "--status"], "");
    let expected: Vec<String> = folders.iter().map(|name| format!("[x] {name}")).collect();
    assert_eq!(status.lines().collect::<Vec<_>>(), expected);
    let listed = place.json(&["migrate", "--status"], "");
    assert_eq!(listed.as_array().unwrap().len(), folders.len());
    assert_eq!(
        listed[0],
        serde_json::json!({"name": folders[0], "applied": true})
    );
}

#[test]
fn migrate_status_changes_nothing() {
    let place = Place::new();
    let status = place.done(&["migrate", "--status"], "");
    let mut lines = status.lines();
    if let Database::Sqlite(_) = place.database {
        let first = lines.next().unwrap();
        assert!(first.starts_with("There is no database yet"), "{status}");
    }
    assert!(lines.all(|line| line.starts_with("[ ] ")), "{status}");
    assert_eq!(
        place.json(&["migrate", "--status"], "")[0]["applied"],
        false
    );
    assert!(!place.path("munjigi-data").exists());
}

#[test]
fn migrate_check_measures_the_pending_migrations_and_changes_nothing() {
    let place = Place::new();
    let empty = place.json(&["migrate", "--check"], "");
    let all = empty["migrations"].as_array().unwrap().len();
    assert!(all > 10 && !place.path("munjigi-data").exists(), "{empty}");
    place.migrate();
    let printed = place.done(&["migrate", "--check"], "");
    assert!(printed.starts_with("The schema is up to date"), "{printed}");
    place.database.execute(
        "DROP TABLE schema_compatibility; DELETE FROM __diesel_schema_migrations WHERE version = '20261130000031'",
    );
    let name = "2026-11-30-000031_schema_compatibility";
    let mut found = serde_json::Value::Null;
    // Postgres may still be closing the connection of an earlier command.
    eventually(|| {
        found = place.json(&["migrate", "--check"], "");
        found["measured"] == true
    });
    let pending = found["migrations"].as_array().unwrap();
    assert_eq!(
        (pending.len(), &pending[0]["name"]),
        (1, &serde_json::json!(name))
    );
    assert!(pending[0]["seconds"].as_f64().unwrap() >= 0.0, "{found}");
    assert!(found["database_bytes"].as_i64().unwrap() > 0, "{found}");
    let status = place.done(&["migrate", "--status"], "");
    assert!(status.contains(&format!("[ ] {name}")), "{status}");
    if let Database::Sqlite(file) = &place.database {
        let entries = std::fs::read_dir(file.parent().unwrap()).unwrap();
        let left: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["munjigi.db"]);
    }
    assert_eq!(
        place.json(&["migrate"], "")["migrations"],
        serde_json::json!([name])
    );
    place.database.execute(
        "INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000'); \
         UPDATE schema_compatibility SET oldest_version = '99.0.0'",
    );
    let refused = place.run(&["migrate", "--check"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("99990101000000"), "{refused:?}");
}

#[test]
fn config_show_masks_secrets() {
    let place = Place::on_sqlite()
        .with(
            "DATABASE_URL",
            "postgres://munjigi:hush-database@localhost/munjigi?application_name=x",
        )
        .with("MUNJIGI_SERVER__MASTER_KEY", MASTER_KEY)
        .with("MUNJIGI_SMTP__USERNAME", "munjigi")
        .with("MUNJIGI_SMTP__PASSWORD", "hush-mail")
        .with(
            "MUNJIGI_WEBHOOK__SECRET",
            "hush-webhook-with-more-than-24-bytes",
        )
        .with("MUNJIGI_SERVER__LISTEN", "127.0.0.1:8081");
    let shown = place.done(&["config", "show"], "");
    let json = place.json(&["config", "show"], "");
    for text in [&shown, &json.to_string()] {
        assert!(!text.contains("hush-"), "{text}");
        assert!(!text.contains(MASTER_KEY), "{text}");
        assert!(text.contains("127.0.0.1:8081"), "{text}");
    }
    assert_eq!(json["server"]["listen"], "127.0.0.1:8081");
    assert!(!place.path("munjigi-data").exists());
}

#[test]
fn the_example_of_the_configuration_is_accepted_with_and_without_its_comments() {
    let place = Place::on_sqlite()
        .without("MUNJIGI_LOGIN__BCRYPT_COST")
        .without("MUNJIGI_SERVER__LISTEN");
    let defaults = place.json(&["config", "show"], "");
    let example = place.done(&["config", "example"], "");
    write(&place.path("munjigi.toml"), &example);
    assert_eq!(place.json(&["config", "show"], ""), defaults);
    // `#` comments out a key with its default; `##` begins an explanation.
    let keys: Vec<&str> = example
        .lines()
        .map(|line| line.strip_prefix("# ").unwrap_or(line))
        .collect();
    write(&place.path("munjigi.toml"), &keys.join("\n"));
    assert_eq!(place.json(&["config", "show"], ""), defaults);
    let place = place.with("MUNJIGI_SERVER__LISTEN", "127.0.0.1:0");
    place.serve().stop();

    // The output is a valid configuration file.
    write(
        &place.path("munjigi.toml"),
        &place.done(&["config", "show"], ""),
    );
    place.done(&["config", "show"], "");
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let place = Place::new();
    place.user("staff@example.org", "staff");
    for verb in [
        &["migrate"][..],
        &["migrate", "--status"],
        &["migrate", "--json"],
        &["user", "list"],
        &["client", "list", "--json"],
        &["tokens", "flush"],
        &["config", "show"],
        &["config", "example"],
        &["--help"],
        &["--version"],
    ] {
        let mut command = place.command(verb);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let finished = command
            .stdin(std::process::Stdio::null())
            .stdout(writer)
            .stderr(std::process::Stdio::piped())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&finished.stderr);
        assert_eq!(finished.status.code(), Some(0), "{verb:?}: {stderr}");
        assert_eq!(stderr, "", "{verb:?}");
    }
}
