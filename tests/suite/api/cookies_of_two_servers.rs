//! Two servers on one host: browsers send the cookies of one to the other, whatever their ports are.

use munjigi::{
    config::{Config, Secret, Transport},
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
    config.tokens.signing_key = Some(Secret::new(OTHER_KEY));
}

#[tokio::test]
async fn a_cookie_with_a_token_of_another_server_is_not_removed() {
    assert_ne!(SIGNING_KEY, OTHER_KEY);
    let (one, other) = (App::with(by_cookie), App::with(with_another_key));
    let differs = App::with(|config| {
        with_another_key(config);
        config.tokens.algorithm = munjigi::config::Algorithm::Hs512;
    });
    one.make_user("ann", Role::Staff).await;
    let ann = Spa::log_in(&one, "ann").await;
    for other in [&other, &differs] {
        let refused = ann.refresh(other).await.assert(401, "INVALID_TOKEN");
        assert_eq!(set_cookie(&refused), None);
        other.make_user("bob", Role::Staff).await;
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

#[tokio::test]
async fn cookie_prefix_names_all_cookies_of_a_server() {
    for (url, names) in [
        (
            "http://localhost:8080",
            ["staging_refresh", "staging_device", "staging_visitor"],
        ),
        (
            "https://auth.example.org",
            [
                "__Secure-staging_refresh",
                "__Host-staging_device",
                "__Host-staging_visitor",
            ],
        ),
    ] {
        let app = App::with(|config| {
            by_cookie(config);
            config.server.cookie_prefix = "staging".to_owned();
            config.server.public_url = Some(url.parse().unwrap());
        });
        app.make_user("ann", Role::Staff).await;
        let answer = log_in(&app, "ann", &json!({})).await;
        let page = app.browser().open("/admin/login").await;
        let set = [&answer.headers, &page.headers].map(|headers| {
            let all = headers.get_all("set-cookie").iter();
            all.map(|cookie| {
                cookie
                    .to_str()
                    .unwrap()
                    .split('=')
                    .next()
                    .unwrap()
                    .to_owned()
            })
            .collect::<Vec<_>>()
        });
        let mut set = set.concat();
        set.sort();
        let mut expected = names.map(str::to_owned).to_vec();
        expected.sort();
        assert_eq!(set, expected);
        let refresh = set_cookie(&answer).unwrap();
        let pair = refresh.split(';').next().unwrap();
        let call = app.anonymous().call("POST", "/auth/refresh");
        call.header("cookie", pair).await.assert(200, "REFRESHED");
    }
}
