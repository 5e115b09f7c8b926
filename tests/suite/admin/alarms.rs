//! Suspected thefts, what needs attention, and the events that tell what was cut off.

use std::time::Duration;

use munjigi::{domain::account::Role, http::admin::paths};
use serde_json::json;

use crate::support::{App, Person, claims_of, password_of, wait_until};

use super::bulk::{confirmed, matching, select};

/// Lets a stolen refresh token be presented again.
async fn stolen(app: &App, person: &Person) {
    let call = |token: &str, agent| {
        let call = app.anonymous().refresh(token);
        call.header("user-agent", agent)
    };
    let next = call(&person.refresh, "Honest/1").await;
    let next = person.with_pair(&next.assert(200, "REFRESHED"));
    call(&next.refresh, "Honest/1")
        .await
        .assert(200, "REFRESHED");
    app.advance(Duration::from_mins(1));
    let thief = call(&person.refresh, "Thief/2").await;
    thief.assert(401, "TOKEN_REUSED");
}

#[tokio::test]
async fn a_suspected_theft_is_an_alarm_with_both_places_and_one_step_that_helps() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let eva = app.signed_in("eva", Role::AUDITOR).await;
    let acme = app.client("acme").await;
    let path = paths::CLIENTS.person(acme.seq);
    assert!(!root.open(&path).await.has("#theft"));
    let other = acme.again().await;
    stolen(&app, &acme).await;
    let jti = claims_of(&acme.refresh)["jti"].as_str().unwrap().to_owned();
    let token = paths::token(&jti);
    for page in [root.open(&path).await, root.open(&token).await] {
        let alarm = page.text("#theft");
        for part in ["Honest/1", "Thief/2", "127.0.0.1"] {
            assert!(alarm.contains(part), "{part}: {alarm}");
        }
        assert!(
            page.attr("#theft a.danger", "href")
                .ends_with("/link?end_all=1")
        );
    }
    let history = root.open(&path).await;
    assert_eq!(
        history.text("#history li.is-danger a"),
        "Token reuse detected"
    );
    assert!(!eva.open(&path).await.has("#theft a.button"));
    let dashboard = root.open(paths::DASHBOARD).await;
    let card = "#attention .stat.is-danger";
    assert_eq!(dashboard.text(&format!("{card} .stat-value")), "1");
    let list = root
        .open(&dashboard.attr(&format!("{card} a"), "href"))
        .await;
    assert_eq!(list.count("#results tbody tr"), 1);
    // One step ends all sessions and issues a link.
    let page = root.open(&format!("{path}/link?end_all=1")).await;
    assert!(page.text("main").contains("Ends 1 session."));
    let own = password_of("root");
    let action = page.attr("form.form", "action");
    let fields = [("current", own.as_str()), ("end_all", "1")];
    let page = root.post(&action, &fields).await;
    assert!(matches!(page.status, 200 | 303), "{}", page.status);
    other
        .assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
        .await;
    let issued = "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'link_issued'";
    assert_eq!(app.number(issued).await, 1);
    // The confirmation names the open link that a new one replaces.
    let page = root.open(&path.password_link()).await;
    assert!(page.text(".banner.is-warn").contains("becomes invalid"));
    app.advance(Duration::from_hours(24 * 8));
    root.sign_in("root").await;
    assert!(!root.open(&path).await.has("#theft"), "after a week");
}

#[tokio::test]
async fn the_events_of_what_was_cut_off_have_the_state_and_the_devices() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let bob = app.user("bob").await;
    // The newest session comes first.
    app.advance(Duration::from_secs(1));
    let phone = app.anonymous().post("/auth/login", bob.credentials());
    let phone = phone.header("user-agent", "Phone/1.0").await;
    phone.assert(200, "LOGGED_IN");
    let path = paths::USERS.person(bob.seq);
    let list = root.open(&path).await;
    let end = list.attr("#sessions tbody a.button", "href");
    let asked = root.open(&end).await;
    assert!(
        asked.text("#ends").contains("Phone/1.0 · 127.0.0.1"),
        "{}",
        asked.text("#ends")
    );
    root.post(&end, &[]).await.leads_to(&path);
    let event = root.open("/admin/audit?action=session_ended").await;
    let event = root.open(&event.attr("#results tbody a", "href")).await;
    assert_eq!(
        event.texts("#changes tbody td"),
        ["Ended session", "Phone/1.0 · 127.0.0.1"]
    );
    root.open(&event.attr("#changes tbody a", "href")).await;
    root.post(&path.deactivate(), &[]).await.leads_to(&path);
    let event = root.open("/admin/audit?action=account_deactivated").await;
    let event = root.open(&event.attr("#results tbody a", "href")).await;
    let cells = event.texts("#changes tbody td");
    assert_eq!(
        cells[..6],
        ["Status", "Active", "Inactive", "Sessions", "–", "1"]
    );
    assert_eq!(cells[6], "Ended session");
    assert!(event.has("#changes tbody a[href^='/admin/sessions/']"));
    // The changes of an account by field.
    let page = root.open(&format!("{path}?field=is_active")).await;
    assert_eq!(
        page.texts("#history .timeline-head a"),
        ["Account deactivated", "Account created"]
    );
}

