//! Mail with a real mail server, which decodes the messages.

use std::time::Duration;

use munjigi::{
    clock::{Clock, Timestamp},
    config::{Secret, SmtpConfig, SmtpTls, Span},
    delivery::{Channel, Delivery, DeliveryError},
    domain::language::Language,
};
use serde_json::{Value, json};

use super::support::{
    counts, logs, notice,
    smtp_server::{Certificates, SmtpServer},
    wait_for_outcomes,
};

fn start(settings: SmtpConfig) -> Delivery {
    let now = Timestamp::from_unix_seconds(1_771_072_245).unwrap();
    Delivery::start(Channel::Smtp(settings), None, None, 8, Clock::fixed(now)).unwrap()
}

fn text<'a>(event: &'a Value, name: &str) -> &'a str {
    event[name].as_str().unwrap()
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_mail_contains_the_code_as_text_and_html_in_the_clients_language() {
    let mut server = SmtpServer::start(&["plain"]).await;
    let delivery = start(server.settings(SmtpTls::None, None));
    for (language, id, code, subject, lifetime) in [
        (
            Language::Ko,
            "mail-ko",
            "3300000001",
            "로그인 인증번호 안내",
            "5분",
        ),
        (
            Language::En,
            "mail-en",
            "3300000002",
            "Your login code",
            "5 minutes",
        ),
    ] {
        let mut notice = notice(id, code);
        notice.language = language;
        delivery.send(notice);
        let mail = server.next().await;
        assert_eq!(mail["event"], "accepted");
        assert_eq!(mail["from"], "login@example.org");
        assert_eq!(mail["to"], json!(["ann.lee@example.org"]));
        let headers = &mail["headers"];
        assert_eq!(headers["subject"], subject);
        assert_eq!(headers["from"], "Example Market <login@example.org>");
        assert_eq!(headers["date"], "Sat, 14 Feb 2026 12:30:45 +0000");
        assert_eq!(headers["auto-submitted"], "auto-generated");
        assert_eq!(headers["content-language"], language.tag());
        assert!(text(headers, "content-type").starts_with("multipart/alternative"));
        assert!(text(headers, "message-id").ends_with("@example.org>"));
        assert!(!headers.to_string().contains(code), "{headers}");
        assert!(!mail.to_string().contains("challenge-"), "{mail}");
        for form in ["text", "html"] {
            let form = text(&mail, form);
            assert_eq!(form.matches(code).count(), 1, "{form}");
            for word in [lifetime, "acme-01", "Example Market"] {
                assert!(form.contains(word), "{word}: {form}");
            }
        }
        let html = text(&mail, "html");
        assert!(html.contains(&format!("<html lang=\"{}\">", language.tag())));
        assert!(!html.contains("http"), "no external resources and no links");
        logs::assert_never_logged(code);
    }
    assert_eq!(wait_for_outcomes(&delivery, 2).await, counts(2, 0));
    let line = logs::outcome("mail-ko");
    assert!(line.contains("email=\"a***@example.org\""), "{line}");
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_sender_name_is_escaped_in_html() {
    let mut server = SmtpServer::start(&["plain"]).await;
    let mut settings = server.settings(SmtpTls::None, None);
    settings.from = Some("\"<b>A & B</b>\" <login@example.org>".to_owned());
    let delivery = start(settings);
    delivery.send(notice("mail-escape", "3300000003"));
    let mail = server.next().await;
    assert!(text(&mail, "text").contains("<b>A & B</b>"));
    assert!(!text(&mail, "html").contains("<b>A"));
}

#[tokio::test]
#[ignore = "tests/run"]
async fn templates_of_a_directory_replace_the_built_in_ones_and_values_are_escaped() {
    let mut server = SmtpServer::start(&["plain"]).await;
    let directory = tempfile::tempdir().unwrap();
    let own = [
        (
            "otp.en.txt",
            "Subject: For {{ username }}\n\n{{ code }} <{{ username }}>\n",
        ),
        (
            "otp.en.html",
            "<p title=\"{{ username }}\">{{ code }} {{ subject }}</p>",
        ),
    ];
    for (name, source) in own {
        std::fs::write(directory.path().join(name), source).unwrap();
    }
    let mut settings = server.settings(SmtpTls::None, None);
    settings.templates_dir = Some(directory.path().to_owned());
    let delivery = start(settings);
    let mut notice = notice("mail-own", "3300000017");
    notice.username = "a\"<b>&'".to_owned();
    delivery.send(notice);
    let mail = server.next().await;
    assert_eq!(mail["headers"]["subject"], "For a\"<b>&'");
    assert!(text(&mail, "text").starts_with("3300000017 <a\"<b>&'>"));
    let escaped = "a&#34;&lt;b&gt;&amp;&#39;";
    let html = format!("<p title=\"{escaped}\">3300000017 For {escaped}</p>");
    assert!(text(&mail, "html").contains(&html), "{mail}");
    // The Korean mail is the built-in one.
    let mut korean = super::support::notice("mail-built-in", "3300000018");
    korean.language = Language::Ko;
    delivery.send(korean);
    let mail = server.next().await;
    assert_eq!(mail["headers"]["subject"], "로그인 인증번호 안내");
}

#[tokio::test]
#[ignore = "tests/run"]
async fn starttls_and_tls_with_a_login_and_a_private_authority() {
    let certificates = Certificates::generate();
    for (mode, tls, id, code) in [
        ("starttls", SmtpTls::Starttls, "mail-starttls", "3300000004"),
        ("tls", SmtpTls::Tls, "mail-tls", "3300000005"),
    ] {
        let login = ["--user", "munjigi:hidden"];
        let mut server = SmtpServer::start_tls(mode, &certificates, &login).await;
        let mut settings = server.settings(tls, Some(certificates.path("ca.pem")));
        settings.username = Some("munjigi".to_owned());
        settings.password = Some(Secret::new("hidden"));
        let delivery = start(settings.clone());
        delivery.send(notice(id, code));
        let mail = server.next().await;
        assert_eq!(
            (&mail["tls"], &mail["user"]),
            (&json!(true), &json!("munjigi"))
        );
        assert!(text(&mail, "text").contains(code));
        logs::assert_never_logged(code);

        settings.password = Some(Secret::new("wrong"));
        let delivery = start(settings);
        let id = format!("{id}-wrong");
        delivery.send(notice(&id, code));
        assert_eq!(wait_for_outcomes(&delivery, 1).await, counts(0, 1));
        let line = logs::outcome(&id);
        assert!(
            line.contains("535") && line.contains("attempts=1"),
            "{line}"
        );
        assert_eq!(server.rest(), [] as [Value; 0]);
    }
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_server_with_an_untrusted_certificate_gets_no_mail() {
    let certificates = Certificates::generate();
    for (mode, tls) in [("starttls", SmtpTls::Starttls), ("tls", SmtpTls::Tls)] {
        let mut server = SmtpServer::start_tls(mode, &certificates, &[]).await;
        let delivery = start(server.settings(tls, None));
        let id = format!("mail-untrusted-{mode}");
        delivery.send(notice(&id, "3300000006"));
        assert_eq!(wait_for_outcomes(&delivery, 1).await, counts(0, 1));
        assert!(
            logs::outcome(&id).contains("certificate"),
            "{}",
            logs::outcome(&id)
        );
        assert_eq!(server.rest(), [] as [Value; 0]);
    }
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_server_without_starttls_gets_no_mail_if_it_is_required() {
    let mut server = SmtpServer::start(&["plain"]).await;
    let delivery = start(server.settings(SmtpTls::Starttls, None));
    delivery.send(notice("mail-plain", "3300000007"));
    assert_eq!(wait_for_outcomes(&delivery, 1).await, counts(0, 1));
    assert_eq!(server.rest(), [] as [Value; 0]);
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_temporary_failure_is_retried_with_the_same_message_id() {
    let mut server = SmtpServer::start(&["plain", "--defer", "2"]).await;
    let delivery = start(server.settings(SmtpTls::None, None));
    delivery.send(notice("mail-defer", "3300000008"));
    assert_eq!(wait_for_outcomes(&delivery, 1).await, counts(1, 0));
    let mails = [
        server.next().await,
        server.next().await,
        server.next().await,
    ];
    let events = mails.each_ref().map(|mail| text(mail, "event"));
    assert_eq!(events, ["deferred", "deferred", "accepted"]);
    for mail in &mails {
        assert_eq!(
            mail["headers"]["message-id"],
            mails[0]["headers"]["message-id"]
        );
    }
    assert!(logs::outcome("mail-defer").contains("attempts=3"));
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_mail_fails_after_three_temporary_failures() {
    let mut server = SmtpServer::start(&["plain", "--defer", "9"]).await;
    let delivery = start(server.settings(SmtpTls::None, None));
    delivery.send(notice("mail-defer-9", "3300000009"));
    assert_eq!(wait_for_outcomes(&delivery, 1).await, counts(0, 1));
    for _ in 0..3 {
        server.next().await;
    }
    assert_eq!(server.rest(), [] as [Value; 0]);
    let line = logs::outcome("mail-defer-9");
    assert!(
        line.contains("451") && line.contains("greylisted"),
        "{line}"
    );
    logs::assert_never_logged("3300000009");
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_permanent_failure_is_not_retried() {
    let arguments = ["plain", "--refuse", "ann.lee@example.org"];
    let mut server = SmtpServer::start(&arguments).await;
    let delivery = start(server.settings(SmtpTls::None, None));
    delivery.send(notice("mail-550", "3300000010"));
    assert_eq!(wait_for_outcomes(&delivery, 1).await, counts(0, 1));
    assert_eq!(server.next().await["event"], "refused");
    assert_eq!(server.rest(), [] as [Value; 0]);
    let line = logs::outcome("mail-550");
    assert!(
        line.contains("attempts=1") && line.contains("550"),
        "{line}"
    );
    assert!(line.contains("no such user here"), "{line}");
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_server_that_does_not_respond_is_a_failure() {
    let mut server = SmtpServer::start(&["plain", "--stall"]).await;
    let mut settings = server.settings(SmtpTls::None, None);
    settings.timeout = Span::seconds(3);
    let delivery = start(settings);
    delivery.send(notice("mail-stall", "3300000011"));
    assert_eq!(wait_for_outcomes(&delivery, 1).await, counts(0, 1));
    for _ in 0..3 {
        server.next().await;
    }
    assert_eq!(server.rest(), [] as [Value; 0]);
    assert!(logs::outcome("mail-stall").contains("did not respond in time"));
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_connection_is_reused_and_a_closed_one_is_replaced() {
    let mut server = SmtpServer::start(&["plain", "--close-after", "2"]).await;
    let delivery = start(server.settings(SmtpTls::None, None));
    let mut connections = Vec::new();
    for number in 1..=4 {
        delivery.send(notice(&format!("mail-reused-{number}"), "3300000014"));
        assert_eq!(
            wait_for_outcomes(&delivery, number).await,
            counts(number, 0)
        );
        connections.push(server.next().await["connection"].as_u64().unwrap());
        // The server closes the connection shortly after its response.
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(connections, [1, 1, 2, 2]);
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_missing_address_and_an_unreachable_server_are_failures() {
    let server = SmtpServer::start(&["plain"]).await;
    let mut settings = server.settings(SmtpTls::None, None);
    settings.port = Some(1);
    let delivery = start(settings);
    for (id, email) in [("mail-none", None), ("mail-odd", Some("@"))] {
        let mut notice = notice(id, "3300000012");
        notice.email = email.map(str::to_owned);
        delivery.send(notice);
    }
    delivery.send(notice("mail-gone", "3300000013"));
    assert_eq!(wait_for_outcomes(&delivery, 3).await, counts(0, 3));
    let line = logs::outcome("mail-none");
    assert!(
        line.contains("no e-mail address") && line.contains("attempts=0"),
        "{line}"
    );
    assert!(logs::outcome("mail-odd").contains("the e-mail address is invalid"));
    let line = logs::outcome("mail-gone");
    assert!(
        line.contains("attempts=3") && line.contains("refused"),
        "{line}"
    );
}

#[tokio::test]
#[ignore = "tests/run"]
async fn invalid_settings_are_rejected_at_startup() {
    let server = SmtpServer::start(&["plain"]).await;
    let try_with = |change: &dyn Fn(&mut SmtpConfig)| {
        let mut settings = server.settings(SmtpTls::Starttls, None);
        change(&mut settings);
        let started = Delivery::start(Channel::Smtp(settings), None, None, 8, Clock::System);
        started.map(|_| ()).unwrap_err()
    };
    let error = try_with(&|settings| settings.from = Some("nobody".to_owned()));
    assert!(matches!(error, DeliveryError::Sender));
    for (name, text) in [
        ("missing.pem", None),
        ("empty.pem", Some("")),
        ("odd.pem", Some("-----BEGIN CERTIFICATE-----\n*")),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        if let Some(text) = text {
            std::fs::write(&path, text).unwrap();
        }
        let error = try_with(&|settings| settings.ca_file = Some(path.clone()));
        assert!(
            matches!(error, DeliveryError::CaFile { .. }),
            "{name}: {error}"
        );
        assert!(error.to_string().contains(name), "{error}");
    }
}
