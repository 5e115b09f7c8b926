//! `invite` of new users and clients: the owner is mailed a link to set the password.

use munjigi::config::{Config, SmtpTls};
use serde_json::{Value, json};

use crate::{
    delivery::support::smtp_server::SmtpServer,
    support::{App, TIMEOUT},
};

/// A mail server that does not exist, and a public URL.
fn configured(config: &mut Config) {
    config.smtp.host = Some("localhost".into());
    config.smtp.port = Some(1);
    config.smtp.tls = SmtpTls::None;
    config.smtp.from = Some("login@example.org".into());
    config.server.public_url = Some("http://login.example.org/".parse().unwrap());
}

fn bodies(change: &Value) -> [(&'static str, Value); 2] {
    let user = json!({"email": "new@example.org", "name": "New", "invite": true});
    let client = json!({"username": "new", "email": "new@example.org", "invite": true});
    [("/api/users", user), ("/api/clients", client)].map(|(path, mut body)| {
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        (path, body)
    })
}

#[tokio::test]
async fn what_an_invitation_lacks_is_named_and_no_account_is_created() {
    let bare = App::start();
    let root = bare.admin("root").await;
    for (path, body) in bodies(&json!({})) {
        let refused = root.post(path, body).await;
        insta::allow_duplicates! {
            insta::assert_json_snapshot!(refused.assert(400, "INVALID_REQUEST").body["errors"], @r#"
            {
              "invite": [
                "This server cannot send mail: set smtp.host and smtp.from.",
                "The link needs the address of this server: set server.public_url."
              ]
            }
            "#);
        }
    }
    let app = App::with(configured);
    let root = app.admin("root").await;
    for (change, sentence) in [
        (
            json!({"password": "a long password of new"}),
            "Send either a password or an invitation, not both.",
        ),
        (
            json!({"is_active": false}),
            "An inactive account cannot be invited.",
        ),
    ] {
        for (path, body) in bodies(&change) {
            let refused = root.post(path, body).await;
            let refused = refused.assert(400, "INVALID_REQUEST");
            assert_eq!(refused.error("invite"), sentence);
        }
    }
    let nowhere = json!({"username": "new", "name": "New", "invite": true});
    for path in ["/api/users", "/api/clients"] {
        let refused = root.post(path, nowhere.clone()).await;
        let refused = refused.assert(400, "INVALID_REQUEST");
        let sentence = "The account needs an e-mail address to be invited.";
        assert_eq!(refused.error("invite"), sentence);
    }
    let wrong = json!({"email": "new@example.org", "name": "New", "invite": "yes"});
    let refused = root.post("/api/users", wrong).await;
    refused.assert(400, "INVALID_REQUEST").error("invite");
    let none = json!({"email": "new@example.org", "name": "New", "invite": false});
    let refused = root.post("/api/users", none).await;
    refused.assert(400, "INVALID_REQUEST").error("password");
    for table in ["client_users", "deliveries", "set_up_links"] {
        let query = format!("SELECT COUNT(*) AS number FROM {table}");
        assert_eq!(app.number(&query).await, 0, "{table}");
    }
}

#[tokio::test]
async fn an_invitation_that_could_not_be_mailed_has_failed() {
    let app = App::with(configured);
    let root = app.admin("root").await;
    for (path, body) in bodies(&json!({})) {
        root.post(path, body).await.assert_status(201);
    }
    let services = app.services();
    services.delivery.drain(TIMEOUT).await;
    services
        .deliveries
        .write(&services.store, &services.audit_log, services.clock.now())
        .await
        .unwrap();
    let failed = "SELECT COUNT(*) AS number FROM deliveries WHERE kind = 'password_link' AND state = 'failed'";
    assert_eq!(app.number(failed).await, 2);
}

#[tokio::test]
#[ignore = "tests/run"]
async fn an_invited_owner_sets_the_password_and_logs_in() {
    let mut server = SmtpServer::start(&["plain"]).await;
    let app = App::with_mail(&server);
    let root = app.admin("root").await;
    for (path, body) in bodies(&json!({})) {
        root.post(path, body).await.assert_status(201);
        let mail = server.next().await;
        assert_eq!(mail["to"], json!(["new@example.org"]));
        assert_eq!(mail["headers"]["subject"], "Set your password");
        let text = mail["text"].as_str().unwrap();
        let base = "http://login.example.org";
        let link = text
            .lines()
            .find_map(|line| line.strip_prefix(base))
            .unwrap();
        let password = "a long password of the invited";
        let fields = [("password", password), ("repeat", password)];
        app.browser().post(link, &fields).await.assert(303);
        let (name, user_type) = match path {
            "/api/users" => ("new@example.org", "user"),
            _ => ("new", "client"),
        };
        let body = json!({"username": name, "password": password, "user_type": user_type});
        let pair = app.anonymous().post("/auth/login", body).await;
        pair.assert(200, "LOGGED_IN");
    }
}
