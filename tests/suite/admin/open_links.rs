//! Password links on the page of an account: shown once, withdrawn, and handed over by mail or not.

use std::time::Duration;

use munjigi::{domain::account::Role, http::admin::paths};

use super::password_links::{issue, path_of, shown};
use crate::support::{App, Page, password_of};

#[tokio::test]
async fn a_link_is_shown_to_the_browser_that_issued_it_alone_and_only_for_some_minutes() {
    let app = App::start();
    let (admin, other) = (
        app.signed_in("ann", Role::ADMIN).await,
        app.signed_in("eve", Role::ADMIN).await,
    );
    let bob = app.make_user("bob", Role::STAFF).await;
    let carl = app.make_user("carl", Role::STAFF).await;
    let person = paths::USERS.person(bob);
    issue(&admin, &person).await.assert(303);
    other.get(&person.shown_link()).await.assert(410);
    let another = paths::USERS.person(carl).shown_link();
    admin.get(&another).await.assert(410);
    let auditor = app.signed_in("carol", Role::AUDITOR).await;
    auditor.get(&person.shown_link()).await.assert(403);
    let head = admin.ask("HEAD", &person.shown_link(), None, &[]).await;
    assert_eq!(head.status, 410);
    let readable =
        "SELECT COUNT(*) AS number FROM browser_sessions WHERE shown_once LIKE '%password%'";
    assert_eq!(app.number(readable).await, 0);
    admin.open(&person.shown_link()).await;
    issue(&admin, &person).await.assert(303);
    app.advance(Duration::from_mins(10));
    admin.get(&person.shown_link()).await.assert(410);
    let kept = "SELECT COUNT(*) AS number FROM browser_sessions WHERE shown_once IS NOT NULL";
    assert_eq!(app.number(kept).await, 0);
}

#[tokio::test]
async fn an_open_link_is_shown_and_can_be_withdrawn() {
    let app = App::start();
    let admin = app.signed_in("ann", Role::ADMIN).await;
    let bob = app.make_user("bob", Role::STAFF).await;
    let person = paths::USERS.person(bob);
    assert!(!admin.open(&person).await.has("#link"));
    let link = shown(&admin, &person).await;
    let page = admin.open(&person).await;
    assert!(page.text("#link").contains("Shown to an administrator"));
    assert!(
        page.text("#link").contains("Feb 15, 12:30"),
        "{}",
        page.html
    );
    // A new one asks, because this one stops working.
    let confirm = admin.open(&person.password_link()).await;
    assert!(confirm.text(".banner").contains("becomes invalid"));
    let auditor = app.signed_in("carol", Role::AUDITOR).await;
    assert!(!auditor.open(&person).await.has("#link .button"));
    let withdraw = person.withdraw_link();
    let question = admin
        .open(&page.attr("#link a[href$=withdraw]", "href"))
        .await;
    let text = question.text("main");
    for part in [
        "bob@example.org",
        "shown to an administrator",
        "2026-02-15 12:30:45 UTC",
        "Create password link",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    app.browser().open(&link).await;
    admin.post(&withdraw, &[]).await.leads_to(&person);
    app.browser().get(&link).await.assert(410);
    let page = admin.open(&person).await;
    assert!(page.text(".notice").contains("withdrawn") && !page.has("#link"));
    let event = admin.open(paths::AUDIT).await.texts("tbody tr").remove(0);
    assert!(event.starts_with("Password link withdrawn"), "{event}");
    admin.post(&withdraw, &[]).await.leads_to(&person);
    let page = admin.open(&person).await;
    assert!(page.text(".notice").contains("no link"));
    admin.get(&withdraw).await.leads_to(&person);
}

#[tokio::test]
async fn with_mail_an_administrator_chooses_how_the_link_is_handed_over() {
    let app = App::with(|config| {
        config.smtp.host = Some("localhost".into());
        config.smtp.port = Some(1);
        config.smtp.tls = munjigi::config::SmtpTls::None;
        config.smtp.from = Some("login@example.org".into());
    });
    let admin = app.signed_in("ann", Role::ADMIN).await;
    let bob = app.make_user("bob", Role::STAFF).await;
    let person = paths::USERS.person(bob);
    let page = admin.open(&person).await;
    assert!(page.text(".actions").contains("E-mail password link"));
    let page = admin.open(&person.password_link()).await;
    assert_eq!(
        page.attrs("input[name=handover][checked]", "value"),
        ["mail"]
    );
    let page = admin
        .open(&format!("{}?handover=show", person.password_link()))
        .await;
    assert_eq!(
        page.attrs("input[name=handover][checked]", "value"),
        ["show"]
    );
    let password = password_of("ann");
    let fields = [("current", password.as_str()), ("handover", "show")];
    let issued = admin.post(&person.password_link(), &fields).await;
    let page = admin
        .open(issued.leads_to(&person.shown_link()).location())
        .await;
    app.browser().open(&path_of(&page.text("#url"))).await;
    assert_eq!(
        app.number("SELECT COUNT(*) AS number FROM deliveries")
            .await,
        0
    );
    app.execute("UPDATE users SET email = NULL, email_normalized = NULL, username = 'bob', username_normalized = 'bob' WHERE name = 'bob'").await;
    let page = admin.open(&person.password_link()).await;
    assert!(page.text("h1").contains("Create password link") && !page.has("[name=handover]"));
}

#[tokio::test]
async fn accounts_without_a_password_and_with_an_open_link_are_shown_as_invited() {
    let app = App::start();
    let admin = app.signed_in("ann", Role::ADMIN).await;
    for (path, name, other) in [
        (paths::USERS, "email", "name"),
        (paths::CLIENTS, "username", "name"),
    ] {
        let invited = "invited@example.org";
        let mut people = Vec::new();
        for login in [invited, "forgotten@example.org"] {
            let mut fields = vec![(name, login), (other, "New One")];
            if name == "email" {
                fields.push(("role", "staff"));
            }
            let made = admin.post(&path.new_form(), &fields).await.assert(303);
            people.push(made.location().to_owned());
        }
        issue(&admin, &people[0]).await.assert(303);
        let row = |page: &Page, login: &str| {
            let rows = page.texts("#results tbody tr");
            rows.into_iter().find(|row| row.contains(login)).unwrap()
        };
        let page = admin.open(&path.to_string()).await;
        assert!(row(&page, invited).contains("Invited"));
        assert!(row(&page, "forgotten").contains("Active"));
        let list = format!("{path}?active=invited");
        let page = admin.open(&list).await;
        assert_eq!(page.count("#results tbody tr"), 1);
        assert_eq!(page.text(".chip b"), "Invited");
        app.advance(Duration::from_hours(25));
        admin.sign_in("ann").await;
        assert!(!admin.open(&list).await.has("#results tbody tr"));
    }
}
