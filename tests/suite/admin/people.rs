//! The page of an account, in both populations.

use munjigi::{domain::account::Role, http::admin::paths};
use serde_json::json;

use crate::support::{App, password_of, wait_until};

const BOTH: [&str; 2] = ["users", "clients"];

#[tokio::test]
async fn a_user_is_shown_with_sessions_tokens_and_history() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let bob = app.user("bob").await;
    bob.again().await.refreshed().await;
    let page = root.open(&paths::USERS.person(bob.seq)).await;
    assert_eq!(page.text("h1"), "bob");
    assert!(page.text("#profile").contains("bob@example.org"));
    assert!(page.text(".page-head").contains("Staff"));
    assert_eq!(page.count("#sessions tbody tr"), 2);
    assert_eq!(page.count("#tokens tbody tr"), 3);
    let token = page.attr("#tokens tbody a", "href");
    root.open(&token).await;
    assert!(page.text("#history").contains("Account created"));
}

#[tokio::test]
async fn a_client_is_shown_with_the_deliveries_of_codes() {
    let app = App::with_gateway(|_| ());
    let root = app.signed_in("root", Role::ADMIN).await;
    let shop = app.client("shop").await;
    let path = paths::CLIENTS.person(shop.seq);
    let page = root.open(&path).await;
    assert!(!page.has("#deliveries"), "nothing was sent");
    assert!(page.text("#profile").contains("+82 10-1234-5678"));
    let asked = app
        .anonymous()
        .post("/clients/otp/request", json!({"username": "shop"}));
    asked.await.assert(200, "OTP_SENT");
    app.codes(1).await;
    let page = wait_until("the row", async || {
        let page = root.open(&path).await;
        page.has("#deliveries tbody tr").then_some(page)
    })
    .await;
    assert_eq!(page.count("#deliveries tbody tr"), 1);
    assert!(page.text("#deliveries tbody").contains("Sent"));
}

#[tokio::test]
async fn an_unknown_number_is_not_found() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    for folder in BOTH {
        for seq in [
            "999",
            "0",
            "01",
            "9223372036854775808",
            "99999999999999999999999999",
            "٣",
            "-1",
            "x",
        ] {
            for part in ["", "/edit", "/delete"] {
                let path = format!("/admin/{folder}/{seq}{part}");
                root.get(&path).await.assert(404);
            }
            for part in ["edit", "delete", "activate", "deactivate", "sessions/end"] {
                let path = format!("/admin/{folder}/{seq}/{part}");
                let fields = [("email", "a@example.org"), ("name", "a"), ("username", "a")];
                root.post(&path, &fields).await.assert(404);
            }
        }
    }
}

#[tokio::test]
async fn one_number_in_both_populations_is_two_accounts() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let bob = app.user("bob").await;
    app.client("first").await;
    let shop = app.client("shop").await;
    assert_eq!(bob.seq, shop.seq, "the test needs one number");
    let (of_bob, of_shop) = (
        paths::USERS.person(bob.seq),
        paths::CLIENTS.person(shop.seq),
    );
    assert_eq!(root.open(&of_bob).await.text("h1"), "bob");
    let page = root.open(&of_shop).await;
    assert_eq!(page.text("h1"), "shop");
    // A session is ended from the page of its own account only.
    let action = page.attr("#sessions tbody a.button", "href");
    let foreign = action.replace("/clients/", "/users/");
    root.post(&foreign, &[]).await.assert(404);
    shop.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    root.post(&format!("{of_bob}/deactivate"), &[])
        .await
        .leads_to(&of_bob);
    bob.assert_tokens("USER_INACTIVE", "USER_INACTIVE").await;
    shop.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    let history = root.open(&of_shop).await.text("#history");
    assert!(!history.contains("deactivated"), "{history}");
    root.post(&format!("{of_shop}/delete"), &[])
        .await
        .leads_to(&paths::CLIENTS);
    root.get(&of_shop).await.assert(404);
    assert_eq!(root.open(&of_bob).await.text("h1"), "bob");
}

