//! Signing in and out, what a form needs to be one of ours, and where one is sent to.

use std::time::Duration;

use munjigi::domain::account::Role;

use crate::support::{App, password_of};

#[tokio::test]
async fn a_stranger_is_sent_to_the_door_and_then_to_the_page_he_asked_for() {
    let app = App::start();
    app.make_user("ann", Role::Admin).await;
    let browser = app.browser();
    let asked = browser.get("/admin/users?search=a%20b").await;
    let asked = asked.leads_to("/admin/login?next=%2Fadmin%2Fusers%3Fsearch%3Da%2520b");
    let door = browser.open(asked.location()).await;
    let next = door.attr("input[name=next]", "value");
    let fields = [
        ("email", "ann@example.org"),
        ("password", &password_of("ann")),
        ("next", &next),
    ];
    let answer = browser.post("/admin/login", &fields).await;
    answer.leads_to("/admin/users?search=a%20b");
}

#[tokio::test]
async fn nobody_is_sent_to_another_site() {
    let app = App::start();
    app.make_user("ann", Role::Admin).await;
    for next in [
        "https://evil.example/admin",
        "//evil.example/admin",
        "/\\evil.example",
        "/admin//evil.example",
        "/api/users",
        "javascript:alert(1)",
    ] {
        let browser = app.browser();
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("next", next)
            .finish();
        let door = browser.open(&format!("/admin/login?{query}")).await;
        assert_eq!(door.attr("input[name=next]", "value"), "");
        let password = password_of("ann");
        let fields = [
            ("email", "ann@example.org"),
            ("password", password.as_str()),
            ("next", next),
        ];
        browser
            .post("/admin/login", &fields)
            .await
            .leads_to("/admin");
    }
}

#[tokio::test]
async fn unknown_wrong_and_inactive_are_one_answer_and_the_password_is_not_shown_again() {
    let app = App::start();
    app.make_user("ann", Role::Admin).await;
    app.make_user("ian", Role::Admin).await;
    app.execute("UPDATE users SET is_active = false WHERE email = 'ian@example.org'")
        .await;
    let browser = app.browser();
    let mut said = Vec::new();
    for (email, password) in [
        ("nobody@example.org", "a wrong password"),
        ("ann@example.org", "a wrong password"),
        ("ian@example.org", password_of("ian").as_str()),
    ] {
        let fields = [("email", email), ("password", password)];
        let page = browser.post("/admin/login", &fields).await.assert(422);
        assert_eq!(page.attr("input[name=email]", "value"), email);
        assert!(!page.html.contains(password));
        assert_eq!(browser.cookie("munjigi_session"), None);
        said.push(page.text(".banner"));
    }
    assert!(said[0].contains("wrong") && said.iter().all(|text| *text == said[0]));
}

#[tokio::test]
async fn staff_with_the_right_password_learns_that_his_role_does_not_open_the_panel() {
    let app = App::start();
    app.make_user("sam", Role::Staff).await;
    let browser = app.browser();
    let fields = [
        ("email", "sam@example.org"),
        ("password", &password_of("sam")),
    ];
    let page = browser.post("/admin/login", &fields).await.assert(403);
    assert!(page.text(".banner").contains("administrator or auditor"));
    assert_eq!(browser.cookie("munjigi_session"), None);
}

#[tokio::test]
async fn a_session_that_was_fixed_before_the_log_in_is_worth_nothing_after_it() {
    let app = App::start();
    app.make_user("ann", Role::Admin).await;
    let known = "A".repeat(43);
    let browser = app.browser();
    browser.set_cookie("munjigi_session", &known);
    browser.sign_in("ann").await;
    assert_ne!(browser.cookie("munjigi_session").unwrap(), known);
    let thief = app.browser();
    thief.set_cookie("munjigi_session", &known);
    thief.get("/admin").await.leads_to("/admin/login");
}

#[tokio::test]
async fn a_form_without_a_token_with_anothers_or_with_an_old_one_changes_nothing() {
    let app = App::start();
    let ann = app.signed_in("ann", Role::Admin).await;
    let bob = app.signed_in("bob", Role::Admin).await;
    let foreign = bob.token().await;
    let old = {
        let old = ann.token().await;
        ann.post("/admin/logout", &[]).await;
        ann.sign_in("ann").await;
        old
    };
    for token in [None, Some(""), Some("x"), Some(&foreign), Some(&old)] {
        let fields: Vec<(&str, &str)> = token.map(|token| ("csrf", token)).into_iter().collect();
        let page = ann.post_as_is("/admin/logout", &fields).await.assert(403);
        assert!(page.text("h1").contains("no longer valid"), "{}", page.html);
    }
    let own = ann.token().await;
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let fields = [("csrf", own.as_str())];
        let page = ann
            .ask("POST", "/admin/logout", Some(&fields), &[(name, value)])
            .await;
        page.assert(403);
    }
    ann.post("/admin/logout", &[])
        .await
        .leads_to("/admin/login");
}

