//! The cookie of the browser's time zone, which `app.js` sets: its name, path and attributes are those of the other cookies
//! (ASVS 5.0 3.3.1).

use munjigi::{domain::account::Role, http::admin::paths};

use crate::support::App;

#[tokio::test]
async fn the_cookie_of_the_time_zone_is_as_safe_as_the_others() {
    for (url, name, attributes) in [
        ("http://localhost:8080", "munjigi_8080_zone", "Path=/"),
        (
            "https://auth.example.org",
            "__Host-munjigi_zone",
            "Path=/; Secure",
        ),
        (
            "https://example.org/login",
            "__Secure-munjigi_zone",
            "Path=/login; Secure",
        ),
    ] {
        let app = App::with(|config| config.server.public_url = Some(url.parse().unwrap()));
        let admin = app.signed_in("ann", Role::ADMIN).await;
        for path in [paths::AUDIT, paths::PASSWORD_SET] {
            let page = admin.open(path).await;
            assert_eq!(page.attr("html", "data-zone-cookie"), name);
            assert_eq!(
                page.attr("html", "data-zone-attributes"),
                format!("{attributes}; SameSite=Lax; Max-Age=31536000")
            );
        }
        admin.set_cookie(name, "Asia%2FSeoul");
        let page = admin.open(paths::AUDIT).await;
        let shown = page.attr("tbody time", "title");
        assert!(shown.contains("KST"), "{shown}");
    }
}
