//! What changes of logins with the API need of a caller who has a second factor: a proof by it in the last five minutes.

use std::time::Duration;

use munjigi::config::{Config, SmtpTls};
use serde_json::{Value, json};

use crate::{
    delivery::support::smtp_server::SmtpServer,
    support::{Answer, App, Person, totp::Totp},
};

const NEW: &str = "a new password, long enough";

fn with_mail(config: &mut Config, port: Option<u16>) {
    config.smtp.host = Some("localhost".into());
    config.smtp.port = port;
    config.smtp.tls = SmtpTls::None;
    config.smtp.from = Some("login@example.org".into());
    config.server.public_url = Some("http://login.example.org/".parse().unwrap());
}

/// A server whose mail server cannot be reached.
fn start() -> App {
    App::with(|config| with_mail(config, Some(1)))
}

/// Proves the second factor again.
async fn prove(app: &App, person: &Person, factor: &Totp) {
    let body = json!({"code": factor.code(app)});
    let proved = person.post("/auth/reauthenticate", body).await;
    proved.assert(200, "REAUTHENTICATED");
}

fn assert_asks_for_factor(answer: Answer) {
    let refused = answer.assert(403, "REAUTHENTICATION_REQUIRED");
    assert_eq!(refused["methods"], json!(["totp", "recovery_code"]));
}

#[tokio::test]
async fn the_own_password_is_changed_with_the_current_one_and_the_factor() {
    let app = start();
    let ann = app.user("ann").await;
    let factor = Totp::of(&app, &ann).await;
    let body = json!({"current_password": ann.password, "new_password": NEW});
    app.advance(Duration::from_mins(5));
    assert_asks_for_factor(ann.post("/auth/password", body.clone()).await);
    prove(&app, &ann, &factor).await;
    // The factor alone is not enough (ASVS 5.0 6.2.3).
    let wrong = json!({"current_password": "not my password", "new_password": NEW});
    let wrong = ann.post("/auth/password", wrong).await;
    assert_eq!(
        wrong.assert(400, "INVALID_REQUEST").wrong_fields(),
        ["current_password"].into()
    );
    let missing = ann
        .post("/auth/password", json!({"new_password": NEW}))
        .await;
    missing.assert(400, "INVALID_REQUEST");
    ann.post("/auth/password", body)
        .await
        .assert(200, "PASSWORD_CHANGED");
}

#[tokio::test]
async fn the_own_address_is_changed_with_the_factor_or_without_one_with_the_password() {
    let app = start();
    for is_user in [true, false] {
        let person = if is_user {
            app.user("ann").await
        } else {
            app.client("acme").await
        };
        let change = async |current: Option<&str>| {
            let mut body = json!({"new_email": "new@example.org"});
            if let Some(current) = current {
                body["current_password"] = current.into();
            }
            person.post("/auth/email", body).await
        };
        // Without a second factor only the password counts, however recent the login is.
        let missing = change(None).await.assert(400, "INVALID_REQUEST");
        assert_eq!(missing.wrong_fields(), ["current_password"].into());
        let factor = Totp::of(&app, &person).await;
        app.advance(Duration::from_mins(5));
        assert_asks_for_factor(change(Some(&person.password)).await);
        assert_asks_for_factor(change(None).await);
        prove(&app, &person, &factor).await;
        change(None).await.assert(202, "CONFIRMATION_SENT");
        // A password that is sent must be right.
        let wrong = change(Some("not my password")).await;
        wrong.assert(400, "INVALID_REQUEST");
    }
}

#[tokio::test]
async fn an_administrator_with_a_second_factor_proves_it_before_changes_of_others() {
    let app = start();
    let root = app.admin("root").await;
    let (ann, acme) = (app.user("ann").await, app.client("acme").await);
    let factor = Totp::of(&app, &root).await;
    let (of_ann, of_acme) = (
        format!("/api/users/{}", ann.seq),
        format!("/api/clients/{}", acme.seq),
    );
    let new = json!({"email": "eve@example.org", "name": "Eve", "role": "admin", "password": NEW});
    for (method, path, body, status) in [
        ("PATCH", of_ann.as_str(), json!({"password": NEW}), 200),
        ("PATCH", &of_acme, json!({"password": NEW}), 200),
        ("POST", "/api/users", new, 201),
    ] {
        app.advance(Duration::from_mins(5));
        let send = async |body: &Value| root.call(method, path).json(body).await;
        assert_asks_for_factor(send(&body).await);
        assert_asks_for_factor(send(&root.confirmed(body.clone())).await);
        prove(&app, &root, &factor).await;
        let mut wrong = body.clone();
        wrong["current_password"] = "not my password".into();
        send(&wrong).await.assert_status(400);
        send(&body).await.assert_status(status);
    }
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_client_without_a_password_changes_its_address_after_a_login_by_code() {
    let mut server = SmtpServer::start(&["plain"]).await;
    let port = server.settings(SmtpTls::None, None).port;
    let app = App::with_gateway(|config| with_mail(config, port));
    app.make_client("acme").await;
    app.execute("UPDATE client_users SET password_hash = NULL")
        .await;
    let anonymous = app.anonymous();
    let log_in = async |count: usize| {
        let sent = anonymous
            .post("/clients/otp/request", json!({"username": "acme"}))
            .await;
        let id = sent.assert(200, "OTP_SENT").text_of("challenge_id");
        let code = app.codes(count).await.pop().unwrap();
        let body = json!({"challenge_id": id, "code": code});
        let logged_in = anonymous.post("/clients/otp/verify", body).await;
        logged_in.assert(200, "LOGGED_IN").text_of("access")
    };
    let change = async |access: &str| {
        let body = json!({"new_email": "other@example.org"});
        anonymous.post("/auth/email", body).bearer(access).await
    };
    let access = log_in(1).await;
    app.advance(Duration::from_mins(5));
    let refused = change(&access).await;
    let refused = refused.assert(403, "REAUTHENTICATION_REQUIRED");
    // By another login.
    assert_eq!(refused["methods"], json!([]));
    let access = log_in(2).await;
    change(&access).await.assert(202, "CONFIRMATION_SENT");
    let mut link = None;
    while link.is_none() {
        let mail = server.next().await;
        let text = mail["text"].as_str().unwrap();
        link = text
            .split_once("/account/email/")
            .map(|(_, rest)| rest.split_whitespace().next().unwrap().to_owned());
    }
    let body = json!({"token": link.unwrap()});
    let confirmed = anonymous.post("/auth/email/confirm", body).await;
    confirmed.assert(200, "EMAIL_CHANGED");
}
