//! Forgotten passwords.

use std::time::Duration;

use munjigi::{config::SmtpTls, domain::account::Role, http::admin::paths};
use serde_json::{Value, json};

use crate::{
    delivery::support::smtp_server::SmtpServer,
    support::{Answer, App, TIMEOUT},
};

const NEW: &str = "a new passphrase, long enough";

/// A server whose mail server cannot be reached.
fn without_delivery() -> App {
    App::with(|config| {
        config.smtp.host = Some("localhost".into());
        config.smtp.port = Some(1);
        config.smtp.tls = SmtpTls::None;
        config.smtp.from = Some("login@example.org".into());
        config.server.public_url = Some("http://login.example.org/".parse().unwrap());
    })
}

async fn forgot(app: &App, body: Value) -> Answer {
    app.anonymous().post("/auth/password/forgot", body).await
}

async fn forgot_user(app: &App, name: &str) {
    let body = json!({"email": format!("{name}@example.org")});
    forgot(app, body).await.assert(202, "RESET_SENT");
}

pub async fn reset(app: &App, token: &str, password: &str) -> Answer {
    let body = json!({"token": token, "new_password": password});
    app.anonymous().post("/auth/password/reset", body).await
}

/// The secret of the link in the next mail, which goes to `to`.
pub async fn secret(server: &mut SmtpServer, to: &str) -> String {
    let mail = server.next().await;
    assert_eq!(mail["to"], json!([to]));
    let text = mail["text"].as_str().unwrap();
    let mut words = text.split_whitespace();
    let url = words.find(|word| word.starts_with("http://login.example.org/account/"));
    let url = url.unwrap_or_else(|| panic!("{text}"));
    url.rsplit('/').next().unwrap().to_owned()
}

