//! Tokens forged in every way: each is rejected with 401, wherever it is presented. Invalid claims are in
//! `forged_claims`.

use std::future::IntoFuture;

use aws_lc_rs::hmac;
use munjigi::config::Algorithm;
use serde_json::{Value, json};

use crate::support::{App, Forgery, Person};

/// Presents a token to every endpoint that takes one, and returns the code and the Korean message of the error.
pub async fn refused_everywhere(app: &App, token: &str, about: &str) -> (String, String) {
    let anonymous = app.anonymous();
    let mut refusals = Vec::new();
    for call in [
        anonymous.verify(token),
        anonymous.get("/api/me").bearer(token),
        anonymous.refresh(token),
    ] {
        let answer = call.korean().await;
        assert_eq!(answer.status, 401, "{about}: {}", answer.text);
        let challenge = answer.header("www-authenticate").unwrap();
        assert_eq!(
            challenge, r#"Bearer realm="api", error="invalid_token""#,
            "{about}"
        );
        refusals.push((answer.code().to_owned(), answer.message().to_owned()));
    }
    refusals.swap_remove(0)
}

async fn assert_invalid(app: &App, token: &str, about: &str) {
    let (code, _) = refused_everywhere(app, token, about).await;
    assert_eq!(code, "INVALID_TOKEN", "{about}");
}

/// Presents a forged refresh token to the refresh, and a forged access token as a bearer token.
pub async fn assert_both_invalid(
    app: &App,
    ann: &Person,
    about: &str,
    forge: impl Fn(Forgery) -> Forgery,
) {
    for token in [&ann.access, &ann.refresh] {
        let forged = forge(Forgery::of(token)).token();
        assert_invalid(app, &forged, about).await;
    }
}

#[tokio::test]
async fn a_hand_built_token_with_the_correct_key_is_accepted() {
    let app = App::start();
    let ann = app.user("ann").await;
    let by_hand = Forgery::of(&ann.access).token();
    let me = app.anonymous().get("/api/me").bearer(&by_hand).await;
    me.assert(200, "ME");
    // A number as a string of digits is accepted too, so only times and ids of other types are invalid.
    let digits = Forgery::of(&ann.access).claim("user_seq", ann.seq.to_string());
    let me = app.anonymous().get("/api/me").bearer(&digits.token()).await;
    me.assert(200, "ME");
}

#[tokio::test]
async fn no_other_algorithm_or_key_is_accepted_whatever_the_header_contains() {
    let app = App::start();
    let ann = app.user("ann").await;
    let good = Forgery::of(&ann.access);
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let forged = good.clone().header("alg", alg);
        assert_invalid(&app, &forged.unsigned(), alg).await;
        assert_invalid(&app, &forged.token(), alg).await;
    }
    for (alg, algorithm) in [("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)] {
        let forged = good.clone().header("alg", alg).algorithm(algorithm);
        assert_invalid(&app, &forged.token(), alg).await;
        // The header alone, or the signature alone.
        assert_invalid(&app, &good.clone().header("alg", alg).token(), alg).await;
        assert_invalid(&app, &good.clone().algorithm(algorithm).token(), alg).await;
    }
    for alg in ["RS256", "ES256", "PS256", "EdDSA", "HS1", "hs256", "HS256 "] {
        assert_invalid(&app, &good.clone().header("alg", alg).token(), alg).await;
    }
    for alg in [json!(null), json!(256), json!(["HS256"]), json!({})] {
        let forged = good.clone().header("alg", alg.clone()).token();
        assert_invalid(&app, &forged, &alg.to_string()).await;
    }
    assert_both_invalid(&app, &ann, "other key", |good| {
        good.key(b"another key, of more than 32 bytes too")
    })
    .await;
    assert_both_invalid(&app, &ann, "empty key", |good| good.key(b"")).await;
}

#[tokio::test]
async fn a_token_changed_after_signing_is_rejected() {
    let app = App::start();
    let ann = app.user("ann").await;
    let parts: Vec<&str> = ann.access.split('.').collect();
    let other = Forgery::of(&ann.access).claim("role", "admin").token();
    let payload = other.split('.').nth(1).unwrap();
    let [head, body, signature] = parts[..] else {
        panic!("a token has three parts")
    };
    let flipped: String = signature
        .char_indices()
        .map(|(at, c)| {
            if at == 5 {
                if c == 'A' { 'B' } else { 'A' }
            } else {
                c
            }
        })
        .collect();
    for forged in [
        format!("{head}.{payload}.{signature}"),
        format!("{head}.{body}.{flipped}"),
        format!("{head}.{body}.{}", &signature[..signature.len() - 2]),
        format!("{head}.{body}.{signature}AA"),
        format!("{head}.{body}."),
        format!("{head}.{body}"),
        format!("{head}..{signature}"),
        format!(".{body}.{signature}"),
        format!("{head}.{body}.{signature}.{signature}"),
        format!("{head}.{body}.{signature}="),
        format!("{head}!.{body}.{signature}"),
        format!("{head}.{body}!.{signature}"),
        format!("{head} .{body}.{signature}"),
        body.to_owned(),
        "..".to_owned(),
        ".".to_owned(),
        "토큰".to_owned(),
        "a.b.c".to_owned(),
        "e30.e30.e30".to_owned(),
        "A".repeat(50_000),
        ann.access.to_uppercase(),
    ] {
        let verdict = app.anonymous().verify(&forged).await;
        assert_eq!(
            (verdict.status, verdict.code()),
            (401, "INVALID_TOKEN"),
            "{forged}"
        );
        let refused = app.anonymous().refresh(&forged).await;
        refused.assert(401, "INVALID_TOKEN");
    }
}

