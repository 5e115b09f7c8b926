//! What is done to many accounts at once: exactly whom it touches, whom it spares, and how it is told before and after.

use std::time::Duration;

use munjigi::{
    domain::{
        account::Role,
        audit::{Actor, AuditSource},
        job::BulkAction,
        principal::{Principal, UserSeq, UserType},
    },
    services::accounts::{
        bulk,
        bulk_request::{Accounts, BulkRequest},
    },
};

use super::jobs::{look, look_until};
use crate::support::{App, Browser, Page};

/// The accounts of these names are ticked, and an action is chosen.
async fn ticked(browser: &Browser, list: &str, action: &str, ids: &[i64]) -> Page {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let mut fields = vec![("action", action)];
    fields.extend(ids.iter().map(|id| ("selected", id.as_str())));
    browser
        .post(&format!("/admin/{list}/actions"), &fields)
        .await
}

/// All who fit a filter.
async fn fitting(browser: &Browser, list: &str, action: &str, query: &str) -> Page {
    let fields = [("action", action), ("scope", "all"), ("query", query)];
    browser
        .post(&format!("/admin/{list}/actions"), &fields)
        .await
}

/// Sends the page that asks as it is.
async fn confirmed(browser: &Browser, page: &Page) -> Page {
    assert_eq!(page.status, 200, "{} {}", page.location(), page.html);
    let names = page.attrs("form.confirm input[type=hidden]", "name");
    let values = page.attrs("form.confirm input[type=hidden]", "value");
    let fields: Vec<(&str, &str)> = names
        .iter()
        .map(String::as_str)
        .zip(values.iter().map(String::as_str))
        .collect();
    let action = page.attr("form.confirm", "action");
    browser.post_as_is(&action, &fields).await
}

async fn active(app: &App, table: &str) -> Vec<i64> {
    let mut ids = Vec::new();
    let rows = app
        .number(&format!(
            "SELECT COALESCE(MAX(id), 0) AS number FROM {table}"
        ))
        .await;
    for id in 1..=rows {
        let query = format!("SELECT COUNT(*) AS number FROM {table} WHERE id = {id} AND is_active");
        if app.number(&query).await == 1 {
            ids.push(id);
        }
    }
    ids
}

async fn events(app: &App, action: &str) -> i64 {
    app.number(&format!(
        "SELECT COUNT(*) AS number FROM audit_events WHERE action = '{action}' \
         AND actor_name = 'root@example.org' AND source = 'panel'"
    ))
    .await
}

#[tokio::test]
async fn ticked_users_are_deactivated_and_nobody_else_and_no_client_of_the_same_number() {
    let app = App::start();
    let root = app.signed_in("root", Role::Admin).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let clients = [app.client("acme").await, app.client("other").await];
    let third = app.client("third").await;
    let page = ticked(&root, "users", "deactivate", &[ann.seq]).await;
    assert_eq!(page.text("h1"), "Deactivate 1 internal user?");
    assert_eq!(page.texts(".confirm-list .sub"), ["ann@example.org"]);
    assert!(!page.has("#left-out"));
    // Nothing has happened yet.
    ann.get("/api/me").await.assert(200, "ME");

    confirmed(&root, &page).await.leads_to("/admin/users");
    let list = root.open("/admin/users").await;
    assert_eq!(list.text(".notice"), "1 account was deactivated.");
    ann.assert_tokens("USER_INACTIVE", "USER_INACTIVE").await;
    bob.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    for client in clients.iter().chain([&third]) {
        client.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    }
    assert_eq!(active(&app, "users").await, [1, bob.seq]);
    let ended = "SELECT COUNT(*) AS number FROM sessions WHERE end_reason = 'deactivated'";
    assert_eq!(app.number(ended).await, 1);
    assert_eq!(events(&app, "account_deactivated").await, 1);
    assert_eq!(events(&app, "bulk_started").await, 1);

    let page = ticked(&root, "clients", "deactivate", &[clients[1].seq]).await;
    confirmed(&root, &page).await.leads_to("/admin/clients");
    assert_eq!(active(&app, "client_users").await, [1, 3]);
    assert_eq!(active(&app, "users").await, [1, bob.seq]);
}

