//! Errors as pages: within the panel for a signed-in viewer, plain without a session.

use munjigi::{domain::account::Role, http::admin::paths};

use crate::support::App;

#[tokio::test]
async fn errors_of_a_viewer_are_shown_within_the_panel() {
    let app = App::start();
    let eve = app.signed_in("eve", Role::AUDITOR).await;
    let token = eve.token().await;
    let form = [("csrf", token.as_str())];
    for (method, path, status, heading) in [
        ("GET", "/admin/nowhere", 404, "Page not found"),
        ("GET", "/admin/tokens/unknown", 404, "Page not found"),
        ("GET", "/admin/users/new", 403, "Read-only access"),
        ("POST", "/admin/blacklist/flush", 403, "Read-only access"),
    ] {
        let form = (method == "POST").then_some(&form[..]);
        let page = eve.ask(method, path, form, &[]).await.assert(status);
        assert_eq!(page.text("h1"), heading, "{path}");
        assert!(page.has(".side-nav") && page.has(".languages"), "{path}");
        assert!(page.text(".me").contains("Auditor"), "{path}");
        assert_eq!(page.header("content-language"), Some("en"));
    }
    // The switch of the language leads back to a page that exists.
    let page = eve
        .ask("POST", "/admin/blacklist/flush", Some(&form), &[])
        .await;
    assert_eq!(page.attr(".languages input[name=next]", "value"), "/admin");
    let page = eve.get("/admin/nowhere?x=1").await;
    let next = page.attr(".languages input[name=next]", "value");
    assert_eq!(next, "/admin/nowhere?x=1");
}

#[tokio::test]
async fn an_error_page_has_the_language_of_the_viewer() {
    let app = App::start();
    let eve = app.signed_in("eve", Role::AUDITOR).await;
    let fields = [
        ("language", "ko"),
        ("theme", "dark"),
        ("time_zone", "Asia/Seoul"),
    ];
    eve.post(paths::PREFERENCES, &fields).await.assert(303);
    let page = eve.get("/admin/nowhere").await.assert(404);
    assert_eq!(page.text("h1"), "페이지를 찾을 수 없습니다");
    assert_eq!(page.attr("html", "data-theme"), "dark");
    assert_eq!(page.header("content-language"), Some("ko"));
}

#[tokio::test]
async fn without_a_session_an_error_page_shows_nothing_of_the_panel() {
    let app = App::start();
    let page = app.browser().get("/admin/nowhere").await.assert(404);
    assert_eq!(page.text("h1"), "Page not found");
    assert!(!page.has(".side-nav"));
    let page = app.browser().get("/account/nowhere").await.assert(404);
    assert!(!page.has(".side-nav"));
}

#[tokio::test]
async fn a_notice_stays_for_the_page_after_an_error() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    root.post(paths::PROFILE, &[("name", "Root Lee")])
        .await
        .assert(303);
    assert!(!root.get("/admin/nowhere").await.has(".notice"));
    assert_eq!(root.open(paths::ACCOUNT).await.text(".notice"), "Saved.");
}
