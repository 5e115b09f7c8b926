//! Sign-in and sign-out, CSRF protection, redirects, session lifetimes, static files.

use std::time::Duration;

use munjigi::{domain::account::Role, http::admin::paths};

use crate::support::{App, password_of};

#[tokio::test]
async fn sign_in_leads_to_the_requested_page() {
    let app = App::start();
    app.make_user("ann", Role::ADMIN).await;
    let browser = app.browser();
    let asked = browser.get("/admin/users?search=a%20b").await;
    let asked = asked.leads_to("/admin/login?next=%2Fadmin%2Fusers%3Fsearch%3Da%2520b");
    let page = browser.open(asked.location()).await;
    let next = page.attr("input[name=next]", "value");
    let fields = [
        ("email", "ann@example.org"),
        ("password", &password_of("ann")),
        ("next", &next),
    ];
    let answer = browser.post(paths::LOGIN, &fields).await;
    answer.leads_to("/admin/users?search=a%20b");
}

#[tokio::test]
async fn sign_in_never_redirects_to_another_site() {
    let app = App::start();
    app.make_user("ann", Role::ADMIN).await;
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
        let page = browser.open(&format!("{}?{query}", paths::LOGIN)).await;
        assert_eq!(page.attr("input[name=next]", "value"), "");
        let password = password_of("ann");
        let fields = [
            ("email", "ann@example.org"),
            ("password", password.as_str()),
            ("next", next),
        ];
        browser
            .post(paths::LOGIN, &fields)
            .await
            .leads_to(paths::DASHBOARD);
    }
}

#[tokio::test]
async fn unknown_wrong_and_inactive_are_one_response_and_the_password_is_not_shown_again() {
    let app = App::start();
    app.make_user("ann", Role::ADMIN).await;
    app.make_user("ian", Role::ADMIN).await;
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
        let page = browser.post(paths::LOGIN, &fields).await.assert(422);
        assert_eq!(page.attr("input[name=email]", "value"), email);
        assert!(!page.html.contains(password));
        assert_eq!(browser.cookie("munjigi_session"), None);
        said.push(page.text(".banner"));
    }
    assert!(said[0].contains("wrong") && said.iter().all(|text| *text == said[0]));
}

#[tokio::test]
async fn staff_with_the_right_password_is_refused_because_of_the_role() {
    let app = App::start();
    app.make_user("sam", Role::STAFF).await;
    let browser = app.browser();
    let fields = [
        ("email", "sam@example.org"),
        ("password", &password_of("sam")),
    ];
    let page = browser.post(paths::LOGIN, &fields).await.assert(403);
    assert!(page.text(".banner").contains("role does not allow it"));
    assert_eq!(browser.cookie("munjigi_session"), None);
}

#[tokio::test]
async fn sign_in_ends_the_session_that_the_browser_had_before() {
    let app = App::start();
    for name in ["ann", "bob", "eve"] {
        app.make_user(name, Role::ADMIN).await;
    }
    for (first, second) in [("ann", "ann"), ("bob", "eve")] {
        let (browser, copy, elsewhere) = (app.browser(), app.browser(), app.browser());
        elsewhere.sign_in(first).await;
        browser.sign_in(first).await;
        let former = browser.cookie("munjigi_session").unwrap();
        copy.set_cookie("munjigi_session", &former);
        copy.open(paths::ACCOUNT).await;
        // The sign-in page leads on; the form can be sent all the same.
        browser.sign_in(second).await;
        browser.open(paths::ACCOUNT).await;
        copy.get(paths::ACCOUNT).await.assert(303);
        elsewhere.open(paths::ACCOUNT).await;
    }
}

#[tokio::test]
async fn sign_in_replaces_a_fixated_session() {
    let app = App::start();
    app.make_user("ann", Role::ADMIN).await;
    let known = "A".repeat(43);
    let browser = app.browser();
    browser.set_cookie("munjigi_session", &known);
    browser.sign_in("ann").await;
    assert_ne!(browser.cookie("munjigi_session").unwrap(), known);
    let thief = app.browser();
    thief.set_cookie("munjigi_session", &known);
    thief.get(paths::DASHBOARD).await.leads_to(paths::LOGIN);
}

