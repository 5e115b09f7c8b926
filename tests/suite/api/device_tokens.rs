//! Device tokens: how many an account has, what ends them, and which pages set the cookie.

use std::time::Duration;

use munjigi::domain::account::Role;
use serde_json::json;

use crate::support::{App, Call, password_of};

const NEW: &str = "another long password";

fn log_in(app: &App, password: &str) -> Call {
    let body = json!({"username": "ann@example.org", "password": password});
    app.anonymous().post("/auth/login", body)
}

async fn new_device(app: &App, password: &str) -> String {
    let answer = log_in(app, password).await.assert(200, "LOGGED_IN");
    answer.header("x-device-token").unwrap().to_owned()
}

/// Locks the account for all unknown devices.
async fn lock(app: &App) {
    for _ in 0..5 {
        let answer = log_in(app, "a wrong password").await;
        answer.assert(401, "INVALID_CREDENTIALS");
    }
}

/// Whether a device can log in although the account is locked.
async fn is_known(app: &App, device: &str, password: &str) -> bool {
    let answer = log_in(app, password).header("x-device-token", device).await;
    assert!([200, 429].contains(&answer.status), "{}", answer.text);
    answer.status == 200
}

#[tokio::test]
async fn an_account_has_five_devices_and_the_oldest_is_forgotten() {
    let app = App::start();
    app.make_user("ann", Role::STAFF).await;
    let password = password_of("ann");
    let mut devices = Vec::new();
    for _ in 0..6 {
        devices.push(new_device(&app, &password).await);
        app.advance(Duration::from_secs(1));
        // A login from a known device does not take the place of another one.
        for _ in 0..3 {
            assert!(is_known(&app, &devices[devices.len() - 1], &password).await);
        }
    }
    lock(&app).await;
    for (number, device) in devices.iter().enumerate() {
        assert_eq!(
            is_known(&app, device, &password).await,
            number > 0,
            "{number}"
        );
    }
    let kept = "SELECT COUNT(*) AS number FROM device_tokens";
    assert_eq!(app.number(kept).await, 5);
}

#[tokio::test]
async fn logins_without_a_cookie_jar_do_not_end_the_token_of_a_browser() {
    let app = App::start();
    app.make_user("ann", Role::STAFF).await;
    let password = password_of("ann");
    let mut presented = Vec::new();
    for _ in 0..4 {
        let device = new_device(&app, &password).await;
        app.advance(Duration::from_secs(1));
        assert!(is_known(&app, &device, &password).await);
        presented.push(device);
    }
    let mut never_presented = Vec::new();
    for _ in 0..20 {
        app.advance(Duration::from_secs(1));
        never_presented.push(new_device(&app, &password).await);
    }
    lock(&app).await;
    for device in presented.iter().chain(never_presented.last()) {
        app.advance(Duration::from_secs(1));
        assert!(is_known(&app, device, &password).await);
    }
    assert!(!is_known(&app, &never_presented[18], &password).await);
    // All five have been presented now: a sixth takes the place of the one that was presented longest ago.
    app.advance(Duration::from_hours(24));
    assert!(is_known(&app, &presented[0], &password).await);
    new_device(&app, &password).await;
    lock(&app).await;
    for (number, device) in presented.iter().enumerate() {
        assert_eq!(is_known(&app, device, &password).await, number != 1);
    }
}

#[tokio::test]
async fn a_new_password_ends_the_tokens_of_all_other_devices() {
    let app = App::start();
    let root = app.admin("root").await;
    let ann = app.user("ann").await;
    let old = password_of("ann");
    let (own, other) = (new_device(&app, &old).await, new_device(&app, &old).await);
    let body = json!({"current_password": old, "new_password": NEW});
    let changed = app.anonymous().post("/auth/password", body);
    let changed = changed.bearer(&ann.access).header("x-device-token", &own);
    changed.await.assert(200, "PASSWORD_CHANGED");
    lock(&app).await;
    assert!(is_known(&app, &own, NEW).await);
    assert!(!is_known(&app, &other, NEW).await);
    // An administrator ends all of them, and lifts the lock.
    let path = format!("/api/users/{}", ann.seq);
    let set = root.confirmed(json!({"password": &old}));
    let set = root.patch(&path, set).await;
    set.assert(200, "USER_UPDATED");
    lock(&app).await;
    assert!(!is_known(&app, &own, &old).await);
    // Other changes leave them valid.
    app.advance(Duration::from_mins(1));
    let device = new_device(&app, &old).await;
    let renamed = root.patch(&path, json!({"name": "Another name"})).await;
    renamed.assert(200, "USER_UPDATED");
    lock(&app).await;
    assert!(is_known(&app, &device, &old).await);
    root.delete(&path).await.assert(200, "USER_DELETED");
    let left = "SELECT COUNT(*) AS number FROM device_tokens WHERE user_seq = 2";
    assert_eq!(app.number(left).await, 0);
}

#[tokio::test]
async fn a_login_from_a_foreign_page_sets_no_device_cookie() {
    const LISTED: &str = "https://app.example.org";
    let app = App::with_gateway(|config| {
        config.server.allowed_origins = vec![LISTED.parse().unwrap()];
    });
    app.make_user("ann", Role::STAFF).await;
    app.make_client("acme").await;
    let body = json!({"username": "acme"});
    let asked = app.anonymous().post("/clients/otp/request", body).await;
    let challenge = asked.assert(200, "OTP_SENT").text_of("challenge_id");
    let code = app.codes(1).await.remove(0);
    let own = app.anonymous().url().to_owned();
    let password = password_of("ann");
    for (header, value, sets) in [
        ("origin", "https://foreign.example", false),
        ("origin", "null", false),
        ("sec-fetch-site", "cross-site", false),
        ("sec-fetch-site", "same-site", false),
        ("origin", LISTED, true),
        ("origin", own.as_str(), true),
        ("sec-fetch-site", "same-origin", true),
        ("accept", "*/*", true),
    ] {
        // As a form sends it.
        let form = app.anonymous().call("POST", "/auth/login");
        let form = form.form(&[("username", "ann@example.org"), ("password", &password)]);
        let answer = form.header(header, value).await.assert(200, "LOGGED_IN");
        let is_set = answer.header("set-cookie").is_some();
        assert_eq!(is_set, sets, "{header}: {value}");
        assert!(answer.header("x-device-token").is_some());
    }
    let body = json!({"challenge_id": challenge, "code": code});
    let login = app.anonymous().post("/clients/otp/verify", body);
    let answer = login.header("sec-fetch-site", "cross-site").await;
    let answer = answer.assert(200, "LOGGED_IN");
    assert_eq!(answer.header("set-cookie"), None);
}
