//! Bulk actions: the affected and the excluded accounts, the confirmation and the report.

use std::time::Duration;

use munjigi::{
    domain::{
        account::Role,
        audit::{Actor, AuditSource},
        job::BulkAction,
        principal::{Principal, UserSeq, UserType},
    },
    http::admin::paths,
    services::accounts::{
        bulk,
        bulk_request::{Accounts, BulkRequest},
    },
};

use super::jobs::{progress, progress_until};
use crate::support::{App, Browser, Page};

/// Sends the list with these accounts selected.
pub(super) async fn select(browser: &Browser, list: &str, action: &str, ids: &[i64]) -> Page {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let mut fields = vec![("action", action)];
    fields.extend(ids.iter().map(|id| ("selected", id.as_str())));
    browser
        .post(&format!("/admin/{list}/actions"), &fields)
        .await
}

/// Sends the list for all accounts that match a filter.
pub(super) async fn matching(browser: &Browser, list: &str, action: &str, query: &str) -> Page {
    let fields = [("action", action), ("scope", "all"), ("query", query)];
    browser
        .post(&format!("/admin/{list}/actions"), &fields)
        .await
}

/// Submits the confirmation.
pub(super) async fn confirmed(browser: &Browser, page: &Page) -> Page {
    assert_eq!(page.status, 200, "{} {}", page.location(), page.html);
    let names = page.attrs("form.confirm input[type=hidden]", "name");
    let values = page.attrs("form.confirm input[type=hidden]", "value");
    let mut fields: Vec<(&str, &str)> = names
        .iter()
        .map(String::as_str)
        .zip(values.iter().map(String::as_str))
        .collect();
    let number = page.texts("label[for=number]");
    if let Some(number) = number.first().and_then(|text| text.split(": ").nth(1)) {
        fields.push(("number", number));
    }
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
         AND actor_name = 'root@example.org' AND source IN ('panel', 'job')"
    ))
    .await
}

#[tokio::test]
async fn selected_users_are_deactivated_and_no_others_and_no_client_of_the_same_number() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let clients = [app.client("acme").await, app.client("other").await];
    let third = app.client("third").await;
    let page = select(&root, "users", "deactivate", &[ann.seq]).await;
    assert_eq!(page.text("h1"), "Deactivate 1 internal user?");
    assert_eq!(page.texts(".confirm-list .sub"), ["ann@example.org"]);
    assert!(!page.has("#excluded"));
    // Nothing has happened yet.
    ann.get("/api/me").await.assert(200, "ME");

    confirmed(&root, &page).await.leads_to(&paths::USERS);
    let list = root.open(&paths::USERS).await;
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

    let page = select(&root, "clients", "deactivate", &[clients[1].seq]).await;
    confirmed(&root, &page).await.leads_to(&paths::CLIENTS);
    assert_eq!(active(&app, "client_users").await, [1, 3]);
    assert_eq!(active(&app, "users").await, [1, bob.seq]);
}

#[tokio::test]
async fn a_filter_applies_to_the_accounts_that_matched_at_the_confirmation() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    for name in ["ann-north", "bob-north", "eve-south"] {
        app.make_client(name).await;
    }
    app.make_user("ann-north", Role::STAFF).await;
    app.execute("UPDATE client_users SET is_active = FALSE WHERE username = 'bob-north'")
        .await;
    app.make_client("ian-north").await;
    let page = matching(&root, "clients", "deactivate", "search=north&sort=name").await;
    assert_eq!(page.text("h1"), "Deactivate 2 clients?");
    assert_eq!(page.texts(".confirm-list .sub"), ["ann-north", "ian-north"]);
    assert_eq!(
        page.texts("#excluded li"),
        ["One more is already inactive and is not changed."]
    );
    assert!(page.text("#filter").contains("north"));
    // A later account is not affected.
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

    let page = matching(&root, "clients", "activate", "active=no").await;
    assert_eq!(page.text("h1"), "Activate 3 clients?");
    confirmed(&root, &page).await.assert(303);
    assert_eq!(active(&app, "client_users").await, [1, 2, 3, 4, late]);
    assert_eq!(events(&app, "account_activated").await, 3);
    let filter = "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'bulk_started' \
        AND changes LIKE '%\"active=no\"%' AND changes LIKE '%\"accounts\",\"new\":\"3\"%'";
    assert_eq!(app.number(filter).await, 1);
}

