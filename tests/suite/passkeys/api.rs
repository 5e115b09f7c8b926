//! `/auth/second-factors/passkeys`: adding, listing, renaming and removing one's own passkeys.

use std::time::Duration;

use munjigi::config::Config;
use serde_json::{Value, json};

use crate::support::{App, Person, authenticator::Authenticator};

pub(super) const PASSKEYS: &str = "/auth/second-factors/passkeys";
pub(super) const ORIGIN: &str = "https://auth.example.org";

pub(super) fn with_passkeys(config: &mut Config) {
    config.server.public_url = Some(ORIGIN.parse().unwrap());
}

async fn options(person: &Person) -> Value {
    let answer = person.post(&format!("{PASSKEYS}/options"), json!({})).await;
    answer.assert(200, "PASSKEY_OPTIONS").data().clone()
}

pub(super) async fn add(person: &Person, authenticator: &mut Authenticator, name: &str) -> Value {
    let credential = authenticator.register(&options(person).await);
    let body = json!({"name": name, "credential": credential});
    let added = person.post(PASSKEYS, body).await;
    added.assert(201, "PASSKEY_ADDED").data().clone()
}

async fn listed(person: &Person) -> Vec<Value> {
    let answer = person.get(PASSKEYS).await.assert(200, "PASSKEY_LIST");
    answer.data().as_array().unwrap().clone()
}

#[tokio::test]
async fn the_options_are_those_of_the_specification() {
    let app = App::with(with_passkeys);
    let ann = app.user("ann").await;
    let first = options(&ann).await;
    assert_eq!(
        first["rp"],
        json!({"id": "auth.example.org", "name": "munjigi"})
    );
    assert_eq!(first["user"]["name"], "ann@example.org");
    assert_eq!(first["user"]["displayName"], "ann");
    assert_eq!(first["attestation"], "none");
    let algorithms = json!([-7, -8, -257]);
    let asked: Vec<&Value> = first["pubKeyCredParams"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["alg"])
        .collect();
    assert_eq!(json!(asked), algorithms);
    let selection = &first["authenticatorSelection"];
    assert_eq!(selection["userVerification"], "required");
    assert_eq!(selection["residentKey"], "required");
    // The challenge is new each time, the user handle the same, and neither says who the account is.
    let second = options(&ann).await;
    assert_ne!(first["challenge"], second["challenge"]);
    assert_eq!(first["user"]["id"], second["user"]["id"]);
    let bob = options(&app.user("bob").await).await;
    assert_ne!(first["user"]["id"], bob["user"]["id"]);
    // What is registered is excluded.
    let mut authenticator = Authenticator::at(ORIGIN);
    add(&ann, &mut authenticator, "Laptop").await;
    let next = options(&ann).await;
    let excluded = &next["excludeCredentials"][0];
    let registered = authenticator.register(&next);
    assert_eq!(excluded["id"], registered["id"]);
    assert_eq!(excluded["transports"], json!(["hybrid", "internal"]));
}

#[tokio::test]
async fn a_passkey_is_added_renamed_and_removed_by_its_owner_alone() {
    let app = App::with(with_passkeys);
    let (ann, bob) = (app.user("ann").await, app.client("bob").await);
    let added = add(&ann, &mut Authenticator::at(ORIGIN), " Laptop 노트북 ").await;
    assert_eq!(added["name"], "Laptop 노트북");
    assert_eq!(added["last_used_at"], Value::Null);
    // It is the first second factor: recovery codes come with it. Not with the next one.
    assert_eq!(added["recovery_codes"].as_array().unwrap().len(), 10);
    app.advance(Duration::from_secs(1));
    let second = add(&ann, &mut Authenticator::at(ORIGIN), "Phone").await;
    assert_eq!(second["recovery_codes"], Value::Null);
    assert_eq!(listed(&ann).await.len(), 2);
    let id = added["id"].as_str().unwrap();
    let path = format!("{PASSKEYS}/{id}");
    let name = json!({"name": "Desk"});
    bob.patch(&path, name.clone())
        .await
        .assert(404, "NOT_FOUND");
    bob.delete(&path).await.assert(404, "NOT_FOUND");
    assert!(listed(&bob).await.is_empty());
    ann.patch(&path, name).await.assert(200, "PASSKEY_RENAMED");
    assert_eq!(listed(&ann).await[0]["name"], "Desk");
    let empty = ann.patch(&path, json!({"name": "\u{200B} "})).await;
    assert_eq!(
        empty.assert(400, "INVALID_REQUEST").wrong_fields(),
        ["name"].into()
    );
    ann.delete(&path).await.assert(200, "PASSKEY_REMOVED");
    ann.delete(&path).await.assert(404, "NOT_FOUND");
    assert_eq!(listed(&ann).await.len(), 1);
    let events = "SELECT COUNT(*) AS number FROM audit_events WHERE action LIKE 'passkey%'";
    assert_eq!(app.number(events).await, 4);
}

