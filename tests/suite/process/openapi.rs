//! `munjigi openapi`, and what other programs say about the document and the server that it describes.

use std::process::Command;

use serde_json::Value;

use super::{
    place::{Place, finish},
    tools::{in_repository, python},
};

#[test]
fn the_document_is_printed_without_a_database() {
    let place = Place::on_sqlite();
    let printed: Value = serde_json::from_str(&place.done(&["openapi"], "")).unwrap();
    assert_eq!(printed["openapi"], "3.1.0");
    assert_eq!(printed["servers"][0]["url"], "/");
    assert!(printed["paths"]["/auth/login"]["post"].is_object());
    assert!(!place.path("munjigi-data").exists());
    let place = place.with("MUNJIGI_SERVER__PUBLIC_URL", "https://login.example.org/");
    let printed: Value = serde_json::from_str(&place.done(&["openapi"], "")).unwrap();
    assert_eq!(printed["servers"][0]["url"], "https://login.example.org");
}

/// Runs a program of the Python environment in a directory of its own.
fn run(place: &Place, program: &str, arguments: &[&str]) {
    let mut command = Command::new(python().with_file_name(program));
    command.args(arguments).current_dir(place.path(""));
    let finished = finish(command, "");
    assert_eq!(
        finished.code,
        Some(0),
        "{}\n{}",
        finished.stdout,
        finished.stderr
    );
}

#[test]
#[ignore = "tests/run"]
fn openapi_spec_validator_accepts_the_document() {
    let place = Place::on_sqlite();
    let file = place.path("openapi.json");
    std::fs::write(&file, place.done(&["openapi"], "")).unwrap();
    run(
        &place,
        "openapi-spec-validator",
        &["--schema", "3.1", file.to_str().unwrap()],
    );
}

/// Requests of every operation, good and bad, and sequences along the links of the document: no status, header or body that
/// the document does not have, and no bad request that is accepted.
#[test]
#[ignore = "tests/run"]
fn schemathesis_finds_nothing_only_on_sqlite() {
    let place = Place::new()
        .with("MUNJIGI_LIMITS__FAILURES_PER_ADDRESS", "0")
        .with("MUNJIGI_LIMITS__FAILURES", "100")
        .with("MUNJIGI_LIMITS__FIRST_DELAY", "1s")
        .with("MUNJIGI_LIMITS__LONGEST_DELAY", "1s")
        .with("MUNJIGI_LOGIN__BCRYPT_COST", "10");
    // The links of a list lead to its first entry, which the requests change and delete: not to the caller's own account.
    for name in ["ann", "bob", "cat", "dan", "eva"] {
        place.user(&format!("{name}@example.org"), "staff");
    }
    place.user("root@example.org", "admin");
    place.user("own@example.org", "staff");
    let server = place.serve();
    let url = format!("http://{}", server.address);
    let document = format!("{url}/openapi.json");
    let of_own_account = [
        "--include-path-regex",
        "^/auth/(password|email|reauthenticate)$",
        "--phases",
        "coverage",
    ];
    for (config, options) in [
        ("tests/python/schemathesis_own.toml", &of_own_account[..]),
        ("tests/python/schemathesis.toml", &[]),
    ] {
        let config = in_repository(config);
        let config = config.to_str().unwrap();
        let common = ["--config-file", config, "run", &document, "--url", &url];
        run(&place, "schemathesis", &[&common[..], options].concat());
    }
    server.stop();
}
