//! Forms and cookies behind a proxy that changes `Host`: the default port is no difference, and a refusal names what differs.

use munjigi::{config::Config, domain::account::Role, http::admin::paths};

use crate::support::{App, Page, password_of};

/// A sign-in by a browser at `origin` that arrives with `host`.
async fn sign_in(origin: &str, host: &str, change: impl FnOnce(&mut Config)) -> Page {
    let app = App::with(change);
    app.make_user("ann", Role::ADMIN).await;
    let browser = app.browser();
    let token = browser.token().await;
    let fields = [
        ("csrf", token.as_str()),
        ("email", "ann@example.org"),
        ("password", &password_of("ann")),
    ];
    let headers = [("origin", origin), ("host", host)];
    browser
        .ask("POST", paths::LOGIN, Some(&fields), &headers)
        .await
}

#[tokio::test]
async fn the_default_port_of_the_scheme_is_no_difference() {
    for (origin, host) in [
        ("https://auth.example.org", "auth.example.org"),
        ("https://auth.example.org", "auth.example.org:443"),
        ("https://auth.example.org", "AUTH.example.org:443"),
        ("http://auth.example.org", "auth.example.org:80"),
        ("https://auth.example.org:8443", "auth.example.org:8443"),
        ("http://[::1]:8080", "[::1]:8080"),
        ("http://[::1]", "[::1]:80"),
    ] {
        let page = sign_in(origin, host, |_| ()).await;
        assert_eq!(page.status, 303, "{origin} {host}: {}", page.html);
    }
}

#[tokio::test]
async fn a_refused_form_names_the_headers_that_differ_and_the_setting() {
    for (origin, host) in [
        ("https://auth.example.org:8443", "auth.example.org"),
        ("https://auth.example.org", "auth.example.org:80"),
        ("http://auth.example.org", "auth.example.org:443"),
        ("https://auth.example.org", "10.0.0.5:8080"),
        ("https://auth.example.org.evil.example", "auth.example.org"),
        ("https://<b>.example", "auth.example.org"),
        ("null", "auth.example.org"),
    ] {
        let page = sign_in(origin, host, |_| ()).await.assert(403);
        let text = page.text(".gate-lead");
        let headers = format!("(Origin: {origin}, Host: {host})");
        assert!(text.contains(&headers), "{text}");
        assert!(text.contains("server.public_url"), "{text}");
    }
    // With the setting, the name that the proxy sends does not matter.
    let page = sign_in("https://auth.example.org", "10.0.0.5:8080", |config| {
        config.server.public_url = Some("https://auth.example.org".parse().unwrap());
    });
    page.await.leads_to(paths::DASHBOARD);
}

#[tokio::test]
async fn a_page_over_http_says_to_open_the_https_address() {
    for (origin, host) in [
        ("http://10.0.0.5:8080", "10.0.0.5:8080"),
        ("http://auth.example.org", "auth.example.org"),
        ("http://auth.example.org", "10.0.0.5:8080"),
    ] {
        let app = App::with(|config| {
            config.server.public_url = Some("https://auth.example.org".parse().unwrap());
        });
        // Over http a browser does not send the cookie of the form back.
        let fields = [("csrf", "x"), ("email", "ann@example.org")];
        let headers = [("origin", origin), ("host", host)];
        let browser = app.browser();
        let page = browser
            .ask("POST", paths::LOGIN, Some(&fields), &headers)
            .await
            .assert(403);
        assert!(page.text("h1").contains("https"), "{}", page.html);
        let text = page.text(".gate-lead");
        assert!(text.contains("https://auth.example.org/admin"), "{text}");
    }
}