#[tokio::test]
async fn a_header_with_unsupported_fields_is_rejected() {
    let app = App::start();
    let ann = app.user("ann").await;
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", json!(["b64"])),
        ("kid", json!("another-key")),
        ("kid", json!("../../dev/null")),
        ("kid", json!("' OR 1=1 --")),
        ("typ", json!("jwt+at")),
        ("typ", json!("statuslist+jwt")),
        ("typ", json!("")),
        ("typ", json!(7)),
    ] {
        let about = format!("{name} = {value}");
        assert_both_invalid(&app, &ann, &about, |good| good.header(name, value.clone())).await;
    }
    // The type of an access token, on a refresh token.
    let typed = Forgery::of(&ann.refresh).header("typ", "at+jwt").token();
    assert_invalid(&app, &typed, "at+jwt").await;
    // The location of a key in the header is never fetched.
    for name in ["jku", "x5u", "jwk"] {
        let forged = Forgery::of(&ann.access)
            .header(name, "http://127.0.0.1:1/key")
            .key(b"the key that lies there, of 32 bytes and more");
        assert_invalid(&app, &forged.token(), name).await;
    }
}

#[tokio::test]
async fn a_payload_that_is_no_plain_object_is_rejected() {
    let app = App::start();
    let ann = app.user("ann").await;
    let good = Forgery::of(&ann.access);
    let claims = Value::Object(good.claims.clone()).to_string();
    for payload in [
        "[]".to_owned(),
        "null".to_owned(),
        "\"text\"".to_owned(),
        "7".to_owned(),
        String::new(),
        "{}".to_owned(),
        "{".to_owned(),
        format!("[{claims}]"),
        format!("{claims}{claims}"),
        format!("{}{}", "[".repeat(4_000), "]".repeat(4_000)),
        claims.replace("\"exp\":", "\"exp\":1e999,\"x\":"),
    ] {
        assert_invalid(&app, &good.token_with_claims(&payload), &payload).await;
    }
}

#[tokio::test]
async fn a_session_or_account_that_does_not_match_the_token_is_rejected() {
    let app = App::start();
    let ann = app.user("ann").await;
    let bob = app.user("bob").await;
    let acme = app.client("acme").await;
    for (about, other) in [("bob's", &bob.access), ("acme's", &acme.access)] {
        let sid = crate::support::claims_of(other)["sid"].clone();
        for token in [&ann.access, &ann.refresh] {
            let forged = Forgery::of(token).claim("sid", sid.clone()).token();
            let verdict = app.anonymous().verify(&forged).await;
            assert_eq!(
                (verdict.status, verdict.code()),
                (401, "SESSION_REVOKED"),
                "{about}"
            );
        }
    }
    let unknown = Forgery::of(&ann.refresh)
        .claim("sid", "0".repeat(32))
        .token();
    let refused = app.anonymous().refresh(&unknown).await;
    refused.assert(401, "SESSION_REVOKED");
    let unknown = Forgery::of(&ann.access)
        .claim("user_seq", 4711)
        .claim("sub", "user:4711");
    let refused = app
        .anonymous()
        .get("/api/me")
        .bearer(&unknown.token())
        .await;
    refused.assert(401, "USER_NOT_FOUND");
    // The sessions that the forged tokens name are unaffected.
    for person in [&ann, &bob, &acme] {
        person.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    }
}

#[tokio::test]
async fn a_very_long_token_is_rejected_and_hundreds_at_once_do_no_harm() {
    let app = App::with(|config| config.tokens.algorithm = Algorithm::Hs256);
    let ann = app.user("ann").await;
    let long = Forgery::of(&ann.access)
        .claim("padding", "x".repeat(30_000))
        .token();
    let verdict = app.anonymous().verify(&long).await;
    verdict.assert(401, "INVALID_TOKEN");
    let too_large = app.anonymous().verify(&"x".repeat(100_000)).await;
    too_large.assert(413, "PAYLOAD_TOO_LARGE");
    let calls = (0..200).map(|_| app.anonymous().verify("a.b.c").into_future());
    for answer in futures_util::future::join_all(calls).await {
        answer.assert(401, "INVALID_TOKEN");
    }
    ann.get("/api/me").await.assert(200, "ME");
}

#[tokio::test]
async fn only_one_bearer_in_the_right_place_is_a_credential() {
    let app = App::start();
    let ann = app.user("ann").await;
    let me = || app.anonymous().get("/api/me");
    for header in ["Basic YW5uOnB3", "bearer-ish x", "x", ""] {
        let refused = me().header("authorization", header).await;
        let refused = refused.assert(401, "UNAUTHORIZED");
        assert_eq!(
            refused.header("www-authenticate"),
            Some(r#"Bearer realm="api""#)
        );
    }
    for header in [
        "Bearer",
        "Bearer ",
        "Bearer x y",
        "Bearer ..",
        "Bearer null",
    ] {
        me().header("authorization", header)
            .await
            .assert(401, "INVALID_TOKEN");
    }
    let header = format!("bEaReR   {}  ", ann.access);
    me().header("authorization", &header)
        .await
        .assert(200, "ME");
    let twice = me().bearer(&ann.access).bearer(&ann.access).await;
    twice.assert(401, "INVALID_TOKEN");
    let in_query = app
        .anonymous()
        .get(&format!("/api/me?access_token={}", ann.access))
        .await;
    in_query.assert(401, "UNAUTHORIZED");
    let refresh = me().bearer(&ann.refresh).await;
    refresh.assert(401, "INVALID_TOKEN");
}
