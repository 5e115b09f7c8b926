//! Other implementations accept munjigi's tokens and hashes, and munjigi accepts their hashes. The scripts are in
//! `tests/python`.

use std::{path::Path, process::Command};

use serde_json::{Value, json};

use super::{
    client::{Client, Pair},
    database::Database,
    place::{Place, finish},
    tools::{in_repository, python},
};

/// Runs a script that reads JSON from standard input and prints JSON.
fn ask(python: &Path, script: &str, question: &Value) -> Value {
    let mut command = Command::new(python);
    command
        .arg("-B")
        .arg(in_repository("tests/python").join(script));
    let finished = finish(command, &question.to_string());
    assert_eq!(finished.code, Some(0), "{script}: {}", finished.stderr);
    serde_json::from_str(&finished.stdout).unwrap()
}

/// Tokens of each population, and refreshed ones.
fn tokens(place: &Place) -> Vec<(&'static str, Pair)> {
    place.user("auditor@example.org", "auditor");
    place.client("acme");
    let server = place.serve();
    let mut client = server.client();
    let user = Pair::of(&client.log_in("auditor@example.org", "user"));
    let external = Pair::of(&client.log_in("acme", "client"));
    let refreshed = Pair::of(&client.refresh(&user.refresh));
    server.stop();
    vec![("user", user), ("client", external), ("user", refreshed)]
}

#[test]
#[ignore = "tests/run"]
fn pyjwt_reads_the_tokens() {
    let python = python();
    for algorithm in ["HS256", "HS384", "HS512"] {
        let place = Place::new().with("MUNJIGI_TOKENS__ALGORITHM", algorithm);
        for (user_type, pair) in tokens(&place) {
            let role = (user_type == "user").then_some("auditor");
            let email = (user_type == "user").then_some("auditor@example.org");
            let question = json!({
                "key": place.signing_key().trim(), "algorithm": algorithm, "access": pair.access,
                "refresh": pair.refresh, "user_type": user_type, "user_seq": 1, "role": role, "email": email,
            });
            let answer = ask(&python, "pyjwt_reads.py", &question);
            assert_eq!(answer, json!({"read": ["access", "refresh"]}));
        }
    }
}

#[test]
#[ignore = "tests/run"]
fn pyjwt_checks_issuer_and_audience() {
    let python = python();
    let place = Place::new()
        .with("MUNJIGI_TOKENS__ISSUER", "https://auth.example.org")
        .with(
            "MUNJIGI_TOKENS__AUDIENCE",
            "api.example.org,app.example.org",
        );
    for (user_type, pair) in tokens(&place).into_iter().take(2) {
        let question = json!({
            "key": place.signing_key().trim(), "algorithm": "HS256", "access": pair.access,
            "refresh": pair.refresh, "user_type": user_type, "user_seq": 1,
            "role": (user_type == "user").then_some("auditor"),
            "email": (user_type == "user").then_some("auditor@example.org"),
            "issuer": "https://auth.example.org", "audience": "app.example.org",
        });
        let answer = ask(&python, "pyjwt_reads.py", &question);
        assert_eq!(answer, json!({"read": ["access", "refresh"]}));
    }
}

#[test]
#[ignore = "tests/run"]
fn simplejwt_accepts_the_tokens() {
    let python = python();
    let place = Place::new();
    for (_, pair) in tokens(&place) {
        let question = json!({
            "key": place.signing_key().trim(), "access": pair.access, "refresh": pair.refresh, "user_seq": 1,
        });
        let answer = ask(&python, "simplejwt_accepts.py", &question);
        assert_eq!(
            answer,
            json!({
                "access": true, "refresh": true, "authentication": true, "swapped_refused": true,
                "tampered_refused": true, "other_key_refused": true
            })
        );
    }
}

/// 60 characters of Hangul are 180 bytes; plain bcrypt reads 72.
fn korean(last: &str) -> String {
    let first: String = "동해물과백두산이마르고닳도록"
        .chars()
        .cycle()
        .take(59)
        .collect();
    format!("{first}{last}")
}

const EMAIL: &str = "staff@example.org";

fn log_in(client: &mut Client, password: &str) -> u16 {
    let body = json!({"username": EMAIL, "password": password});
    client.post("/auth/login", &[], &body).status
}

#[test]
#[ignore = "tests/run"]
fn passlib_and_munjigi_accept_the_hashes_of_each_other() {
    let python = python();
    let place = Place::on_sqlite();
    place.user(EMAIL, "staff");
    let Database::Sqlite(file) = &place.database else {
        unreachable!("it is on SQLite");
    };
    let passwords = [
        (
            "correct horse battery staple".to_owned(),
            "correct horse battery stapler".to_owned(),
        ),
        (
            "  outer spaces are kept  ".to_owned(),
            "outer spaces are kept".to_owned(),
        ),
        (korean("천"), korean("만")),
    ];
    assert!(passwords[2].0.chars().count() == 60);
    let set = ["user", "set-password", "--password-stdin", "--email", EMAIL];
    let server = place.serve();
    let mut client = server.client();
    for (right, wrong) in &passwords {
        place.done(&set, right);
        let question = json!({"database": file, "email": EMAIL, "right": right, "wrong": wrong});
        let answer = ask(&python, "passlib_confirms.py", &question);
        assert_eq!(answer["right"], true, "{answer}");
        assert_eq!(answer["wrong"], false, "{answer}");
        assert_eq!(answer["identified"], true, "{answer}");

        let passlib_hash = answer["made"].as_str().unwrap();
        place.database.execute(&format!(
            "UPDATE users SET password_hash = '{passlib_hash}' WHERE id = 1"
        ));
        assert_eq!(log_in(&mut client, right), 200);
        assert_eq!(log_in(&mut client, wrong), 401);
    }
    server.stop();
}
