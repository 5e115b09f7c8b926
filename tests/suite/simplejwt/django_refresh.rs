//! The exchange of refresh tokens that Django signed.

use std::time::Duration;

use futures_util::future::join_all;
use munjigi::services::maintenance::flush::flush;
use serde_json::json;

use super::support::{DAY, book, booked_refresh, imported_user, jti, now, of_django, with_key};
use crate::support::{App, claims_of};

#[tokio::test]
async fn a_refresh_token_of_django_is_exchanged_once_and_ends_its_session_when_it_is_used_again() {
    let app = App::with(with_key);
    let ann = imported_user(&app, "ann").await;
    let token = booked_refresh(&app, &ann, 'a').await;
    app.anonymous()
        .verify(&token)
        .await
        .assert(200, "TOKEN_VALID");
    let answer = app
        .anonymous()
        .refresh(&token)
        .await
        .assert(200, "REFRESHED");
    let pair = ann.with_pair(&answer);
    pair.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    // Within the grace period the same successor.
    let again = app
        .anonymous()
        .refresh(&token)
        .await
        .assert(200, "REFRESHED");
    assert_eq!(again["refresh"], answer["refresh"]);
    // The session ends with the token of Django at the latest.
    let claims = claims_of(pair.refresh.as_str());
    assert_eq!(claims["exp"], json!(now(&app) + 10 * DAY));
    let next = pair.refreshed().await;
    app.advance(Duration::from_mins(1));
    app.anonymous()
        .refresh(&token)
        .await
        .assert(401, "TOKEN_REUSED");
    app.anonymous()
        .refresh(&next.refresh)
        .await
        .assert_status(401);
    app.anonymous()
        .verify(&token)
        .await
        .assert(401, "TOKEN_BLACKLISTED");
}

#[tokio::test]
async fn parallel_exchanges_of_one_token_give_one_successor() {
    for accept_unbooked in [false, true] {
        let app = App::with(|config| {
            with_key(config);
            config.django.accept_unbooked = accept_unbooked;
        });
        let ann = imported_user(&app, "ann").await;
        let token = if accept_unbooked {
            of_django(&app, "refresh", &ann, &jti('b')).token()
        } else {
            booked_refresh(&app, &ann, 'b').await
        };
        let calls = (0..12).map(|_| async { app.anonymous().refresh(&token).await });
        let answers = join_all(calls).await;
        let mut successors: Vec<String> = answers
            .iter()
            .map(|answer| {
                answer["refresh"]
                    .as_str()
                    .unwrap_or_else(|| panic!("{}", answer.status))
                    .to_owned()
            })
            .collect();
        successors.dedup();
        assert_eq!(successors.len(), 1);
        let sessions = "SELECT COUNT(*) AS number FROM sessions WHERE method = 'django'";
        assert_eq!(app.number(sessions).await, 1);
        // By log-in, and by Django.
        let events = "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'logged_in'";
        assert_eq!(app.number(events).await, 2);
    }
}

#[tokio::test]
async fn a_token_that_django_blacklisted_or_did_not_store_is_refused() {
    let app = App::with(with_key);
    let ann = imported_user(&app, "ann").await;
    book(&app, &ann, &jti('c'), true).await;
    let blacklisted = of_django(&app, "refresh", &ann, &jti('c')).token();
    app.anonymous()
        .refresh(&blacklisted)
        .await
        .assert(401, "TOKEN_BLACKLISTED");
    app.anonymous()
        .verify(&blacklisted)
        .await
        .assert(401, "TOKEN_BLACKLISTED");
    let unknown = of_django(&app, "refresh", &ann, &jti('d')).token();
    app.anonymous()
        .refresh(&unknown)
        .await
        .assert(401, "SESSION_REVOKED");
    // The id of a token of another account.
    let ben = imported_user(&app, "ben").await;
    book(&app, &ben, &jti('e'), false).await;
    let of_ben = of_django(&app, "refresh", &ann, &jti('e')).token();
    app.anonymous()
        .refresh(&of_ben)
        .await
        .assert(401, "INVALID_TOKEN");
    assert_eq!(
        app.number("SELECT COUNT(*) AS number FROM sessions").await,
        2
    );
}

#[tokio::test]
async fn a_token_older_than_a_password_of_django_is_refused_where_django_refuses_it() {
    let digests = ["C40ACD70FBADC4CD5AD998FB3F3573CC", "0", ""];
    for is_checked in [true, false] {
        let app = App::with(|config| {
            with_key(config);
            if is_checked {
                config.django.revoke_token_claim = Some("hash_password".to_owned());
            }
        });
        let ann = imported_user(&app, "ann").await;
        let fields = json!({"password": digests[0]});
        let statement = format!("UPDATE imported_accounts SET fields = '{fields}'");
        assert_eq!(app.execute(&statement).await, 1);
        for (digest, digit) in digests.into_iter().zip(['a', 'b', 'c']) {
            book(&app, &ann, &jti(digit), false).await;
            let status = if is_checked && digest != digests[0] {
                401
            } else {
                200
            };
            let signed = |token_type| {
                let mut forgery = of_django(&app, token_type, &ann, &jti(digit));
                if !digest.is_empty() {
                    forgery
                        .claims
                        .insert("hash_password".to_owned(), json!(digest));
                }
                forgery.token()
            };
            let request = app.anonymous().get("/api/me").bearer(&signed("access"));
            request.await.assert_status(status);
            let refreshed = app.anonymous().refresh(&signed("refresh")).await;
            refreshed.assert_status(status);
        }
    }
}

