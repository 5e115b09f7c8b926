//! The revocation of a signing key with many sessions: by the command line, and by a server that is killed.

use munjigi::store::Target;

use super::{client::Client, database::Database, place::Place, server::eventually};
use crate::support::held_session::{HeldSession, sessions_of};

const SESSIONS: usize = 3_000;

fn place() -> (Place, String) {
    let place = Place::new().with("MUNJIGI_SERVER__MASTER_KEY", super::place::MASTER_KEY);
    place.migrate();
    // The first command that writes makes the first key.
    place.done(&["keys", "generate"], "");
    let keys = place.json(&["keys", "list"], "");
    let keys = keys.as_array().unwrap();
    let active = keys.iter().find(|key| key["state"] == "active").unwrap();
    let kid = active["kid"].as_str().unwrap().to_owned();
    (place, kid)
}

/// The number of events that say how many sessions were ended.
fn events(place: &Place) -> usize {
    let changes = place.database.texts(
        "changes",
        "audit_events WHERE action = 'signing_key_sessions_ended'",
    );
    let number = format!("\"{SESSIONS}\"");
    changes.iter().filter(|text| text.contains(&number)).count()
}

fn live(place: &Place) -> usize {
    place
        .database
        .texts("id", "sessions WHERE ended_at IS NULL")
        .len()
}

#[test]
fn the_command_waits_for_the_end_of_all_sessions() {
    let (place, kid) = place();
    place.database.execute(&sessions_of(&kid, SESSIONS));
    let revoked = place.done(&["keys", "revoke", "--yes", &kid], "");
    let expected = format!("{kid} is revoked, and {SESSIONS} sessions were logged out; ");
    assert!(revoked.starts_with(&expected), "{revoked}");
    assert_eq!((live(&place), events(&place)), (0, 1));
}

#[test]
fn a_server_that_was_killed_ends_the_sessions_after_its_restart() {
    let (place, kid) = place();
    let create = ["service", "create", "ops", "--scope", "admin:keys:write"];
    let created = place.json(&create, "");
    let secret = created["secret"].as_str().unwrap();
    let server = place.serve();
    let mut client = server.client();
    let body = format!("grant_type=client_credentials&client_id=ops&client_secret={secret}");
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    client.send("POST", "/oauth/token", &form, &body).unwrap();
    let token = client.receive().unwrap().body["access_token"].clone();
    let target = match &place.database {
        Database::Sqlite(path) => Target::Sqlite {
            path: path.clone(),
            busy_timeout: std::time::Duration::from_secs(5),
        },
        database @ Database::Postgres { .. } => Target::Postgres {
            url: database.url(),
        },
    };
    let held = HeldSession::last_of(&target, &kid, SESSIONS);
    let answer = revoke(&mut client, &kid, token.as_str().unwrap());
    assert_eq!(answer["data"]["sessions_ending"], true, "{answer}");
    server.kill();
    held.release();
    assert!(live(&place) > 0);
    // As if a minute had passed, during the job.
    place.database.execute(
        "UPDATE jobs SET state = 'running', finished_at = NULL, heartbeat_at = '2026-01-01 00:00:00'",
    );
    let server = place.serve();
    eventually(|| events(&place) == 1);
    assert_eq!(live(&place), 0);
    server.stop();
    let verified = place.run(&["audit", "verify"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
}

fn revoke(client: &mut Client, kid: &str, token: &str) -> serde_json::Value {
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str())];
    let path = format!("/api/keys/{kid}/revoke");
    client.send("POST", &path, &headers, "").unwrap();
    let answer = client.receive().unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}
