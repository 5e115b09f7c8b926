//! Errors: one clear sentence without secrets, exit code 1, no panic. Wrong usage: exit code 2.

use std::net::TcpListener;

use super::{
    database::Database,
    place::{Finished, MASTER_KEY, PASSWORD, Place, write},
};

/// An address that no server listens on: its port was free a moment ago.
fn unused_address() -> String {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string()
}

/// The command failed with one line on standard error that contains all parts, and printed nothing else.
fn assert_refused(finished: &Finished, parts: &[&str]) {
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_eq!(finished.stdout, "", "{finished:?}");
    assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
    assert!(finished.stderr.starts_with("munjigi: "), "{finished:?}");
    for part in parts {
        assert!(
            finished.stderr.contains(part),
            "no {part:?} in {finished:?}"
        );
    }
    for secret in ["panicked", "hush-hush", MASTER_KEY] {
        assert!(
            !finished.stderr.contains(secret),
            "{secret:?} in {finished:?}"
        );
    }
}

#[test]
fn a_list_of_breached_passwords_that_cannot_be_searched_is_refused_at_the_start() {
    let setting = "login.breached_passwords_file: ";
    let place = Place::new().with("MUNJIGI_LOGIN__BREACHED_PASSWORDS_FILE", "breached.txt");
    let refused = place.run(&["serve"]);
    assert_refused(&refused, &[setting, "breached.txt", "cannot be read"]);
    for (content, reason) in [
        (
            format!("{}\n{}\n", "F".repeat(40), "0".repeat(40)),
            "not sorted",
        ),
        ("password\n".to_owned(), "there is no line such as"),
    ] {
        write(&place.path("breached.txt"), &content);
        assert_refused(&place.run(&["serve"]), &[setting, reason]);
    }
}

#[test]
fn postgres_without_a_master_key_is_refused_with_an_example() {
    let url = format!("postgres://munjigi:hush-hush@{}/munjigi", unused_address());
    let place = Place::on_sqlite().with("DATABASE_URL", url);
    assert_refused(
        &place.run(&[]),
        &["server.master_key", "master_key = \"", "[server]"],
    );
    assert!(!place.path("munjigi-data").exists());
}

#[test]
fn an_unreachable_database_is_reported_without_its_password() {
    let address = unused_address();
    let url = format!("postgres://munjigi:hush-hush@{address}/munjigi");
    let place = Place::on_sqlite()
        .with("DATABASE_URL", url)
        .with("MUNJIGI_DATABASE__START_TIMEOUT", "0s")
        .with("MUNJIGI_SERVER__MASTER_KEY", MASTER_KEY);
    let port = address.rsplit_once(':').unwrap().1;
    for verb in [
        &[][..],
        &["serve"],
        &["migrate"],
        &["migrate", "--status"],
        &["user", "list"],
        &["tokens", "flush"],
    ] {
        assert_refused(
            &place.run(verb),
            &["the database", "cannot be reached", port],
        );
    }
}

#[test]
fn no_part_of_a_database_password_is_printed() {
    let host = unused_address();
    for (user_info, parts) in [
        (
            "munjigi:hush-hush@2026Sesame",
            &["percent-encode", "DATABASE_URL"][..],
        ),
        (
            "munjigi:hush-hush/2026Sesame",
            &["percent-encode", "DATABASE_URL"],
        ),
        ("munjigi:hush-hush%2026Sesame", &["cannot be reached"]),
        ("munjigi:hush-hush?2026Sesame", &["cannot be reached"]),
        ("munjigi:hush-hush#2026Sesame", &["cannot be reached"]),
        ("munjigi:hush-hush:2026Sesame", &["cannot be reached"]),
        ("munjigi:hush-hush%zz2026Sesame", &["cannot be reached"]),
    ] {
        let url = format!("postgres://{user_info}@{host}/munjigi");
        let place = Place::on_sqlite()
            .with("DATABASE_URL", url)
            .with("MUNJIGI_DATABASE__START_TIMEOUT", "0s")
            .with("MUNJIGI_SERVER__MASTER_KEY", MASTER_KEY);
        for verb in [&["serve"][..], &["migrate"], &["user", "list"], &["check"]] {
            let finished = place.run(verb);
            assert_eq!(finished.code, Some(1), "{finished:?}");
            let all = format!("{}{}", finished.stdout, finished.stderr);
            for secret in ["hush", "2026", "Sesame"] {
                assert!(!all.contains(secret), "{user_info}: {all}");
            }
            if verb[0] != "check" {
                assert_refused(&finished, parts);
            }
        }
    }
}

