//! Addresses outside of `/admin` that lead to the panel.

use crate::support::App;

#[tokio::test]
async fn the_bare_address_the_password_managers_and_the_icon_lead_to_the_panel() {
    let app = App::start();
    let browser = app.browser();
    browser.get("/").await.leads_to("/admin");
    let change = "/.well-known/change-password";
    browser.get(change).await.leads_to("/admin/account");
    let icon = browser.get("/favicon.ico").await.assert(303);
    let icon = browser.open(icon.location()).await;
    assert_eq!(icon.header("content-type"), Some("image/svg+xml"));
    for path in ["/", change, "/favicon.ico"] {
        let head = browser.ask("HEAD", path, None, &[]).await;
        head.assert(303);
        let post = app.anonymous().call("POST", path).await;
        let post = post.assert(405, "METHOD_NOT_ALLOWED");
        assert_eq!(post.header("allow"), Some("GET, HEAD, OPTIONS"), "{path}");
    }
}