#[tokio::test]
async fn ending_one_session_leaves_the_other_and_ending_all_leaves_none() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    for person in [app.user("bob").await, app.client("shop").await] {
        let second = person.again().await;
        let path = format!("/admin/{}s/{}", person.user_type, person.seq);
        let page = root.open(&path).await;
        // The most recently used session is first; for equal times the later id.
        let action = page.attr("#sessions tbody a.button", "href");
        root.post(&action, &[]).await.leads_to(&path);
        let page = root.open(&path).await;
        assert!(page.text(".notice").contains("The session has ended"));
        assert_eq!(page.count("#sessions tbody tr"), 1);
        assert!(page.text("#history").contains("Session ended"));
        let answers = [
            app.anonymous().refresh(&person.refresh).await.status,
            app.anonymous().refresh(&second.refresh).await.status,
        ];
        let mut sorted = answers;
        sorted.sort_unstable();
        assert_eq!(sorted, [200, 401]);
        // A second request changes nothing and says so.
        root.post(&action, &[]).await.leads_to(&path);
        let page = root.open(&path).await;
        assert!(page.text(".notice").contains("already"));
        let third = person.again().await;
        let page = root.open(&format!("{path}/sessions/end")).await;
        assert!(
            page.text("#ends").starts_with("Ends 2 sessions on "),
            "{}",
            page.text("#ends")
        );
        root.post(&format!("{path}/sessions/end"), &[])
            .await
            .leads_to(&path);
        let page = root.open(&path).await;
        assert!(page.text(".notice").contains("2 sessions have ended"));
        assert!(!page.has("#sessions tbody"));
        third
            .assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
            .await;
        for id in ["x", &"0".repeat(32)] {
            let path = format!("{path}/sessions/{id}/end");
            root.post(&path, &[]).await.assert(404);
        }
    }
}

#[tokio::test]
async fn a_panel_session_of_another_account_is_ended() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let amy = app.signed_in("amy", Role::AUDITOR).await;
    let seq = app
        .number("SELECT id AS number FROM users WHERE email = 'amy@example.org'")
        .await;
    let path = paths::USERS.person(seq);
    let action = root
        .open(&path)
        .await
        .attr("#browsers tbody a.button", "href");
    assert!(
        root.open(&action)
            .await
            .text("main")
            .contains("logged out of the panel")
    );
    root.post(&action, &[]).await.leads_to(&path);
    assert!(!root.open(&path).await.has("#browsers"));
    amy.get(paths::ACCOUNT).await.assert(303);
}

#[tokio::test]
async fn deactivating_ends_the_sessions_and_activating_allows_logins_again() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    for person in [app.user("bob").await, app.client("shop").await] {
        let path = format!("/admin/{}s/{}", person.user_type, person.seq);
        let page = root.open(&format!("{path}/deactivate")).await;
        assert_eq!(page.text("#ends"), "Ends 1 session.");
        assert!(page.has("form button.danger.primary"));
        person.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
        root.post(&format!("{path}/deactivate"), &[])
            .await
            .leads_to(&path);
        let refused = app.anonymous().refresh(&person.refresh).await;
        refused.assert(401, "USER_INACTIVE");
        person.log_in().await.assert(401, "INVALID_CREDENTIALS");
        let page = root.open(&path).await;
        assert!(page.text(".page-head").contains("Inactive"));
        assert!(!page.has("#sessions tbody"));
        // An inactive account gets no password link.
        assert!(!page.has("form[action$='/link']"));
        // The message of the deactivation has the button that undoes it.
        let undo = page.attr(".notice form", "action");
        assert_eq!(undo, format!("{path}/activate"));
        root.post(&undo, &[]).await.leads_to(&path);
        // Ended sessions are not restored.
        person
            .assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
            .await;
        person.log_in().await.assert(200, "LOGGED_IN");
        let history = root.open(&path).await.texts("#history .timeline-head a");
        assert_eq!(history[..2], ["Account activated", "Account deactivated"]);
        assert!(!history.contains(&"Logged in".to_owned()));
        let page = root.open(&format!("{path}?history=logins")).await;
        assert!(
            page.texts("#history .timeline-head a")
                .contains(&"Logged in".to_owned())
        );
    }
}

