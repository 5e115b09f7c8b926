//! The claims of both tokens, and the settings that change them.

use std::time::Duration;

use munjigi::{
    config::{ClaimName, Span, TokenProfile},
    domain::account::Role,
};
use serde_json::{Value, json};

use crate::support::{App, claims_of, header_of};

const NOW: i64 = 1_771_072_245;

fn hex_id(value: &Value) -> bool {
    let id = value.as_str().unwrap();
    // The thirteenth digit of a UUID is its version.
    id.len() == 32
        && id.as_bytes()[12] == b'7'
        && id
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[tokio::test]
async fn both_tokens_of_a_user_have_exactly_the_claims_of_the_contract() {
    let app = App::start();
    let ann = app.internal("ann", Role::AUDITOR).await;
    let (access, refresh) = (claims_of(&ann.access), claims_of(&ann.refresh));
    assert!(hex_id(&access["jti"]) && hex_id(&refresh["jti"]) && hex_id(&access["sid"]));
    assert_ne!(access["jti"], refresh["jti"]);
    assert_eq!(access["sid"], refresh["sid"]);
    let expected = |token_type: &str, exp: i64, of: &serde_json::Map<String, Value>| {
        json!({
            "token_type": token_type, "exp": exp, "iat": NOW, "jti": of["jti"], "sid": of["sid"],
            "user_type": "user", "user_seq": ann.seq, "sub": format!("user:{}", ann.seq),
        })
    };
    let mut of_access = expected("access", NOW + 1_800, &access);
    of_access["email"] = "ann@example.org".into();
    of_access["role"] = "auditor".into();
    of_access["client_id"] = "munjigi".into();
    of_access["auth_time"] = NOW.into();
    of_access["amr"] = json!(["pwd"]);
    assert_eq!(Value::Object(access.clone()), of_access);
    let of_refresh = expected("refresh", NOW + 2_592_000, &refresh);
    assert_eq!(Value::Object(refresh.clone()), of_refresh);
    for (token, typ) in [(&ann.access, "at+jwt"), (&ann.refresh, "JWT")] {
        let header = header_of(token);
        assert_eq!(
            (&header["alg"], &header["typ"]),
            (&json!("HS256"), &json!(typ))
        );
        assert!(header["kid"].as_str().is_some_and(|kid| !kid.is_empty()));
        assert_eq!(header.len(), 3);
    }
}

#[tokio::test]
async fn a_client_has_no_role_in_its_tokens() {
    let app = App::start();
    let acme = app.client("acme").await;
    let access = claims_of(&acme.access);
    assert_eq!(access["sub"], format!("client:{}", acme.seq));
    assert_eq!(access["user_type"], "client");
    assert_eq!(access["email"], "client@example.org");
    assert!(!access.contains_key("role"));
    assert!(!claims_of(&acme.refresh).contains_key("email"));
}

#[tokio::test]
async fn a_refresh_reads_the_claims_from_the_row() {
    let app = App::start();
    let root = app.admin("root").await;
    let ann = app.admin("ann").await;
    let changes = json!({"role": "staff", "email": "ann.lee@example.org"});
    let changes = root.confirmed(changes);
    let demoted = root
        .patch(&format!("/api/users/{}", ann.seq), changes)
        .await;
    demoted.assert(200, "USER_UPDATED");
    // The old access token still has the role admin, and is not accepted any more.
    let refused = ann.post("/api/users", json!({})).await;
    refused.assert(401, "TOKEN_EXPIRED");
    let ann = ann.refreshed().await;
    let refused = ann.post("/api/users", json!({})).await;
    refused.assert(403, "FORBIDDEN");
    let claims = claims_of(&ann.access);
    assert_eq!(claims["role"], "staff");
    assert_eq!(claims["email"], "ann.lee@example.org");
}

#[tokio::test]
async fn the_configuration_sets_the_claims_of_an_access_token() {
    let app = App::with(|config| {
        let tokens = &mut config.tokens;
        tokens.claims = vec![ClaimName::Name, ClaimName::Username];
        tokens.extra_claims = json!({"tenant": "acme", "tier": 3, "beta": true})
            .as_object()
            .unwrap()
            .clone();
        tokens.user_id_claim = "uid".to_owned();
        tokens.issuer = Some("https://auth.example.org".to_owned());
        tokens.audience = vec!["api.example.org".to_owned()];
    });
    let ann = app.user("ann").await;
    let (access, refresh) = (claims_of(&ann.access), claims_of(&ann.refresh));
    assert_eq!(access["name"], "ann");
    for gone in ["email", "role", "user_seq", "username"] {
        assert!(!access.contains_key(gone), "{gone}");
    }
    assert_eq!(
        (&access["tenant"], &access["tier"]),
        (&json!("acme"), &json!(3))
    );
    assert_eq!(access["beta"], true);
    assert!(!refresh.contains_key("tenant"));
    for claims in [&access, &refresh] {
        assert_eq!(claims["uid"], ann.seq);
        assert_eq!(claims["iss"], "https://auth.example.org");
        assert_eq!(claims["aud"], "api.example.org");
    }
    let ann = ann.refreshed().await;
    ann.get("/api/me").await.assert(200, "ME");
    let acme = app.client("acme").await;
    assert_eq!(claims_of(&acme.access)["username"], "acme");
    acme.get("/api/me").await.assert(200, "ME");
}

#[tokio::test]
async fn an_access_token_of_rfc_9068_has_the_issuer_that_is_known() {
    let public_url = || Some("https://example.org/auth/".parse().unwrap());
    for (issuer, public_url, expected) in [
        (None, None, None),
        (None, public_url(), Some("https://example.org/auth")),
        (Some("munjigi".to_owned()), public_url(), Some("munjigi")),
    ] {
        let app = App::with(|config| {
            config.tokens.issuer = issuer.clone();
            config.server.public_url = public_url;
        });
        let ann = app.user("ann").await;
        let access = claims_of(&ann.access);
        assert_eq!(access.get("iss").and_then(Value::as_str), expected);
        assert_eq!(access["client_id"], "munjigi");
        assert!(!claims_of(&ann.refresh).contains_key("client_id"));
        ann.refreshed().await.get("/api/me").await.assert(200, "ME");
    }
}

#[tokio::test]
async fn a_change_of_the_profile_logs_nobody_out() {
    let app = App::with(|config| config.server.public_url = Some("http://h".parse().unwrap()));
    let ann = app.user("ann").await;
    let app = app.restarted_with(|config| config.tokens.profile = TokenProfile::Classic);
    let me = app.anonymous().get("/api/me").bearer(&ann.access).await;
    me.assert(200, "ME");
    let bob = app.user("bob").await;
    let access = claims_of(&bob.access);
    assert_eq!(header_of(&bob.access)["typ"], "JWT");
    assert!(!access.contains_key("client_id") && !access.contains_key("iss"));
    let app = app.restarted_with(|config| config.tokens.profile = TokenProfile::Rfc9068);
    let me = app.anonymous().get("/api/me").bearer(&bob.access).await;
    me.assert(200, "ME");
}

#[tokio::test]
async fn other_header_types_are_accepted_when_they_are_configured() {
    let app =
        App::with(|config| config.tokens.auth_header_types = vec!["JWT".into(), "Token".into()]);
    let ann = app.user("ann").await;
    let answer = ann.log_in().await;
    assert_eq!(answer["token_type"], "JWT");
    let me = |header: String| {
        app.anonymous()
            .get("/api/me")
            .header("authorization", &header)
    };
    for scheme in ["JWT", "jwt", "Token"] {
        me(format!("{scheme} {}", ann.access))
            .await
            .assert(200, "ME");
    }
    let bearer = me(format!("Bearer {}", ann.access)).await;
    bearer.assert(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn lifetimes_come_from_the_configuration_and_end_at_exp() {
    let app = App::with(|config| {
        config.tokens.access_lifetime = Span::seconds(10);
        config.tokens.refresh_lifetime = Span::seconds(100);
    });
    let answer = app.user("ann").await.log_in().await;
    assert_eq!(answer["expires_in"], 10);
    assert_eq!(answer["refresh_expires_in"], 100);
    let ann = app.client("acme").await;
    assert_eq!(claims_of(&ann.access)["exp"], NOW + 10);
    // The clock starts at NOW plus a fraction of a second: after 9.3 seconds it is before `exp`, after 9.4 it is not.
    app.advance(Duration::from_millis(9_300));
    ann.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    app.advance(Duration::from_micros(21_099));
    assert_eq!(app.clock.now().unix_micros(), (NOW + 10) * 1_000_000);
    ann.assert_tokens("TOKEN_EXPIRED", "TOKEN_VALID").await;
    let refused = ann.get("/api/me").await.assert(401, "TOKEN_EXPIRED");
    assert_eq!(
        refused.header("www-authenticate"),
        Some(r#"Bearer realm="api", error="invalid_token""#)
    );
    app.advance(Duration::from_secs(90));
    ann.assert_tokens("TOKEN_EXPIRED", "TOKEN_EXPIRED").await;
    let refused = app.anonymous().refresh(&ann.refresh).await;
    refused.assert(401, "TOKEN_EXPIRED");
}

#[tokio::test]
async fn a_leeway_keeps_a_token_valid_after_its_expiry() {
    let app = App::with(|config| config.tokens.leeway = Span::seconds(30));
    let ann = app.user("ann").await;
    app.advance(Duration::from_secs(1_800 + 29));
    ann.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    app.advance(Duration::from_secs(1));
    ann.assert_tokens("TOKEN_EXPIRED", "TOKEN_VALID").await;
}

#[tokio::test]
async fn a_session_ends_at_its_absolute_end_even_if_it_is_refreshed() {
    let app = App::with(|config| {
        config.tokens.refresh_lifetime = Span::hours(2);
        config.tokens.session_lifetime = Span::hours(3);
    });
    let mut ann = app.user("ann").await;
    let end = NOW + 3 * 3_600;
    app.advance(Duration::from_mins(90));
    ann = ann.refreshed().await;
    assert_eq!(claims_of(&ann.refresh)["exp"], end);
    app.advance(Duration::from_mins(80));
    // Ten minutes of the session are left: neither token outlives it.
    let answer = app.anonymous().refresh(&ann.refresh).await;
    let answer = answer.assert(200, "REFRESHED");
    assert_eq!(answer["expires_in"], 600);
    assert_eq!(answer["refresh_expires_in"], 600);
    ann = ann.with_pair(&answer);
    app.advance(Duration::from_secs(599));
    ann.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    app.advance(Duration::from_secs(1));
    ann.assert_tokens("TOKEN_EXPIRED", "TOKEN_EXPIRED").await;
}

#[tokio::test]
async fn each_population_has_its_own_lifetimes() {
    let app = App::with(|config| {
        config.user_tokens.access_lifetime = Some(Span::minutes(5));
        config.user_tokens.refresh_lifetime = Some(Span::hours(1));
        config.user_tokens.session_lifetime = Some(Span::hours(2));
        config.client_tokens.access_lifetime = Some(Span::hours(1));
    });
    let (ann, kim) = (app.user("ann").await, app.client("kim").await);
    for (person, lifetimes) in [(&ann, (300, 3_600)), (&kim, (3_600, 30 * 86_400))] {
        let answer = person.log_in().await;
        let refreshed = app.anonymous().refresh(&answer.text_of("refresh")).await;
        for answer in [answer, refreshed] {
            let found = (&answer["expires_in"], &answer["refresh_expires_in"]);
            assert_eq!(found, (&lifetimes.0.into(), &lifetimes.1.into()));
        }
    }
    app.advance(Duration::from_mins(6));
    ann.assert_tokens("TOKEN_EXPIRED", "TOKEN_VALID").await;
    kim.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    app.advance(Duration::from_mins(50));
    let ann = ann.refreshed().await;
    app.advance(Duration::from_mins(59));
    let answer = app.anonymous().refresh(&ann.refresh).await;
    // Five minutes of the session are left.
    assert_eq!(answer.assert(200, "REFRESHED")["refresh_expires_in"], 300);
}