#[tokio::test]
async fn who_signed_out_is_told_so_once_and_his_cookie_opens_nothing_any_more() {
    let app = App::start();
    let ann = app.signed_in("ann", Role::Auditor).await;
    let cookie = ann.cookie("munjigi_session").unwrap();
    ann.post("/admin/logout", &[])
        .await
        .leads_to("/admin/login");
    assert!(
        ann.open("/admin/login")
            .await
            .text(".notice")
            .contains("signed out")
    );
    assert!(!ann.open("/admin/login").await.has(".notice"));
    ann.set_cookie("munjigi_session", &cookie);
    ann.get("/admin").await.leads_to("/admin/login");
}

#[tokio::test]
async fn a_session_ends_when_it_is_not_used_and_after_twelve_hours_however_often_it_is() {
    let app = App::start();
    let ann = app.signed_in("ann", Role::Admin).await;
    app.advance(Duration::from_mins(59));
    ann.get("/admin/nothing").await.assert(404);
    ann.open("/admin/account").await;
    app.advance(Duration::from_mins(61));
    ann.get("/admin/account")
        .await
        .leads_to("/admin/login?next=%2Fadmin%2Faccount");
    ann.sign_in("ann").await;
    for _ in 0..14 {
        app.advance(Duration::from_mins(50));
        ann.open("/admin/account").await;
    }
    app.advance(Duration::from_mins(21));
    ann.get("/admin/account").await.assert(303);
}

#[tokio::test]
async fn a_session_ends_at_once_with_its_accounts_rights() {
    let app = App::start();
    let root = app.admin("root").await;
    for change in [
        serde_json::json!({"is_active": false}),
        serde_json::json!({"role": "staff"}),
        serde_json::json!({"role": "auditor"}),
        serde_json::json!({"password": "another long password"}),
    ] {
        let name = format!("ann{}", change.to_string().len());
        let seq = app.make_user(&name, Role::Admin).await;
        let ann = app.browser();
        ann.sign_in(&name).await;
        ann.open("/admin/account").await;
        let answer = root
            .call("PATCH", &format!("/api/users/{seq}"))
            .json(&change)
            .await;
        answer.assert(200, "USER_UPDATED");
        ann.get("/admin/account").await.assert(303);
    }
}

#[tokio::test]
async fn the_door_speaks_the_browsers_language() {
    let app = App::start();
    let korean = app.browser().speaking("ko-KR,ko;q=0.9,en;q=0.8");
    let page = korean.open("/admin/login").await;
    assert_eq!(page.attr("html", "lang"), "ko");
    assert_eq!(page.text("h1"), "로그인");
    let page = korean.get("/admin/no-such-page").await.assert(404);
    assert_eq!(page.text("h1"), "찾을 수 없습니다");
    assert_eq!(
        app.browser().open("/admin/login").await.text("h1"),
        "Sign in"
    );
}

#[tokio::test]
async fn what_is_typed_in_the_door_is_shown_as_text_and_never_runs() {
    let app = App::start();
    let browser = app.browser();
    for typed in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "\u{202e}gro.elpmaxe@nna",
        "👩‍👩‍👧@example.org",
        "a\0b",
        &"x".repeat(10_000),
    ] {
        let fields = [("email", typed), ("password", "a wrong password")];
        let page = browser.post("/admin/login", &fields).await.assert(422);
        assert_eq!(page.count("script"), 1);
        assert!(!page.has("img"));
    }
}

#[tokio::test]
async fn static_files_are_kept_for_good_and_change_their_address_with_their_contents() {
    let app = App::start();
    let browser = app.browser();
    let door = browser.open("/admin/login").await;
    let style = door.attr("link[rel=stylesheet]", "href");
    let file = browser.get(&style).await.assert(200);
    // That it may be kept for good is checked by the harness on each of them.
    assert_eq!(file.header("content-type"), Some("text/css; charset=utf-8"));
    let (_, hash) = style.split_once("/static/").unwrap();
    let other = format!("/static/{}/app.css", "0".repeat(hash.len() - 8));
    let missing = browser.get(&other).await.assert(404);
    assert_eq!(missing.header("cache-control"), Some("no-store"));
    let odd = browser.ask("POST", &style, None, &[]).await.assert(405);
    assert_eq!(odd.header("allow"), Some("GET, HEAD, OPTIONS"));
    let odd = browser.ask("OPTIONS", &style, None, &[]).await.assert(204);
    assert_eq!(odd.header("allow"), Some("GET, HEAD, OPTIONS"));
    for path in [
        "/static/../Cargo.toml",
        "/static/%2e%2e/signing.key",
        "/static/",
    ] {
        browser.get(path).await.assert(404);
    }
}

#[tokio::test]
async fn however_its_path_is_spelled_a_page_is_guarded_as_one() {
    // Its headers are held against those of a page by the harness.
    let app = App::start();
    let admin = app.signed_in("root", Role::Admin).await;
    for path in [
        "//admin/users",
        "///admin//users",
        "/%61dmin/users",
        "//admin/login",
        "//admin/nowhere",
        "/%61dmin/nowhere",
    ] {
        let page = admin.get(path).await;
        assert!(
            [200, 303, 404].contains(&page.status),
            "{path} {}",
            page.status
        );
    }
}