#[tokio::test]
async fn a_whole_filter_is_exactly_those_who_fit_and_were_there_when_it_was_asked() {
    let app = App::start();
    let root = app.signed_in("root", Role::Admin).await;
    for name in ["ann-north", "bob-north", "eve-south"] {
        app.make_client(name).await;
    }
    app.make_user("ann-north", Role::Staff).await;
    app.execute("UPDATE client_users SET is_active = FALSE WHERE username = 'bob-north'")
        .await;
    app.make_client("ian-north").await;
    let page = fitting(&root, "clients", "deactivate", "search=north&sort=name").await;
    assert_eq!(page.text("h1"), "Deactivate 2 clients?");
    assert_eq!(page.texts(".confirm-list .sub"), ["ann-north", "ian-north"]);
    assert_eq!(
        page.texts("#left-out li"),
        ["One more is inactive already and stays as it is."]
    );
    assert!(page.text("#filter").contains("north"));
    // Who comes later was not meant.
    let late = app.make_client("late-north").await;
    confirmed(&root, &page)
        .await
        .leads_to("/admin/clients?search=north&sort=name");
    assert_eq!(active(&app, "client_users").await, [3, late]);
    assert_eq!(active(&app, "users").await.len(), 2);
    let job = app
        .number(
            "SELECT COUNT(*) AS number FROM jobs WHERE total = 3 AND done = 3 AND state = 'done'",
        )
        .await;
    assert_eq!(job, 1);

    let page = fitting(&root, "clients", "activate", "active=no").await;
    assert_eq!(page.text("h1"), "Activate 3 clients?");
    confirmed(&root, &page).await.assert(303);
    assert_eq!(active(&app, "client_users").await, [1, 2, 3, 4, late]);
    assert_eq!(events(&app, "account_activated").await, 3);
    let filter = "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'bulk_started' \
        AND changes LIKE '%\"active=no\"%' AND changes LIKE '%\"accounts\",\"new\":\"3\"%'";
    assert_eq!(app.number(filter).await, 1);
}

#[tokio::test]
async fn deleting_takes_the_accounts_and_their_sessions_and_leaves_the_record() {
    let app = App::start();
    let root = app.signed_in("root", Role::Admin).await;
    let ann = app.user("ann").await;
    let eve = app.signed_in("eve", Role::Auditor).await;
    let (gone, acme) = (app.make_client("gone").await, app.client("acme").await);
    let page = ticked(&root, "users", "delete", &[ann.seq, ann.seq + 1, 999]).await;
    assert_eq!(page.text("h1"), "Delete 2 internal users?");
    assert!(page.text("#left-out").contains("deleted meanwhile"));
    let done = confirmed(&root, &page).await;
    // Somebody was gone: the job's page has more to say than a notice.
    let report = root.open(done.location()).await;
    assert_eq!(report.text("h1"), "Deleting internal users");
    let expected = ["Deleted 2", "Deleted by somebody else meanwhile 1"];
    assert_eq!(report.texts("#report .row"), expected);
    ann.assert_tokens("USER_NOT_FOUND", "USER_NOT_FOUND").await;
    eve.get("/admin").await.leads_to("/admin/login");
    acme.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    assert_eq!(app.number("SELECT COUNT(*) AS number FROM users").await, 1);
    assert_eq!(events(&app, "account_deleted").await, 2);

    let page = ticked(&root, "clients", "delete", &[gone]).await;
    confirmed(&root, &page).await.leads_to("/admin/clients");
    assert_eq!(active(&app, "client_users").await, [acme.seq]);
}

#[tokio::test]
async fn ending_sessions_ends_them_everywhere_but_ones_own() {
    let app = App::start();
    let root = app.signed_in("root", Role::Admin).await;
    let eve = app.signed_in("eve", Role::Auditor).await;
    let ann = app.user("ann").await;
    app.make_user("quiet", Role::Staff).await;
    let acme = app.client("acme").await;
    let page = fitting(&root, "users", "end_sessions", "").await;
    assert_eq!(page.text("h1"), "End the sessions of 3 internal users?");
    assert_eq!(
        page.texts("#left-out li"),
        ["Your own sessions are left alone."]
    );
    assert!(page.text("#whom").contains("No filter is set"));
    confirmed(&root, &page).await.leads_to("/admin/users");
    let list = root.open("/admin/users").await;
    assert_eq!(
        list.text(".notice"),
        "The sessions of 2 accounts were ended."
    );
    ann.assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
        .await;
    eve.get("/admin").await.leads_to("/admin/login");
    acme.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    // Who had none is no event.
    assert_eq!(events(&app, "sessions_ended").await, 2);
    ann.again()
        .await
        .assert_tokens("TOKEN_VALID", "TOKEN_VALID")
        .await;
}