#[tokio::test]
async fn a_challenge_is_answered_once_within_five_minutes_and_by_its_account() {
    let app = App::with(with_passkeys);
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let refused = async |person: &Person, credential: &Value| {
        let body = json!({"name": "x", "credential": credential});
        let answer = person.post(PASSKEYS, body).await;
        let answer = answer.assert(400, "INVALID_REQUEST");
        answer.error("credential").to_owned()
    };
    let asked = options(&ann).await;
    let credential = Authenticator::at(ORIGIN).register(&asked);
    assert!(refused(&bob, &credential).await.contains("expired"));
    let body = json!({"name": "x", "credential": credential});
    ann.post(PASSKEYS, body).await.assert(201, "PASSKEY_ADDED");
    // Also with another credential.
    let again = Authenticator::at(ORIGIN).register(&asked);
    assert!(refused(&ann, &again).await.contains("answered"));
    let late = Authenticator::at(ORIGIN).register(&options(&bob).await);
    app.advance(Duration::from_mins(5));
    // With a new proof of who it is, so that only the challenge is too old.
    let bob = bob.again().await;
    assert!(refused(&bob, &late).await.contains("expired"));
    let invented =
        Authenticator::at(ORIGIN).register(&json!({"challenge": "AAAA", "user": {"id": "AA"}}));
    assert!(refused(&bob, &invented).await.contains("expired"));
    assert_eq!(listed(&ann).await.len(), 1);
}

#[tokio::test]
async fn a_wrong_registration_says_what_is_wrong() {
    let app = App::with(with_passkeys);
    let ann = app.user("ann").await;
    let refused = async |authenticator: &mut Authenticator| {
        let credential = authenticator.register(&options(&ann).await);
        let body = json!({"name": "x", "credential": credential});
        let answer = ann.post(PASSKEYS, body).await;
        let answer = answer.assert(400, "INVALID_REQUEST");
        answer.error("credential").to_owned()
    };
    let mut other = Authenticator::at("https://evil.example");
    assert!(refused(&mut other).await.contains("another origin"));
    let mut unverified = Authenticator::at(ORIGIN);
    unverified.flags = 1;
    assert!(refused(&mut unverified).await.contains("PIN"));
    // A credential id that is registered, by this account or another one.
    let mut known = Authenticator::at(ORIGIN);
    add(&app.client("acme").await, &mut known, "x").await;
    assert!(refused(&mut known).await.contains("already"));
    for wrong in [
        json!({}),
        json!({"id": 1}),
        json!({"id": "a", "rawId": "a", "type": "public-key", "response": {}}),
    ] {
        let body = json!({"name": "x", "credential": wrong});
        let answer = ann
            .post(PASSKEYS, body)
            .await
            .assert(400, "INVALID_REQUEST");
        assert_eq!(answer.wrong_fields(), ["credential"].into());
    }
}

#[tokio::test]
async fn an_account_has_at_most_ten_passkeys() {
    let app = App::with(with_passkeys);
    let ann = app.user("ann").await;
    let mut last = Value::Null;
    for number in 0..10 {
        last = options(&ann).await;
        add(&ann, &mut Authenticator::at(ORIGIN), &number.to_string()).await;
    }
    let full = ann.post(&format!("{PASSKEYS}/options"), json!({})).await;
    let full = full.assert(400, "INVALID_REQUEST");
    assert!(full.error("credential").contains("10"));
    // The options were asked for before the tenth was added.
    let credential = Authenticator::at(ORIGIN).register(&last);
    let body = json!({"name": "x", "credential": credential});
    let refused = ann.post(PASSKEYS, body).await;
    assert!(
        refused
            .assert(400, "INVALID_REQUEST")
            .error("credential")
            .contains("10")
    );
    // A deleted account leaves nothing.
    let root = app.admin("root").await;
    root.delete(&format!("/api/users/{}", ann.seq))
        .await
        .assert(200, "USER_DELETED");
    for table in ["passkeys", "passkey_handles"] {
        let rows = format!("SELECT COUNT(*) AS number FROM {table}");
        assert_eq!(app.number(&rows).await, 0, "{table}");
    }
}

#[tokio::test]
async fn without_a_suitable_public_url_there_are_no_passkeys() {
    for url in [
        None,
        Some("http://auth.example.org"),
        Some("https://203.0.113.7"),
        Some("https://[2001:db8::1]"),
    ] {
        let app =
            App::with(|config| config.server.public_url = url.map(|url| url.parse().unwrap()));
        let ann = app.user("ann").await;
        let answer = ann.post(&format!("{PASSKEYS}/options"), json!({})).await;
        answer.assert(404, "PASSKEYS_UNAVAILABLE");
    }
    let app = App::with(|config| {
        config.server.public_url = Some("http://localhost:8080".parse().unwrap());
    });
    let ann = app.user("ann").await;
    add(&ann, &mut Authenticator::at("http://localhost:8080"), "x").await;
}

#[tokio::test]
async fn pages_of_allowed_origins_below_the_host_may_add_passkeys() {
    let app = App::with(|config| {
        with_passkeys(config);
        config.server.allowed_origins = ["https://shop.auth.example.org", "https://example.org"]
            .map(|origin| origin.parse().unwrap())
            .into();
    });
    let ann = app.user("ann").await;
    let mut shop = Authenticator::at("https://shop.auth.example.org");
    shop.rp_id = "auth.example.org".into();
    add(&ann, &mut shop, "x").await;
    let mut parent = Authenticator::at("https://example.org");
    parent.rp_id = "auth.example.org".into();
    let credential = parent.register(&options(&ann).await);
    let body = json!({"name": "x", "credential": credential});
    let refused = ann.post(PASSKEYS, body).await;
    assert!(
        refused
            .assert(400, "INVALID_REQUEST")
            .error("credential")
            .contains("origin")
    );
}