#[tokio::test]
async fn a_form_without_a_valid_csrf_token_changes_nothing() {
    let app = App::start();
    let ann = app.signed_in("ann", Role::ADMIN).await;
    let bob = app.signed_in("bob", Role::ADMIN).await;
    let foreign = bob.token().await;
    let old = {
        let old = ann.token().await;
        ann.post(paths::LOGOUT, &[]).await;
        ann.sign_in("ann").await;
        old
    };
    for token in [None, Some(""), Some("x"), Some(&foreign), Some(&old)] {
        let fields: Vec<(&str, &str)> = token.map(|token| ("csrf", token)).into_iter().collect();
        let page = ann.post_as_is(paths::LOGOUT, &fields).await.assert(403);
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
            .ask("POST", paths::LOGOUT, Some(&fields), &[(name, value)])
            .await;
        page.assert(403);
    }
    ann.post(paths::LOGOUT, &[]).await.leads_to(paths::LOGIN);
}

#[tokio::test]
async fn sign_out_shows_a_notice_once_and_invalidates_the_cookie() {
    let app = App::start();
    let ann = app.signed_in("ann", Role::AUDITOR).await;
    let cookie = ann.cookie("munjigi_session").unwrap();
    ann.post(paths::LOGOUT, &[]).await.leads_to(paths::LOGIN);
    assert!(
        ann.open(paths::LOGIN)
            .await
            .text(".notice")
            .contains("logged out")
    );
    assert!(!ann.open(paths::LOGIN).await.has(".notice"));
    ann.set_cookie("munjigi_session", &cookie);
    ann.get(paths::DASHBOARD).await.leads_to(paths::LOGIN);
}

#[tokio::test]
async fn a_session_ends_when_idle_and_after_twelve_hours_of_use() {
    let app = App::start();
    let ann = app.signed_in("ann", Role::ADMIN).await;
    app.advance(Duration::from_mins(59));
    ann.get("/admin/nothing").await.assert(404);
    ann.open(paths::ACCOUNT).await;
    app.advance(Duration::from_mins(61));
    ann.get(paths::ACCOUNT)
        .await
        .leads_to("/admin/login?next=%2Fadmin%2Faccount");
    ann.sign_in("ann").await;
    for _ in 0..14 {
        app.advance(Duration::from_mins(50));
        ann.open(paths::ACCOUNT).await;
    }
    app.advance(Duration::from_mins(21));
    ann.get(paths::ACCOUNT).await.assert(303);
}

#[tokio::test]
async fn a_session_ends_immediately_with_the_rights_of_its_account() {
    let app = App::start();
    let root = app.admin("root").await;
    for change in [
        serde_json::json!({"is_active": false}),
        serde_json::json!({"role": "staff"}),
        serde_json::json!({"role": "auditor"}),
        serde_json::json!({"password": "another long password"}),
    ] {
        let name = format!("ann{}", change.to_string().len());
        let seq = app.make_user(&name, Role::ADMIN).await;
        let ann = app.browser();
        ann.sign_in(&name).await;
        ann.open(paths::ACCOUNT).await;
        let answer = root
            .call("PATCH", &format!("/api/users/{seq}"))
            .json(&root.confirmed(change))
            .await;
        answer.assert(200, "USER_UPDATED");
        ann.get(paths::ACCOUNT).await.assert(303);
    }
}

#[tokio::test]
async fn the_sign_in_page_is_in_the_browsers_language() {
    let app = App::start();
    let korean = app.browser().speaking("ko-KR,ko;q=0.9,en;q=0.8");
    let page = korean.open(paths::LOGIN).await;
    assert_eq!(page.attr("html", "lang"), "ko");
    assert_eq!(page.text("h1"), "로그인");
    let page = korean.get("/admin/no-such-page").await.assert(404);
    assert_eq!(page.text("h1"), "페이지를 찾을 수 없습니다");
    assert_eq!(app.browser().open(paths::LOGIN).await.text("h1"), "Log in");
}

#[tokio::test]
async fn sign_in_input_is_escaped() {
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
        let page = browser.post(paths::LOGIN, &fields).await.assert(422);
        assert_eq!(page.count("script"), 1);
        assert!(!page.has("img"));
    }
}

#[tokio::test]
async fn static_files_are_cached_forever_and_have_a_content_hash_in_their_address() {
    let app = App::start();
    let browser = app.browser();
    let page = browser.open(paths::LOGIN).await;
    let style = page.attr("link[rel=stylesheet]", "href");
    let file = browser.get(&style).await.assert(200);
    // The harness checks the caching headers.
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
        "/static/%2e%2e/master.key",
        "/static/",
    ] {
        browser.get(path).await.assert(404);
    }
}

#[tokio::test]
async fn every_spelling_of_a_path_has_the_headers_of_a_page() {
    // The harness checks the headers.
    let app = App::start();
    let admin = app.signed_in("root", Role::ADMIN).await;
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