#[tokio::test]
async fn a_bulk_change_is_one_line_of_the_log_that_unfolds() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    for number in 0..4 {
        app.make_client(&format!("shop-{number}")).await;
    }
    let page = matching(&root, "clients", "deactivate", "").await;
    assert!(!page.has("#number"), "few accounts need no number");
    confirmed(&root, &page).await.assert(303);
    let log = root.open(paths::AUDIT).await;
    let rows = log.texts("#results tbody tr");
    assert!(rows[0].starts_with("Bulk action started"), "{rows:?}");
    assert!(rows[0].contains("Deactivate, 4 clients"), "{rows:?}");
    assert!(
        !rows.iter().any(|row| row.contains("Account deactivated")),
        "{rows:?}"
    );
    let unfolded = root
        .open(&log.attr("#results tbody a[href*='job=']", "href"))
        .await;
    assert_eq!(unfolded.count("#results tbody tr"), 4);
    assert!(
        unfolded
            .text("#results tbody")
            .contains("Account deactivated")
    );
    assert!(unfolded.text("#results tbody").contains("root@example.org"));
    // A search and the file have them as well.
    let found = root.open("/admin/audit?search=shop-1&source=job").await;
    assert_eq!(found.count("#results tbody tr"), 1);
    let file = root.get(paths::AUDIT_EXPORT).await.assert(200);
    assert_eq!(file.html.matches("account_deactivated").count(), 4);
    let dashboard = root.open(paths::DASHBOARD).await;
    assert!(dashboard.text("#latest").contains("Deactivate, 4 clients"));
    assert!(!dashboard.text("#latest").contains("Account deactivated"));
    assert!(!dashboard.text("#latest").contains("Logged in to the panel"));
}

