//! Which pages may use the refresh cookie: a browser sends it with the requests of any page (CSRF; ASVS 5.0 3.5).

use std::time::Duration;

use munjigi::{config::Transport, domain::account::Role};
use serde_json::json;

use crate::support::{
    App, Call, claims_of,
    spa::{Spa, log_in, set_cookie},
};

const LISTED: &str = "https://app.example.org";

/// The headers by which a browser describes the page that sends a request.
type PageHeaders<'a> = &'a [(&'a str, &'a str)];

fn with(transport: Transport) -> App {
    App::with(|config| {
        config.tokens.transport = transport;
        config.server.allowed_origins = vec![LISTED.parse().unwrap()];
    })
}

fn from(call: Call, headers: PageHeaders) -> Call {
    let add = |call: Call, (name, value): &(&str, &str)| call.header(name, value);
    headers.iter().fold(call, add)
}

/// Every call that reads, sets or removes the cookie, except the login.
fn calls(app: &App, spa: &Spa) -> Vec<(&'static str, Call)> {
    let session = claims_of(&spa.access)["sid"].as_str().unwrap().to_owned();
    let code = json!({"challenge_id": "x", "code": "123456", "transport": "cookie"});
    vec![
        ("code", app.anonymous().post("/clients/otp/verify", code)),
        ("refresh", spa.refresh(app)),
        (
            "end",
            spa.call(app, "DELETE", &format!("/auth/sessions/{session}")),
        ),
        ("all", spa.call(app, "POST", "/auth/logout-all")),
        ("logout", spa.call(app, "POST", "/auth/logout")),
    ]
}

#[tokio::test]
async fn a_foreign_page_is_rejected_and_nothing_changes() {
    for transport in [Transport::Cookie, Transport::Both] {
        let app = with(transport);
        app.make_user("ann", Role::STAFF).await;
        let ann = Spa::log_in(&app, "ann").await;
        let own = app.anonymous().url();
        let refused: [PageHeaders; 15] = [
            &[("origin", "null")],
            &[("origin", "null"), ("sec-fetch-site", "same-origin")],
            &[("origin", "https://foreign.example")],
            &[
                ("origin", "https://foreign.example"),
                ("sec-fetch-site", "same-origin"),
            ],
            &[
                ("origin", "https://foreign.example"),
                ("sec-fetch-site", "same-site"),
            ],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "")],
            &[("origin", own), ("sec-fetch-site", "cross-site")],
            &[("origin", "http://app.example.org")],
            &[("origin", "https://app.example.org:8443")],
            &[("origin", "https://app.example.org/")],
            &[("origin", "https://app.example.org.foreign.example")],
            &[("origin", "")],
            &[("origin", LISTED), ("origin", "https://foreign.example")],
        ];
        for headers in refused {
            let right = log_in(&app, "ann", &json!({"transport": "cookie"}));
            let mut calls = calls(&app, &ann);
            calls.push(("login", right));
            for (name, call) in calls {
                let answer = from(call, headers).await;
                let outcome = (answer.status, answer.code(), set_cookie(&answer));
                assert_eq!(outcome, (403, "FORBIDDEN", None), "{name} {headers:?}");
            }
        }
        let sessions = "SELECT COUNT(*) AS number FROM sessions WHERE ended_at IS NULL";
        assert_eq!(app.number(sessions).await, 1);
        ann.assert_tokens(&app, "TOKEN_VALID", "TOKEN_VALID").await;
        // The token was not used: otherwise this would be theft.
        app.advance(Duration::from_secs(11));
        let next = ann.next(&app).await;
        next.assert_tokens(&app, "TOKEN_VALID", "TOKEN_VALID").await;
    }
}

#[tokio::test]
async fn own_pages_and_listed_origins_and_other_programs_are_allowed() {
    let app = with(Transport::Cookie);
    app.make_user("ann", Role::STAFF).await;
    let own = app.anonymous().url();
    let allowed: [PageHeaders; 8] = [
        &[],
        &[("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "none")],
        &[("origin", own)],
        &[("origin", own), ("sec-fetch-site", "same-origin")],
        &[("origin", LISTED)],
        &[("origin", LISTED), ("sec-fetch-site", "same-site")],
        &[("origin", LISTED), ("sec-fetch-site", "cross-site")],
    ];
    for headers in allowed {
        for number in 0..5 {
            let right = from(log_in(&app, "ann", &json!({})), headers).await;
            let ann = Spa::of(&right.assert(200, "LOGGED_IN"));
            let (name, call) = calls(&app, &ann).swap_remove(number);
            let answer = from(call, headers).await;
            // The code is wrong.
            let status = if name == "code" { 401 } else { 200 };
            assert_eq!(answer.status, status, "{name} {headers:?} {}", answer.text);
        }
    }
}

#[tokio::test]
async fn pages_of_the_public_address_are_allowed_whatever_host_the_proxy_sends() {
    let app = App::with(|config| {
        config.tokens.transport = Transport::Cookie;
        config.server.public_url = Some("https://auth.example.org/login".parse().unwrap());
    });
    app.make_user("ann", Role::STAFF).await;
    let from = |origin: &str| log_in(&app, "ann", &json!({})).header("origin", origin);
    let own = from("https://auth.example.org").await;
    own.assert(200, "LOGGED_IN");
    let other = from("https://app.example.org").await;
    other.assert(403, "FORBIDDEN");
}

#[tokio::test]
async fn any_page_may_call_what_does_not_use_the_cookie() {
    let app = with(Transport::Both);
    let bob = app.user("bob").await;
    let foreign: PageHeaders = &[
        ("origin", "https://foreign.example"),
        ("sec-fetch-site", "cross-site"),
    ];
    let answer = from(log_in(&app, "bob", &json!({})), foreign).await;
    answer.assert(200, "LOGGED_IN");
    let answer = from(app.anonymous().refresh(&bob.refresh), foreign).await;
    let bob = bob.with_pair(&answer.assert(200, "REFRESHED"));
    let answer = from(bob.log_out(&bob.refresh), foreign).await;
    answer.assert(200, "LOGGED_OUT");
    let bob = bob.again().await;
    let answer = from(bob.call("POST", "/auth/logout-all"), foreign).await;
    answer.assert(200, "LOGGED_OUT_ALL");

    // Also with the cookie, for calls that do not end its session.
    let ann = Spa::log_in(&app, "bob").await;
    let other = Spa::log_in(&app, "bob").await;
    let other = claims_of(&other.access)["sid"].as_str().unwrap().to_owned();
    let ended = ann.call(&app, "DELETE", &format!("/auth/sessions/{other}"));
    from(ended, foreign).await.assert(200, "SESSION_ENDED");
    let kept = ann.call(&app, "POST", "/auth/logout-all");
    let kept = from(kept.json(&json!({"keep_current": true})), foreign).await;
    kept.assert(200, "LOGGED_OUT_ALL");
}
