//! `/auth/forward`: what it answers a proxy about a token, on which conditions, and that nothing lets a request pass by
//! mistake.

use munjigi::{config::Transport, domain::account::Role};
use serde_json::json;

use crate::support::{Answer, App};

const NAMES: [&str; 5] = [
    "x-auth-user-type",
    "x-auth-user-seq",
    "x-auth-sub",
    "x-auth-role",
    "x-auth-email",
];

/// The values of the headers about the account; `None` for a header that is missing.
fn account(answer: &Answer) -> [Option<&str>; 5] {
    NAMES.map(|name| answer.header(name))
}

#[tokio::test]
async fn the_headers_name_the_account_and_are_there_without_a_value_too() {
    let app = App::start();
    let (root, kim) = (app.admin("root").await, app.client("kim").await);
    let answer = root.get("/auth/forward").await;
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
    let of_root = ["user", "1", "user:1", "admin", "root@example.org"].map(Some);
    assert_eq!(account(&answer), of_root);
    let answer = kim.get("/auth/forward").await;
    let of_kim = ["client", "1", "client:1", "", "client@example.org"].map(Some);
    assert_eq!(account(&answer), of_kim);
}

#[tokio::test]
async fn an_address_that_is_not_ascii_is_percent_encoded() {
    let app = App::start();
    let person = app.internal("김%b", Role::STAFF).await;
    let answer = person.get("/auth/forward").await;
    let email = answer.header("x-auth-email");
    assert_eq!(email, Some("%EA%B9%80%25b@example.org"));
}

#[tokio::test]
async fn a_client_without_an_address_has_an_empty_header() {
    let app = App::start();
    let root = app.admin("root").await;
    let kim = app.client("kim").await;
    let path = format!("/api/clients/{}", kim.seq);
    let body = json!({"email": null});
    let changed = root.call("PATCH", &path).json(&body).await;
    changed.assert(200, "CLIENT_UPDATED");
    let answer = kim.again().await.get("/auth/forward").await;
    assert_eq!(answer.header("x-auth-email"), Some(""));
}

#[tokio::test]
async fn every_method_is_checked() {
    let app = App::start();
    let ann = app.user("ann").await;
    for method in [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW",
    ] {
        for path in ["/auth/forward", "/auth/forward/"] {
            let answer = ann.call(method, path).await;
            assert_eq!(answer.status, 200, "{method}");
            assert_eq!(answer.header("x-auth-sub"), Some("user:1"), "{method}");
            let refused = app.anonymous().call(method, path).await;
            assert_eq!(refused.status, 401, "{method}");
            assert_eq!(account(&refused), [None; 5], "{method}");
        }
    }
    // Nor does a preflight pass.
    let preflight = app.anonymous().call("OPTIONS", "/auth/forward");
    let preflight = preflight
        .header("origin", "https://app.example.org")
        .header("access-control-request-method", "PUT");
    assert_eq!(preflight.await.status, 401);
}

