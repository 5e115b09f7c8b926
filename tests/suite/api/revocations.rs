//! `/oauth/revocations`: the statements from which a service that checks access tokens by itself learns what was revoked.

use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use munjigi::{config::Span, domain::audit::Actor, services::service::changes};
use serde_json::{Map, Value, json};

use crate::support::{App, Person, SIGNING_KEY, ServiceClient, claims_of, header_of};

type Statement = Map<String, Value>;

/// Reads a statement, and checks its type and signature as its readers must.
async fn read(service: &ServiceClient, since: Option<&str>, wait: Option<u32>) -> Statement {
    let query = since.map_or(String::new(), |since| format!("?since={since}"));
    let path = format!("/oauth/revocations{query}");
    let mut call = service.get(&path);
    if let Some(wait) = wait {
        call = call.header("prefer", &format!("wait={wait}"));
    }
    let answer = call.await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let media_type = "application/munjigi-revocations+jwt";
    assert_eq!(answer.header("content-type"), Some(media_type));
    let applied = wait.map(|wait| format!("wait={}", wait.min(25)));
    assert_eq!(answer.header("preference-applied"), applied.as_deref());
    let (message, signature) = answer.text.rsplit_once('.').unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SIGNING_KEY.as_bytes());
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
    hmac::verify(&key, message.as_bytes(), &signature).unwrap();
    assert_eq!(header_of(&answer.text)["typ"], "munjigi-revocations+jwt");
    claims_of(&answer.text)
}

fn cursor(statement: &Statement) -> &str {
    statement["cursor"].as_str().unwrap()
}

fn sessions(statement: &Statement) -> Vec<&str> {
    let sessions = statement["sessions"].as_array().unwrap().iter();
    sessions.map(|one| one["sid"].as_str().unwrap()).collect()
}

