//! `Strict-Transport-Security` (ASVS 5.0 3.4.1).

use crate::support::App;

/// The header's value at the API, the panel and the static files.
async fn policies(app: &App) -> Vec<Option<String>> {
    let mut found = Vec::new();
    for path in ["/healthz", "/admin/login", "/favicon.ico", "/api/me"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = app.anonymous().raw(request.as_bytes()).await;
        let value = answer.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("strict-transport-security")
                .then(|| value.to_owned())
        });
        found.push(value);
    }
    found
}

#[tokio::test]
async fn subdomains_are_included_if_that_is_configured() {
    for (url, includes, policy) in [
        ("https://auth.example.org", false, Some("max-age=31536000")),
        (
            "https://auth.example.org",
            true,
            Some("max-age=31536000; includeSubDomains"),
        ),
        ("http://localhost:8080", true, None),
    ] {
        let app = App::with(|config| {
            config.server.public_url = Some(url.parse().unwrap());
            config.server.hsts_include_subdomains = includes;
        });
        let expected = policy.map(str::to_owned);
        for found in policies(&app).await {
            assert_eq!(found, expected, "{url} {includes}");
        }
    }
}
