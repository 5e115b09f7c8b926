//! Second factors with the binary: a changed master key, and the command line.

use munjigi::clock::Clock;
use serde_json::{Value, json};

use super::{
    client::{Answer, Client, Pair},
    place::{MASTER_KEY, Place},
};
use crate::support::totp::code_at;

const EMAIL: &str = "ann@example.org";
const NEW_MASTER_KEY: &str = "another-master-key-of-the-tests-with-more-than-32-bytes";

fn post(client: &mut Client, path: &str, access: &str, body: &Value) -> Answer {
    let bearer = format!("Bearer {access}");
    client.post(path, &[("Authorization", &bearer)], body)
}

/// Sets an authenticator app up, and returns its secret.
fn set_up(client: &mut Client) -> String {
    let pair = client.session(EMAIL);
    let begun = post(
        client,
        "/auth/second-factors/totp",
        &pair.access,
        &json!({}),
    );
    let secret = begun.body["data"]["secret"].as_str().unwrap().to_owned();
    let code = code_at(&secret, Clock::System.now(), 0);
    let path = "/auth/second-factors/totp/confirm";
    let added = post(client, path, &pair.access, &json!({"code": code}));
    assert_eq!(added.code(), "SECOND_FACTOR_ADDED", "{added:?}");
    secret
}

/// Logs in with the next code, which is valid as well if the clock is in the present step.
fn log_in(client: &mut Client, secret: &str) -> Pair {
    let required = client.log_in(EMAIL, "user");
    assert_eq!(required.code(), "SECOND_FACTOR_REQUIRED", "{required:?}");
    let code = code_at(secret, Clock::System.now(), 1);
    let id = &required.body["data"]["challenge_id"];
    let body = json!({"challenge_id": id, "method": "totp", "code": code});
    Pair::of(&client.post("/auth/login/second-factor", &[], &body))
}

#[test]
fn an_app_survives_a_change_of_the_master_key() {
    let place = Place::new().with("MUNJIGI_SERVER__MASTER_KEY", MASTER_KEY);
    place.user(EMAIL, "admin");
    let server = place.serve();
    let secret = set_up(&mut server.client());
    server.stop();
    let place = place
        .with("MUNJIGI_SERVER__MASTER_KEY", NEW_MASTER_KEY)
        .with("MUNJIGI_SERVER__PREVIOUS_MASTER_KEYS", MASTER_KEY);
    place.done(&["keys", "rewrap"], "");
    let place = place.without("MUNJIGI_SERVER__PREVIOUS_MASTER_KEYS");
    let server = place.serve();
    log_in(&mut server.client(), &secret);
    server.stop();
}

#[test]
fn the_operator_removes_a_second_factor() {
    let place = Place::new().with("MUNJIGI_SERVER__MASTER_KEY", MASTER_KEY);
    place.user(EMAIL, "admin");
    let server = place.serve();
    set_up(&mut server.client());
    let remove = ["user", "remove-second-factor", "--email", EMAIL];
    let printed = place.done(&remove, "");
    assert!(
        printed.contains("has no second factor any more"),
        "{printed}"
    );
    server.client().session(EMAIL);
    let printed = place.done(&remove, "");
    assert!(printed.contains("had no second factor"), "{printed}");
    let unknown = place.run(&["client", "remove-second-factor", "--username", "acme"]);
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    server.stop();
    assert_eq!(place.run(&["audit", "verify"]).code, Some(0));
}
