//! Verified e-mail addresses, and changes of the address by its owner.

use std::time::Duration;

use munjigi::{domain::account::Role, http::admin::paths};
use serde_json::{Value, json};

use super::self_service::{reset, secret};
use crate::{
    delivery::support::smtp_server::SmtpServer,
    support::{Answer, App, password_of},
};

const NEW: &str = "a new passphrase, long enough";

async fn confirm(app: &App, token: &str) -> Answer {
    app.anonymous()
        .post("/auth/email/confirm", json!({"token": token}))
        .await
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_new_address_replaces_the_old_one_when_it_is_confirmed() {
    let mut server = SmtpServer::start(&["plain"]).await;
    let app = App::with_mail(&server);
    let (ann, acme) = (app.user("ann").await, app.client("acme").await);
    for (person, old) in [(&ann, "ann@example.org"), (&acme, "client@example.org")] {
        let new = format!("new-{}@example.org", person.user_type);
        let wrong = json!({"new_email": new, "current_password": "wrong"});
        let refused = person.post("/auth/email", wrong).await;
        let refused = refused.assert(400, "INVALID_REQUEST");
        assert!(refused.body["errors"]["current_password"].is_array());
        let body = json!({"new_email": new, "current_password": person.password});
        let sent = person.post("/auth/email", body).await;
        sent.assert(202, "CONFIRMATION_SENT");
        let (mut secret, mut subjects) = (String::new(), Vec::new());
        for _ in 0..2 {
            let mail = server.next().await;
            let to = mail["to"][0].as_str().unwrap().to_owned();
            let text = mail["text"].as_str().unwrap();
            if let Some((_, rest)) = text.split_once("/account/email/") {
                secret = rest.split_whitespace().next().unwrap().to_owned();
            }
            subjects.push((to, mail["headers"]["subject"].as_str().unwrap().to_owned()));
        }
        subjects.sort();
        let mut expected = vec![
            (
                old.to_owned(),
                "A change of your e-mail address was requested".to_owned(),
            ),
            (new.clone(), "Confirm your e-mail address".to_owned()),
        ];
        expected.sort();
        assert_eq!(subjects, expected);
        assert_eq!(person.get("/api/me").await["email"], old);
        confirm(&app, &secret).await.assert(200, "EMAIL_CHANGED");
        confirm(&app, &secret).await.assert(400, "INVALID_LINK");
        let me = person.get("/api/me").await;
        assert_eq!(
            (&me["email"], &me["email_verified"]),
            (&json!(new), &json!(true))
        );
        for _ in 0..2 {
            let mail = server.next().await;
            assert_eq!(
                mail["headers"]["subject"],
                "Your e-mail address was changed"
            );
        }
    }
}

#[tokio::test]
#[ignore = "tests/run"]
async fn an_address_that_another_user_has_meanwhile_is_refused_when_it_is_confirmed() {
    let mut server = SmtpServer::start(&["plain"]).await;
    let app = App::with_mail(&server);
    let ann = app.user("ann").await;
    let body = json!({"new_email": "bob@example.org", "current_password": ann.password});
    let sent = ann.post("/auth/email", body).await;
    sent.assert(202, "CONFIRMATION_SENT");
    let mut link = None;
    for _ in 0..2 {
        let mail = server.next().await;
        let text = mail["text"].as_str().unwrap();
        let found = text.split_once("/account/email/");
        link = link.or(found.map(|(_, rest)| rest.split_whitespace().next().unwrap().to_owned()));
    }
    let secret = link.unwrap();
    app.make_user("bob", Role::STAFF).await;
    let refused = confirm(&app, &secret).await.assert(409, "ALREADY_EXISTS");
    assert!(refused.body["errors"]["email"].is_array());
    let browser = app.browser();
    let path = paths::confirm_email(&secret);
    let page = browser.open(&path).await;
    assert!(page.text("main").contains("bob@example.org"));
    let page = browser.post(&path, &[]).await.assert(409);
    assert!(page.has(".banner.is-danger"));
    let bob = app.number("SELECT id AS number FROM users WHERE email = 'bob@example.org'");
    app.execute(&format!("DELETE FROM users WHERE id = {}", bob.await))
        .await;
    browser
        .post(&path, &[])
        .await
        .leads_to(paths::EMAIL_CONFIRMED);
    browser.open(paths::EMAIL_CONFIRMED).await;
    browser.get(&path).await.assert(410);
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_changed_password_ends_the_link_of_a_new_address() {
    let mut server = SmtpServer::start(&["plain"]).await;
    let app = App::with_mail(&server);
    let ann = app.user("ann").await;
    let body = json!({"new_email": "new@example.org", "current_password": ann.password});
    let sent = ann.post("/auth/email", body).await;
    sent.assert(202, "CONFIRMATION_SENT");
    let mut texts = String::new();
    for _ in 0..2 {
        texts += server.next().await["text"].as_str().unwrap();
    }
    let (_, rest) = texts.split_once("/account/email/").unwrap();
    let secret = rest.split_whitespace().next().unwrap();
    let body = json!({"current_password": ann.password, "new_password": NEW});
    let changed = ann.post("/auth/password", body).await;
    changed.assert(200, "PASSWORD_CHANGED");
    confirm(&app, secret).await.assert(400, "INVALID_LINK");
}

#[tokio::test]
async fn codes_are_not_sent_to_an_address_that_is_not_verified() {
    let app = App::with_gateway(|_| ());
    let root = app.admin("root").await;
    let new = json!({"username": "acme", "email": "acme@example.org", "email_verified": false});
    let made = root
        .post("/api/clients", new)
        .await
        .assert(201, "CLIENT_CREATED");
    assert_eq!(made["email_verified"], false);
    let request = json!({"username": "acme"});
    let sent = app
        .anonymous()
        .post("/clients/otp/request", request.clone())
        .await;
    sent.assert(200, "OTP_SENT");
    app.codes(1).await;
    let received = app.gateway.as_ref().unwrap().wait_for(1).await;
    assert_eq!(received[0].json()["data"]["email"], Value::Null);
    // An administrator who knows better can say so, with the current password.
    let path = format!("/api/clients/{}", made["user_seq"]);
    let verified = json!({"email_verified": true});
    let refused = root.patch(&path, verified.clone()).await;
    refused.assert(403, "CURRENT_PASSWORD_REQUIRED");
    let changed = root.patch(&path, root.confirmed(verified)).await;
    assert_eq!(
        changed.assert(200, "CLIENT_UPDATED")["email_verified"],
        true
    );
    app.advance(Duration::from_mins(2));
    let sent = app.anonymous().post("/clients/otp/request", request).await;
    sent.assert(200, "OTP_SENT");
    app.codes(2).await;
    let received = app.gateway.as_ref().unwrap().wait_for(2).await;
    assert_eq!(received[1].json()["data"]["email"], "acme@example.org");
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_mailed_password_link_verifies_the_address() {
    let mut server = SmtpServer::start(&["plain"]).await;
    let app = App::with_mail(&server);
    let admin = app.signed_in("root", Role::ADMIN).await;
    let root = app.admin("root2").await;
    let ann = app.make_user("ann", Role::STAFF).await;
    let path = format!("/api/users/{ann}");
    let changed = root.patch(&path, json!({"email_verified": false})).await;
    assert_eq!(changed.assert(200, "USER_UPDATED")["email_verified"], false);
    let current = password_of("root");
    let link = paths::USERS.person(ann).password_link();
    let fields = [("current", current.as_str())];
    admin.post(&link, &fields).await.assert(303);
    let secret = secret(&mut server, "ann@example.org").await;
    reset(&app, &secret, NEW)
        .await
        .assert(200, "PASSWORD_CHANGED");
    assert_eq!(root.get(&path).await["email_verified"], true);
}

#[tokio::test]
async fn the_form_of_an_account_verifies_addresses() {
    let app = App::start();
    let admin = app.signed_in("root", Role::ADMIN).await;
    let acme = app.make_client("acme").await;
    let path = paths::CLIENTS.person(acme).edit();
    let page = admin.open(&path).await;
    assert_eq!(
        page.count("input[type=checkbox][name=email_verified][checked]"),
        1
    );
    let stamp = page.attr("input[name=updated_at]", "value");
    let fields = [
        ("updated_at", stamp.as_str()),
        ("username", "acme"),
        ("email", "client@example.org"),
        ("phone", "+82 10-1234-5678"),
        ("email_verified", "false"),
    ];
    app.advance(Duration::from_secs(1));
    admin.post(&path, &fields).await.assert(303);
    let unverified = "SELECT COUNT(*) AS number FROM client_users WHERE email_verified_at IS NULL";
    assert_eq!(app.number(unverified).await, 1);
    let page = admin.open(&path).await;
    assert_eq!(
        page.count("input[type=checkbox][name=email_verified][checked]"),
        0
    );
}
