//! `munjigi keys` beside running servers, and the master key.

use super::{
    client::Pair,
    place::{Finished, MASTER_KEY, Place, SIGNING_KEY, finish, write},
    server::{Server, eventually},
};
use serde_json::Value;

const EMAIL: &str = "ann@example.org";
const NEW_MASTER_KEY: &str = "another-master-key-of-the-tests-with-more-than-32-bytes";

/// A place with this master key in its environment.
fn place() -> Place {
    let place = Place::new().with("MUNJIGI_SERVER__MASTER_KEY", MASTER_KEY);
    place.user(EMAIL, "admin");
    place
}

/// Runs a command with another environment.
fn run_with(place: &Place, arguments: &[&str], variables: &[(&str, &str)]) -> Finished {
    let mut command = place.command(arguments);
    command.envs(variables.iter().copied());
    finish(command, "")
}

fn list(place: &Place) -> Vec<Value> {
    let keys = place.json(&["keys", "list"], "");
    keys.as_array().unwrap().clone()
}

fn is_intact(place: &Place) -> bool {
    let verified = place.run(&["audit", "verify"]);
    verified.code == Some(0)
}

fn generate(place: &Place, algorithm: &str) -> String {
    let printed = place.done(&["keys", "generate", "--algorithm", algorithm], "");
    printed.split(' ').next().unwrap().to_owned()
}