#[test]
fn a_file_that_is_not_a_sqlite_database_is_refused() {
    let place = Place::on_sqlite();
    write(&place.path("notes.txt"), &"not a database, ".repeat(100));
    let place = place.with("DATABASE_URL", "sqlite://notes.txt");
    assert_refused(&place.run(&[]), &["not a database"]);

    let place = Place::on_sqlite().with("DATABASE_URL", "sqlite:///dev/null/munjigi.db");
    assert_refused(&place.run(&[]), &["/dev/null"]);
}

#[test]
fn a_schema_newer_than_the_binary_is_refused() {
    let place = Place::new();
    place.done(&["migrate"], "");
    place.database.execute(
        "INSERT INTO __diesel_schema_migrations (version, run_on) \
         VALUES ('99991231235959', '2026-11-23 00:00:00'); \
         UPDATE schema_compatibility SET oldest_version = '99.0.0'",
    );
    for verb in [
        &[][..],
        &["migrate"],
        &["user", "list"],
        &["tokens", "flush"],
    ] {
        assert_refused(&place.run(verb), &["newer", "99991231235959"]);
    }
    // The status can still be read.
    assert_eq!(place.run(&["migrate", "--status"]).code, Some(0));
}

#[test]
fn a_port_that_is_taken_is_refused_with_the_key_to_change() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let place = Place::new().with("MUNJIGI_SERVER__LISTEN", &address);
    assert_refused(
        &place.run(&[]),
        &[&address, "listens there already", "server.listen"],
    );
}

#[test]
fn a_key_file_that_cannot_be_used_is_refused() {
    // Not a file; missing; too short.
    let place = Place::on_sqlite();
    std::fs::create_dir_all(place.path("munjigi-data/master.key")).unwrap();
    assert_refused(
        &place.run(&[]),
        &["munjigi-data/master.key", "cannot be read"],
    );

    let place = Place::on_sqlite().with("MUNJIGI_SERVER__MASTER_KEY_FILE", "missing.key");
    assert_refused(&place.run(&[]), &["missing.key"]);
    assert!(!place.path("missing.key").exists());

    let place = Place::on_sqlite();
    write(&place.path("munjigi-data/master.key"), "hush-hush");
    assert_refused(
        &place.run(&[]),
        &["munjigi-data/master.key", "9 bytes", "32"],
    );

    // The files with signing keys.
    for (content, reason) in [
        ("hush-hush", "9 bytes"),
        (
            "\"hush-hush hush-hush hush-hush hush-hush\"",
            "quotation mark",
        ),
        ("-----BEGIN PRIVATE KEY-----\n", "it is damaged"),
        (
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
            "give the private key",
        ),
    ] {
        let place = Place::on_sqlite().with("MUNJIGI_TOKENS__KEYS", "jwt.key");
        write(&place.path("jwt.key"), content);
        assert_refused(&place.run(&[]), &["tokens.keys: ", "jwt.key", reason]);
    }
    let place = Place::on_sqlite().with("MUNJIGI_TOKENS__KEYS", "jwt.key");
    assert_refused(
        &place.run(&[]),
        &["tokens.keys: ", "jwt.key", "cannot be read"],
    );
    let place = Place::on_sqlite().with_signing_key();
    let place = place.with("MUNJIGI_TOKENS__KEYS", "jwt.key,jwt.key");
    assert_refused(&place.run(&[]), &["tokens.keys: two files"]);
}

#[test]
fn an_invalid_setting_is_refused_with_its_key() {
    let cases: [(&str, &str, &[&str]); 8] = [
        (
            "MUNJIGI_TOKENS__ACCESS_LIFETIME",
            "0s",
            &["tokens.access_lifetime"],
        ),
        (
            "MUNJIGI_TOKENS__ACCESS_LIFETIME",
            "soon",
            &["tokens.access_lifetime"],
        ),
        (
            "MUNJIGI_TOKENS__ALGORITHM",
            "none",
            &["tokens.algorithm", "HS256"],
        ),
        (
            "MUNJIGI_SERVER__MASTER_KEY",
            "hush-hush",
            &["server.master_key", "32"],
        ),
        (
            "MUNJIGI_LOGIN__BCRYPT_COST",
            "4",
            &["login.bcrypt_cost", "10"],
        ),
        ("MUNJIGI_SERVER__LISTEN", "everywhere", &["server.listen"]),
        (
            "MUNJIGI_SERVER__LISTENS",
            "127.0.0.1:1",
            &["MUNJIGI_SERVER__LISTENS", "`MUNJIGI_SERVER__LISTEN`"],
        ),
        (
            "DATABASE_URL",
            "mysql://munjigi:hush-hush@localhost/munjigi",
            &["DATABASE_URL"],
        ),
    ];
    for (name, value, parts) in cases {
        let place = Place::on_sqlite().with(name, value);
        assert_refused(&place.run(&[]), parts);
        assert_refused(&place.run(&["config", "show"]), parts);
        assert!(!place.path("munjigi-data").exists(), "{name}");
    }
}