#[tokio::test]
async fn own_rights_and_the_last_administrator_are_protected() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let password = password_of("root");
    let seq = app.number("SELECT id AS number FROM users").await;
    let path = paths::USERS.person(seq);
    let page = root.open(&path).await;
    assert!(!page.has("#danger"), "a refused action is not offered");
    let page = root.open(&format!("{path}/delete")).await;
    assert!(page.has(".banner.is-danger") && !page.has("main .button.danger"));
    let form = root.open(&format!("{path}/edit")).await;
    assert!(!form.has("[name=role]") && !form.has("[name=is_active]"));
    for (part, fields) in [
        ("deactivate", vec![]),
        ("delete", vec![]),
        (
            "edit",
            vec![
                ("email", "root@example.org"),
                ("name", "Renamed"),
                ("role", "staff"),
                ("current", password.as_str()),
            ],
        ),
        (
            "edit",
            vec![
                ("email", "root@example.org"),
                ("name", "Renamed"),
                ("is_active", "false"),
            ],
        ),
    ] {
        let page = root.post(&format!("{path}/{part}"), &fields).await;
        let page = page.assert(409);
        assert!(page.text(".banner.is-danger").contains("your own account"));
        if part == "edit" {
            assert_eq!(page.attr("#name", "value"), "Renamed");
        }
    }
    // The own name can be changed, and the role stays.
    let fields = [("email", "root@example.org"), ("name", "The root")];
    root.post(&format!("{path}/edit"), &fields)
        .await
        .leads_to(&path);
    let active = "SELECT COUNT(*) AS number FROM users WHERE is_active = true AND role = 'admin' AND name = 'The root'";
    assert_eq!(app.number(active).await, 1);
}

#[tokio::test]
async fn an_auditor_sees_an_account_without_buttons() {
    let app = App::start();
    let amy = app.signed_in("amy", Role::AUDITOR).await;
    for person in [app.user("bob").await, app.client("shop").await] {
        let path = format!("/admin/{}s/{}", person.user_type, person.seq);
        let page = amy.open(&path).await;
        assert_eq!(page.count("#sessions tbody tr"), 1);
        assert!(!page.has(".columns form[method=post]"));
        assert!(!page.has(".actions") && !page.has("#danger") && !page.has("#login .button"));
        let new = format!("/admin/{}s/new", person.user_type);
        for part in ["deactivate", "sessions/end", "link"] {
            amy.get(&format!("{path}/{part}")).await.assert(403);
        }
        for path in [&new, &format!("{path}/edit"), &format!("{path}/delete")] {
            amy.get(path).await.assert(403);
            amy.post(path, &[("email", "a@example.org")])
                .await
                .assert(403);
        }
        for part in ["activate", "deactivate", "sessions/end", "link"] {
            amy.post(&format!("{path}/{part}"), &[]).await.assert(403);
        }
        person.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    }
}

#[tokio::test]
async fn an_account_with_panel_sessions_only_can_be_signed_out() {
    let app = App::start();
    let admin = app.signed_in("ann", Role::ADMIN).await;
    let eva = app.signed_in("eva", Role::AUDITOR).await;
    let page = admin.open(&paths::USERS.person(2)).await;
    assert_eq!(page.count("#sessions table"), 0);
    let all = paths::USERS.person(2).end_sessions();
    assert_eq!(
        page.count(&format!("#browsers a[href=\"{all}\"]")),
        1,
        "{}",
        page.html
    );
    admin
        .post(&all, &[])
        .await
        .leads_to(&paths::USERS.person(2));
    eva.get(paths::DASHBOARD).await.assert(303);
    admin.open(paths::DASHBOARD).await;
}