#[test]
fn a_server_with_another_master_key_is_refused_and_changes_nothing() {
    let place = place();
    let server = place.serve();
    let pair = server.client().session(EMAIL);
    let before = list(&place);
    for variables in [
        [("MUNJIGI_SERVER__MASTER_KEY", NEW_MASTER_KEY)],
        [(
            "MUNJIGI_SERVER__MASTER_KEY",
            "another-master-key-that-was-never-in-use-here",
        )],
    ] {
        let unlock = ["user", "unlock", "--email", EMAIL];
        for command in [
            &["serve"][..],
            &unlock,
            &["tokens", "flush"],
            &["keys", "generate"],
        ] {
            let refused = run_with(&place, command, &variables);
            assert_eq!(refused.code, Some(1), "{command:?}: {refused:?}");
            for part in [
                "belongs to the master key",
                before[0]["master_key_id"].as_str().unwrap(),
                "munjigi keys rewrap",
                "--new-key",
            ] {
                assert!(refused.stderr.contains(part), "{part}: {refused:?}");
            }
        }
    }
    let quoted = format!("\"{MASTER_KEY}\"");
    let with_return = format!("{MASTER_KEY}\r");
    for key in [quoted, with_return] {
        let refused = run_with(&place, &["serve"], &[("MUNJIGI_SERVER__MASTER_KEY", &key)]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        let named = refused
            .stderr
            .contains("server.master_key (MUNJIGI_SERVER__MASTER_KEY)");
        assert!(
            named && refused.stderr.contains("begins or ends with"),
            "{refused:?}"
        );
    }
    // The others are not disturbed.
    assert_eq!(list(&place), before);
    assert_eq!(server.client().get("/api/me", &pair.access).status, 200);
    server.client().session(EMAIL);
    server.stop();
    assert!(is_intact(&place));
}

#[test]
fn keys_are_changed_on_the_command_line_beside_a_running_server() {
    let place = place();
    let server = place.serve();
    let mut client = server.client();
    let old = client.session(EMAIL);
    let first = list(&place).pop().unwrap();
    assert_eq!(
        (&first["algorithm"], &first["state"]),
        (&"HS256".into(), &"active".into())
    );
    assert_eq!(first["sessions"], 1);

    let kid = generate(&place, "EdDSA");
    let early = place.run(&["keys", "promote", &kid]);
    assert_eq!(early.code, Some(1), "{early:?}");
    assert!(
        early.stderr.contains("may sign from") && early.stderr.contains("--now"),
        "{early:?}"
    );
    eventually(|| {
        let published = server.client().get("/.well-known/jwks.json", "");
        published.body.to_string().contains(&kid)
    });
    place.done(&["keys", "promote", "--now", &kid], "");
    let mut new = client.session(EMAIL);
    eventually(|| {
        new = client.session(EMAIL);
        header(&new.access)["kid"] == kid.as_str()
    });
    assert_eq!(client.get("/api/me", &old.access).status, 200);
    let old = Pair::of(&client.refresh(&old.refresh));
    assert_eq!(header(&old.refresh)["alg"], "EdDSA");

    let spare = generate(&place, "ES256");
    let active = place.run(&["keys", "retire", &kid]);
    assert!(
        active.code == Some(1) && active.stderr.contains("promote another key"),
        "{active:?}"
    );
    place.done(&["keys", "retire", &spare], "");
    let asked = place.run(&["keys", "revoke", &kid]);
    assert_eq!(asked.code, Some(1), "{asked:?}");
    assert!(
        asked.stderr.contains("logged out") && asked.stderr.contains("--yes"),
        "{asked:?}"
    );
    assert_eq!(client.get("/api/me", &new.access).status, 200);

    let revoked = place.done(&["keys", "revoke", "--yes", &kid], "");
    assert!(revoked.contains("signs from now on"), "{revoked}");
    eventually(|| client.get("/api/me", &new.access).status == 401);
    assert_eq!(client.refresh(&old.refresh).status, 401);
    let newest = client.session(EMAIL);
    assert_eq!(client.get("/api/me", &newest.access).status, 200);
    let table = place.done(&["keys", "list"], "");
    for word in ["revoked", "retired", "active", "EdDSA"] {
        assert!(table.contains(word), "{word}: {table}");
    }
    server.stop();
    assert!(is_intact(&place));
}

#[test]
fn an_unknown_key_or_algorithm_is_refused() {
    let place = place();
    for verb in ["promote", "retire", "revoke"] {
        // A thumbprint may begin with a hyphen.
        for kid in ["unknown", "-2unknown"] {
            let refused = place.run(&["keys", verb, kid]);
            assert_eq!(refused.code, Some(1), "{refused:?}");
            assert!(
                refused.stderr.contains(&format!("no signing key {kid}")),
                "{refused:?}"
            );
        }
    }
    let refused = place.run(&["keys", "revoke", "-2unknown", "--yes"]);
    assert!(
        refused.code == Some(1) && refused.stderr.contains("no signing key -2unknown"),
        "{refused:?}"
    );
    let refused = place.run(&["keys", "generate", "--algorithm", "none"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    let refused = place.run(&["keys", "rewrap"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("server.previous_master_key_files"),
        "{refused:?}"
    );
}

#[test]
fn the_master_key_is_changed_without_a_logout_and_with_an_intact_audit_log() {
    let place = place();
    let server = place.serve();
    let pair = server.client().session(EMAIL);
    server.stop();
    super::place::write(&place.path("old.key"), &format!("{MASTER_KEY}\n"));
    // Both keys are known, in either role.
    let place = place.with("MUNJIGI_SERVER__PREVIOUS_MASTER_KEYS", NEW_MASTER_KEY);
    place.serve().stop();
    let place = place
        .with("MUNJIGI_SERVER__MASTER_KEY", NEW_MASTER_KEY)
        .without("MUNJIGI_SERVER__PREVIOUS_MASTER_KEYS")
        .with("MUNJIGI_SERVER__PREVIOUS_MASTER_KEY_FILES", "old.key");
    let server = place.serve();
    server.client().session(EMAIL);
    let old_id = list(&place)[0]["master_key_id"].clone();
    assert!(is_intact(&place));
    let printed = place.done(&["keys", "rewrap"], "");
    assert!(
        printed.starts_with("1 signing key was encrypted"),
        "{printed}"
    );
    server.client().session(EMAIL);
    server.stop();
    // The new key alone suffices now, and the old one does not.
    let place = place.without("MUNJIGI_SERVER__PREVIOUS_MASTER_KEY_FILES");
    assert_ne!(list(&place)[0]["master_key_id"], old_id);
    let server = place.serve();
    let refreshed = server.client().refresh(&pair.refresh);
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
    server.stop();
    assert!(is_intact(&place));
    let refused = run_with(
        &place,
        &["serve"],
        &[("MUNJIGI_SERVER__MASTER_KEY", MASTER_KEY)],
    );
    assert_eq!(refused.code, Some(1), "{refused:?}");
}

#[test]
fn a_lost_master_key_is_replaced_on_request_and_everyone_logs_in_again() {
    let place = place();
    let server = place.serve();
    let pair = server.client().session(EMAIL);
    server.stop();
    let place = place.with("MUNJIGI_SERVER__MASTER_KEY", NEW_MASTER_KEY);
    assert_eq!(place.run(&["serve"]).code, Some(1));
    let server = Server::start(place.command(&["serve", "--new-key"]));
    assert_eq!(server.client().get("/api/me", &pair.access).status, 401);
    let pair = server.client().session(EMAIL);
    server.stop();
    let server = place.serve();
    assert_eq!(server.client().get("/api/me", &pair.access).status, 200);
    server.stop();
    assert!(is_intact(&place));
    assert_eq!(list(&place).len(), 1);
}

fn header(token: &str) -> serde_json::Map<String, Value> {
    munjigi::tokens::unverified_parts(token).unwrap().0
}

#[test]
fn the_key_of_django_is_read_from_its_file() {
    let place = Place::new()
        .with_signing_key()
        .with("MUNJIGI_DJANGO__SECRET_KEY_FILE", "django.key");
    place.migrate();
    let serve = |says: &str| {
        let finished = place.run(&["serve"]);
        assert_eq!(finished.code, Some(1), "{finished:?}");
        assert!(
            finished.stderr.contains(says),
            "{says}: {}",
            finished.stderr
        );
    };
    serve("django.secret_key_file cannot be read");
    for (content, says) in [
        ("", "is empty"),
        (" \n", "is empty"),
        ("-----BEGIN PRIVATE KEY-----\n", "is a PEM file"),
        (SIGNING_KEY, "is in `tokens.keys` too"),
    ] {
        write(&place.path("django.key"), content);
        serve(says);
    }
    // Its length without the line end is too short, and it is not needed: no token was imported.
    write(
        &place.path("django.key"),
        "0123456789012345678901234567890\n",
    );
    place.serve().stop();
    let checked = place.run(&["check", "--json"]);
    let checked: Value = serde_json::from_str(&checked.stdout).unwrap();
    let checks = checked["checks"].as_array().unwrap();
    let key = checks.iter().find(|check| check["check"] == "django_key");
    assert_eq!(key.unwrap()["status"], "advice", "{key:?}");
    assert!(!checked.to_string().contains("0123456789"), "{checked}");
}
