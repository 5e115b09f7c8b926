//! `munjigi user` and `munjigi client`: as text and as JSON, also beside a running server.

use super::{
    client::Pair,
    place::{PASSWORD, Place},
    receiver::Receiver,
};

#[test]
fn a_user_is_created_listed_and_changed_as_text_and_as_json() {
    let place = Place::new();
    place.migrate();
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
        format!(
            "User 1 Gil@Example.org was created, with the role auditor ({}).\n",
            place.database_name()
        )
    );
    let created = place.json(
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
    assert_eq!(created["user_seq"], 2);
    assert_eq!(created["role"], "staff");
    assert_eq!(created["is_active"], true);
    assert_eq!(created["last_login_at"], serde_json::Value::Null);
    assert!(created.get("password_hash").is_none() && created.get("password").is_none());

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
user_seq  email              username  name      role     active  last login
1         Gil@Example.org    -         홍길동    auditor  yes     never
2         staff@example.org  -         Somebody  staff    yes     never
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
    let printed = place.done(&named("deactivate"), "");
    assert!(
        printed.starts_with("User 1 Gil@Example.org is inactive"),
        "{printed}"
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
fn a_client_is_created_listed_and_changed_as_text_and_as_json() {
    let place = Place::new();
    place.migrate();
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
    assert_eq!(
        place.done(&create, ""),
        format!("Client 1 acme was created ({}).\n", place.database_name())
    );
    let created = place.json(
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
    assert_eq!(created["user_seq"], 2);
    assert!(created.get("password_hash").is_none() && created.get("password").is_none());
    let again = place.run(&["client", "create", "--username", "ACME"]);
    assert_eq!(again.code, Some(1), "{again:?}");
    assert_eq!(
        again.stderr,
        "munjigi: another account has this username already\n"
    );

    let table = place.done(&["client", "list"], "");
    // A letter of Hangul is two columns wide.
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
    let printed = place.done(
        &[&named("set-password")[..], &["--password-stdin"]].concat(),
        PASSWORD,
    );
    assert_eq!(
        printed,
        format!(
            "Client 1 acme has a new password ({}).\n",
            place.database_name()
        )
    );
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
            format!(
                "User 1 staff@example.org has a new password ({}).\n",
                place.database_name()
            )
        );
        let body = serde_json::json!({"username": "staff@example.org", "password": password});
        let answer = server.client().post("/auth/login", &[], &body);
        assert_eq!(answer.status, status, "{input:?}: {answer:?}");
    }
    server.stop();
}

#[test]
fn changes_beside_a_running_server_take_effect_at_once() {
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

        // Ended sessions stay ended.
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
fn a_code_ends_with_a_change_of_its_client_by_a_command() {
    let receiver = Receiver::start();
    let place = Place::new().with_webhook(&receiver.url);
    // `None` is a client that nothing is done to.
    let verbs = [
        None,
        Some("set-password"),
        Some("deactivate"),
        Some("activate"),
    ];
    let name = |verb: Option<&'static str>| verb.unwrap_or("unchanged");
    for verb in verbs {
        place.client(name(verb));
    }
    let server = place.serve();
    let mut client = server.client();
    for verb in verbs {
        let body = serde_json::json!({"username": name(verb)});
        let asked = client.post("/clients/otp/request", &[], &body);
        let challenge = asked.body["data"]["challenge_id"].as_str().unwrap();
        let code = receiver.code(challenge);
        if let Some(verb) = verb {
            let mut arguments = vec!["client", verb, "--username", verb];
            if verb == "set-password" {
                arguments.push("--password-stdin");
            }
            place.done(&arguments, "another passphrase");
        }
        // A deactivated client could not log in anyway.
        let activate = "UPDATE client_users SET is_active = TRUE";
        place.database.execute(activate);
        let body = serde_json::json!({"challenge_id": challenge, "code": code});
        let answer = client.post("/clients/otp/verify", &[], &body);
        let expected = verb.map_or("LOGGED_IN", |_| "INVALID_OTP");
        assert_eq!(answer.code(), expected, "{verb:?}");
    }
    server.stop();
}

#[test]
fn an_operator_unlocks_an_account() {
    let place = Place::new();
    place.user("root@example.org", "admin");
    place.client("acme");
    let server = place.serve();
    let mut client = server.client();
    for ([noun, flag, name], user_type, printed) in [
        (
            ["user", "--email", "root@example.org"],
            "user",
            "User 1 root@example.org",
        ),
        (["client", "--username", "acme"], "client", "Client 1 acme"),
    ] {
        let body = serde_json::json!({"username": name, "password": "a wrong password", "user_type": user_type});
        for _ in 0..5 {
            assert_eq!(client.post("/auth/login", &[], &body).status, 401);
        }
        assert_eq!(client.log_in(name, user_type).code(), "RATE_LIMITED");
        let unlock = [noun, "unlock", flag, name];
        let lifted = place.done(&unlock, "");
        let database = place.database_name();
        assert_eq!(
            lifted,
            format!("{printed} is not locked any more ({database}).\n")
        );
        assert_eq!(client.log_in(name, user_type).status, 200);
        assert_eq!(
            place.done(&unlock, ""),
            format!("{printed} was not locked ({database}).\n")
        );
        assert_eq!(place.json(&unlock, "")["is_active"], true);
    }
    let unknown = place.run(&["user", "unlock", "--email", "nobody@example.org"]);
    assert_eq!(unknown.code, Some(1));
    assert_eq!(
        unknown.stderr,
        "munjigi: there is no user nobody@example.org\n"
    );
    server.stop();
}

#[test]
fn control_characters_are_refused_in_names() {
    let place = Place::new();
    for name in ["\u{1b}[31mred", "two\nlines", "\u{9b}31m", "\u{202e}"] {
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

#[test]
fn claims_of_an_account_are_set_and_removed() {
    let place = Place::new();
    place.migrate();
    place.client("acme");
    let set = |claims: &str| {
        let words = "client set-claims --username acme --json --claims".split(' ');
        place.run_with_input(&words.chain([claims]).collect::<Vec<_>>(), "")
    };
    let done = set(r#"{"tier": "gold"}"#);
    assert_eq!(done.code, Some(0), "{done:?}");
    let listed = place.json(&["client", "list"], "");
    assert_eq!(listed[0]["claims"], serde_json::json!({"tier": "gold"}));
    for (wrong, part) in [("x", "JSON object"), (r#"{"sub": "x"}"#, "reserved")] {
        let refused = set(wrong);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.contains(part), "{refused:?}");
    }
    assert_eq!(set("{}").code, Some(0));
    let listed = place.json(&["client", "list"], "");
    assert_eq!(listed[0]["claims"], serde_json::Value::Null);
}
