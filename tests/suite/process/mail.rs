//! `munjigi mail`, and the options that create an account with a link.

use super::place::{PASSWORD, Place};
use crate::delivery::support::smtp_server::SmtpServer;

/// A mail server that does not exist.
fn without_mail_server() -> Place {
    Place::new()
        .with("MUNJIGI_SMTP__HOST", "localhost")
        .with("MUNJIGI_SMTP__PORT", "1")
        .with("MUNJIGI_SMTP__TLS", "none")
        .with("MUNJIGI_SMTP__FROM", "login@example.org")
}

#[test]
fn a_test_mail_that_is_not_accepted_has_exit_code_1_and_a_reason() {
    let place = without_mail_server();
    let refused = place.run(&["mail", "test", "ann@example.org"]);
    assert_eq!(refused.code, Some(1));
    let reason = "localhost:1 did not accept the mail to ann@example.org: ";
    assert!(refused.stderr.contains(reason), "{refused:?}");
    let none = Place::new().run(&["mail", "test", "ann@example.org"]);
    assert_eq!(none.code, Some(1));
    assert!(none.stderr.contains("smtp.host"), "{none:?}");
    for wrong in [
        &["mail", "test", "ann"][..],
        &["mail", "test", "a@example.org", "--language", "fr"],
    ] {
        assert_eq!(place.run(wrong).code, Some(2));
    }
    assert!(!place.path("munjigi-data").exists());
}

#[test]
fn a_link_is_printed_instead_of_mailed() {
    let place = Place::new().with("MUNJIGI_SERVER__PUBLIC_URL", "https://auth.example.org");
    place.migrate();
    let user = [
        "user",
        "create",
        "--show-link",
        "--username",
        "ann",
        "--name",
        "Ann",
    ];
    let printed = place.done(&user, "");
    assert!(printed.contains("User 1 ann was created"), "{printed}");
    assert!(
        printed.contains("\nhttps://auth.example.org/admin/password/"),
        "{printed}"
    );
    let client = ["client", "create", "--show-link", "--username", "acme"];
    let created = place.json(&client, "");
    assert_eq!(created["username"], "acme");
    let url = created["password_link"]["url"].as_str().unwrap();
    assert!(url.starts_with("https://auth.example.org/"), "{url}");
}

#[test]
fn an_invitation_that_cannot_be_mailed_creates_no_account() {
    let place = Place::new();
    place.migrate();
    let invite = [
        "user",
        "create",
        "--invite",
        "--username",
        "ann",
        "--name",
        "Ann",
    ];
    let refused = place.run(&invite);
    assert_eq!(refused.code, Some(1));
    for part in [
        "invite: ",
        "e-mail address",
        "smtp.host",
        "server.public_url",
    ] {
        assert!(refused.stderr.contains(part), "{refused:?}");
    }
    assert_eq!(
        place.json(&["user", "list"], "").as_array().unwrap().len(),
        0
    );
    for other in ["--show-link", "--password-stdin"] {
        let both = place.run_with_input(&[&invite[..], &[other]].concat(), PASSWORD);
        assert_eq!(both.code, Some(2), "{both:?}");
    }
}

#[test]
fn a_failed_invitation_has_exit_code_1_and_the_account_exists() {
    let place =
        without_mail_server().with("MUNJIGI_SERVER__PUBLIC_URL", "https://auth.example.org");
    place.migrate();
    let invite = [
        "client",
        "create",
        "--invite",
        "--username",
        "acme",
        "--email",
        "acme@example.org",
    ];
    let failed = place.run(&invite);
    assert_eq!(failed.code, Some(1));
    assert!(
        failed.stdout.contains("Client 1 acme was created"),
        "{failed:?}"
    );
    let reason = "the mail to acme@example.org was not sent: ";
    assert!(failed.stderr.contains(reason), "{failed:?}");
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_test_mail_and_an_invitation_are_sent() {
    let mut server = SmtpServer::start(&["plain"]).await;
    let port = server
        .settings(munjigi::config::SmtpTls::None, None)
        .port
        .unwrap();
    let place = without_mail_server()
        .with("MUNJIGI_SMTP__PORT", port.to_string())
        .with("MUNJIGI_SERVER__PUBLIC_URL", "https://auth.example.org");
    place.migrate();
    let printed = place.done(&["mail", "test", "ann@example.org", "--language", "ko"], "");
    assert!(
        printed.contains("accepted the mail to ann@example.org: 250"),
        "{printed}"
    );
    let mail = server.next().await;
    assert_eq!(mail["headers"]["subject"], "테스트 메일");
    let invite = [
        "user",
        "create",
        "--invite",
        "--email",
        "ann@example.org",
        "--name",
        "Ann",
    ];
    let created = place.json(&invite, "");
    assert_eq!(created["password_link"]["state"], "sent");
    let mail = server.next().await;
    let text = mail["text"].as_str().unwrap();
    assert!(
        text.contains("https://auth.example.org/admin/password/"),
        "{text}"
    );
}
