//! The public documents for services that verify tokens by themselves.

use munjigi::{
    config::{Algorithm, Span},
    tokens::{KeyRing, SigningKey},
};
use serde_json::{Value, json};

use crate::support::{Answer, App, keys::key_pair};

const JWKS: &str = "/.well-known/jwks.json";
const METADATA: &str = "/.well-known/oauth-authorization-server";

async fn jwks(app: &App) -> Answer {
    app.anonymous().get(JWKS).await
}

fn body(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    serde_json::from_str(&answer.text).unwrap()
}

#[tokio::test]
async fn the_key_set_has_the_public_keys_of_the_ring_and_no_secret() {
    let app = App::start();
    assert_eq!(body(&jwks(&app).await), json!({"keys": []}));

    let (active, next) = (key_pair(Algorithm::EdDsa), key_pair(Algorithm::Es256));
    let secret = SigningKey::generate(Algorithm::Hs256).unwrap();
    let others = [&secret, &next].map(|key| key.verifying_key().clone());
    let ring = KeyRing::new(active.clone(), others);
    app.services().tokens.set_keys(ring);
    let answer = jwks(&app).await;
    let expected = json!({"keys": [active.public_jwk(), next.public_jwk()]});
    assert_eq!(body(&answer), expected);
    assert!(!answer.text.contains("\"d\""));
}

#[tokio::test]
async fn the_key_set_may_be_kept_for_the_configured_time_and_is_not_sent_twice() {
    let app = App::with(|config| {
        config.tokens.algorithm = Algorithm::EdDsa;
        config.tokens.jwks_max_age = Span::minutes(5);
    });
    let first = jwks(&app).await;
    let tag = first.header("etag").unwrap();
    let if_none = |tag: &str| app.anonymous().get(JWKS).header("if-none-match", tag);
    for known in [tag, &format!("\"other\", W/{tag}"), "*"] {
        let again = if_none(known).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""), "{known}");
        assert_eq!(again.header("etag"), Some(tag));
        let cached = again.header("cache-control");
        assert_eq!(cached, Some("public, max-age=300"));
    }
    for other in ["\"other\"", "garbage", ""] {
        assert_eq!(body(&if_none(other).await), body(&first), "{other}");
    }
    assert_eq!(first.header("cache-control"), Some("public, max-age=300"));

    app.services()
        .tokens
        .set_keys(key_pair(Algorithm::Es256).into());
    let changed = if_none(tag).await;
    assert_eq!(body(&changed)["keys"][0]["alg"], "ES256");
    assert_ne!(changed.header("etag"), Some(tag));
}

#[tokio::test]
async fn pages_of_every_origin_may_read_the_public_documents_without_credentials() {
    let app = App::with(|config| {
        config.server.allowed_origins = vec!["https://app.example.org".parse().unwrap()];
    });
    for origin in ["https://app.example.org", "https://other.example", "null"] {
        for path in [JWKS, METADATA] {
            let answer = app.anonymous().get(path).header("origin", origin).await;
            let allowed = answer.header("access-control-allow-origin");
            assert_eq!(allowed, Some("*"), "{path} {origin}");
            assert_eq!(answer.header("access-control-allow-credentials"), None);
            let asked = app.anonymous().call("OPTIONS", path);
            let asked = asked
                .header("origin", origin)
                .header("access-control-request-method", "GET");
            let answer = asked
                .header("access-control-request-headers", "if-none-match")
                .await;
            for (name, value) in [
                ("access-control-allow-origin", "*"),
                ("access-control-allow-methods", "GET, HEAD, OPTIONS"),
                ("access-control-allow-headers", "*"),
            ] {
                assert_eq!(answer.header(name), Some(value), "{path} {origin}");
            }
        }
    }
}

#[tokio::test]
async fn the_metadata_has_the_public_addresses_with_the_path_of_the_proxy() {
    let app = App::with(|config| {
        config.server.public_url = Some("https://example.org/auth/".parse().unwrap());
    });
    let metadata = body(&app.anonymous().get(METADATA).await);
    let secrets = json!(["client_secret_basic", "client_secret_post"]);
    let expected = json!({
        "issuer": "https://example.org/auth",
        "jwks_uri": "https://example.org/auth/.well-known/jwks.json",
        "token_endpoint": "https://example.org/auth/oauth/token",
        "token_endpoint_auth_methods_supported": secrets,
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "introspection_endpoint": "https://example.org/auth/oauth/introspect",
        "introspection_endpoint_auth_methods_supported": secrets,
        "revocation_endpoint": "https://example.org/auth/oauth/revoke",
        "revocation_endpoint_auth_methods_supported":
            ["none", "client_secret_basic", "client_secret_post"],
    });
    assert_eq!(metadata, expected);
}

#[tokio::test]
async fn the_issuer_of_the_metadata_is_that_of_the_tokens() {
    for (issuer, public_url, base) in [
        ("https://id.example.org", None, "https://id.example.org"),
        ("https://id.example.org/", Some("http://h"), "http://h"),
        ("munjigi", Some("http://h/x"), "http://h/x"),
    ] {
        let app = App::with(|config| {
            config.tokens.issuer = Some(issuer.to_owned());
            config.server.public_url = public_url.map(|url| url.parse().unwrap());
        });
        let metadata = body(&app.anonymous().get(METADATA).await);
        assert_eq!(metadata["issuer"], issuer);
        let keys = format!("{base}{JWKS}");
        assert_eq!(metadata["jwks_uri"], keys);
    }
}

#[tokio::test]
async fn without_a_public_address_there_is_no_metadata() {
    for issuer in [None, Some("munjigi".to_owned())] {
        let app = App::with(|config| config.tokens.issuer = issuer);
        let refused = app.anonymous().get(METADATA).await;
        let refused = refused.assert(404, "NO_ISSUER");
        assert!(refused.message().contains("server.public_url"));
    }
}
