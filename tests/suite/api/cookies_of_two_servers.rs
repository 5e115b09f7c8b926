//! Two servers on one host: browsers send the cookies of one to the other, whatever their ports are.

use munjigi::{
    config::{Config, Transport},
    domain::account::Role,
};
use serde_json::json;

use crate::support::{
    App, SIGNING_KEY,
    spa::{Spa, log_in, set_cookie, takes_away},
};

const OTHER_KEY: &str = "another key of another server on the same host, 64 bytes or more.";

fn by_cookie(config: &mut Config) {
    config.tokens.transport = Transport::Cookie;
}

fn with_another_key(config: &mut Config) {
    by_cookie(config);
    let file = config.server.data_dir.join("jwt.key");
    std::fs::write(&file, OTHER_KEY).unwrap();
    config.tokens.keys = vec![file];
}

#[tokio::test]
async fn a_cookie_with_a_token_of_another_server_is_not_removed() {
    assert_ne!(SIGNING_KEY, OTHER_KEY);
    let (one, other) = (App::with(by_cookie), App::with(with_another_key));
    let differs = App::with(|config| {
        with_another_key(config);
        config.tokens.algorithm = munjigi::config::Algorithm::Hs512;
    });
    one.make_user("ann", Role::STAFF).await;
    let ann = Spa::log_in(&one, "ann").await;
    for other in [&other, &differs] {
        let refused = ann.refresh(other).await.assert(401, "INVALID_TOKEN");
        assert_eq!(set_cookie(&refused), None);
        other.make_user("bob", Role::STAFF).await;
        let bob = Spa::log_in(other, "bob").await;
        let cookie = ann.cookie.clone();
        let left = Spa { cookie, ..bob }.call(other, "POST", "/auth/logout");
        assert_eq!(set_cookie(&left.await.assert(200, "LOGGED_OUT")), None);
    }
    ann.refresh(&one).await.assert(200, "REFRESHED");
    // What no server has issued is removed.
    let cookie = "garbage".to_owned();
    let refused = Spa { cookie, ..ann }.refresh(&one).await;
    assert!(takes_away(&refused.assert(401, "INVALID_TOKEN")));
}

/// The names of all cookies that a login at the API and the login page of the panel set, sorted; and the refresh cookie.
async fn cookies_of(app: &App) -> (Vec<String>, String) {
    let answer = log_in(app, "ann", &json!({})).await;
    let page = app.browser().open("/admin/login").await;
    let set = [&answer.headers, &page.headers].map(|headers| {
        let all = headers.get_all("set-cookie").iter();
        let name = |cookie: &str| cookie.split('=').next().unwrap().to_owned();
        all.map(|cookie| name(cookie.to_str().unwrap()))
            .collect::<Vec<_>>()
    });
    let mut names = set.concat();
    names.sort();
    let refresh = set_cookie(&answer).unwrap();
    (names, refresh.split(';').next().unwrap().to_owned())
}

#[tokio::test]
async fn the_names_of_all_cookies_have_the_prefix_or_on_http_the_port() {
    for (port, url, prefix, expected) in [
        (8080, None, None, ["munjigi_8080_"; 3]),
        (80, None, None, ["munjigi_"; 3]),
        (
            8080,
            Some("http://localhost:9090"),
            None,
            ["munjigi_9090_"; 3],
        ),
        (8080, Some("http://localhost/login"), None, ["munjigi_"; 3]),
        (
            8080,
            Some("http://localhost:8080"),
            Some("staging"),
            ["staging_"; 3],
        ),
        (8080, None, Some("munjigi"), ["munjigi_"; 3]),
        (
            8080,
            Some("https://auth.example.org:8443"),
            None,
            ["__Host-munjigi_", "__Secure-munjigi_", "__Host-munjigi_"],
        ),
        (
            8080,
            Some("https://auth.example.org"),
            Some("staging"),
            ["__Host-staging_", "__Secure-staging_", "__Host-staging_"],
        ),
    ] {
        let app = App::with(|config| {
            by_cookie(config);
            config.server.listen.set_port(port);
            config.server.cookie_prefix = prefix.map(str::to_owned);
            config.server.public_url = url.map(|url| url.parse().unwrap());
        });
        app.make_user("ann", Role::STAFF).await;
        let (names, refresh) = cookies_of(&app).await;
        let [device, refreshed, visitor] = expected;
        let mut expected = [
            format!("{device}device"),
            format!("{refreshed}refresh"),
            format!("{visitor}visitor"),
        ];
        expected.sort();
        assert_eq!(names, expected, "{port} {url:?}");
        let call = app.anonymous().call("POST", "/auth/refresh");
        call.header("cookie", &refresh)
            .await
            .assert(200, "REFRESHED");
    }
}

#[tokio::test]
async fn two_servers_with_default_names_on_one_host_share_no_cookie() {
    let at = |port| {
        App::with(|config| {
            by_cookie(config);
            config.server.listen.set_port(port);
        })
    };
    let (one, other) = (at(8080), at(8081));
    let mut jar = Vec::new();
    for app in [&one, &other] {
        app.make_user("ann", Role::STAFF).await;
        jar.push(cookies_of(app).await.1);
    }
    for app in [&one, &other] {
        let call = app.anonymous().call("POST", "/auth/refresh");
        let answer = call.header("cookie", &jar.join("; ")).await;
        answer.assert(200, "REFRESHED");
    }
}