#[tokio::test]
async fn a_token_older_than_a_log_out_from_everywhere_is_refused() {
    let app = App::with(|config| {
        with_key(config);
        config.django.accept_unbooked = true;
    });
    for keep_current in [false, true] {
        let name = if keep_current { "ann" } else { "ben" };
        let person = imported_user(&app, name).await;
        let digit = if keep_current { 'a' } else { 'b' };
        let token = booked_refresh(&app, &person, digit).await;
        let unbooked = of_django(
            &app,
            "refresh",
            &person,
            &jti(if keep_current { 'c' } else { 'd' }),
        )
        .token();
        let access = of_django(&app, "access", &person, &jti('f')).token();
        app.anonymous()
            .get("/api/me")
            .bearer(&access)
            .await
            .assert(200, "ME");
        let body = json!({"keep_current": keep_current});
        person
            .post("/auth/logout-all", body)
            .await
            .assert(200, "LOGGED_OUT_ALL");
        for token in [&token, &unbooked] {
            app.anonymous()
                .refresh(token)
                .await
                .assert(401, "SESSION_REVOKED");
        }
        app.anonymous()
            .get("/api/me")
            .bearer(&access)
            .await
            .assert(401, "SESSION_REVOKED");
    }
}

#[tokio::test]
async fn an_account_that_was_not_imported_or_is_inactive_accepts_no_token_of_django() {
    let app = App::with(with_key);
    let admin = app.admin("root").await;
    let (ann, ben) = (app.user("ann").await, imported_user(&app, "ben").await);
    let (of_ann, of_ben) = (
        booked_refresh(&app, &ann, '1').await,
        booked_refresh(&app, &ben, '2').await,
    );
    app.anonymous()
        .refresh(&of_ann)
        .await
        .assert(401, "USER_NOT_FOUND");
    let body = admin.confirmed(json!({"is_active": false}));
    admin
        .patch(&format!("/api/users/{}", ben.seq), body)
        .await
        .assert_status(200);
    app.anonymous()
        .refresh(&of_ben)
        .await
        .assert(401, "USER_INACTIVE");
}

#[tokio::test]
async fn a_refresh_token_of_django_can_be_logged_out() {
    let app = App::with(with_key);
    let ann = imported_user(&app, "ann").await;
    let token = booked_refresh(&app, &ann, 'a').await;
    let body = json!({"refresh": token});
    app.anonymous()
        .post("/auth/logout", body)
        .await
        .assert(200, "LOGGED_OUT");
    app.anonymous()
        .refresh(&token)
        .await
        .assert(401, "TOKEN_BLACKLISTED");
    let revoked = booked_refresh(&app, &ann, 'b').await;
    let body = json!({"token": revoked});
    app.anonymous()
        .post("/oauth/revoke", body)
        .await
        .assert_status(200);
    app.anonymous()
        .refresh(&revoked)
        .await
        .assert(401, "TOKEN_BLACKLISTED");
}

#[tokio::test]
async fn the_flush_deletes_expired_tokens_of_django() {
    let app = App::with(with_key);
    let ann = imported_user(&app, "ann").await;
    booked_refresh(&app, &ann, 'a').await;
    let rows = "SELECT COUNT(*) AS number FROM django_tokens";
    for days in [1, 20] {
        app.advance(Duration::from_secs(days * 86_400));
        let (services, rules) = (app.services(), app.flush_rules(100));
        flush(&services.store, &services.clock, rules, |_, _| ())
            .await
            .unwrap();
        assert_eq!(app.number(rows).await, i64::from(days == 1));
    }
}

#[tokio::test]
async fn without_rotation_a_token_of_django_stays_the_refresh_token_of_its_session() {
    let app = App::with(|config| {
        with_key(config);
        config.tokens.rotate_refresh_tokens = false;
    });
    let ann = imported_user(&app, "ann").await;
    let token = booked_refresh(&app, &ann, 'a').await;
    let answer = app
        .anonymous()
        .refresh(&token)
        .await
        .assert(200, "REFRESHED");
    // The session that logs out the others keeps its own token.
    ann.with_pair(&answer)
        .post("/auth/logout-all", json!({"keep_current": true}))
        .await
        .assert(200, "LOGGED_OUT_ALL");
    app.anonymous()
        .verify(&token)
        .await
        .assert(200, "TOKEN_VALID");
    app.anonymous()
        .refresh(&token)
        .await
        .assert(200, "REFRESHED");
}

#[tokio::test]
async fn an_exchanged_token_whose_row_is_gone_keeps_its_session() {
    let app = App::with(|config| {
        with_key(config);
        config.django.accept_unbooked = true;
    });
    let ann = imported_user(&app, "ann").await;
    let token = booked_refresh(&app, &ann, 'a').await;
    let first = app
        .anonymous()
        .refresh(&token)
        .await
        .assert(200, "REFRESHED");
    let expiry = "SELECT COUNT(*) AS number FROM django_tokens d JOIN sessions s \
                  ON s.id = d.session_id AND s.absolute_expires_at = d.expires_at";
    assert_eq!(app.number(expiry).await, 1);
    assert_eq!(app.execute("DELETE FROM django_tokens").await, 1);
    let again = app
        .anonymous()
        .refresh(&token)
        .await
        .assert(200, "REFRESHED");
    assert_eq!(again["refresh"], first["refresh"]);
}
