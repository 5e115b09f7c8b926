//! "Can this account log in?" on the page of an account.

use std::time::Duration;

use munjigi::{domain::account::Role, http::admin::paths};
use serde_json::json;

use crate::support::{App, Browser, Page, password_of, wait_until};

async fn refused(app: &App, user_type: &str, name: &str, agent: &'static str) {
    let wrong = json!({"username": name, "password": "wrong", "user_type": user_type});
    app.anonymous()
        .post("/auth/login", wrong)
        .header("user-agent", agent)
        .await
        .assert(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn the_box_has_the_state_the_password_the_last_login_and_the_refusals_with_their_reasons() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let bob = app.user("bob").await;
    let path = paths::USERS.person(bob.seq);
    let page = root.open(&path).await;
    assert!(page.text("#login #status").contains("Active"));
    assert!(page.text("#login #password").contains("Set"));
    assert!(page.text("#login #locks").contains("Not locked"));
    let success = page.text("#login #success");
    for part in ["Password", "127.0.0.1", "just now", "Feb 14, 12:30:45"] {
        assert!(success.contains(part), "{part}: {success}");
    }
    assert!(page.text("#login #refusals").contains("None"));
    refused(&app, "user", "bob@example.org", "Checker/1.0 (test)").await;
    let page = root.open(&path).await;
    let refusals = page.text("#login #refusals");
    for part in ["Wrong password", "127.0.0.1", "Checker/1.0"] {
        assert!(refusals.contains(part), "{part}: {refusals}");
    }
    // The event of each refusal is one click away.
    root.open(&page.attr("#login #refusals a", "href")).await;
    root.post(&path.deactivate(), &[]).await.assert(303);
    refused(&app, "user", "bob@example.org", "Checker/1.0").await;
    let page = root.open(&path).await;
    assert!(page.text("#login #refusals").contains("Account inactive"));
    assert!(page.text("#login #status").contains("Inactive"));
    assert_eq!(page.attr("#login #status form", "action"), path.activate());
    assert!(page.has(".actions form button.primary"));
    // An account that was never used.
    let new = app.make_user("new", Role::STAFF).await;
    app.execute("UPDATE users SET password_hash = NULL WHERE email = 'new@example.org'")
        .await;
    let page = root.open(&paths::USERS.person(new)).await;
    assert!(page.text("#login #success").contains("Never"));
    assert!(page.text("#login #password").contains("Not set"));
    assert!(page.has("#login #password a[href$='/link']"));
    assert!(!page.has("#login #code"), "internal users have no codes");
}

#[tokio::test]
async fn a_refused_sign_in_without_access_to_the_panel_says_so() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let bob = app.make_user("bob", Role::STAFF).await;
    let password = password_of("bob");
    let fields = [
        ("email", "bob@example.org"),
        ("password", password.as_str()),
    ];
    app.browser().post(paths::LOGIN, &fields).await.assert(403);
    let page = root.open(&paths::USERS.person(bob)).await;
    assert!(
        page.text("#login #refusals")
            .contains("No access to the panel"),
        "{}",
        page.text("#login")
    );
}

async fn code_of(root: &Browser, client: i64, state: &str) -> Page {
    let path = paths::CLIENTS.person(client);
    wait_until(&format!("the code to be: {state}"), async || {
        let page = root.open(&path).await;
        let is_shown = page.has("#login #code") && page.text("#login #code").contains(state);
        is_shown.then_some(page)
    })
    .await
}

#[tokio::test]
async fn the_last_code_of_a_client_is_shown_with_what_became_of_it() {
    let app = App::with_gateway(|_| ());
    let root = app.signed_in("root", Role::ADMIN).await;
    let shop = app.make_client("shop").await;
    let ask = async || {
        let body = json!({"username": "shop"});
        let answer = app.anonymous().post("/clients/otp/request", body).await;
        answer.assert(200, "OTP_SENT").text_of("challenge_id")
    };
    let log_in = async |challenge: &str, code: &str| {
        let body = json!({"challenge_id": challenge, "code": code});
        app.anonymous().post("/clients/otp/verify", body).await
    };
    let challenge = ask().await;
    let code = app.codes(1).await.remove(0);
    code_of(&root, shop, "not used yet").await;
    log_in(&challenge, &code).await.assert(200, "LOGGED_IN");
    code_of(&root, shop, "Used").await;
    app.advance(Duration::from_mins(2));
    let challenge = ask().await;
    let right = app.codes(2).await.remove(1);
    let wrong = if right == "000000" {
        "111111"
    } else {
        "000000"
    };
    for _ in 0..5 {
        log_in(&challenge, wrong).await.assert(401, "INVALID_OTP");
    }
    let page = code_of(&root, shop, "Too many wrong codes").await;
    assert!(
        page.text("#login #refusals")
            .contains("Wrong one-time code")
    );
    app.advance(Duration::from_mins(2));
    ask().await;
    app.codes(3).await;
    app.advance(Duration::from_hours(1));
    root.sign_in("root").await;
    code_of(&root, shop, "Expired").await;
}
