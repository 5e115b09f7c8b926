//! The security checklist: every check, problems with advice, and no secrets.

use std::{fs::Permissions, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use munjigi::{
    config::{Config, Database, LogLevel, Secret, SmtpTls, Span},
    domain::account::Role,
    http::admin::paths,
    services::checklist::check::Check,
};

use crate::support::{App, MASTER_KEY, Page, on_postgres};

/// The badge of a check; empty where it passed.
fn badge(page: &Page, check: &str) -> String {
    let selector = format!("#{check} .badge");
    page.texts(&selector).pop().unwrap_or_default()
}

fn found(page: &Page, check: &str) -> String {
    page.text(&format!("#{check} .check-found"))
}

#[tokio::test]
async fn a_proxy_that_is_not_trusted_is_a_problem_once_it_was_seen() {
    let app = App::start();
    let ann = app.signed_in("ann", Role::ADMIN).await;
    let page = ann.open(paths::SECURITY).await;
    assert_eq!(found(&page, "trusted_proxies"), "none");
    let call = app.anonymous().get("/healthz");
    call.header("x-forwarded-for", "192.0.2.1").await;
    let page = ann.open(paths::SECURITY).await;
    assert_eq!(badge(&page, "trusted_proxies"), "Problem");
    assert!(found(&page, "trusted_proxies").contains("127.0.0.1"));
}

#[tokio::test]
async fn every_check_is_on_the_page_for_administrators_and_auditors_in_their_language() {
    let app = App::start();
    app.signed_in("ann", Role::ADMIN).await;
    let eva = app.signed_in("eva", Role::AUDITOR).await;
    let page = eva.open(paths::SECURITY).await;
    let mut listed = page.attrs(".checks > li", "id");
    listed.sort_unstable();
    let mut all = Check::NAMES.to_vec();
    all.sort_unstable();
    assert_eq!(listed, all);
    assert_eq!(
        page.attr("nav a[aria-current=page]", "href"),
        paths::SECURITY
    );
    assert!(page.has(".page-head time"), "the time of the check");
    for name in Check::NAMES {
        assert!(!found(&page, name).is_empty(), "{name}");
        assert!(!page.text(&format!("#{name} .check-source")).is_empty());
    }
    // The counts above match the checks below.
    let numbers = page.texts(".stat-value");
    assert_eq!(numbers[0], page.count(".checks > .is-danger").to_string());
    assert_eq!(numbers[1], page.count(".checks > .is-warn").to_string());
    assert_eq!(numbers[2], page.count(".checks > .is-ok").to_string());
    assert_eq!(page.count(".check-advice"), page.count(".checks .badge"));
    let korean = app.browser().speaking("ko");
    korean.sign_in("eva").await;
    let page = korean.open(paths::SECURITY).await;
    assert_eq!(page.text("h1"), "보안 점검");
    assert!(
        page.text("#access_lifetime h3")
            .contains("액세스 토큰 수명")
    );
    assert!(page.text("#personal_data .check-advice").contains("누구나"));
}

#[tokio::test]
async fn problems_of_settings_have_advice_and_are_shown_on_the_dashboard() {
    let key = "kR7vQx2mZp9LsWc4TnYb8HdFgJ6aEu3o+V5iXtBq1NwC0rMz/yPhGkSlDfAeUjOI";
    let app = App::with(|config| config.server.master_key = Some(Secret::new(key)));
    let ann = app.signed_in("ann", Role::ADMIN).await;
    let problems = ann.open(paths::DASHBOARD).await.texts("#security");
    assert!(problems.is_empty(), "{problems:?}");
    let wrong = |config: &mut Config| {
        config.tokens.access_lifetime = Span::hours(2);
        config.server.master_key = Some(Secret::new(MASTER_KEY));
        config
            .tokens
            .extra_claims
            .insert("password".into(), "hush-hush".into());
        config.log.level = LogLevel::Debug;
    };
    let app = app.restarted_with(wrong);
    let ann = app.browser();
    ann.sign_in("ann").await;
    let page = ann.open(paths::DASHBOARD).await;
    assert!(
        page.text("#security").contains("found problems"),
        "{}",
        page.text("#security")
    );
    assert_eq!(page.attr("#security a", "href"), paths::SECURITY);
    let page = ann.open(paths::SECURITY).await;
    for (check, expected) in [
        ("access_lifetime", "Problem"),
        ("key_strength", "Problem"),
        ("extra_claims", "Problem"),
        ("log_level", "Advice"),
        ("rotation", ""),
    ] {
        assert_eq!(badge(&page, check), expected, "{check}");
    }
    assert_eq!(found(&page, "access_lifetime"), "2h");
    assert!(
        page.text("#access_lifetime .check-advice")
            .contains("tokens.access_lifetime")
    );
    // Commands are marked as code.
    assert_eq!(page.text("#key_strength code"), "openssl rand -base64 48");
    assert!(!page.html.contains("hush-hush") && !page.html.contains(MASTER_KEY));
}

#[tokio::test]
async fn problems_of_rows_are_shown() {
    let app = App::start();
    let ann = app.signed_in("ann", Role::ADMIN).await;
    app.make_client("acme").await;
    let page = ann.open(paths::SECURITY).await;
    // The suite uses the lowest cost.
    assert_eq!(badge(&page, "old_hashes"), "Advice");
    let expected = "1 of 1 internal users, 1 of 1 clients, below 12";
    assert_eq!(found(&page, "old_hashes"), expected);
    assert_eq!(found(&page, "administrators"), "1 active");
    assert_eq!(badge(&page, "administrators"), "Advice");
    assert_eq!(badge(&page, "idle_administrators"), "");
    app.make_user("old", Role::ADMIN).await;
    let long_ago = "UPDATE users SET created_at = '2020-01-01 00:00:00' WHERE email LIKE 'old%'";
    app.execute(long_ago).await;
    app.execute("UPDATE users SET password_hash = NULL").await;
    let costly = "UPDATE client_users SET password_hash = REPLACE(password_hash, 'r=4$', 'r=12$')";
    app.execute(costly).await;
    let page = ann.open(paths::SECURITY).await;
    assert_eq!(
        found(&page, "old_hashes"),
        "0 of 0 internal users, 0 of 1 clients, below 12"
    );
    assert_eq!(badge(&page, "old_hashes"), "");
    assert_eq!(badge(&page, "administrators"), "");
    assert!(found(&page, "idle_administrators").ends_with("old@example.org (–)"));
    assert_eq!(badge(&page, "database"), "");
    let missing = app
        .execute("DELETE FROM __diesel_schema_migrations WHERE version > '20261128000004'")
        .await;
    let page = ann.open(paths::SECURITY).await;
    assert_eq!(badge(&page, "database"), "Problem");
    let expected = format!("missing migrations: {missing}");
    assert_eq!(found(&page, "database"), expected);
    // An unreadable table is a problem and does not affect other checks.
    app.execute("ALTER TABLE jobs RENAME TO jobs_away").await;
    let page = ann.open(paths::SECURITY).await;
    assert_eq!(badge(&page, "flush"), "Problem");
    assert_eq!(found(&page, "flush"), "unknown: it could not be read");
    assert_eq!(found(&page, "administrators"), "2 active");
}

#[tokio::test]
async fn an_instance_that_has_run_for_hours_must_have_flushed() {
    let app = App::start();
    app.signed_in("ann", Role::ADMIN).await;
    app.advance(Duration::from_hours(4));
    let ann = app.browser();
    ann.sign_in("ann").await;
    assert_eq!(badge(&ann.open(paths::SECURITY).await, "flush"), "Problem");
    ann.post(paths::FLUSH, &[]).await.assert(303);
    let page = ann.open(paths::SECURITY).await;
    assert_eq!(badge(&page, "flush"), "");
    assert_eq!(
        found(&page, "flush"),
        "up to date, the last one ended 0s ago"
    );
    app.execute("UPDATE jobs SET state = 'failed'").await;
    let page = ann.open(paths::SECURITY).await;
    assert_eq!(badge(&page, "flush"), "Problem");
    assert!(found(&page, "flush").contains("failed"));
}

#[tokio::test]
async fn a_clock_that_differs_from_postgres_is_a_problem() {
    // The fixed clock differs from the machine's by months.
    let app = App::start();
    let ann = app.signed_in("ann", Role::ADMIN).await;
    let page = ann.open(paths::SECURITY).await;
    let expected = if on_postgres() { "Problem" } else { "" };
    assert_eq!(badge(&page, "clock"), expected, "{}", found(&page, "clock"));
}

#[tokio::test]
async fn a_directory_with_access_for_others_is_a_problem() {
    let app = App::start();
    let config = &app.services().config;
    let chmod = |path: &Path, mode| {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    };
    let data = config.server.data_dir.clone();
    chmod(&data, 0o700);
    if let Database::Sqlite(file) = config.database() {
        chmod(file.parent().unwrap(), 0o700);
    }
    let ann = app.signed_in("ann", Role::ADMIN).await;
    assert_eq!(badge(&ann.open(paths::SECURITY).await, "data_files"), "");
    chmod(&data, 0o770);
    let page = ann.open(paths::SECURITY).await;
    assert_eq!(badge(&page, "data_files"), "Problem");
    let command = format!("chmod go-rwx {}", data.display());
    assert_eq!(page.text("#data_files code"), command);
}

#[tokio::test]
async fn a_test_mail_that_is_not_accepted_is_shown_recorded_and_limited() {
    let app = App::with(|config| {
        config.smtp.host = Some("localhost".into());
        config.smtp.port = Some(1);
        config.smtp.tls = SmtpTls::None;
        config.smtp.from = Some("login@example.org".into());
    });
    let admin = app.signed_in("ann", Role::ADMIN).await;
    let page = admin.open(paths::SECURITY).await;
    assert!(page.text("#mail").contains("localhost:1"));
    assert_eq!(
        page.attr("#mail input[name=to]", "value"),
        "ann@example.org"
    );
    let wrong = admin.post(paths::TEST_MAIL, &[("to", "nobody")]).await;
    assert!(wrong.assert(422).has("#to-error"));
    for _ in 0..10 {
        let sent = admin
            .post(paths::TEST_MAIL, &[("to", "bob@example.org")])
            .await;
        sent.leads_to(paths::SECURITY);
    }
    let page = admin.open(paths::SECURITY).await;
    let notice = page.text(".notice.is-warn");
    assert!(
        notice.contains("bob@example.org was not sent: Connection error"),
        "{notice}"
    );
    let event = admin.open(paths::AUDIT).await.texts("tbody tr").remove(0);
    for part in ["Test mail sent", "Failed", "bob@example.org"] {
        assert!(event.contains(part), "{event}");
    }
    let more = admin
        .post(paths::TEST_MAIL, &[("to", "bob@example.org")])
        .await;
    more.assert(429);
    // The session has ended by then, too.
    app.advance(Duration::from_hours(1));
    let admin = app.browser();
    admin.sign_in("ann").await;
    let again = admin
        .post(paths::TEST_MAIL, &[("to", "bob@example.org")])
        .await;
    again.leads_to(paths::SECURITY);
    let auditor = app.signed_in("carol", Role::AUDITOR).await;
    let page = auditor.open(paths::SECURITY).await;
    assert!(page.has("#mail") && !page.has("#mail form"));
}

#[tokio::test]
async fn without_a_mail_server_there_is_no_test_mail() {
    let app = App::start();
    let admin = app.signed_in("ann", Role::ADMIN).await;
    assert!(!admin.open(paths::SECURITY).await.has("#mail"));
    let fields = [("to", "ann@example.org")];
    admin.post(paths::TEST_MAIL, &fields).await.assert(404);
}