fn session_of(person: &Person) -> String {
    claims_of(&person.access)["sid"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn a_statement_has_what_was_revoked_since_the_cursor_of_the_last_one() {
    let app = App::start();
    let service = app.service("billing", "").await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let none = read(&service, None, None).await;
    assert_eq!(none["complete"], true);
    assert_eq!(
        (&none["sessions"], &none["accounts"]),
        (&json!([]), &json!([]))
    );
    ann.log_out(&ann.refresh).await.assert(200, "LOGGED_OUT");
    let first = read(&service, Some(cursor(&none)), None).await;
    let now = app.clock.now().unix_seconds();
    assert_eq!(first["complete"], false);
    // The last access token of the session, and the greatest leeway.
    let until = now + 30 * 60 + 5 * 60;
    let expected = json!([{"sid": session_of(&ann), "until": until}]);
    assert_eq!(first["sessions"], expected);
    assert_eq!(
        (&first["iat"], &first["exp"]),
        (&json!(now), &json!(now + 300))
    );
    bob.log_out(&bob.refresh).await.assert(200, "LOGGED_OUT");
    let second = read(&service, Some(cursor(&first)), None).await;
    assert_eq!(sessions(&second), [session_of(&bob)]);
    let third = read(&service, Some(cursor(&second)), None).await;
    assert_eq!(sessions(&third), Vec::<&str>::new());
    let all = read(&service, None, None).await;
    assert_eq!(sessions(&all), [session_of(&ann), session_of(&bob)]);
}

#[tokio::test]
async fn a_new_role_revokes_the_tokens_of_an_account_that_were_issued_before() {
    let app = App::start();
    let root = app.admin("root").await;
    let service = app.service("billing", "").await;
    let ann = app.user("ann").await;
    let begin = read(&service, None, None).await;
    let path = format!("/api/users/{}", ann.seq);
    let change = json!({"role": "auditor"});
    root.patch(&path, change).await.assert(200, "USER_UPDATED");
    let statement = read(&service, Some(cursor(&begin)), None).await;
    let account = &statement["accounts"][0];
    assert_eq!(account["sub"], format!("user:{}", ann.seq));
    let issued_until = account["issued_until_ms"].as_u64().unwrap();
    let issued_at = |access: &str| {
        let claims = claims_of(access);
        let jti = claims["jti"].as_str().unwrap();
        u64::from_str_radix(&jti[..12], 16).unwrap()
    };
    assert!(issued_at(&ann.access) <= issued_until);
    // At the same time, by a clock that stands still.
    assert!(issued_at(&ann.refreshed().await.access) > issued_until);
}

#[tokio::test]
async fn a_call_waits_for_the_next_revocation_on_any_instance() {
    let one = App::start();
    let two = one.another_instance();
    let root = one.admin("root").await;
    let service = one.service("billing", "").await;
    let ann = one.user("ann").await;
    let begin = read(&service, None, None).await;
    // A change that matters to nobody else does not end the wait.
    let change = json!({"name": "Ann Lee"});
    let path = format!("/api/users/{}", ann.seq);
    let waiting = async {
        let start = Instant::now();
        let statement = read(&service.at(&two), Some(cursor(&begin)), Some(25)).await;
        assert_eq!(sessions(&statement), [session_of(&ann)]);
        start.elapsed()
    };
    let acting = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        root.patch(&path, change).await.assert(200, "USER_UPDATED");
        tokio::time::sleep(Duration::from_millis(300)).await;
        ann.log_out(&ann.refresh).await.assert(200, "LOGGED_OUT");
    };
    let (waited, ()) = tokio::join!(waiting, acting);
    assert!(waited > Duration::from_millis(600), "{waited:?}");
    assert!(waited < Duration::from_secs(24), "{waited:?}");
}

#[tokio::test]
async fn a_wait_without_a_revocation_ends_in_time_with_a_new_cursor() {
    let app = App::with(|config| config.server.request_timeout = Span::seconds(2));
    let service = app.service("billing", "").await;
    let begin = read(&service, None, None).await;
    let path = format!("/oauth/revocations?since={}", cursor(&begin));
    let answer = service.get(&path).header("prefer", "wait=30").await;
    assert_eq!(
        (answer.status, answer.header("preference-applied")),
        (200, Some("wait=1"))
    );
    assert_eq!(claims_of(&answer.text)["complete"], false);
}

#[tokio::test]
async fn a_cursor_that_is_old_or_foreign_begins_again() {
    let app = App::start();
    let service = app.service("billing", "").await;
    let ann = app.user("ann").await;
    ann.log_out(&ann.refresh).await.assert(200, "LOGGED_OUT");
    let begin = read(&service, None, None).await;
    let encode = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    let now = app.clock.now().unix_seconds();
    for odd in [
        "x".to_owned(),
        "%20".to_owned(),
        encode("x"),
        encode(&format!("{now}")),
        encode(&format!("{now} -1")),
        encode(&format!("{now} 1:x:")),
        encode(&format!("{now} 1;DROP TABLE users")),
        encode(&format!("{now} 9000000000")),
        encode(&format!("{now} 1:9000000000000:")),
        encode("99999999999999999999 1"),
    ] {
        // At once, although there is nothing new.
        let statement = read(&service, Some(&odd), Some(25)).await;
        assert_eq!(statement["complete"], true, "{odd}");
        assert_eq!(sessions(&statement), [session_of(&ann)], "{odd}");
    }
    let same = read(&service, Some(cursor(&begin)), None).await;
    assert_eq!(same["complete"], false);
    app.advance(Duration::from_hours(24) + Duration::from_mins(5));
    let late = read(&service, Some(cursor(&begin)), None).await;
    assert_eq!(late["complete"], true);
}

#[tokio::test]
async fn tokens_of_services_are_revoked_too() {
    let app = App::start();
    let service = app.service("billing", "").await;
    let begin = read(&service, None, None).await;
    let (services, actor) = (app.services(), Actor::operator());
    let mut cursor_now = cursor(&begin).to_owned();
    for change in ["rotate", "deactivate", "delete"] {
        let changed = app.service(&format!("service-{change}"), "").await;
        let number = changed.number;
        match change {
            "rotate" => drop(
                changes::rotate_secret(services, &actor, number)
                    .await
                    .unwrap(),
            ),
            "delete" => drop(changes::delete(services, &actor, number).await.unwrap()),
            _ => drop(
                changes::set_active(services, &actor, number, false)
                    .await
                    .unwrap(),
            ),
        }
        let statement = read(&service, Some(&cursor_now), None).await;
        let entries = statement["accounts"].as_array().unwrap();
        let owners: Vec<&str> = entries
            .iter()
            .map(|one| one["sub"].as_str().unwrap())
            .collect();
        assert_eq!(owners, [format!("service:{number}")], "{change}");
        let now = app.clock.now().unix_micros() / 1_000;
        assert!(
            entries[0]["issued_until_ms"].as_i64().unwrap() >= now,
            "{change}"
        );
        cursor_now = cursor(&statement).to_owned();
    }
}

#[tokio::test]
async fn only_services_read_what_was_revoked() {
    let app = App::start();
    let (root, service) = (app.admin("root").await, app.service("billing", "").await);
    let path = "/oauth/revocations";
    let none = app.anonymous().get(path).await;
    none.assert_oauth_error(401, "invalid_client");
    let wrong = service.with_secret("x").get(path).await;
    wrong.assert_oauth_error(401, "invalid_client");
    let odd = app.anonymous().get(path).bearer("x").await;
    odd.assert_oauth_error(401, "invalid_token");
    let account = root.get(path).await;
    account.assert_oauth_error(403, "insufficient_scope");
    let long = service.get(&format!("{path}?since={}", "x".repeat(7_001)));
    let long = long.await.assert_oauth_error(400, "invalid_request");
    let description = long.body["error_description"].as_str().unwrap();
    assert_eq!(description, "since: At most 7000 characters are allowed.");
    let post = app.anonymous().call("POST", path).await;
    post.assert(405, "METHOD_NOT_ALLOWED");
    let token = service.token().await;
    let statement = app.anonymous().get(path).bearer(&token).await;
    let statement = statement.assert_oauth(200).text;
    let answer = app.anonymous().get("/api/me").bearer(&statement).await;
    answer.assert(401, "INVALID_TOKEN");
}
