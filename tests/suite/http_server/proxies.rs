//! The client address behind a proxy, as stored with a session.

use munjigi::config::{Config, ForwardedHeader};
use serde_json::Value;

use crate::support::App;

/// The stored address of a login that has both forwarding headers.
async fn seen(change: impl FnOnce(&mut Config)) -> Value {
    let app = App::with(change);
    let ann = app.user("ann").await;
    app.advance(std::time::Duration::from_secs(1));
    let login = app.anonymous().post("/auth/login", ann.credentials());
    let login = login
        .header("x-forwarded-for", "192.0.2.1, 198.51.100.1")
        .header(
            "forwarded",
            "for=192.0.2.2, for=\"[2001:db8::2]:99\";proto=https",
        )
        .await;
    let ann = ann.with_pair(&login.assert(200, "LOGGED_IN"));
    let sessions = ann.get("/auth/sessions").await;
    sessions.data()[0]["ip_address"].clone()
}

#[tokio::test]
async fn forwarded_headers_of_an_untrusted_peer_are_ignored() {
    assert_eq!(seen(|_| ()).await, "127.0.0.1");
    for header in [ForwardedHeader::XForwardedFor, ForwardedHeader::Forwarded] {
        let address = seen(|config| {
            config.server.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
            config.server.forwarded_header = header;
        })
        .await;
        assert_eq!(address, "127.0.0.1");
    }
}

#[tokio::test]
async fn the_configured_header_of_a_trusted_proxy_is_used() {
    for (header, address) in [
        (ForwardedHeader::XForwardedFor, "198.51.100.1"),
        (ForwardedHeader::Forwarded, "2001:db8::2"),
    ] {
        let found = seen(|config| {
            config.server.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
            config.server.forwarded_header = header;
        })
        .await;
        assert_eq!(found, address);
    }
}
