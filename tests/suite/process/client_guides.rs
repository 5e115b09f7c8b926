//! The clients of `docs/clients` in Node and Python. That of pages is also run in Chromium, by `tests/browser/clients.rs`.

use std::{path::Path, process::Command};

use serde_json::{Value, json};

use super::{
    place::{PASSWORD, Place, finish, write},
    server::Server,
    tools::{in_repository, node, python},
};

const STAFF: &str = "staff@example.org";

/// A server whose access tokens expire after a second, and where a refresh token that is used twice ends the session.
fn server() -> (Place, Server) {
    let place = Place::new()
        .with("MUNJIGI_TOKENS__ACCESS_LIFETIME", "1s")
        .with("MUNJIGI_TOKENS__REUSE_GRACE", "0s");
    place.user(STAFF, "staff");
    let server = place.serve();
    (place, server)
}

/// Runs a program with a question in JSON, and returns its answer.
fn ask(mut command: Command, directory: &Path, server: &Server) -> Value {
    let question = json!({
        "server": format!("http://{}", server.address), "username": STAFF, "password": PASSWORD,
        "clients": in_repository("docs/clients"),
    });
    command.current_dir(directory);
    let finished = finish(command, &question.to_string());
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    serde_json::from_str(&finished.stdout).unwrap()
}

#[test]
#[ignore = "tests/run"]
fn the_javascript_clients_refresh_once_for_many_calls_in_node() {
    let node = node();
    let (place, server) = server();
    let directory = place.path("clients");
    for file in [
        "docs/clients/munjigi.js",
        "docs/clients/axios.js",
        "tests/clients/munjigi.mjs",
    ] {
        let name = file.rsplit('/').next().unwrap();
        let text = std::fs::read_to_string(in_repository(file)).unwrap();
        write(&directory.join(name), &text);
    }
    write(&directory.join("package.json"), r#"{"type": "module"}"#);
    let mut command = Command::new(node);
    // Where Debian keeps the modules of its packages.
    command
        .arg("munjigi.mjs")
        .env("NODE_PATH", "/usr/share/nodejs");
    assert_eq!(ask(command, &directory, &server), json!({"stored": 8}));
    server.stop();
}

#[test]
#[ignore = "tests/run"]
fn the_python_clients_refresh_once_for_many_calls() {
    let python = python();
    let (place, server) = server();
    let mut command = Command::new(python);
    command
        .arg("-B")
        .arg(in_repository("tests/python/clients.py"));
    let answer = ask(command, &place.path("."), &server);
    assert_eq!(answer, json!({"requests": 5, "httpx": 5}));
    server.stop();
}