#[test]
fn an_invalid_configuration_file_is_refused_with_the_key() {
    let place = Place::on_sqlite();
    for (content, parts) in [
        (
            "[tokens]\nacess_lifetime = \"5m\"",
            &["tokens.acess_lifetime", "access_lifetime"][..],
        ),
        ("[token]\naccess_lifetime = \"5m\"", &["token"]),
        ("[tokens]\nleeway = 5", &["tokens.leeway"]),
        ("[server]\nworkers = \"many\"", &["server.workers"]),
        ("[server]\nmaster_key = \"hush-hush", &["munjigi.toml"]),
        (
            "[server]\nmaster_key = \"hush-hush\"",
            &["server.master_key", "munjigi.toml"],
        ),
    ] {
        write(&place.path("munjigi.toml"), content);
        assert_refused(&place.run(&[]), parts);
    }
    std::fs::remove_file(place.path("munjigi.toml")).unwrap();
    assert_refused(&place.run(&["--config", "nowhere.toml"]), &["nowhere.toml"]);
    assert!(!place.path("munjigi-data").exists());
}

#[test]
fn console_delivery_is_refused_on_a_public_address() {
    let place = Place::on_sqlite().with("MUNJIGI_SERVER__LISTEN", "0.0.0.0:0");
    assert_refused(&place.run(&[]), &["otp.delivery", "console"]);
}

#[test]
fn a_directory_of_static_files_that_does_not_exist_is_refused() {
    let place = Place::new().with("MUNJIGI_SERVER__STATIC_DIR", "no/such/directory");
    let refused = place.run(&["serve"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let parts = ["server.static_dir", "no/such/directory"];
    assert!(
        parts.iter().all(|part| refused.stderr.contains(part)),
        "{refused:?}"
    );
}

#[test]
fn a_data_directory_that_cannot_be_created_is_refused() {
    let place = Place::on_sqlite();
    write(&place.path("munjigi-data"), "a file");
    assert_refused(&place.run(&[]), &["munjigi-data"]);
}

#[test]
fn wrong_usage_exits_with_2_and_creates_nothing() {
    let place = Place::on_sqlite();
    for arguments in [
        &["sreve"][..],
        &["user"],
        &["user", "create"],
        &[
            "user",
            "create",
            "--email",
            "no address",
            "--name",
            "Somebody",
            "--password-stdin",
        ],
        &[
            "user",
            "create",
            "--email",
            "staff@example.org",
            "--name",
            "Somebody",
            "--role",
            "king",
            "--password-stdin",
        ],
        &["user", "deactivate"],
        &["client", "create", "--username", ""],
        &["tokens", "burn"],
        &["config", "show", "--yaml"],
        &["serve", "--port", "8080"],
        &["tokens", "inspect"],
        // Without a terminal and without --password-stdin no password can be read.
        &[
            "user",
            "create",
            "--email",
            "staff@example.org",
            "--name",
            "Somebody",
        ],
        &["user", "set-password", "--email", "staff@example.org"],
        &["client", "set-password", "--username", "acme"],
    ] {
        let finished = place.run_with_input(arguments, "");
        assert_eq!(finished.code, Some(2), "{arguments:?}: {finished:?}");
        assert_eq!(finished.stdout, "", "{arguments:?}");
        assert_ne!(finished.stderr, "", "{arguments:?}");
    }
    assert!(!place.path("munjigi-data").exists());
}

#[test]
fn an_invalid_password_is_refused_in_a_sentence() {
    let place = Place::new();
    place.migrate();
    let create = [
        "user",
        "create",
        "--email",
        "staff@example.org",
        "--name",
        "Somebody",
        "--password-stdin",
    ];
    for (input, part) in [
        ("", "password"),
        ("\n", "password"),
        ("short\n", "8"),
        ("password123\n", "password"),
        ("staff@example.org\n", "password"),
    ] {
        assert_refused(&place.run_with_input(&create, input), &[part]);
    }
    place.done(&create, PASSWORD);
    if let Database::Sqlite(file) = &place.database {
        assert!(file.is_file());
    }
}
