//! A clock that jumps ahead and is corrected: no revoked token becomes valid again, and no used token becomes unused.

use std::time::Duration;

use munjigi::{
    clock::Clock,
    services::maintenance::{
        clock_skew::{ClockSkew, ClockWatch},
        flush::flush,
    },
};
use serde_json::json;

use crate::support::{App, Person, on_postgres};

const MONTHS: Duration = Duration::from_hours(24 * 60);
const MINUTE: Duration = Duration::from_mins(1);

/// Flushes all rows that have expired by the clock, as an administrator can at any time.
async fn flushed(app: &App) -> u64 {
    let services = app.services();
    flush(
        &services.store,
        &services.clock,
        app.flush_rules(100),
        |_, _| (),
    )
    .await
    .unwrap()
    .total()
}

async fn is_refused(app: &App, person: &Person) {
    let me = app.anonymous().get("/api/me").bearer(&person.access).await;
    assert_eq!(me.status, 401, "{}", me.text);
    let refreshed = app.anonymous().refresh(&person.refresh).await;
    assert_eq!(refreshed.status, 401, "{}", refreshed.text);
    for token in [&person.access, &person.refresh] {
        let verdict = app.anonymous().verify(token).await;
        assert_eq!(verdict.status, 401, "{}", verdict.text);
    }
}

#[tokio::test]
async fn a_token_revoked_before_a_jump_is_revoked_after_it() {
    let app = App::start();
    let other = app.user("ann").await;
    let gone = other.again().await;
    let used = other.again().await;
    let next = used.refreshed().await;
    gone.log_out(&gone.refresh).await.assert(200, "LOGGED_OUT");
    app.advance(MINUTE);
    let right = app.clock.now();
    app.advance(MONTHS);
    other.assert_tokens("TOKEN_EXPIRED", "TOKEN_EXPIRED").await;
    app.set_clock(right);
    is_refused(&app, &gone).await;
    other.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    other.refreshed().await;
    next.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    next.refreshed().await;
    let stolen = app.anonymous().refresh(&used.refresh).await;
    stolen.assert(401, "TOKEN_REUSED");
    let app = app.restarted_with(|_| ());
    is_refused(&app, &gone).await;
}

#[tokio::test]
async fn a_flush_with_a_clock_that_is_ahead_makes_no_revoked_token_valid() {
    let app = App::start();
    let other = app.user("ann").await;
    let gone = other.again().await;
    gone.log_out(&gone.refresh).await.assert(200, "LOGGED_OUT");
    let used = other.again().await;
    app.advance(MINUTE * 10);
    // The newest token and its session outlive the flush; the used one does not.
    let next = used.refreshed().await;
    app.advance(MINUTE);
    let right = app.clock.now();
    app.advance(Duration::from_mins(30 * 24 * 60 - 5));
    assert!(flushed(&app).await > 0);
    app.set_clock(right);
    for person in [&gone, &used] {
        let refreshed = app.anonymous().refresh(&person.refresh).await;
        assert_eq!(refreshed.status, 401, "{}", refreshed.text);
        let verdict = app.anonymous().verify(&person.refresh).await;
        assert_eq!(verdict.status, 401, "{}", verdict.text);
    }
    let next = next.refreshed().await;
    next.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    // Months ahead nothing is left: all users have to log in again.
    app.advance(MONTHS);
    assert!(flushed(&app).await > 0);
    app.set_clock(right);
    let app = app.restarted_with(|_| ());
    for person in [&other, &gone, &used, &next] {
        is_refused(&app, person).await;
    }
    app.anonymous()
        .post("/auth/login", other.credentials())
        .await
        .assert(200, "LOGGED_IN");
}

#[tokio::test]
async fn a_token_revoked_during_a_jump_is_revoked_after_it() {
    let app = App::start();
    let ann = app.user("ann").await;
    let bob = app.user("bob").await;
    let kim = app.client("kim").await;
    for person in [&ann, &bob, &kim] {
        person.get("/api/me").await.assert(200, "ME");
    }
    let right = app.clock.now();
    app.advance(MONTHS);
    let root = app.admin("root").await;
    let path = format!("/api/users/{}", ann.seq);
    for active in [false, true] {
        let change = root.patch(&path, json!({"is_active": active})).await;
        change.assert(200, "USER_UPDATED");
    }
    let again = bob.again().await;
    again
        .post("/auth/logout-all", json!({}))
        .await
        .assert(200, "LOGGED_OUT_ALL");
    let again = kim.again().await;
    again
        .post("/auth/logout-all", json!({"keep_current": true}))
        .await
        .assert(200, "LOGGED_OUT_ALL");
    app.set_clock(right);
    for person in [&ann, &bob, &kim] {
        is_refused(&app, person).await;
    }
    let app = app.restarted_with(|_| ());
    for person in [&ann, &bob, &kim] {
        is_refused(&app, person).await;
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_no_revoked_token_valid() {
    let app = App::start();
    let ann = app.user("ann").await;
    app.advance(MINUTE * 20);
    ann.log_out(&ann.refresh).await.assert(200, "LOGGED_OUT");
    let logged_out = app.clock.now();
    app.advance(MINUTE * 60);
    ann.assert_tokens("TOKEN_EXPIRED", "TOKEN_BLACKLISTED")
        .await;
    app.set_clock(logged_out);
    is_refused(&app, &ann).await;
}

#[tokio::test]
async fn tokens_issued_in_the_future_are_invalid_until_then() {
    let app = App::start();
    let ann = app.user("ann").await;
    let early = app.clock.now() + MINUTE * 60;
    app.advance(MINUTE * 120);
    let next = ann.refreshed().await;
    let late = app.clock.now();
    app.set_clock(early);
    next.assert_tokens("INVALID_TOKEN", "INVALID_TOKEN").await;
    // Its use is in the future too: a grace retry.
    let again = app.anonymous().refresh(&ann.refresh).await;
    let again = again.assert(200, "REFRESHED");
    assert_eq!(again.text_of("refresh"), next.refresh);
    app.set_clock(late);
    next.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    next.refreshed().await;
}

#[tokio::test]
async fn the_server_does_not_flush_with_a_clock_that_jumped() {
    let app = App::start();
    // The machine's clock, which Postgres uses too.
    app.set_clock(Clock::System.now());
    let mut watch = ClockWatch::start(&app.clock);
    let check = async |watch: &mut ClockWatch| watch.check(app.services()).await.unwrap();
    assert_eq!(check(&mut watch).await, None);
    app.advance(MINUTE * 4);
    assert_eq!(check(&mut watch).await, None);
    app.set_clock(Clock::System.now());
    assert_eq!(check(&mut watch).await, None);
    app.advance(MONTHS);
    assert!(matches!(check(&mut watch).await, Some(ClockSkew::Ahead(by)) if by <= MONTHS));
    assert!(check(&mut watch).await.is_some(), "still");
    // After a restart only the clock of Postgres reveals the jump.
    let skew = check(&mut ClockWatch::start(&app.clock)).await;
    assert_eq!(
        matches!(skew, Some(ClockSkew::Apart(_))),
        on_postgres(),
        "{skew:?}"
    );
    app.set_clock(Clock::System.now());
    assert_eq!(check(&mut watch).await, None);
    app.set_clock(Clock::System.now() - MINUTE * 6);
    assert!(matches!(check(&mut watch).await, Some(ClockSkew::Back(_))));
}
