//! `munjigi audit`: verification and restart of the audit chain, with their exit codes and output.

use serde_json::{Value, json};

use super::{place::Place, server::eventually};

/// A place with a user and a login in its audit log.
fn place() -> Place {
    let place = Place::new();
    place.user("ann@example.org", "admin");
    let server = place.serve();
    server.client().session("ann@example.org");
    server.stop();
    place
}

fn verified(place: &Place, more: &[&str]) -> (Option<i32>, Value) {
    let finished = place.run(&[&["audit", "verify", "--json"], more].concat());
    let json = serde_json::from_str(&finished.stdout).unwrap_or_default();
    (finished.code, json)
}

#[test]
fn an_intact_audit_log_is_reported_with_its_last_link() {
    let place = place();
    let finished = place.run(&["audit", "verify"]);
    assert_eq!(
        (finished.code, finished.stderr.as_str()),
        (Some(0), ""),
        "{finished:?}"
    );
    assert!(
        finished
            .stdout
            .starts_with("The audit log is intact: no event was changed.\n"),
        "{finished:?}"
    );
    let (code, report) = verified(&place, &[]);
    assert_eq!(
        (code, &report["intact"], &report["pending"]),
        (Some(0), &json!(true), &json!(0))
    );
    // The command that created the user linked its events, and so did the server when it stopped.
    assert!(report["linked"].as_i64().unwrap() >= 2, "{report}");
    let end = report["checkpoint"].as_str().unwrap();
    assert!(finished.stdout.contains(end));
    place.user("bob@example.org", "staff");
    let (code, later) = verified(&place, &["--checkpoint", end]);
    assert_eq!((code, &later["intact"]), (Some(0), &json!(true)));
    let (code, report) = verified(&place, &["--checkpoint", "1:not-this-link"]);
    assert_eq!(
        (code, &report["violations"][0]["kind"]),
        (Some(1), &json!("checkpoint_mismatch"))
    );
}

