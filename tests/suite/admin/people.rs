//! The page of one person, in both populations: what it shows, and what is done from it.

use munjigi::domain::account::Role;
use serde_json::json;

use crate::support::App;

const BOTH: [&str; 2] = ["users", "clients"];

#[tokio::test]
async fn a_user_is_shown_with_his_sessions_his_tokens_and_his_history() {
    let app = App::start();
    let root = app.signed_in("root", Role::Admin).await;
    let bob = app.user("bob").await;
    bob.again().await.refreshed().await;
    let page = root.open(&format!("/admin/users/{}", bob.seq)).await;
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
async fn a_client_is_shown_with_what_became_of_his_codes() {
    let app = App::with_gateway(|_| ());
    let root = app.signed_in("root", Role::Admin).await;
    let shop = app.client("shop").await;
    let path = format!("/admin/clients/{}", shop.seq);
    let page = root.open(&path).await;
    assert!(page.text("#deliveries").contains("No code was sent"));
    assert!(page.text("#profile").contains("+82 10-1234-5678"));
    let asked = app
        .anonymous()
        .post("/clients/otp/request", json!({"username": "shop"}));
    asked.await.assert(200, "OTP_SENT");
    app.codes(1).await;
    for _ in 0..100 {
        if root.open(&path).await.has("#deliveries tbody tr") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let page = root.open(&path).await;
    assert_eq!(page.count("#deliveries tbody tr"), 1);
    assert!(page.text("#deliveries tbody").contains("Sent"));
}

#[tokio::test]
async fn a_number_that_nobody_has_is_no_page() {
    let app = App::start();
    let root = app.signed_in("root", Role::Admin).await;
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
async fn one_number_in_both_populations_is_two_people_everywhere() {
    let app = App::start();
    let root = app.signed_in("root", Role::Admin).await;
    let bob = app.user("bob").await;
    app.client("first").await;
    let shop = app.client("shop").await;
    assert_eq!(bob.seq, shop.seq, "the test needs one number");
    let (of_bob, of_shop) = (
        format!("/admin/users/{}", bob.seq),
        format!("/admin/clients/{}", shop.seq),
    );
    assert_eq!(root.open(&of_bob).await.text("h1"), "bob");
    let page = root.open(&of_shop).await;
    assert_eq!(page.text("h1"), "shop");
    // A session is ended from the page of its own person only.
    let action = page.attr("#sessions tbody form", "action");
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
        .leads_to("/admin/clients");
    root.get(&of_shop).await.assert(404);
    assert_eq!(root.open(&of_bob).await.text("h1"), "bob");
}

#[tokio::test]
async fn ending_one_session_leaves_the_other_and_ending_all_leaves_none() {
    let app = App::start();
    let root = app.signed_in("root", Role::Admin).await;
    for person in [app.user("bob").await, app.client("shop").await] {
        let second = person.again().await;
        let path = format!("/admin/{}s/{}", person.user_type, person.seq);
        let page = root.open(&path).await;
        // The one that was used last stands first; both began at once, so the later id.
        let action = page.attr("#sessions tbody form", "action");
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
        // Once more changes nothing, and says so.
        root.post(&action, &[]).await.leads_to(&path);
        let page = root.open(&path).await;
        assert!(page.text(".notice").contains("already"));
        let third = person.again().await;
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
async fn a_browser_of_somebody_else_is_signed_out_of_the_panel() {
    let app = App::start();
    let root = app.signed_in("root", Role::Admin).await;
    let amy = app.signed_in("amy", Role::Auditor).await;
    let seq = app
        .number("SELECT id AS number FROM users WHERE email = 'amy@example.org'")
        .await;
    let path = format!("/admin/users/{seq}");
    let action = root
        .open(&path)
        .await
        .attr("#browsers tbody form", "action");
    root.post(&action, &[]).await.leads_to(&path);
    assert!(!root.open(&path).await.has("#browsers"));
    amy.get("/admin/account").await.assert(303);
}

#[tokio::test]
async fn deactivating_ends_the_sessions_and_activating_lets_in_again() {
    let app = App::start();
    let root = app.signed_in("root", Role::Admin).await;
    for person in [app.user("bob").await, app.client("shop").await] {
        let path = format!("/admin/{}s/{}", person.user_type, person.seq);
        root.post(&format!("{path}/deactivate"), &[])
            .await
            .leads_to(&path);
        let refused = app.anonymous().refresh(&person.refresh).await;
        refused.assert(401, "USER_INACTIVE");
        person.log_in().await.assert(401, "INVALID_CREDENTIALS");
        let page = root.open(&path).await;
        assert!(page.text(".page-head").contains("Inactive"));
        assert!(!page.has("#sessions tbody"));
        // A link is of no use to whoever may not log in.
        assert!(!page.has("form[action$='/link']"));
        root.post(&format!("{path}/activate"), &[])
            .await
            .leads_to(&path);
        // What had ended stays ended.
        person
            .assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
            .await;
        person.log_in().await.assert(200, "LOGGED_IN");
        let history = root.open(&path).await.texts("#history .timeline-head a");
        assert_eq!(history[..2], ["Account activated", "Account deactivated"]);
    }
}

#[tokio::test]
async fn nobody_takes_away_his_own_rights_and_the_last_administrator_stays() {
    let app = App::start();
    let root = app.signed_in("root", Role::Admin).await;
    let seq = app.number("SELECT id AS number FROM users").await;
    let path = format!("/admin/users/{seq}");
    let page = root.open(&path).await;
    assert!(!page.has("#danger"), "what is refused is not offered");
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
        assert!(page.text(".banner.is-danger").contains("himself"));
        if part == "edit" {
            assert_eq!(page.attr("#name", "value"), "Renamed");
        }
    }
    // His name he may change, and stays what he is.
    let fields = [("email", "root@example.org"), ("name", "The root")];
    root.post(&format!("{path}/edit"), &fields)
        .await
        .leads_to(&path);
    let active = "SELECT COUNT(*) AS number FROM users WHERE is_active = true AND role = 'admin' AND name = 'The root'";
    assert_eq!(app.number(active).await, 1);
}

#[tokio::test]
async fn an_auditor_sees_a_person_and_no_button_that_changes_anything() {
    let app = App::start();
    let amy = app.signed_in("amy", Role::Auditor).await;
    for person in [app.user("bob").await, app.client("shop").await] {
        let path = format!("/admin/{}s/{}", person.user_type, person.seq);
        let page = amy.open(&path).await;
        assert_eq!(page.count("#sessions tbody tr"), 1);
        assert!(!page.has(".columns form") && !page.has(".actions") && !page.has("#danger"));
        let new = format!("/admin/{}s/new", person.user_type);
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
async fn who_is_signed_in_to_the_panel_alone_can_be_signed_out_everywhere() {
    let app = App::start();
    let admin = app.signed_in("ann", Role::Admin).await;
    let eva = app.signed_in("eva", Role::Auditor).await;
    let page = admin.open("/admin/users/2").await;
    assert_eq!(page.count("#sessions table"), 0);
    let all = "/admin/users/2/sessions/end";
    assert_eq!(
        page.count(&format!("#browsers form[action=\"{all}\"]")),
        1,
        "{}",
        page.html
    );
    admin.post(all, &[]).await.leads_to("/admin/users/2");
    eva.get("/admin").await.assert(303);
    admin.open("/admin").await;
}