#[tokio::test]
async fn deleting_removes_accounts_and_sessions_and_keeps_the_audit_log() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let ann = app.user("ann").await;
    let eve = app.signed_in("eve", Role::AUDITOR).await;
    let (gone, acme) = (app.make_client("gone").await, app.client("acme").await);
    let page = select(&root, "users", "delete", &[ann.seq, ann.seq + 1, 999]).await;
    assert_eq!(page.text("h1"), "Delete 2 internal users?");
    assert!(page.text("#excluded").contains("no longer exists"));
    let done = confirmed(&root, &page).await;
    // An account was missing: the job's page has the report.
    let report = root.open(done.location()).await;
    assert_eq!(report.text("h1"), "Deleting internal users");
    let expected = ["Deleted 2", "No longer existed 1"];
    assert_eq!(report.texts("#report .row"), expected);
    ann.assert_tokens("USER_NOT_FOUND", "USER_NOT_FOUND").await;
    eve.get(paths::DASHBOARD).await.leads_to(paths::LOGIN);
    acme.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    assert_eq!(app.number("SELECT COUNT(*) AS number FROM users").await, 1);
    assert_eq!(events(&app, "account_deleted").await, 2);

    let page = select(&root, "clients", "delete", &[gone]).await;
    confirmed(&root, &page).await.leads_to(&paths::CLIENTS);
    assert_eq!(active(&app, "client_users").await, [acme.seq]);
}

#[tokio::test]
async fn ending_sessions_ends_all_but_those_of_the_viewer() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let eve = app.signed_in("eve", Role::AUDITOR).await;
    let ann = app.user("ann").await;
    app.make_user("quiet", Role::STAFF).await;
    let acme = app.client("acme").await;
    let page = matching(&root, "users", "end_sessions", "").await;
    assert_eq!(page.text("h1"), "End the sessions of 3 internal users?");
    assert_eq!(
        page.texts("#excluded li"),
        ["Your own sessions are not ended."]
    );
    assert!(page.text("#accounts").contains("No filter is set"));
    confirmed(&root, &page).await.leads_to(&paths::USERS);
    let list = root.open(&paths::USERS).await;
    assert_eq!(
        list.text(".notice"),
        "The sessions of 2 accounts were ended."
    );
    ann.assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
        .await;
    eve.get(paths::DASHBOARD).await.leads_to(paths::LOGIN);
    acme.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    // An account without a session has no event.
    assert_eq!(events(&app, "sessions_ended").await, 2);
    ann.again()
        .await
        .assert_tokens("TOKEN_VALID", "TOKEN_VALID")
        .await;
}

#[tokio::test]
async fn own_rights_and_the_last_administrator_are_protected() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    for action in ["deactivate", "delete"] {
        let page = select(&root, "users", action, &[1]).await;
        page.leads_to(&paths::USERS);
        let list = root.open(&paths::USERS).await;
        assert!(list.text(".notice").contains("last active administrator"));
    }
    let bob = app.make_user("bob", Role::ADMIN).await;
    select(&root, "users", "delete", &[1]).await.assert(303);
    let list = root.open(&paths::USERS).await;
    assert!(list.text(".notice").contains("only your own account"));
    let page = matching(&root, "users", "deactivate", "role=admin").await;
    assert_eq!(page.text("h1"), "Deactivate 1 internal user?");
    assert_eq!(
        page.texts("#excluded li"),
        ["Your own account is excluded."]
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
async fn an_actor_who_lost_the_role_changes_nothing() {
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
    let request = BulkRequest {
        user_type: UserType::User,
        action: BulkAction::Deactivate,
        accounts: Accounts::Selected(ids.to_vec()),
    };
    let mut started = bulk::start(app.services(), &actor, request).await.unwrap();
    assert!(started.wait(Duration::from_mins(1)).await);
    assert_eq!(active(&app, "users").await, [root.seq, ann.seq, late.seq]);
    let eve = app.signed_in("eve", Role::AUDITOR).await;
    let said = eve.open(&paths::job(&started.job)).await.text("#job");
    assert!(said.contains("no longer an active administrator"), "{said}");
    ann.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
}

/// Inserts 20,000 clients.
pub(super) async fn many_clients(app: &App) {
    let at = "'2026-01-01 00:00:00'";
    app.execute(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
         INSERT INTO client_users (username, username_normalized, name, name_normalized, is_active, created_at, updated_at, search_text) \
         SELECT 'c' || i, 'c' || i, 'c' || i, 'c' || i, TRUE, {at}, {at}, 'c' || i FROM n"
    ))
    .await;
}