/// What an answer shows, except for its time, its id and the caller's quota.
fn shown(answer: &Answer) -> (u16, Value, Vec<(String, String)>) {
    let mut body = answer.body.clone();
    body["meta"] = Value::Null;
    let own = ["date", "x-request-id", "ratelimit"];
    let headers = answer.headers.iter();
    let headers = headers
        .filter(|(name, _)| !own.contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    (answer.status, body, headers.collect())
}

#[tokio::test]
async fn the_answer_is_the_same_whether_or_not_there_is_such_an_account() {
    let app = without_delivery();
    let root = app.admin("root").await;
    for name in ["known", "inactive", "unverified", "locked"] {
        app.make_user(name, Role::STAFF).await;
    }
    app.make_client("acme").await;
    for (seq, change) in [
        (3, json!({"is_active": false})),
        (4, json!({"email_verified": false})),
    ] {
        let changed = root.patch(&format!("/api/users/{seq}"), change).await;
        changed.assert(200, "USER_UPDATED");
    }
    for _ in 0..6 {
        let wrong = json!({"username": "locked@example.org", "password": "wrong"});
        app.anonymous().post("/auth/login", wrong).await;
    }
    let expected = shown(&forgot(&app, json!({"email": "nobody@example.org"})).await);
    assert_eq!(expected.0, 202);
    for body in [
        json!({"email": "known@example.org"}),
        json!({"email": "inactive@example.org"}),
        json!({"email": "unverified@example.org"}),
        json!({"email": "locked@example.org"}),
        json!({"email": "not an address"}),
        json!({"username": "acme"}),
        json!({"username": "nobody"}),
    ] {
        let answer = forgot(&app, body.clone()).await;
        assert_eq!(shown(&answer), expected, "{body}");
    }
    app.services().delivery.drain(TIMEOUT).await;
    // Nothing is stored for the others.
    let stored = "SELECT COUNT(*) AS number FROM set_up_links WHERE purpose = 'reset'";
    assert_eq!(app.number(stored).await, 3);
}

#[tokio::test]
async fn the_pause_between_two_requests_is_the_same_for_unknown_names() {
    let app = without_delivery();
    app.make_user("ann", Role::STAFF).await;
    app.make_client("acme").await;
    for name in ["ann", "nobody"] {
        forgot_user(&app, name).await;
        let again = json!({"email": format!("{}@EXAMPLE.org", name.to_uppercase())});
        let refused = forgot(&app, again).await.assert(429, "RATE_LIMITED");
        assert_eq!(refused.header("retry-after"), Some("60"), "{name}");
    }
    // Requests for codes are counted by themselves.
    let code = json!({"username": "acme"});
    app.anonymous()
        .post("/clients/otp/request", code.clone())
        .await
        .assert(200, "OTP_SENT");
    forgot(&app, code).await.assert(202, "RESET_SENT");
}

#[tokio::test]
async fn without_mail_there_is_no_self_service() {
    let app = App::start();
    let ann = app.user("ann").await;
    let answer = forgot(&app, json!({"email": "ann@example.org"})).await;
    answer.assert(404, "SELF_SERVICE_DISABLED");
    let body = json!({"new_email": "new@example.org", "current_password": ann.password});
    let answer = ann.post("/auth/email", body).await;
    answer.assert(404, "SELF_SERVICE_DISABLED");
    app.browser().get(paths::FORGOT).await.assert(404);
    assert!(!app.browser().open(paths::LOGIN).await.has("a"));
}

#[tokio::test]
async fn a_link_never_comes_from_the_request() {
    // No public URL, and not only this machine can reach the server: there is no address for links.
    let app = App::with(|config| {
        config.smtp.host = Some("localhost".into());
        config.smtp.tls = SmtpTls::None;
        config.smtp.from = Some("login@example.org".into());
        config.otp.delivery = munjigi::config::OtpDelivery::Off;
        config.server.listen = "0.0.0.0:0".parse().unwrap();
    });
    let answer = forgot(&app, json!({"email": "ann@example.org"})).await;
    answer.assert(404, "SELF_SERVICE_DISABLED");
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_forgotten_password_is_reset_by_the_mailed_link() {
    let mut server = SmtpServer::start(&["plain"]).await;
    let app = App::with_mail(&server);
    let (ann, acme) = (app.user("ann").await, app.client("acme").await);
    for (person, body, address) in [
        (&ann, json!({"email": "Ann@Example.org"}), "ann@example.org"),
        (&acme, json!({"username": "ACME"}), "client@example.org"),
    ] {
        forgot(&app, body).await.assert(202, "RESET_SENT");
        let secret = secret(&mut server, address).await;
        // A password that breaks the rules does not use the link up.
        let refused = reset(&app, &secret, "short").await;
        let refused = refused.assert(400, "INVALID_REQUEST");
        assert!(refused.body["errors"]["new_password"].is_array());
        let own = reset(&app, &secret, &person.login).await;
        own.assert(400, "INVALID_REQUEST");
        reset(&app, &secret, NEW)
            .await
            .assert(200, "PASSWORD_CHANGED");
        reset(&app, &secret, NEW).await.assert(400, "INVALID_LINK");
        person
            .assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
            .await;
        person.log_in().await.assert(401, "INVALID_CREDENTIALS");
        let body =
            json!({"username": person.login, "password": NEW, "user_type": person.user_type});
        let answer = app.anonymous().post("/auth/login", body).await;
        answer.assert(200, "LOGGED_IN");
        // The owner gets a mail.
        let notice = server.next().await;
        assert_eq!(notice["headers"]["subject"], "Your password was changed");
        assert_eq!(notice["to"], json!([address]));
    }
    let events = "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'reset_requested' AND outcome = 'done'";
    assert_eq!(app.number(events).await, 2);
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_reset_lifts_the_locks_of_the_account() {
    let mut server = SmtpServer::start(&["plain"]).await;
    let app = App::with_mail(&server);
    let ann = app.user("ann").await;
    for _ in 0..6 {
        let wrong = json!({"username": ann.login, "password": "wrong"});
        app.anonymous().post("/auth/login", wrong).await;
    }
    ann.log_in().await.assert(429, "RATE_LIMITED");
    forgot_user(&app, "ann").await;
    let secret = secret(&mut server, "ann@example.org").await;
    reset(&app, &secret, NEW)
        .await
        .assert(200, "PASSWORD_CHANGED");
    let body = json!({"username": ann.login, "password": NEW});
    let answer = app.anonymous().post("/auth/login", body).await;
    answer.assert(200, "LOGGED_IN");
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_reset_link_ends_with_a_newer_one_its_lifetime_and_changes_of_the_account() {
    let mut server = SmtpServer::start(&["plain"]).await;
    let app = App::with_mail(&server);
    let root = app.admin("root").await;
    let ann = app.make_user("ann", Role::STAFF).await;
    let path = format!("/api/users/{ann}");
    let mut address = "ann@example.org";
    forgot_user(&app, "ann").await;
    let first = secret(&mut server, address).await;
    app.advance(Duration::from_mins(2));
    for (change, next, mails) in [
        (json!({"password": "a password by root"}), address, 1),
        (json!({"email": "anna@example.org"}), "anna@example.org", 2),
        (json!({"email_verified": false}), "anna@example.org", 0),
        (json!({"is_active": false}), "anna@example.org", 0),
    ] {
        forgot(&app, json!({"email": address}))
            .await
            .assert(202, "RESET_SENT");
        let link = secret(&mut server, address).await;
        reset(&app, &first, NEW).await.assert(400, "INVALID_LINK");
        let changed = root.patch(&path, root.confirmed(change)).await;
        changed.assert(200, "USER_UPDATED");
        for _ in 0..mails {
            server.next().await;
        }
        let again = json!({"is_active": true, "email_verified": true});
        let changed = root.patch(&path, root.confirmed(again)).await;
        changed.assert(200, "USER_UPDATED");
        reset(&app, &link, NEW).await.assert(400, "INVALID_LINK");
        address = next;
        app.advance(Duration::from_mins(2));
    }
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_reset_link_expires() {
    let mut server = SmtpServer::start(&["plain"]).await;
    let app = App::with_mail(&server);
    app.make_user("ann", Role::STAFF).await;
    forgot_user(&app, "ann").await;
    let secret = secret(&mut server, "ann@example.org").await;
    app.advance(Duration::from_mins(30));
    reset(&app, &secret, NEW).await.assert(400, "INVALID_LINK");
    assert_eq!(
        app.browser()
            .get(&paths::password_link(&secret))
            .await
            .status,
        410
    );
}

#[tokio::test]
#[ignore = "tests/run"]
async fn of_many_simultaneous_resets_one_succeeds() {
    let mut server = SmtpServer::start(&["plain"]).await;
    let app = App::with_mail(&server);
    app.make_user("ann", Role::STAFF).await;
    forgot_user(&app, "ann").await;
    let secret = secret(&mut server, "ann@example.org").await;
    let another = app.another_instance();
    let resets = (0..8).map(|at| {
        let (app, secret) = (if at % 2 == 0 { &app } else { &another }, &secret);
        async move {
            let password = format!("the long password number {at}");
            reset(app, secret, &password).await.status
        }
    });
    let mut statuses = futures_util::future::join_all(resets).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400, 400, 400, 400, 400, 400, 400]);
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_request_of_a_stranger_leaves_the_link_of_an_administrator_valid() {
    let mut server = SmtpServer::start(&["plain"]).await;
    let app = App::with_mail(&server);
    let admin = app.signed_in("root", Role::ADMIN).await;
    let ann = app.make_user("ann", Role::STAFF).await;
    let person = paths::USERS.person(ann);
    let current = crate::support::password_of("root");
    let fields = [("current", current.as_str())];
    admin
        .post(&person.password_link(), &fields)
        .await
        .assert(303);
    let invitation = secret(&mut server, "ann@example.org").await;
    forgot_user(&app, "ann").await;
    let requested = secret(&mut server, "ann@example.org").await;
    let page = app.browser().get(&paths::password_link(&invitation)).await;
    page.assert(200);
    // A new link of the administrator replaces both.
    admin
        .post(&person.password_link(), &fields)
        .await
        .assert(303);
    let newest = secret(&mut server, "ann@example.org").await;
    for old in [&invitation, &requested] {
        reset(&app, old, NEW).await.assert(400, "INVALID_LINK");
    }
    reset(&app, &newest, NEW)
        .await
        .assert(200, "PASSWORD_CHANGED");
}

#[tokio::test]
#[ignore = "tests/run"]
async fn links_lead_to_the_teams_own_application_with_the_secret_in_the_fragment() {
    let mut server = SmtpServer::start(&["plain"]).await;
    let app = App::with_mail(&server).restarted_with(|config| {
        config.login.reset_url = Some("https://app.example.org/reset?x=1".parse().unwrap());
    });
    app.make_user("ann", Role::STAFF).await;
    forgot_user(&app, "ann").await;
    let mail = server.next().await;
    let text = mail["text"].as_str().unwrap();
    let (_, secret) = text
        .split_once("https://app.example.org/reset?x=1#token=")
        .unwrap_or_else(|| panic!("{text}"));
    let secret = secret.split_whitespace().next().unwrap();
    reset(&app, secret, NEW)
        .await
        .assert(200, "PASSWORD_CHANGED");
}

#[tokio::test]
#[ignore = "tests/run"]
async fn the_pages_reset_a_password_without_scripts() {
    let mut server = SmtpServer::start(&["plain"]).await;
    let app = App::with_mail(&server);
    app.make_client("acme").await;
    let browser = app.browser().speaking("ko");
    let link = browser
        .open(paths::LOGIN)
        .await
        .attr(".gate-note a", "href");
    assert_eq!(link, paths::FORGOT);
    let page = browser.open(&link).await;
    assert_eq!(page.text("h1"), "비밀번호 재설정");
    browser
        .post(paths::FORGOT, &[("login", " ")])
        .await
        .assert(422);
    let sent = browser.post(paths::FORGOT, &[("login", "acme")]).await;
    sent.leads_to(paths::FORGOT_SENT);
    browser.open(paths::FORGOT_SENT).await;
    let unknown = browser.post(paths::FORGOT, &[("login", "nobody")]).await;
    unknown.leads_to(paths::FORGOT_SENT);
    let secret = secret(&mut server, "client@example.org").await;
    let link = paths::password_link(&secret);
    // Links from before the pages had a scope of their own.
    let former = browser.get(&paths::former_password_link(&secret)).await;
    former.leads_to(&link);
    let page = browser.open(&link).await;
    assert!(page.text(".gate-lead").contains("acme"));
    assert!(!page.has("nav"));
    let fields = [("password", NEW), ("repeat", NEW)];
    browser
        .post(&link, &fields)
        .await
        .leads_to(paths::PASSWORD_SET);
    browser.open(paths::PASSWORD_SET).await;
    let expired = browser.get(&link).await.assert(410);
    assert_eq!(expired.attr(".gate-actions a", "href"), paths::FORGOT);
    // The switch of the language returns to the page.
    let fields = [("language", "en"), ("next", paths::FORGOT)];
    let english = browser.post(paths::OWNERS_LANGUAGE, &fields).await;
    english.leads_to(paths::FORGOT);
    let page = browser.open(paths::FORGOT).await;
    assert_eq!(
        page.attr("form.languages", "action"),
        paths::OWNERS_LANGUAGE
    );
    assert_eq!(page.text("h1"), "Reset your password");
}
