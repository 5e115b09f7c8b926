//! Access tokens that Django signed, and how their claims are read.

use munjigi::config::UserIdField;
use serde_json::{Value, json};

use super::support::{DAY, import, imported_user, jti, me, now, of_django, with_key};
use crate::support::{App, Forgery};

#[tokio::test]
async fn an_access_token_of_django_is_accepted_until_it_expires_or_its_account_is_inactive() {
    let app = App::with(with_key);
    let admin = app.admin("root").await;
    let ann = imported_user(&app, "ann").await;
    let token = of_django(&app, "access", &ann, &jti('a')).token();
    let answer = me(&app, &token).await.assert(200, "ME");
    assert_eq!(answer["user_seq"], json!(ann.seq));
    let verified = app
        .anonymous()
        .verify(&token)
        .await
        .assert(200, "TOKEN_VALID");
    assert_eq!(verified["user_type"], json!("user"));
    app.anonymous()
        .refresh(&token)
        .await
        .assert(401, "INVALID_TOKEN");
    let body = admin.confirmed(json!({"is_active": false}));
    admin
        .patch(&format!("/api/users/{}", ann.seq), body)
        .await
        .assert_status(200);
    me(&app, &token).await.assert(401, "USER_INACTIVE");
    app.advance(std::time::Duration::from_hours(240));
    me(&app, &token).await.assert(401, "TOKEN_EXPIRED");
}

#[tokio::test]
async fn without_the_key_of_django_its_tokens_are_invalid() {
    let app = App::start();
    let ann = imported_user(&app, "ann").await;
    let token = of_django(&app, "access", &ann, &jti('a')).token();
    me(&app, &token).await.assert(401, "INVALID_TOKEN");
}

#[tokio::test]
async fn the_claims_are_read_by_the_rules_of_simplejwt() {
    let app = App::with(with_key);
    let ann = imported_user(&app, "ann").await;
    let (seq, now) = (ann.seq, now(&app));
    let base = || of_django(&app, "access", &ann, &jti('a'));
    let accepted: [Forgery; 6] = [
        base().claim("user_id", seq),
        base().without("user_id").claim("user_seq", seq),
        base().claim("user_type", "user"),
        base().without("iat"),
        base().claim("aud", "anything"),
        base().claim("nbf", now - 1),
    ];
    for forgery in accepted {
        let answer = me(&app, &forgery.token()).await;
        assert_eq!(answer.status, 200, "{:?}", forgery.claims);
    }
    let refused: [Forgery; 16] = [
        base().key(b"another key, which is long enough to be one"),
        base()
            .algorithm(aws_lc_rs::hmac::HMAC_SHA512)
            .header("alg", "HS512"),
        base().header("crit", json!([])),
        base().claim("user_id", "abc"),
        base().claim("user_id", json!([1])),
        base().claim("user_id", 1.5),
        base().claim("user_id", Value::Null),
        base().claim("user_id", seq + 1),
        base().claim("user_type", "client"),
        base().claim("user_type", "robot"),
        base().claim("exp", (now + DAY).to_string()),
        base().claim("exp", 1_000_000_000_000_000_000_i64),
        base().claim("iat", now + 60),
        base().claim("nbf", now + 60),
        base().claim("jti", 7),
        base().claim("token_type", "refresh"),
    ];
    for forgery in refused {
        let answer = me(&app, &forgery.token()).await;
        assert_eq!(answer.status, 401, "{:?}", forgery.claims);
    }
    let unsigned = base().header("alg", "none").unsigned();
    me(&app, &unsigned).await.assert(401, "INVALID_TOKEN");
}

#[tokio::test]
async fn the_issuer_and_the_audience_of_django_can_be_required() {
    let app = App::with(|config| {
        with_key(config);
        config.django.issuer = Some("https://django.example.org".into());
        config.django.audience = vec!["api".into()];
        config.tokens.issuer = Some("https://login.example.org".into());
    });
    let ann = imported_user(&app, "ann").await;
    let base = of_django(&app, "access", &ann, &jti('a'));
    let complete = base
        .clone()
        .claim("iss", "https://django.example.org")
        .claim("aud", json!(["api", "x"]));
    me(&app, &complete.token()).await.assert(200, "ME");
    for forgery in [
        base.clone(),
        complete.clone().claim("aud", "x"),
        complete.claim("iss", "x"),
    ] {
        me(&app, &forgery.token())
            .await
            .assert(401, "INVALID_TOKEN");
    }
}

#[tokio::test]
async fn the_claim_of_the_user_can_be_a_client_an_external_id_or_a_login_name() {
    let app = App::with(with_key);
    let client = app.client("acme").await;
    import(&app, &client).await;
    let forgery = of_django(&app, "access", &client, &jti('a')).claim("user_type", "client");
    let answer = me(&app, &forgery.token()).await.assert(200, "ME");
    assert_eq!(answer["user_type"], json!("client"));
    let statement = format!(
        "UPDATE client_users SET external_id = 'a1b2-uuid' WHERE id = {}",
        client.seq
    );
    app.execute(&statement).await;
    for (id, code) in [("a1b2-uuid", "ME"), ("a1b2", "USER_NOT_FOUND")] {
        let token = forgery.clone().claim("user_id", id).token();
        let answer = me(&app, &token).await;
        answer.assert(if code == "ME" { 200 } else { 401 }, code);
    }
    let ann = imported_user(&app, "ann").await;
    let statement = format!(
        "UPDATE users SET external_id = '5f0c-uuid' WHERE id = {}",
        ann.seq
    );
    app.execute(&statement).await;
    let base = of_django(&app, "access", &ann, &jti('b')).without("user_id");
    let app = app.restarted_with(|config| {
        config.simplejwt.user_id_field = UserIdField::ExternalId;
        config.simplejwt.user_id_claim = Some("uid".into());
    });
    let token = base.clone().claim("uid", "5f0c-uuid").token();
    me(&app, &token).await.assert(200, "ME");
    let token = base.clone().claim("uid", "5f0c").token();
    me(&app, &token).await.assert(401, "USER_NOT_FOUND");
    let app = app.restarted_with(|config| config.simplejwt.user_id_field = UserIdField::Email);
    let token = base.clone().claim("uid", "ANN@example.org").token();
    me(&app, &token).await.assert(401, "USER_NOT_FOUND");
    let token = base.claim("uid", "ann@example.org").token();
    me(&app, &token).await.assert(200, "ME");
}
