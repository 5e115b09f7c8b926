//! Guarantees under concurrent requests.

use std::future::IntoFuture;

use futures_util::future::{join, join_all};
use serde_json::json;

use munjigi::config::Span;

use crate::support::{App, Person};

#[tokio::test]
async fn fifty_refreshes_of_one_token_all_get_the_same_successor() {
    let app = App::start();
    let mut ann = app.user("ann").await;
    let mut used = Vec::new();
    for _ in 0..5 {
        let calls = (0..50).map(|_| app.anonymous().refresh(&ann.refresh).into_future());
        let answers = join_all(calls).await;
        for answer in &answers {
            assert_eq!((answer.status, answer.code()), (200, "REFRESHED"));
            assert_eq!(answer.text_of("refresh"), answers[0].text_of("refresh"));
        }
        used.push(ann.refresh.clone());
        ann = ann.with_pair(&answers[0]);
    }
    for token in &used {
        let verdict = app.anonymous().verify(token).await;
        verdict.assert(401, "TOKEN_BLACKLISTED");
    }
    let booked = "SELECT COUNT(*) AS number FROM outstanding_tokens";
    assert_eq!(app.number(booked).await, 6);
}

#[tokio::test]
async fn of_fifty_refreshes_without_a_grace_period_one_succeeds_and_the_session_ends() {
    let app = App::with(|config| {
        config.tokens.reuse_grace = Span::seconds(0);
        config.tokens.recover_lost_answer = false;
    });
    let ann = app.user("ann").await;
    let calls = (0..50).map(|_| app.anonymous().refresh(&ann.refresh).into_future());
    let answers = join_all(calls).await;
    let with = |status, code: &str| {
        let fits = |answer: &&_| {
            let answer: &crate::support::Answer = answer;
            (answer.status, answer.code()) == (status, code)
        };
        answers.iter().filter(fits).count()
    };
    assert_eq!((with(200, "REFRESHED"), with(401, "TOKEN_REUSED")), (1, 1));
    // A request that arrives after the session was ended is refused for that.
    let late = with(401, "SESSION_REVOKED");
    assert_eq!(with(401, "TOKEN_BLACKLISTED") + late, 48);
    let won = answers.iter().find(|answer| answer.status == 200).unwrap();
    ann.with_pair(won)
        .assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
        .await;
}

#[tokio::test]
async fn many_sessions_refresh_at_once_without_a_failure() {
    let app = App::start();
    let ann = app.user("ann").await;
    let people = join_all((0..30).map(|_| ann.again())).await;
    let refreshed = join_all(people.iter().map(Person::refreshed)).await;
    join_all(refreshed.iter().map(Person::refreshed)).await;
}

#[tokio::test]
async fn after_a_logout_during_a_refresh_no_token_of_the_session_is_valid() {
    let app = App::start();
    let ann = app.user("ann").await;
    for _ in 0..15 {
        let ann = ann.again().await;
        let refresh = app.anonymous().refresh(&ann.refresh).into_future();
        let log_out = ann.log_out(&ann.refresh).into_future();
        let (refreshed, logged_out) = join(refresh, log_out).await;
        logged_out.assert(200, "LOGGED_OUT");
        let mut tokens = vec![ann.refresh.clone()];
        // A grace retry would succeed if the session were live: it is not.
        if refreshed.status == 200 {
            tokens.push(refreshed.text_of("refresh"));
            let access = refreshed.text_of("access");
            let verdict = app.anonymous().verify(&access).await;
            verdict.assert(401, "SESSION_REVOKED");
        } else {
            // Which of the two errors it is depends on the progress of the logout.
            let codes = ["TOKEN_BLACKLISTED", "SESSION_REVOKED"];
            assert_eq!(refreshed.status, 401);
            assert!(codes.contains(&refreshed.code()), "{}", refreshed.text);
        }
        for token in tokens {
            let refused = app.anonymous().refresh(&token).await;
            refused.assert(401, "TOKEN_BLACKLISTED");
        }
    }
}

