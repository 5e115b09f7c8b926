//! `munjigi mail`, and the options that create an account with a link.

use super::place::{PASSWORD, Place, write};
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
        printed.contains("\nhttps://auth.example.org/account/password/"),
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
        text.contains("https://auth.example.org/account/password/"),
        "{text}"
    );
}

#[test]
fn templates_are_written_previewed_and_checked() {
    let place = Place::new();
    let written = place.done(&["mail", "templates", "mails"], "");
    assert!(
        written.contains("templates were written to mails"),
        "{written}"
    );
    let again = place.run(&["mail", "templates", "mails"]);
    assert_eq!(again.code, Some(1));
    assert!(
        again.stderr.contains("base.html cannot be written"),
        "{again:?}"
    );
    // The written ones are the built-in ones.
    let place = place.with("MUNJIGI_SMTP__TEMPLATES_DIR", "mails");
    for name in ["otp", "link", "change", "reuse", "test"] {
        for language in ["ko", "en"] {
            let preview = ["mail", "preview", name, "--language", language];
            let text = place.done(&preview, "");
            assert!(text.starts_with("Subject: "), "{text}");
            let html = place.done(&[&preview[..], &["--format", "html"]].concat(), "");
            let start = format!("<!doctype html>\n<html lang=\"{language}\">");
            assert!(html.starts_with(&start), "{html}");
            assert!(!text.contains("{{") && !html.contains("{{"), "{text}{html}");
        }
    }
    let own = "Subject: Welcome to {{ sender }}\n\nHello {{ login }}: {{ url }}\n";
    write(&place.path("mails/link.en.txt"), own);
    assert_eq!(
        place.done(&["mail", "preview", "link", "--language", "en"], ""),
        "Subject: Welcome to Example Market\n\nHello minji@example.org: https://auth.example.org/sample-of-a-link\n"
    );
    for (file, source, reason) in [
        (
            "link.en.txt",
            "Subject: x\n\n{{ url }} {{ lgoin }}",
            "link.en.txt: unknown placeholder {{ lgoin }}",
        ),
        (
            "link.en.txt",
            "Subject: x\n\nno link",
            "link.en.txt: the placeholder {{ url }} is missing",
        ),
        (
            "link.en.txt",
            "{{ url }}",
            "link.en.txt: the first line must be",
        ),
        ("link.en.txt", "Subject: {{ url", "link.en.txt: line 1: "),
        (
            "base.html",
            "{{ nothing }}",
            "base.html: unknown placeholder {{ nothing }}",
        ),
        (
            "lnik.en.txt",
            "",
            "there is no template with the name lnik.en.txt",
        ),
    ] {
        write(&place.path(&format!("mails/{file}")), source);
        let refused = place.run(&["mail", "preview", "test"]);
        assert_eq!(refused.code, Some(1), "{source}");
        let expected = format!("smtp.templates_dir: {reason}");
        assert!(refused.stderr.contains(&expected), "{reason}: {refused:?}");
        if file == "base.html" {
            std::fs::remove_file(place.path("mails/base.html")).unwrap();
        } else {
            write(&place.path("mails/link.en.txt"), own);
        }
    }
    let missing = place.with("MUNJIGI_SMTP__TEMPLATES_DIR", "nowhere");
    let refused = missing.run(&["mail", "preview", "test"]);
    assert!(
        refused.stderr.contains("nowhere cannot be read"),
        "{refused:?}"
    );
    assert_eq!(missing.run(&["mail", "preview", "letter"]).code, Some(2));
}

#[test]
fn a_command_that_mails_refuses_invalid_templates() {
    let place = without_mail_server()
        .with("MUNJIGI_SERVER__PUBLIC_URL", "https://auth.example.org")
        .with("MUNJIGI_SMTP__TEMPLATES_DIR", "mails");
    place.migrate();
    std::fs::create_dir(place.path("mails")).unwrap();
    write(&place.path("mails/otp.ko.txt"), "Subject: x\n\nno code");
    let invite = [
        "client",
        "create",
        "--invite",
        "--username",
        "acme",
        "--email",
        "acme@example.org",
    ];
    let refused = place.run(&invite);
    assert_eq!(refused.code, Some(1));
    let reason = "otp.ko.txt: the placeholder {{ code }} is missing";
    assert!(refused.stderr.contains(reason), "{refused:?}");
    assert_eq!(
        place
            .json(&["client", "list"], "")
            .as_array()
            .unwrap()
            .len(),
        0
    );
}
