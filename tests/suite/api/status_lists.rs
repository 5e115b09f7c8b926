//! Status lists: what a service that checks access tokens by itself learns about revocations.

use std::{collections::BTreeSet, io::Read};

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use flate2::read::ZlibDecoder;
use munjigi::{
    config::{Algorithm, Span},
    domain::audit::Actor,
    services::signing_keys::changes,
};
use serde_json::{Value, json};

use crate::support::{Answer, App, Person, Remote, SIGNING_KEY, claims_of, header_of, wait_until};

const PUBLIC_URL: &str = "https://login.example.org/sso";

fn app() -> App {
    App::with(|config| {
        config.server.public_url = Some(PUBLIC_URL.parse().unwrap());
        config.tokens.status_list = true;
    })
}

/// The place of an access token: the path of its list, and its index.
fn place(access: &str) -> (String, usize) {
    let claims = claims_of(access);
    let list = &claims["status"]["status_list"];
    let path = list["uri"].as_str().unwrap().strip_prefix(PUBLIC_URL);
    let index = usize::try_from(list["idx"].as_u64().unwrap()).unwrap();
    (path.unwrap().to_owned(), index)
}

/// The claims of a list, after its signature, type and headers were checked as its readers must.
fn verified(answer: &Answer, path: &str) -> serde_json::Map<String, Value> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let media_type = answer.header("content-type");
    assert_eq!(media_type, Some("application/statuslist+jwt"));
    let (message, signature) = answer.text.rsplit_once('.').unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SIGNING_KEY.as_bytes());
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
    hmac::verify(&key, message.as_bytes(), &signature).unwrap();
    assert_eq!(header_of(&answer.text)["typ"], "statuslist+jwt");
    let claims = claims_of(&answer.text);
    assert_eq!(claims["sub"], format!("{PUBLIC_URL}{path}"));
    claims
}

/// The bits of a list.
async fn bits(remote: &Remote, path: &str) -> Vec<u8> {
    let answer = remote.get(path).await;
    let list = verified(&answer, path)["status_list"].clone();
    assert_eq!(list["bits"], 1);
    let compressed = list["lst"].as_str().unwrap();
    let compressed = BASE64_URL_SAFE_NO_PAD.decode(compressed).unwrap();
    let mut bits = Vec::new();
    ZlibDecoder::new(&compressed[..])
        .read_to_end(&mut bits)
        .unwrap();
    assert_eq!(bits.len(), 1 << 17);
    bits
}

async fn is_marked(remote: &Remote, access: &str) -> bool {
    let (path, index) = place(access);
    bits(remote, &path).await[index / 8] >> (index % 8) & 1 == 1
}

