//! Second factors with the binary: a changed master key, and the command line.

use munjigi::clock::Clock;
use serde_json::{Value, json};

use super::{
    client::{Answer, Client, Pair},
    place::{MASTER_KEY, Place},
    server::Server,
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
    set_up_with_codes(client).0
}

/// The same, with a recovery code.
fn set_up_with_codes(client: &mut Client) -> (String, String) {
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
    let recovery_code = added.body["data"]["recovery_codes"][0].as_str().unwrap();
    (secret, recovery_code.to_owned())
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
fn after_the_loss_of_the_master_key_a_recovery_code_leads_to_a_new_app() {
    let place = Place::new().with("MUNJIGI_SERVER__MASTER_KEY", MASTER_KEY);
    place.user(EMAIL, "admin");
    let server = place.serve();
    let (secret, recovery_code) = set_up_with_codes(&mut server.client());
    server.stop();
    let lost_apps = |place: &Place| {
        let checks = place.run(&["check", "--json"]);
        let checks: Value = serde_json::from_str(&checks.stdout).unwrap();
        let checks = checks["checks"].as_array().unwrap().clone();
        let found = checks.into_iter().find(|one| one["check"] == "lost_apps");
        found.unwrap()["found"].as_str().unwrap().to_owned()
    };
    assert!(lost_apps(&place).contains("all can be verified"));
    let place = place.with("MUNJIGI_SERVER__MASTER_KEY", NEW_MASTER_KEY);
    let server = Server::start(place.command(&["serve", "--new-key"]));
    server.wait_for_log("authenticator apps cannot be verified");
    assert!(lost_apps(&place).starts_with("1 cannot"));
    let mut client = server.client();
    let mut second_step = |method: &str, code: &str| {
        let required = client.log_in(EMAIL, "user");
        let id = &required.body["data"]["challenge_id"];
        let body = json!({"challenge_id": id, "method": method, "code": code});
        client.post("/auth/login/second-factor", &[], &body)
    };
    let code = code_at(&secret, Clock::System.now(), 1);
    let refused = second_step("totp", &code);
    assert_eq!(
        (refused.status, refused.code()),
        (401, "INVALID_SECOND_FACTOR")
    );
    let pair = Pair::of(&second_step("recovery_code", &recovery_code));
    let bearer = format!("Bearer {}", pair.access);
    let headers = [("Authorization", bearer.as_str())];
    let path = "/auth/second-factors/totp";
    client.send("DELETE", path, &headers, "").unwrap();
    let removed = client.receive().unwrap();
    assert_eq!(removed.code(), "SECOND_FACTOR_REMOVED");
    set_up(&mut client);
    assert!(lost_apps(&place).contains("all can be verified"));
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
