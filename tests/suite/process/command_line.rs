//! The verbs: what each does, for people and as JSON, also beside a running server.

use super::{
    client::Pair,
    database::Database,
    place::{PASSWORD, Place, SIGNING_KEY, write},
};

const VERBS: [&[&str]; 21] = [
    &[],
    &["serve"],
    &["migrate"],
    &["user"],
    &["user", "create"],
    &["user", "list"],
    &["user", "set-password"],
    &["user", "activate"],
    &["user", "deactivate"],
    &["client"],
    &["client", "create"],
    &["client", "list"],
    &["client", "set-password"],
    &["client", "activate"],
    &["client", "deactivate"],
    &["tokens"],
    &["tokens", "flush"],
    &["tokens", "inspect"],
    &["config"],
    &["config", "show"],
    &["config", "example"],
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
fn migrate_brings_the_schema_up_and_says_how_it_is() {
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
fn looking_at_the_status_changes_nothing() {
    let place = Place::new();
    let status = place.done(&["migrate", "--status"], "");
    assert!(
        status.lines().all(|line| line.starts_with("[ ] ")),
        "{status}"
    );
    assert_eq!(
        place.json(&["migrate", "--status"], "")[0]["applied"],
        false
    );
    assert!(!place.path("munjigi-data/signing.key").exists());
}

#[test]
fn a_user_is_made_listed_and_changed_for_people_and_for_programs() {
    let place = Place::new();
    let create = [
        "user",
        "create",
        "--password-stdin",
        "--role",
        "auditor",
        "--email",
        "Gil@Example.org",
        "--name",
        "홍길동",
    ];
    assert_eq!(
        place.done(&create, PASSWORD),
        "User 1 Gil@Example.org was made, with the role auditor.\n"
    );
    let made = place.json(
        &[
            "user",
            "create",
            "--password-stdin",
            "--email",
            "staff@example.org",
            "--name",
            "Somebody",
        ],
        PASSWORD,
    );
    assert_eq!(made["user_seq"], 2);
    assert_eq!(made["role"], "staff");
    assert_eq!(made["is_active"], true);
    assert_eq!(made["last_login_at"], serde_json::Value::Null);
    assert!(made.get("password_hash").is_none() && made.get("password").is_none());

    // The same address in another spelling.
    let again = place.run_with_input(
        &[
            "user",
            "create",
            "--password-stdin",
            "--email",
            " gil@example.ORG",
            "--name",
            "Other",
        ],
        PASSWORD,
    );
    assert_eq!(again.code, Some(1), "{again:?}");
    assert_eq!(
        again.stderr,
        "munjigi: another account has this email already\n"
    );

    let table = place.done(&["user", "list"], "");
    let expected = "\
user_seq  email              name      role     active  last login
1         Gil@Example.org    홍길동    auditor  yes     never
2         staff@example.org  Somebody  staff    yes     never
";
    assert_eq!(table, expected);
    let found = place.json(&["user", "list", "--search", "길동"], "");
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(found[0]["name"], "홍길동");
    assert_eq!(
        place.json(&["user", "list", "--search", "nobody"], ""),
        serde_json::json!([])
    );

    let named = |verb: &'static str| ["user", verb, "--email", "gil@example.org"];
    let told = place.done(&named("deactivate"), "");
    assert!(
        told.starts_with("User 1 Gil@Example.org is inactive"),
        "{told}"
    );
    assert_eq!(place.json(&["user", "list"], "")[0]["is_active"], false);
    assert_eq!(place.json(&named("activate"), "")["is_active"], true);
    assert!(place.done(&named("activate"), "").contains("is active"));
    assert!(place.json(&named("deactivate"), "")["is_active"] == false);

    for verb in ["activate", "deactivate"] {
        let unknown = place.run(&["user", verb, "--email", "nobody@example.org"]);
        assert_eq!(unknown.code, Some(1));
        assert_eq!(
            unknown.stderr,
            "munjigi: there is no user nobody@example.org\n"
        );
    }
}

#[test]
fn a_client_is_made_listed_and_changed_for_people_and_for_programs() {
    let place = Place::new();
    let create = [
        "client",
        "create",
        "--username",
        "acme",
        "--email",
        "it@acme.example",
        "--phone",
        "+82 10-1234-5678",
    ];
    assert_eq!(place.done(&create, ""), "Client 1 acme was made.\n");
    let made = place.json(
        &[
            "client",
            "create",
            "--username",
            "거래처",
            "--name",
            "주식회사 거래처",
            "--password-stdin",
        ],
        PASSWORD,
    );
    assert_eq!(made["user_seq"], 2);
    assert!(made.get("password_hash").is_none() && made.get("password").is_none());
    let again = place.run(&["client", "create", "--username", "ACME"]);
    assert_eq!(again.code, Some(1), "{again:?}");
    assert_eq!(
        again.stderr,
        "munjigi: another account has this username already\n"
    );

    let table = place.done(&["client", "list"], "");
    // Two letters of Hangul are as wide as four of Latin.
    let expected = "\
user_seq  username  name             email            phone             active  last login
1         acme      acme             it@acme.example  +82 10-1234-5678  yes     never
2         거래처    주식회사 거래처  -                -                 yes     never
";
    assert_eq!(table, expected);
    let found = place.json(&["client", "list", "--search", "거래"], "");
    assert_eq!(found.as_array().unwrap().len(), 1);

    let named = |verb: &'static str| ["client", verb, "--username", "Acme"];
    assert!(
        place
            .done(&named("deactivate"), "")
            .starts_with("Client 1 acme is inactive")
    );
    assert_eq!(place.json(&named("activate"), "")["is_active"], true);
    let told = place.done(
        &[&named("set-password")[..], &["--password-stdin"]].concat(),
        PASSWORD,
    );
    assert_eq!(told, "Client 1 acme has a new password.\n");
    let unknown = place.run(&["client", "deactivate", "--username", "nobody"]);
    assert_eq!(
        (unknown.code, unknown.stderr.as_str()),
        (Some(1), "munjigi: there is no client nobody\n")
    );

    let server = place.serve();
    for username in ["acme", "거래처"] {
        assert_eq!(server.client().log_in(username, "client").status, 200);
    }
    server.stop();
}

#[test]
fn a_password_from_standard_input_keeps_its_outer_spaces_and_loses_its_line_end() {
    let place = Place::new();
    place.user("staff@example.org", "staff");
    let set = [
        "user",
        "set-password",
        "--password-stdin",
        "--email",
        "staff@example.org",
    ];
    let server = place.serve();
    for (input, password, status) in [
        ("  four little words  \n", "  four little words  ", 200),
        ("  four little words  \r\n", "  four little words  ", 200),
        ("  four little words  ", "  four little words  ", 200),
        ("  four little words  \n", "four little words", 401),
        (
            "열두 글자보다 긴 암호\nand a second line",
            "열두 글자보다 긴 암호",
            200,
        ),
    ] {
        assert_eq!(
            place.done(&set, input),
            "User 1 staff@example.org has a new password.\n"
        );
        let body = serde_json::json!({"username": "staff@example.org", "password": password});
        let answer = server.client().post("/auth/login", &[], &body);
        assert_eq!(answer.status, status, "{input:?}: {answer:?}");
    }
    server.stop();
}

#[test]
fn what_is_changed_beside_a_running_server_counts_at_once() {
    let place = Place::new();
    place.user("staff@example.org", "staff");
    place.client("acme");
    let server = place.serve();
    let mut client = server.client();
    for (named, user_type) in [
        (["user", "--email", "staff@example.org"], "user"),
        (["client", "--username", "acme"], "client"),
    ] {
        let [noun, flag, name] = named;
        let verb = |verb: &'static str| [noun, verb, flag, name];
        let first = Pair::of(&client.log_in(name, user_type));
        let second = Pair::of(&client.log_in(name, user_type));
        place.done(&verb("deactivate"), "");
        for pair in [&first, &second] {
            assert_eq!(client.get("/api/me", &pair.access).code(), "USER_INACTIVE");
            assert_eq!(client.refresh(&pair.refresh).code(), "USER_INACTIVE");
        }
        assert_eq!(client.log_in(name, user_type).code(), "INVALID_CREDENTIALS");

        // What has ended stays ended.
        place.done(&verb("activate"), "");
        assert_eq!(
            client.get("/api/me", &first.access).code(),
            "SESSION_REVOKED"
        );
        assert_eq!(client.refresh(&first.refresh).status, 401);

        let third = Pair::of(&client.log_in(name, user_type));
        place.done(
            &[&verb("set-password")[..], &["--password-stdin"]].concat(),
            "another passphrase",
        );
        assert_eq!(
            client.get("/api/me", &third.access).code(),
            "SESSION_REVOKED"
        );
        assert_eq!(client.refresh(&third.refresh).status, 401);
        assert_eq!(client.log_in(name, user_type).status, 401);
        let body = serde_json::json!({"username": name, "password": "another passphrase", "user_type": user_type});
        assert_eq!(client.post("/auth/login", &[], &body).status, 200);
    }
    server.stop();
}

#[test]
fn config_show_masks_what_is_secret() {
    let place = Place::on_sqlite()
        .with(
            "DATABASE_URL",
            "postgres://munjigi:hush-database@localhost/munjigi?application_name=x",
        )
        .with("MUNJIGI_TOKENS__SIGNING_KEY", SIGNING_KEY)
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
        assert!(!text.contains(SIGNING_KEY), "{text}");
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
    // One `#` is a key that keeps its default, two are words.
    let keys: Vec<&str> = example
        .lines()
        .map(|line| line.strip_prefix("# ").unwrap_or(line))
        .collect();
    write(&place.path("munjigi.toml"), &keys.join("\n"));
    assert_eq!(place.json(&["config", "show"], ""), defaults);
    let place = place.with("MUNJIGI_SERVER__LISTEN", "127.0.0.1:0");
    place.serve().stop();

    // What is shown is a file that can be used.
    write(
        &place.path("munjigi.toml"),
        &place.done(&["config", "show"], ""),
    );
    place.done(&["config", "show"], "");
}

#[test]
fn a_reader_that_has_gone_away_is_no_failure() {
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

#[test]
fn what_could_steer_a_terminal_gets_into_no_list() {
    let place = Place::new();
    for name in ["\u{1b}[31mred", "two\nlines", "\u{9b}31m", "\u{202e}turned"] {
        let user = [
            "user",
            "create",
            "--password-stdin",
            "--email",
            "x@example.org",
            "--name",
            name,
        ];
        let client = ["client", "create", "--username", name];
        for arguments in [&user[..], &client[..]] {
            let finished = place.run_with_input(arguments, PASSWORD);
            assert_eq!(finished.code, Some(2), "{arguments:?}: {finished:?}");
        }
    }
}