#[tokio::test]
async fn nobody_takes_his_own_rights_and_the_last_administrator_stays() {
    let app = App::start();
    let root = app.signed_in("root", Role::Admin).await;
    for action in ["deactivate", "delete"] {
        let page = ticked(&root, "users", action, &[1]).await;
        page.leads_to("/admin/users");
        let list = root.open("/admin/users").await;
        assert!(list.text(".notice").contains("last administrator"));
    }
    let bob = app.make_user("bob", Role::Admin).await;
    ticked(&root, "users", "delete", &[1]).await.assert(303);
    let list = root.open("/admin/users").await;
    assert!(list.text(".notice").contains("only yourself"));
    let page = fitting(&root, "users", "deactivate", "role=admin").await;
    assert_eq!(page.text("h1"), "Deactivate 1 internal user?");
    assert_eq!(
        page.texts("#left-out li"),
        ["Your own account is left out."]
    );
    assert_eq!(page.texts(".confirm-list .sub"), ["bob@example.org"]);
    confirmed(&root, &page).await.assert(303);
    assert_eq!(active(&app, "users").await, [1]);
    assert_eq!(
        app.number("SELECT COUNT(*) AS number FROM users").await,
        bob
    );
}

#[tokio::test]
async fn who_lost_his_rights_meanwhile_cannot_take_those_of_the_last_administrator() {
    let app = App::start();
    let (root, ann) = (app.admin("root").await, app.user("ann").await);
    let late = app.admin("late").await;
    let actor = Actor {
        source: AuditSource::Panel,
        principal: Some(Principal::user(UserSeq::new(late.seq).unwrap())),
        name: Some(late.login.clone()),
        ..Actor::server()
    };
    app.execute("UPDATE users SET role = 'staff' WHERE email = 'late@example.org'")
        .await;
    let ids = [root.seq, ann.seq, late.seq].map(|seq| UserSeq::new(seq).unwrap());
    let wish = BulkRequest {
        user_type: UserType::User,
        action: BulkAction::Deactivate,
        accounts: Accounts::Selected(ids.to_vec()),
    };
    let mut started = bulk::start(app.services(), &actor, wish).await.unwrap();
    assert!(started.wait(Duration::from_mins(1)).await);
    assert_eq!(active(&app, "users").await, [root.seq, late.seq]);
    let eve = app.signed_in("eve", Role::Auditor).await;
    let report = eve.open(&format!("/admin/jobs/{}", started.job)).await;
    assert_eq!(report.texts("#report .row"), ["Deactivated 1"]);
    let said = report.text("#job");
    assert!(said.contains("Your own account was left out"), "{said}");
    let last = "root@example.org was left out as the last administrator";
    assert!(said.contains(last), "{said}");
    ann.assert_tokens("USER_INACTIVE", "USER_INACTIVE").await;
    root.get("/api/me").await.assert(200, "ME");
}

