//! `munjigi audit`: the proof, its exit codes, and what it says where.

use serde_json::{Value, json};

use super::place::Place;

/// A place whose record holds a user, his log-in, and a log-out.
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
fn a_record_that_holds_is_told_with_its_end() {
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
            .starts_with("The record holds: every event is as it was written.\n"),
        "{finished:?}"
    );
    let (code, told) = verified(&place, &[]);
    assert_eq!(
        (code, &told["holds"], &told["waiting"]),
        (Some(0), &json!(true), &json!(0))
    );
    // The verb that made the user sealed what it did, and the server did when it stopped.
    assert!(told["sealed"].as_i64().unwrap() >= 2, "{told}");
    let end = told["end"].as_str().unwrap();
    assert!(finished.stdout.contains(end));
    place.user("bob@example.org", "staff");
    let (code, later) = verified(&place, &["--checkpoint", end]);
    assert_eq!((code, &later["holds"]), (Some(0), &json!(true)));
    let (code, told) = verified(&place, &["--checkpoint", "1:not-this-seal"]);
    assert_eq!(
        (code, &told["breaks"][0]["kind"]),
        (Some(1), &json!("checkpoint_mismatch"))
    );
}

#[test]
fn a_record_that_was_changed_is_told_from_which_event_on() {
    let place = place();
    place
        .database
        .execute("UPDATE audit_events SET subject_name = 'eve@example.org' WHERE id = 2");
    let finished = place.run(&["audit", "verify"]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(
        finished.stdout.starts_with("The record does not hold: 1 "),
        "{finished:?}"
    );
    assert!(finished.stdout.contains("event 2 of 20"), "{finished:?}");
    let (code, told) = verified(&place, &[]);
    assert_eq!(code, Some(1));
    assert_eq!(
        (&told["breaks"][0]["kind"], &told["breaks"][0]["event"]),
        (&json!("changed"), &json!(2))
    );

    for arguments in [&["--reason", ""][..], &["--reason", "two\nlines"], &[]] {
        let refused = place.run(&[&["audit", "restart"], arguments].concat());
        assert_eq!(refused.code, Some(2), "{refused:?}");
    }
    let anew = place.run(&["audit", "restart", "--reason", "eve was here"]);
    assert_eq!(anew.code, Some(0), "{anew:?}");
    let (code, told) = verified(&place, &[]);
    assert_eq!((code, &told["holds"]), (Some(0), &json!(true)));
}

#[test]
fn what_cannot_be_an_end_is_wrong_usage() {
    let place = Place::new();
    for noted in ["", "1", "x:y", "0:seal", "-1:seal", "1:"] {
        let refused = place.run(&["audit", "verify", &format!("--checkpoint={noted}")]);
        assert_eq!(refused.code, Some(2), "{noted}: {refused:?}");
        assert!(
            refused.stderr.contains("a number, a colon, and the link"),
            "{refused:?}"
        );
    }
}

#[test]
fn nothing_is_written_with_another_key_than_the_records() {
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
    let key = "another signing key, which is long enough for each of the algorithms there are";
    command.env("MUNJIGI_TOKENS__SIGNING_KEY", key);
    let refused = super::place::finish(command, "correct horse battery staple\n");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("another signing key"),
        "{refused:?}"
    );
    let (code, told) = verified(&place, &[]);
    assert_eq!((code, &told["holds"]), (Some(0), &json!(true)));
}