#[tokio::test]
async fn a_job_over_many_accounts_progresses_can_be_stopped_and_leaves_no_partial_change() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let (at, zeros) = ("'2026-01-01 00:00:00'", "0".repeat(32));
    many_clients(&app).await;
    app.execute(&format!(
        "INSERT INTO sessions (id, user_type, user_seq, method, created_at, last_used_at, expires_at, absolute_expires_at) \
         SELECT substr('{zeros}', length(CAST(id AS TEXT)) + 1) || id, 'client', id, 'otp', {at}, {at}, '2027-01-01 00:00:00', '2027-01-01 00:00:00' FROM client_users"
    ))
    .await;
    let page = matching(&root, "clients", "deactivate", "").await;
    assert_eq!(page.text("h1"), "Deactivate 20,000 clients?");
    assert_eq!(page.count(".confirm-list .who"), 50);
    assert_eq!(page.text(".confirm-list .quiet"), "and 19,950 more");
    let job = confirmed(&root, &page).await.location().to_owned();
    let first = progress_until(&root, &job, |seen| seen["done"].as_i64() > Some(0)).await;
    assert_eq!(first["total"], 20_000);
    let moved = progress_until(&root, &job, |seen| {
        seen["done"].as_i64() > first["done"].as_i64()
    });
    moved.await;
    root.post(&format!("{job}/stop"), &[]).await.leads_to(&job);
    let last = progress_until(&root, &job, |seen| seen["state"] != "running").await;
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
    assert_eq!(progress(&root, &job).await["title"], "Deactivating clients");
}

#[tokio::test]
async fn an_unclear_request_changes_nothing_and_says_why() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let ann = app.user("ann").await;
    for (action, ids, why) in [
        ("delete", &[][..], "No accounts selected"),
        ("", &[ann.seq], "Choose an action first"),
    ] {
        let answer = select(&root, "users", action, ids).await;
        answer.leads_to(&paths::USERS);
        let list = root.open(&paths::USERS).await;
        assert!(list.text(".notice").contains(why));
    }
    // An ignored filter would match every account.
    for query in ["role=the+king", "created_from=yesterday", "active=perhaps"] {
        let page = matching(&root, "users", "delete", query).await;
        page.leads_to(&format!("{}?{query}", paths::USERS));
        let list = root.open(&paths::USERS).await;
        assert!(list.text(".notice").contains("filter is invalid"));
    }
    matching(&root, "users", "delete", "search=nobody")
        .await
        .assert(303);
    select(&root, "users", "activate", &[ann.seq])
        .await
        .assert(303);
    let list = root.open(&paths::USERS).await;
    assert!(list.text(".notice").contains("already active"));
    for (action, selected) in [
        ("promote", "1"),
        ("delete", "x"),
        ("delete", "-1"),
        ("delete", "0"),
        ("delete", "99999999999999999999"),
    ] {
        let fields = [("action", action), ("selected", selected)];
        root.post(&paths::USERS.actions(), &fields)
            .await
            .assert(400);
    }
    for up_to in ["-1", "x", "1e9"] {
        let fields = [("action", "delete"), ("scope", "all"), ("up_to", up_to)];
        root.post(&paths::CLIENTS.actions(), &fields)
            .await
            .assert(400);
    }
    ann.get("/api/me").await.assert(200, "ME");
    assert_eq!(app.number("SELECT COUNT(*) AS number FROM jobs").await, 0);
}

#[tokio::test]
async fn bulk_actions_need_an_administrator_and_a_valid_csrf_token() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let eve = app.signed_in("eve", Role::AUDITOR).await;
    let acme = app.client("acme").await;
    for list in ["users", "clients"] {
        select(&eve, list, "delete", &[1]).await.assert(403);
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
            .leads_to(paths::LOGIN);
    }
    acme.get("/api/me").await.assert(200, "ME");
    assert_eq!(app.number("SELECT COUNT(*) AS number FROM jobs").await, 0);
}