#[tokio::test]
async fn a_job_over_many_moves_can_be_stopped_and_leaves_nobody_half_changed() {
    let app = App::start();
    let root = app.signed_in("root", Role::Admin).await;
    let at = "'2026-01-01 00:00:00'";
    app.execute(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
         INSERT INTO client_users (username, username_normalized, name, name_normalized, is_active, created_at, updated_at, search_text) \
         SELECT 'c' || i, 'c' || i, 'c' || i, 'c' || i, TRUE, {at}, {at}, 'c' || i FROM n"
    ))
    .await;
    app.execute(&format!(
        "INSERT INTO sessions (id, user_type, user_seq, method, created_at, last_used_at, expires_at, absolute_expires_at) \
         SELECT 's' || id, 'client', id, 'otp', {at}, {at}, '2027-01-01 00:00:00', '2027-01-01 00:00:00' FROM client_users"
    ))
    .await;
    let page = fitting(&root, "clients", "deactivate", "").await;
    assert_eq!(page.text("h1"), "Deactivate 20,000 clients?");
    assert_eq!(page.count(".confirm-list .who"), 50);
    assert_eq!(page.text(".confirm-list .quiet"), "and 19,950 more");
    let job = confirmed(&root, &page).await.location().to_owned();
    let first = look_until(&root, &job, |seen| seen["done"].as_i64() > Some(0)).await;
    assert_eq!(first["total"], 20_000);
    let moved = look_until(&root, &job, |seen| {
        seen["done"].as_i64() > first["done"].as_i64()
    });
    moved.await;
    root.post(&format!("{job}/stop"), &[]).await.leads_to(&job);
    let last = look_until(&root, &job, |seen| seen["state"] != "running").await;
    assert_eq!(last["state"], "stopped");
    let done = last["done"].as_i64().unwrap();
    assert!(done > 0 && done < 20_000 && done % 50 == 0, "{done}");
    for query in [
        format!("SELECT COUNT(*) AS number FROM client_users WHERE NOT is_active AND id <= {done}"),
        "SELECT COUNT(*) AS number FROM client_users WHERE NOT is_active".to_owned(),
        "SELECT COUNT(*) AS number FROM sessions WHERE ended_at IS NOT NULL".to_owned(),
        "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'account_deactivated'"
            .to_owned(),
    ] {
        assert_eq!(app.number(&query).await, done, "{query}");
    }
    assert_eq!(events(&app, "job_stopped").await, 1);
    assert_eq!(look(&root, &job).await["title"], "Deactivating clients");
}

#[tokio::test]
async fn what_is_unclear_changes_nothing_and_says_why() {
    let app = App::start();
    let root = app.signed_in("root", Role::Admin).await;
    let ann = app.user("ann").await;
    ticked(&root, "users", "delete", &[])
        .await
        .leads_to("/admin/users");
    let list = root.open("/admin/users").await;
    assert!(list.text(".notice").contains("Nobody is selected"));
    // A filter that is passed over would hold everybody.
    for query in ["role=king", "created_from=yesterday", "active=perhaps"] {
        let page = fitting(&root, "users", "delete", query).await;
        page.leads_to(&format!("/admin/users?{query}"));
        let list = root.open("/admin/users").await;
        assert!(list.text(".notice").contains("filter cannot be read"));
    }
    fitting(&root, "users", "delete", "search=nobody")
        .await
        .assert(303);
    ticked(&root, "users", "activate", &[ann.seq])
        .await
        .assert(303);
    let list = root.open("/admin/users").await;
    assert!(list.text(".notice").contains("active already"));
    for (action, selected) in [
        ("promote", "1"),
        ("", "1"),
        ("delete", "x"),
        ("delete", "-1"),
        ("delete", "0"),
        ("delete", "99999999999999999999"),
    ] {
        let fields = [("action", action), ("selected", selected)];
        root.post("/admin/users/actions", &fields).await.assert(400);
    }
    for up_to in ["-1", "x", "1e9"] {
        let fields = [("action", "delete"), ("scope", "all"), ("up_to", up_to)];
        root.post("/admin/clients/actions", &fields)
            .await
            .assert(400);
    }
    ann.get("/api/me").await.assert(200, "ME");
    assert_eq!(app.number("SELECT COUNT(*) AS number FROM jobs").await, 0);
}

#[tokio::test]
async fn only_an_administrator_with_a_form_of_his_own_changes_many() {
    let app = App::start();
    let root = app.signed_in("root", Role::Admin).await;
    let eve = app.signed_in("eve", Role::Auditor).await;
    let acme = app.client("acme").await;
    for list in ["users", "clients"] {
        ticked(&eve, list, "delete", &[1]).await.assert(403);
        let action = format!("/admin/{list}/actions");
        let fields = [("action", "delete"), ("selected", "1"), ("confirmed", "1")];
        root.post_as_is(&action, &fields).await.assert(403);
        let foreign = eve.token().await;
        let mut fields = fields.to_vec();
        fields.push(("csrf", &foreign));
        root.post_as_is(&action, &fields).await.assert(403);
        app.browser()
            .post_as_is(&action, &fields)
            .await
            .leads_to("/admin/login");
    }
    acme.get("/api/me").await.assert(200, "ME");
    assert_eq!(app.number("SELECT COUNT(*) AS number FROM jobs").await, 0);
}