#[tokio::test]
async fn after_a_deactivation_during_refreshes_and_logins_no_token_is_valid() {
    let app = App::start();
    let root = app.admin("root").await;
    let ann = app.user("ann").await;
    let path = format!("/api/users/{}", ann.seq);
    for _ in 0..10 {
        let ann = ann.again().await;
        let refresh = app.anonymous().refresh(&ann.refresh).into_future();
        let log_in = ann.log_in();
        let off = root.patch(&path, json!({"is_active": false})).into_future();
        let ((refreshed, logged_in), off) = join(join(refresh, log_in), off).await;
        off.assert(200, "USER_UPDATED");
        // Reactivated, so that only ended sessions can reject the tokens that were issued in the race.
        let on = root.patch(&path, json!({"is_active": true})).await;
        on.assert(200, "USER_UPDATED");
        for won in [&refreshed, &logged_in] {
            if won.status == 200 {
                let person = ann.with_pair(won);
                person
                    .assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
                    .await;
            } else {
                assert_eq!(won.status, 401, "{}", won.text);
            }
        }
        ann.assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
            .await;
    }
}

#[tokio::test]
async fn of_twenty_equal_accounts_created_at_once_one_is_created() {
    let app = App::start();
    let root = app.admin("root").await;
    let body = json!({"username": "acme", "name": "Acme"});
    let calls = (0..20).map(|_| root.post("/api/clients", body.clone()).into_future());
    let answers = join_all(calls).await;
    let codes: Vec<_> = answers
        .iter()
        .map(|answer| (answer.status, answer.code()))
        .collect();
    let created = codes
        .iter()
        .filter(|code| **code == (201, "CLIENT_CREATED"));
    let refused = codes
        .iter()
        .filter(|code| **code == (409, "ALREADY_EXISTS"));
    assert_eq!((created.count(), refused.count()), (1, 19), "{codes:?}");
}

#[tokio::test]
async fn two_administrators_cannot_demote_each_other_at_once() {
    let app = App::start();
    for round in 0..5 {
        let (one, two) = (
            app.admin(&format!("one{round}")).await,
            app.admin(&format!("two{round}")).await,
        );
        let demote = |by: &Person| by.confirmed(json!({"role": "staff"}));
        let (first, second) = join(
            one.patch(&format!("/api/users/{}", two.seq), demote(&one))
                .into_future(),
            two.patch(&format!("/api/users/{}", one.seq), demote(&two))
                .into_future(),
        )
        .await;
        let done = [&first, &second]
            .iter()
            .filter(|answer| answer.status == 200)
            .count();
        assert_eq!(done, 1, "{} {}", first.text, second.text);
        let left = "SELECT COUNT(*) AS number FROM users WHERE role = 'admin'";
        assert_eq!(app.number(left).await, 1);
        app.execute("UPDATE users SET role = 'staff'").await;
    }
}

#[tokio::test]
async fn two_instances_on_one_database_create_one_successor() {
    let (one, two) = {
        let app = App::start();
        let other = app.another_instance();
        (app, other)
    };
    let mut ann = one.user("ann").await;
    for _ in 0..3 {
        let calls = (0..30).map(|number| {
            let instance = if number % 2 == 0 { &one } else { &two };
            instance.anonymous().refresh(&ann.refresh).into_future()
        });
        let answers = join_all(calls).await;
        for answer in &answers {
            assert_eq!((answer.status, answer.code()), (200, "REFRESHED"));
            assert_eq!(answer.text_of("refresh"), answers[0].text_of("refresh"));
        }
        ann = ann.with_pair(&answers[0]);
    }
    let me = two.anonymous().get("/api/me").bearer(&ann.access).await;
    me.assert(200, "ME");
    ann.log_out(&ann.refresh).await.assert(200, "LOGGED_OUT");
    two.anonymous()
        .refuses_soon(&ann.access, "SESSION_REVOKED")
        .await;
}