async fn is_soon_marked(remote: &Remote, access: &str) {
    wait_until("the mark in the status list", async || {
        is_marked(remote, access).await.then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_session_that_ends_is_marked_in_the_list_that_its_tokens_refer_to() {
    let app = app();
    let (ann, kim) = (app.user("ann").await, app.client("kim").await);
    let refreshed = ann.refreshed().await;
    assert_eq!(place(&refreshed.access), place(&ann.access));
    assert_ne!(place(&kim.access), place(&ann.access));
    assert!(claims_of(&ann.refresh).get("status").is_none());
    for access in [&ann.access, &kim.access] {
        assert!(!is_marked(app.anonymous(), access).await);
    }
    refreshed.log_out(&refreshed.refresh).await;
    is_soon_marked(app.anonymous(), &ann.access).await;
    assert!(!is_marked(app.anonymous(), &kim.access).await);
    assert!(!is_marked(app.anonymous(), &ann.again().await.access).await);
}

#[tokio::test]
async fn a_list_says_how_long_it_may_be_used_and_is_not_sent_twice() {
    let app = app();
    let ann = app.user("ann").await;
    let (path, _) = place(&ann.access);
    let first = app.anonymous().get(&path).await;
    let claims = verified(&first, &path);
    let issued_at = app.clock.now().unix_seconds();
    assert_eq!(claims["iat"], issued_at);
    assert_eq!(claims["exp"], issued_at + 300);
    assert_eq!(claims["ttl"], 10);
    assert_eq!(first.header("cache-control"), Some("public, max-age=10"));
    let tag = first.header("etag").unwrap();
    for known in [tag, "*", &format!("\"x\", W/{tag}")] {
        let again = app.anonymous().get(&path).header("if-none-match", known);
        let again = again.await;
        assert_eq!((again.status, again.text.as_str()), (304, ""), "{known}");
        assert_eq!(again.header("etag"), Some(tag));
    }
    let another = app.anonymous().get(&path).header("if-none-match", "\"x\"");
    assert_eq!(another.await.text, first.text);
    // Before it expires, another is signed.
    app.advance(std::time::Duration::from_secs(150));
    let later = app.anonymous().get(&path).header("if-none-match", tag);
    assert_eq!(verified(&later.await, &path)["iat"], issued_at + 150);
}

#[tokio::test]
async fn every_cause_that_revokes_access_tokens_marks_them() {
    let app = app();
    let root = app.admin("root").await;
    for (number, cause) in [
        "logout-all",
        "session",
        "deactivated",
        "deleted",
        "password",
        "role",
        "reused",
        "too many",
    ]
    .into_iter()
    .enumerate()
    {
        let ann = app.user(&format!("ann{number}")).await;
        let path = format!("/api/users/{}", ann.seq);
        let done = revoke(&app, &root, &ann, cause, &path).await;
        assert!([200, 401].contains(&done.status), "{cause}: {}", done.text);
        let refused = ann.get("/api/me").await;
        assert_eq!(refused.status, 401, "{cause}");
        is_soon_marked(app.anonymous(), &ann.access).await;
    }
    assert!(!is_marked(app.anonymous(), &root.access).await);
}

async fn revoke(app: &App, root: &Person, ann: &Person, cause: &str, path: &str) -> Answer {
    match cause {
        "logout-all" => ann.post("/auth/logout-all", json!({})).await,
        "session" => {
            let claims = claims_of(&ann.access);
            let session = claims["sid"].as_str().unwrap();
            let other = ann.again().await;
            other.delete(&format!("/auth/sessions/{session}")).await
        }
        "deactivated" => root.patch(path, json!({"is_active": false})).await,
        "deleted" => root.delete(path).await,
        "password" => {
            let password = json!({"password": "another long passphrase"});
            root.patch(path, root.confirmed(password)).await
        }
        "role" => root.patch(path, json!({"role": "auditor"})).await,
        "reused" => {
            let used = ann.refreshed().await;
            used.get("/api/me").await.assert(200, "ME");
            used.refreshed().await;
            app.advance(std::time::Duration::from_secs(11));
            app.anonymous().refresh(&ann.refresh).await
        }
        _ => {
            for _ in 0..50 {
                app.advance(std::time::Duration::from_secs(1));
                ann.again().await;
            }
            ann.log_in().await
        }
    }
}

#[tokio::test]
async fn after_a_new_role_the_next_refresh_gives_a_place_that_is_not_marked() {
    let app = app();
    let root = app.admin("root").await;
    let ann = app.user("ann").await;
    let path = format!("/api/users/{}", ann.seq);
    let change = json!({"role": "auditor"});
    root.patch(&path, change).await.assert(200, "USER_UPDATED");
    let refreshed = ann.refreshed().await;
    refreshed.get("/api/me").await.assert(200, "ME");
    assert_eq!(claims_of(&refreshed.access)["role"], "auditor");
    assert_ne!(place(&refreshed.access), place(&ann.access));
    // A retry of the same refresh gets the same place.
    let retried = ann.refreshed().await;
    assert_eq!(place(&retried.access), place(&refreshed.access));
    is_soon_marked(app.anonymous(), &ann.access).await;
    assert!(!is_marked(app.anonymous(), &refreshed.access).await);
    refreshed.log_out(&refreshed.refresh).await;
    is_soon_marked(app.anonymous(), &refreshed.access).await;
}

#[tokio::test]
async fn all_instances_serve_the_same_marks_and_a_restart_loses_none() {
    let one = app();
    let two = one.another_instance();
    let (ann, bob) = (one.user("ann").await, one.user("bob").await);
    ann.log_out(&ann.refresh).await.assert(200, "LOGGED_OUT");
    for app in [&one, &two] {
        is_soon_marked(app.anonymous(), &ann.access).await;
        assert!(!is_marked(app.anonymous(), &bob.access).await);
    }
    drop(two);
    let one = one.restarted_with(|_| ());
    assert!(is_marked(one.anonymous(), &ann.access).await);
    assert!(!is_marked(one.anonymous(), &bob.access).await);
}

#[tokio::test]
async fn no_two_sessions_have_one_place() {
    let one = app();
    let two = one.another_instance();
    let ann = one.user("ann").await;
    let mut places = BTreeSet::from([place(&ann.access)]);
    for _ in 0..150 {
        // More than the block that an instance takes at once, in sum over both.
        for app in [&one, &two] {
            let answer = app.anonymous().post("/auth/login", ann.credentials()).await;
            let access = answer.assert(200, "LOGGED_IN").text_of("access");
            assert!(places.insert(place(&access)), "{access}");
        }
    }
    let one = one.restarted_with(|_| ());
    let answer = one.anonymous().post("/auth/login", ann.credentials()).await;
    let access = answer.assert(200, "LOGGED_IN").text_of("access");
    assert!(places.insert(place(&access)), "{access}");
}

#[tokio::test]
async fn a_session_of_the_time_before_gets_its_place_with_the_next_refresh() {
    let before = App::with(|config| {
        config.server.public_url = Some(PUBLIC_URL.parse().unwrap());
    });
    let ann = before.user("ann").await;
    assert!(claims_of(&ann.access).get("status").is_none());
    let missing = before.anonymous().get("/oauth/status-lists/0").await;
    missing.assert(404, "NOT_FOUND");
    let app = before.restarted_with(|config| config.tokens.status_list = true);
    let answer = app.anonymous().refresh(&ann.refresh).await;
    let ann = ann.with_pair(&answer.assert(200, "REFRESHED"));
    assert!(!is_marked(app.anonymous(), &ann.access).await);
    let log_out = json!({"refresh": ann.refresh});
    let log_out = app.anonymous().post("/auth/logout", log_out);
    log_out.await.assert(200, "LOGGED_OUT");
    is_soon_marked(app.anonymous(), &ann.access).await;
}

#[tokio::test]
async fn there_are_no_other_lists_than_those_that_sessions_can_have() {
    let app = app();
    app.anonymous().get("/oauth/status-lists/0").await;
    for number in [
        "1",
        "00",
        "+0",
        "-1",
        "x",
        "0.0",
        "%30%20",
        "18446744073709551615",
        "99999999999999999999",
        "{number}",
    ] {
        let missing = app
            .anonymous()
            .get(&format!("/oauth/status-lists/{number}"));
        missing.await.assert(404, "NOT_FOUND");
    }
    // A list that another instance has begun.
    app.execute("UPDATE status_indexes SET next_index = 1048577")
        .await;
    let path = "/oauth/status-lists/1";
    assert!(
        bits(app.anonymous(), path)
            .await
            .iter()
            .all(|byte| *byte == 0)
    );
}

#[tokio::test]
async fn a_list_is_not_a_token() {
    let app = app();
    let ann = app.user("ann").await;
    let list = app.anonymous().get(&place(&ann.access).0).await.text;
    let answer = app.anonymous().get("/api/me").bearer(&list).await;
    answer.assert(401, "INVALID_TOKEN");
}

#[tokio::test]
async fn an_instance_that_does_not_know_what_was_revoked_serves_no_list() {
    let app = app().restarted_with(|config| config.tokens.revocation_max_lag = Span::seconds(2));
    let ann = app.user("ann").await;
    let (path, _) = place(&ann.access);
    verified(&app.anonymous().get(&path).await, &path);
    app.execute("ALTER TABLE revocations RENAME TO revocations_away")
        .await;
    wait_until("the refusal", async || {
        let answer = app.anonymous().get(&path).await;
        (answer.status == 503 && answer.code() == "UNAVAILABLE").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_list_is_signed_with_the_key_that_signs_now() {
    let app = app();
    let (path, _) = place(&app.user("ann").await.access);
    let before = app.anonymous().get(&path).await;
    let (services, actor) = (app.services(), Actor::operator());
    let kid = changes::generate(services, &actor, Algorithm::EdDsa)
        .await
        .unwrap();
    changes::promote(services, &actor, &kid, true)
        .await
        .unwrap();
    let after = app.anonymous().get(&path).await;
    assert_ne!(header_of(&before.text)["kid"], kid);
    assert_eq!(header_of(&after.text)["kid"], kid);
    assert_ne!(before.header("etag"), after.header("etag"));
}
