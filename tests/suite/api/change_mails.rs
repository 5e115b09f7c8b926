//! Mails to the owner of an account whose password or e-mail address was changed.

use munjigi::domain::account::Role;
use serde_json::{Value, json};

use crate::{
    delivery::support::smtp_server::SmtpServer,
    support::{App, TIMEOUT, totp::Totp},
};

const NEW: &str = "a new passphrase, long enough";

/// The recipients and the subjects of the next mails, sorted.
async fn next(server: &mut SmtpServer, count: usize) -> Vec<(String, String)> {
    let mut mails = Vec::new();
    for _ in 0..count {
        let mail = server.next().await;
        let to = mail["to"][0].as_str().unwrap().to_owned();
        let subject = mail["headers"]["subject"].as_str().unwrap().to_owned();
        mails.push((to, subject));
    }
    mails.sort();
    mails
}

fn mail(to: &str, subject: &str) -> (String, String) {
    (to.to_owned(), subject.to_owned())
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_new_password_is_mailed_to_the_owner() {
    let mut server = SmtpServer::start(&["plain"]).await;
    let app = App::with_mail(&server);
    let (root, ann) = (app.admin("root").await, app.user("ann").await);
    let body = json!({"current_password": ann.password, "new_password": NEW});
    let changed = ann.post("/auth/password", body).await;
    changed.assert(200, "PASSWORD_CHANGED");
    let sent = server.next().await;
    assert_eq!(sent["to"], json!(["ann@example.org"]));
    assert_eq!(sent["headers"]["subject"], "Your password was changed");
    for form in ["text", "html"] {
        let text = sent[form].as_str().unwrap();
        for part in ["ann@example.org", "2026-02-14 12:30:45 UTC", "127.0.0.1"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains(NEW), "{text}");
    }
    // By an administrator, in the language of the owner.
    app.execute(
        "INSERT INTO panel_preferences (user_seq, language, theme) VALUES (2, 'ko', 'system')",
    )
    .await;
    let path = format!("/api/users/{}", ann.seq);
    let body = root.confirmed(json!({"password": "another passphrase, long enough"}));
    root.patch(&path, body).await.assert(200, "USER_UPDATED");
    let sent = next(&mut server, 1).await;
    assert_eq!(sent, [mail("ann@example.org", "비밀번호가 변경되었습니다")]);
    // Another change is not mailed.
    let renamed = root.patch(&path, json!({"name": "Anna"})).await;
    renamed.assert(200, "USER_UPDATED");
    app.services().delivery.drain(TIMEOUT).await;
    assert!(server.rest().is_empty());
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_new_address_is_mailed_to_the_old_one_as_well() {
    let mut server = SmtpServer::start(&["plain"]).await;
    let app = App::with_mail(&server);
    let root = app.admin("root").await;
    let (ann, acme) = (
        app.make_user("ann", Role::STAFF).await,
        app.make_client("acme").await,
    );
    let subject = "Your e-mail address was changed";
    let change = async |path: String, body: Value| {
        let changed = root.patch(&path, root.confirmed(body)).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
    };
    let body = json!({"email": "anna@elsewhere.example", "password": NEW});
    change(format!("/api/users/{ann}"), body).await;
    assert_eq!(
        next(&mut server, 3).await,
        [
            mail("ann@example.org", subject),
            mail("ann@example.org", "Your password was changed"),
            mail("anna@elsewhere.example", subject),
        ]
    );
    let of_client = format!("/api/clients/{acme}");
    change(of_client.clone(), json!({"email": null})).await;
    let sent = server.next().await;
    assert_eq!(sent["to"], json!(["client@example.org"]));
    assert!(sent["text"].as_str().unwrap().contains("was removed"));
    change(of_client, json!({"email": "new@elsewhere.example"})).await;
    let sent = server.next().await;
    assert_eq!(sent["to"], json!(["new@elsewhere.example"]));
    // The new address is masked: the old one may be read by others.
    let text = sent["text"].as_str().unwrap();
    assert!(
        text.contains("n***@elsewhere.example") && text.contains("acme"),
        "{text}"
    );
    app.services().delivery.drain(TIMEOUT).await;
    assert!(server.rest().is_empty());
}

#[tokio::test]
#[ignore = "tests/run"]
async fn changes_of_second_factors_are_mailed_to_the_owner() {
    let mut server = SmtpServer::start(&["plain"]).await;
    let app = App::with_mail(&server);
    let ann = app.user("ann").await;
    let factor = Totp::of(&app, &ann).await;
    let required = ann.log_in().await.assert(401, "SECOND_FACTOR_REQUIRED");
    let body = json!({
        "challenge_id": required["challenge_id"], "method": "recovery_code", "code": factor.recovery_codes[0],
    });
    let step = app
        .anonymous()
        .post("/auth/login/second-factor", body)
        .await;
    step.assert(200, "LOGGED_IN");
    let new = ann
        .call("POST", "/auth/second-factors/recovery-codes")
        .await;
    new.assert(200, "RECOVERY_CODES");
    let removed = ann.delete("/auth/second-factors/totp").await;
    removed.assert(200, "SECOND_FACTOR_REMOVED");
    let sent = next(&mut server, 4).await;
    let subjects = [
        "A recovery code was used",
        "A second factor was set up",
        "You have new recovery codes",
        "Your second factor was removed",
    ];
    assert_eq!(
        sent,
        subjects.map(|subject| mail("ann@example.org", subject))
    );
}