#[tokio::test]
async fn a_refusal_has_the_challenge_of_a_bearer() {
    let app = App::start();
    let ann = app.user("ann").await;
    let challenge = |answer: &Answer| answer.header("www-authenticate").map(str::to_owned);
    let none = app.anonymous().get("/auth/forward").await;
    let none = none.assert(401, "UNAUTHORIZED");
    assert_eq!(challenge(&none).unwrap(), r#"Bearer realm="api""#);
    for token in [&ann.refresh, &"a.b.c".to_owned()] {
        let answer = app.anonymous().get("/auth/forward").bearer(token).await;
        let answer = answer.assert(401, "INVALID_TOKEN");
        let expected = r#"Bearer realm="api", error="invalid_token""#;
        assert_eq!(challenge(&answer).unwrap(), expected);
    }
    let other = ann.get("/auth/forward?role=admin").await;
    let other = other.assert(403, "FORBIDDEN");
    let expected = r#"Bearer realm="api", error="insufficient_scope""#;
    assert_eq!(challenge(&other).unwrap(), expected);
    assert_eq!(account(&other), [None; 5]);
}

#[tokio::test]
async fn every_condition_of_the_query_must_be_met() {
    let app = App::start();
    let (root, ann) = (app.admin("root").await, app.user("ann").await);
    let (eva, kim) = (
        app.internal("eva", Role::AUDITOR).await,
        app.client("kim").await,
    );
    // Which of root (admin), eva (auditor), ann (staff) and kim (client) pass.
    for (query, passes) in [
        ("", [true, true, true, true]),
        ("role=admin", [true, false, false, false]),
        ("role=admin,auditor", [true, true, false, false]),
        ("role=admin,%20staff", [true, false, true, false]),
        ("role=admin&role=staff", [false; 4]),
        ("role=admin,staff&role=staff", [false, false, true, false]),
        ("user_type=user", [true, true, true, false]),
        ("user_type=client", [false, false, false, true]),
        ("user_type=user,client", [true; 4]),
        ("user_type=client&role=admin", [false; 4]),
        ("user_type=user&role=admin", [true, false, false, false]),
    ] {
        for (person, passes) in [&root, &eva, &ann, &kim].into_iter().zip(passes) {
            let answer = person.get(&format!("/auth/forward?{query}")).await;
            let expected = if passes { 200 } else { 403 };
            assert_eq!(answer.status, expected, "{query} {}", person.login);
        }
    }
}

#[tokio::test]
async fn a_condition_that_is_misspelt_or_empty_lets_nobody_pass() {
    let app = App::start();
    let root = app.admin("root").await;
    for (query, field) in [
        ("role=", "role"),
        ("role", "role"),
        ("role=Admin", "role"),
        ("role=admin,", "role"),
        ("role=admin&role=", "role"),
        ("user_type=", "user_type"),
        ("user_type=users", "user_type"),
        ("roles=admin", "roles"),
        ("role=admin&user-type=user", "user-type"),
        ("Role=admin", "Role"),
        ("role[]=admin", "role[]"),
        ("role%3Dadmin", "role=admin"),
    ] {
        let answer = root.get(&format!("/auth/forward?{query}")).await;
        let answer = answer.assert(400, "INVALID_REQUEST");
        let fields: Vec<&str> = answer.wrong_fields().into_iter().collect();
        assert_eq!(fields, [field], "{query}");
        let anonymous = app.anonymous().get(&format!("/auth/forward?{query}")).await;
        anonymous.assert(401, "UNAUTHORIZED");
    }
    let answer = root.get("/auth/forward?role=owner").await;
    assert_eq!(
        answer.error("role"),
        "This must be one of: admin, auditor, staff."
    );
}

#[tokio::test]
async fn what_follows_the_original_path_is_the_callers_and_no_condition() {
    let app = App::start();
    let (root, ann) = (app.admin("root").await, app.user("ann").await);
    for (query, passes) in [
        ("path=/orders", [200, 200]),
        ("path=/orders?role=admin&page=2&user_type=x", [200, 200]),
        ("role=admin&path=/orders", [200, 403]),
        ("role=admin&path=/orders?role=staff&role=staff", [200, 403]),
        ("role=admin&path=&path=/&role=staff", [200, 403]),
        // Only a parameter of exactly this name.
        ("role=admin&paths=/&role=staff", [400, 400]),
    ] {
        for (person, status) in [&root, &ann].into_iter().zip(passes) {
            let answer = person.get(&format!("/auth/forward?{query}")).await;
            assert_eq!(answer.status, status, "{query} {}", person.login);
        }
    }
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_once() {
    let app = App::start();
    let ann = app.user("ann").await;
    assert_eq!(ann.get("/auth/forward").await.status, 200);
    ann.log_out(&ann.refresh).await.assert(200, "LOGGED_OUT");
    let answer = ann.get("/auth/forward").await;
    answer.assert(401, "SESSION_REVOKED");
}

#[tokio::test]
async fn a_cookie_is_no_credential_for_a_proxy() {
    let app = App::with(|config| config.tokens.transport = Transport::Cookie);
    app.make_user("ann", Role::STAFF).await;
    let body =
        json!({"username": "ann@example.org", "password": crate::support::password_of("ann")});
    let login = app.anonymous().post("/auth/login", body).await;
    let login = login.assert(200, "LOGGED_IN");
    let cookies = login.headers.get_all("set-cookie").iter();
    let cookies: Vec<&str> = cookies
        .map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap())
        .collect();
    let call = app.anonymous().get("/auth/forward");
    let answer = call.header("cookie", &cookies.join("; ")).await;
    answer.assert(401, "UNAUTHORIZED");
}
