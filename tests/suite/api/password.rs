//! `POST /auth/password`.

use munjigi::domain::account::Role;
use serde_json::{Value, json};

use crate::support::{App, Call, Person, password_of};

const NEW: &str = "a new password, long enough";

fn change(person: &Person, current: &str, new: &str) -> Call {
    let body = json!({"current_password": current, "new_password": new});
    person.post("/auth/password", body)
}

#[tokio::test]
async fn a_new_password_ends_all_sessions_except_the_current_one() {
    let app = App::start();
    for ann in [app.user("ann").await, app.client("acme").await] {
        let other = ann.again().await;
        let changed = change(&ann, &ann.password, NEW).korean().await;
        let changed = changed.assert(200, "PASSWORD_CHANGED");
        assert!(changed.message().starts_with("비밀번호 변경 완료"));
        other
            .assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
            .await;
        ann.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
        ann.log_in().await.assert(401, "INVALID_CREDENTIALS");
        let mut renewed = ann.refreshed().await;
        renewed.password = NEW.to_owned();
        renewed.again().await;
    }
    let recorded = "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'password_changed' \
                    AND source = 'api' AND outcome = 'done' AND actor_seq = subject_seq";
    assert_eq!(app.number(recorded).await, 2);
}

#[tokio::test]
async fn a_new_password_ends_the_users_sessions_in_the_admin_panel() {
    let app = App::start();
    let browser = app.signed_in("ann", Role::AUDITOR).await;
    let credentials = json!({"username": "ann@example.org", "password": password_of("ann")});
    let login = app.anonymous().post("/auth/login", credentials).await;
    let ann = app.user("bob").await;
    let ann = ann.with_pair(&login.assert(200, "LOGGED_IN"));
    browser.open("/admin").await;
    let changed = change(&ann, &password_of("ann"), NEW).await;
    changed.assert(200, "PASSWORD_CHANGED");
    browser.get("/admin").await.assert(303);
}

#[tokio::test]
async fn a_change_needs_the_current_password() {
    let app = App::start();
    let ann = app.user("ann").await;
    let other = ann.again().await;
    for current in ["not my password", NEW, "x"] {
        let refused = change(&ann, current, NEW).await;
        let refused = refused.assert(400, "INVALID_REQUEST");
        assert_eq!(
            refused.error("current_password"),
            "The current password is incorrect."
        );
        assert_eq!(refused.error("new_password"), "(no error)");
    }
    let body = json!({"current_password": ann.password, "new_password": NEW});
    let answer = app.anonymous().post("/auth/password", body).await;
    answer.assert(401, "UNAUTHORIZED");
    for person in [&ann, &other, &ann.again().await] {
        person.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    }
    let refused = "SELECT COUNT(*) AS number FROM audit_events \
                   WHERE action = 'password_changed' AND outcome = 'refused'";
    assert_eq!(app.number(refused).await, 3);
}

#[tokio::test]
async fn policy_errors_are_reported_for_the_new_password() {
    let app = App::start();
    let ann = app.user("ann").await;
    for (new, sentence) in [
        (json!("short"), "At least 8 characters are required."),
        (
            json!("ann@example.org"),
            "The password must not contain your name, username or e-mail address.",
        ),
        (
            json!("password1"),
            "This password is too common. Choose another.",
        ),
        (
            json!("x".repeat(1025)),
            "At most 1024 characters are allowed.",
        ),
        (json!(12_345_678), "This must be a string."),
        (Value::Null, "This field is required."),
    ] {
        let body = json!({"current_password": ann.password, "new_password": new});
        let refused = ann.post("/auth/password", body).await;
        let refused = refused.assert(400, "INVALID_REQUEST");
        assert_eq!(refused.error("new_password"), sentence);
        assert_eq!(refused.error("current_password"), "(no error)");
    }
    let refused = ann.post("/auth/password", json!({})).await;
    let refused = refused.assert(400, "INVALID_REQUEST");
    for field in ["current_password", "new_password"] {
        assert_eq!(refused.error(field), "This field is required.");
    }
    ann.again().await;
}

#[tokio::test]
async fn an_account_without_a_password_cannot_set_its_first_one() {
    let app = App::start();
    let acme = app.client("acme").await;
    app.execute("UPDATE client_users SET password_hash = NULL")
        .await;
    for current in ["x", &acme.password] {
        let refused = change(&acme, current, NEW).await;
        let refused = refused.assert(400, "INVALID_REQUEST");
        assert_eq!(
            refused.error("current_password"),
            "The current password is incorrect."
        );
    }
    acme.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
}

#[tokio::test]
async fn of_two_changes_at_once_one_succeeds() {
    let app = App::start();
    let ann = app.user("ann").await;
    let other = ann.again().await;
    let answers = tokio::join!(
        async { change(&ann, &ann.password, "the one new password").await },
        async { change(&other, &ann.password, "the other new password").await },
    );
    let done = |status: u16| u8::from(status == 200);
    assert_eq!(done(answers.0.status) + done(answers.1.status), 1);
    let (kept, ended) = if answers.0.status == 200 {
        (&ann, &other)
    } else {
        (&other, &ann)
    };
    kept.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    ended
        .assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
        .await;
}
