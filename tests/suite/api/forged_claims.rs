//! Tokens with a valid signature whose claims are missing, invalid, or for another issuer or audience.

use serde_json::{Value, json};

use super::forged::{assert_both_invalid, refused_everywhere};
use crate::support::{App, Forgery};

#[tokio::test]
async fn each_missing_or_invalid_claim_is_rejected() {
    let app = App::start();
    let ann = app.user("ann").await;
    for name in [
        "exp",
        "iat",
        "jti",
        "sid",
        "sub",
        "token_type",
        "user_type",
        "user_seq",
    ] {
        assert_both_invalid(&app, &ann, name, |good| good.without(name)).await;
        for value in [
            json!(null),
            json!(true),
            json!(-1),
            json!(0),
            json!(1.5),
            json!(1e300),
            json!(u64::MAX),
            json!([1]),
            json!({"a": 1}),
            json!(""),
            json!(" "),
            json!("x".repeat(1_000)),
            json!("9223372036854775808"),
        ] {
            let about = format!("{name} = {value}");
            // `iat` may be 0: it is only old.
            if (name, &value) == ("iat", &json!(0)) {
                continue;
            }
            let forged = Forgery::of(&ann.access).claim(name, value.clone()).token();
            let (code, _) = refused_everywhere(&app, &forged, &about).await;
            let expired = (name, &value) == ("exp", &json!(0));
            assert_eq!(
                code,
                if expired {
                    "TOKEN_EXPIRED"
                } else {
                    "INVALID_TOKEN"
                },
                "{about}"
            );
        }
    }
}

#[tokio::test]
async fn times_numbers_and_names_that_only_look_valid_are_rejected() {
    let app = App::start();
    let ann = app.user("ann").await;
    for (name, value) in [
        ("exp", json!("1771074045")),
        ("exp", json!(1_771_074_045.5)),
        ("exp", json!(253_402_300_800_i64)),
        ("exp", json!(i64::MAX)),
        ("iat", json!("1771072245")),
        ("nbf", json!("1771072245")),
        ("nbf", json!(null)),
        ("iat", json!(1_771_072_246)),
        ("iat", json!(4_000_000_000_i64)),
        ("nbf", json!(1_771_072_246)),
        ("nbf", json!(4_000_000_000_i64)),
        ("user_seq", json!("01")),
        ("user_seq", json!("+1")),
        ("user_seq", json!("1 ")),
        ("user_seq", json!("１")),
        ("user_seq", json!(1.0)),
        ("token_type", json!("Access")),
        ("token_type", json!("id")),
        ("user_type", json!("User")),
        ("jti", json!("G".repeat(32))),
        ("sid", json!("A".repeat(32))),
        ("sub", json!("user:2")),
        ("sub", json!("client:1")),
        ("sub", json!("1")),
    ] {
        let about = format!("{name} = {value}");
        assert_both_invalid(&app, &ann, &about, |good| good.claim(name, value.clone())).await;
    }
}

#[tokio::test]
async fn a_token_without_an_owner_has_messages_of_its_own() {
    let app = App::start();
    let ann = app.user("ann").await;
    let good = Forgery::of(&ann.access);
    for forged in [
        good.clone().without("user_type"),
        good.clone().claim("user_type", Value::Null),
        good.clone().without("user_seq"),
        good.clone().claim("user_seq", Value::Null),
    ] {
        let (code, message) = refused_everywhere(&app, &forged.token(), "no user").await;
        assert_eq!(
            (code.as_str(), message.as_str()),
            ("INVALID_TOKEN", "토큰에 사용자 정보가 없습니다")
        );
    }
    for value in [
        json!("superuser-4711"),
        json!("USER"),
        json!(""),
        json!(4711),
    ] {
        let forged = good.clone().claim("user_type", value).token();
        let answer = app.anonymous().verify(&forged).korean().await;
        let answer = answer.assert(401, "INVALID_TOKEN");
        assert_eq!(answer.message(), "알 수 없는 사용자 유형");
        assert!(
            !answer.text.contains("4711"),
            "the value is echoed: {}",
            answer.text
        );
    }
}

#[tokio::test]
async fn issuer_and_audience_are_required_once_they_are_configured() {
    let app = App::with(|config| {
        config.tokens.issuer = Some("https://auth.example.org".to_owned());
        config.tokens.audience = vec!["api".to_owned(), "app".to_owned()];
    });
    let ann = app.user("ann").await;
    for (name, value) in [
        ("iss", json!("https://evil.example.org")),
        ("iss", json!("https://auth.example.org/")),
        ("iss", json!(null)),
        ("iss", json!(["https://auth.example.org"])),
        ("aud", json!("other")),
        ("aud", json!(["other"])),
        ("aud", json!([])),
        ("aud", json!([["api"]])),
        ("aud", json!({"api": true})),
        ("aud", json!(null)),
        ("aud", json!(7)),
    ] {
        let about = format!("{name} = {value}");
        assert_both_invalid(&app, &ann, &about, |good| good.claim(name, value.clone())).await;
    }
    for name in ["iss", "aud"] {
        assert_both_invalid(&app, &ann, name, |good| good.without(name)).await;
    }
    let one_of_many = Forgery::of(&ann.access).claim("aud", json!(["other", "app"]));
    let me = app
        .anonymous()
        .get("/api/me")
        .bearer(&one_of_many.token())
        .await;
    me.assert(200, "ME");
}