#[test]
fn the_first_changed_event_is_reported() {
    let place = place();
    place
        .database
        .execute("UPDATE audit_events SET subject_name = 'eve@example.org' WHERE id = 2");
    let finished = place.run(&["audit", "verify"]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(
        finished
            .stdout
            .starts_with("The audit log is not intact: 1 violations"),
        "{finished:?}"
    );
    assert!(finished.stdout.contains("event 2 of 20"), "{finished:?}");
    let (code, report) = verified(&place, &[]);
    assert_eq!(code, Some(1));
    assert_eq!(
        (
            &report["violations"][0]["kind"],
            &report["violations"][0]["event"]
        ),
        (&json!("changed"), &json!(2))
    );

    for arguments in [&["--reason", ""][..], &["--reason", "two\nlines"], &[]] {
        let refused = place.run(&[&["audit", "restart"], arguments].concat());
        assert_eq!(refused.code, Some(2), "{refused:?}");
    }
    let restarted = place.run(&["audit", "restart", "--reason", "eve was here"]);
    assert_eq!(restarted.code, Some(0), "{restarted:?}");
    let (code, report) = verified(&place, &[]);
    assert_eq!((code, &report["intact"]), (Some(0), &json!(true)));
}

#[test]
fn without_a_checkpoint_the_verification_the_start_and_the_check_say_so() {
    let place = place();
    let unseen = "if an old copy of the database was restored";
    let finished = place.run(&["audit", "verify"]);
    assert!(!finished.stdout.contains(unseen), "{finished:?}");
    let (_, report) = verified(&place, &[]);
    assert_eq!(report["compared_with_checkpoint"], json!(true));
    std::fs::remove_file(place.path("munjigi-data/audit.checkpoint")).unwrap();
    let finished = place.run(&["audit", "verify"]);
    assert_eq!(finished.code, Some(0));
    assert!(finished.stdout.contains(unseen), "{finished:?}");
    let (_, report) = verified(&place, &[]);
    assert_eq!(report["compared_with_checkpoint"], json!(false));
    let found = place.run(&["check"]);
    assert_eq!(found.code, Some(1));
    let title = "problem  Audit checkpoint";
    assert!(found.stdout.contains(title), "{found:?}");
    // The server says it once more, and keeps a checkpoint from then on.
    let server = place.serve();
    server.client().session("ann@example.org");
    server.wait_for_log("no checkpoint of the audit chain in the data directory");
    server.stop();
    let found = place.run(&["check"]);
    assert!(!found.stdout.contains(title), "{found:?}");
}

/// The audit events in a log.
fn logged(log: &str) -> Vec<Value> {
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    lines
        .filter(|line: &Value| line["target"] == "audit")
        .collect()
}

fn summary(line: &Value) -> String {
    let field = |name: &str| line[name].as_str().unwrap_or("(none)").to_owned();
    ["action", "outcome", "source", "actor", "subject", "address"]
        .map(field)
        .join(" ")
}

#[test]
fn every_event_of_a_command_is_in_the_log_of_one_server_once() {
    let place = Place::new();
    // Before a server runs.
    place.user("ann@example.org", "admin");
    let servers = [place.serve(), place.serve()];
    place.done(&["user", "deactivate", "--email", "ann@example.org"], "");
    place.done(&["tokens", "flush"], "");
    place.done(&["audit", "restart", "--reason", "a test"], "");
    let logs = || -> Vec<Value> {
        let logs = servers.each_ref().map(|server| logged(&server.log()));
        logs.concat()
    };
    eventually(|| logs().len() >= 4);
    let left = place
        .database
        .texts("CAST(event_id AS TEXT)", "audit_outbox");
    assert!(left.is_empty(), "{left:?}");
    let logs = servers.map(|server| logged(&server.stop().stdout));
    let mut lines = logs.concat();
    lines.sort_by_key(|line| line["id"].as_i64());
    assert_eq!(
        lines.iter().map(summary).collect::<Vec<_>>(),
        [
            "account_created done command_line (none) user:1 (none)",
            "account_deactivated done command_line (none) user:1 (none)",
            "flush_started done command_line (none) (none) (none)",
            "audit_chain_restarted done command_line (none) (none) (none)",
        ]
    );
}

#[test]
fn every_event_is_in_the_log_as_well_without_names_and_secrets() {
    let place = Place::new().with("MUNJIGI_LOG__FORMAT", "json");
    place.user("ann@example.org", "admin");
    let server = place.serve();
    let mut client = server.client();
    client.session("ann@example.org");
    for name in ["ann@example.org", "nobody@example.org"] {
        let body = json!({"username": name, "password": "a wrong password"});
        assert_eq!(client.post("/auth/login", &[], &body).status, 401);
    }
    let of_requests = || -> Vec<Value> {
        let mut lines = logged(&server.log());
        lines.retain(|line| line["source"] == "api");
        lines
    };
    eventually(|| of_requests().len() == 3);
    let lines = of_requests();
    assert_eq!(
        lines.iter().map(summary).collect::<Vec<_>>(),
        [
            "logged_in done api user:1 user:1 127.0.0.1",
            "log_in_refused refused api (none) user:1 127.0.0.1",
            "log_in_refused refused api (none) (none) 127.0.0.1",
        ]
    );
    for line in &lines {
        assert_eq!(line["level"], "INFO");
        assert!(line["id"].as_i64() > Some(0) && line["request_id"].is_string());
        let text = line.to_string();
        assert!(
            !text.contains("example.org") && !text.contains("password"),
            "{text}"
        );
    }
    server.stop();
}

#[test]
fn an_invalid_checkpoint_is_wrong_usage() {
    let place = Place::new();
    for checkpoint in ["", "1", "x:y", "0:link", "-1:link", "1:"] {
        let refused = place.run(&["audit", "verify", &format!("--checkpoint={checkpoint}")]);
        assert_eq!(refused.code, Some(2), "{checkpoint}: {refused:?}");
        assert!(
            refused.stderr.contains("a number, a colon, and the link"),
            "{refused:?}"
        );
    }
}

#[test]
fn nothing_is_written_with_another_master_key() {
    let place = place();
    let create = [
        "user",
        "create",
        "--email",
        "eve@example.org",
        "--name",
        "Eve",
        "--role",
        "admin",
    ];
    let mut command = place.command(&[&create[..], &["--password-stdin"]].concat());
    let key = "another master key, which is long enough for each of the algorithms there are";
    command.env("MUNJIGI_SERVER__MASTER_KEY", key);
    let refused = super::place::finish(command, "correct horse battery staple\n");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("belongs to the master key"),
        "{refused:?}"
    );
    let (code, report) = verified(&place, &[]);
    assert_eq!((code, &report["intact"]), (Some(0), &json!(true)));
}