#[tokio::test]
async fn from_fifty_accounts_on_the_number_is_typed_and_nothing_is_preselected() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    for number in 0..50 {
        app.make_client(&format!("shop-{number}")).await;
    }
    select(&root, "clients", "", &[1])
        .await
        .leads_to(&paths::CLIENTS);
    assert!(
        root.open(&paths::CLIENTS)
            .await
            .text(".notice")
            .contains("Choose an action first")
    );
    let page = matching(&root, "clients", "delete", "").await;
    let up_to = page.attr("form.confirm input[name=up_to]", "value");
    let send = async |action: &str, typed: &str| {
        let fields = [
            ("action", action),
            ("scope", "all"),
            ("up_to", up_to.as_str()),
            ("confirmed", "1"),
            ("number", typed),
        ];
        root.post("/admin/clients/actions", &fields).await
    };
    for typed in ["", "49", "all", "050x"] {
        let page = send("delete", typed).await.assert(422);
        assert!(page.has("#number-error"), "{typed}");
    }
    let clients = "SELECT COUNT(*) AS number FROM client_users";
    assert_eq!(app.number(clients).await, 50);
    // Instead of the deletion.
    let names = page.attrs("#instead input", "name");
    let values = page.attrs("#instead input", "value");
    let fields: Vec<(&str, &str)> = names
        .iter()
        .map(String::as_str)
        .zip(values.iter().map(String::as_str))
        .collect();
    let instead = root.post_as_is("/admin/clients/actions", &fields).await;
    assert_eq!(instead.assert(200).text("h1"), "Deactivate 50 clients?");
    send("delete", "50").await.assert(303);
    // The job goes on after the answer on a slow machine.
    wait_until("the deletion", async || {
        (app.number(clients).await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_dashboard_begins_with_what_needs_attention() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    app.make_client("acme").await;
    let value = |page: &crate::support::Page, label: &str| {
        let labels = page.texts("#attention .stat-label");
        let at = labels.iter().position(|text| text.starts_with(label));
        page.texts("#attention .stat-value")[at.unwrap()].clone()
    };
    let page = root.open(paths::DASHBOARD).await;
    for label in [
        "Failed logins",
        "Locks",
        "Suspected thefts",
        "Failed deliveries",
    ] {
        assert_eq!(value(&page, label), "0", "{label}");
    }
    assert!(!page.has("#addresses") && !page.has("#attention .is-danger, #attention .is-warn"));
    let wrong = json!({"username": "acme", "password": "wrong", "user_type": "client"});
    for _ in 0..3 {
        let answer = app.anonymous().post("/auth/login", wrong.clone()).await;
        answer.assert(401, "INVALID_CREDENTIALS");
    }
    let page = root.open(paths::DASHBOARD).await;
    assert_eq!(value(&page, "Failed logins"), "3");
    assert_eq!(page.texts("#addresses tbody td"), ["127.0.0.1", "3"]);
    let list = root.open(&page.attr("#addresses a", "href")).await;
    assert!(list.count("#results tbody tr") >= 3);
    // A bar leads to the events of its day.
    let day = root
        .open(&page.attr("svg.chart g:last-of-type a", "href"))
        .await;
    assert!(day.has("#results tbody tr"));
    assert!(page.text("#zone").contains("UTC"));
    root.set_cookie("munjigi_zone", "Asia%2FSeoul");
    assert!(
        root.open(paths::DASHBOARD)
            .await
            .text("#zone")
            .contains("Asia/Seoul")
    );
}

#[tokio::test]
async fn a_form_that_was_sent_after_the_end_of_the_session_says_that_nothing_was_saved() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let acme = app.make_client("acme").await;
    let edit = paths::CLIENTS.person(acme).edit();
    let token = root.token().await;
    app.advance(Duration::from_hours(24 * 40));
    let referer = format!("{}{edit}", app.anonymous().url());
    let fields = [("csrf", token.as_str()), ("username", "acme-2")];
    let answer = root
        .ask("POST", &edit, Some(&fields), &[("referer", &referer)])
        .await;
    assert_eq!(answer.status, 303);
    let page = root.open(answer.location()).await;
    assert!(page.text(".banner").contains("Nothing was saved"));
    assert_eq!(page.attr("input[name=next]", "value"), edit);
    assert!(page.has("#email[autofocus]") && !page.has("#password[autofocus]"));
    // A page that was only opened does not say so.
    let answer = root.get(&edit).await;
    assert!(!root.open(answer.location()).await.has(".banner"));
}

#[tokio::test]
async fn the_page_of_a_deleted_account_says_who_deleted_it() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let acme = app.make_client("acme").await;
    let path = paths::CLIENTS.person(acme);
    root.post(&path.delete(), &[]).await.assert(303);
    let fields = [("username", "acme-2")];
    for page in [
        root.get(&path).await,
        root.post(&path.edit(), &fields).await,
    ] {
        let page = page.assert(404);
        let text = page.text("#gone");
        assert!(
            text.contains("acme") && text.contains("root@example.org"),
            "{text}"
        );
        assert_eq!(page.text("h1"), "This account was deleted");
        assert!(page.has(".side-nav"), "the navigation stays");
    }
    // What was typed is not lost, except for passwords.
    let fields = [
        ("username", "acme-2"),
        ("name", "Acme Two"),
        ("password", "a secret of ours"),
    ];
    let page = root.post(&path.edit(), &fields).await.assert(404);
    let typed = page.text("#typed");
    assert!(
        typed.contains("acme-2") && typed.contains("Acme Two"),
        "{typed}"
    );
    assert!(!page.html.contains("a secret of ours"));
    for gone in [
        path.edit(),
        path.delete(),
        path.deactivate(),
        path.end_sessions(),
        path.password_link(),
    ] {
        let page = root.get(&gone).await.assert(404);
        assert!(page.text("#gone").contains("root@example.org"), "{gone}");
        assert!(!page.has("#typed"));
    }
    let page = root.get(&paths::CLIENTS.person(999)).await.assert(404);
    assert!(page.text("#gone").contains("No account has this number"));
}
