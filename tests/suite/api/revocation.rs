//! A revocation takes effect at once for access tokens too, on every instance, and without a query per call.

use std::time::Duration;

use serde_json::json;

use crate::support::{App, Person, wait_until};

/// Renames the tables of accounts and sessions, so that every query for one fails.
async fn without_tables(app: &App) {
    for table in ["users", "client_users", "sessions"] {
        app.execute(&format!("ALTER TABLE {table} RENAME TO {table}_away"))
            .await;
    }
}

#[tokio::test]
async fn a_bearer_token_is_accepted_and_rejected_without_the_database() {
    let app = App::start();
    let (ann, gone) = (app.user("ann").await, app.user("bob").await);
    let kim = app.client("kim").await;
    for person in [&ann, &kim, &gone] {
        person.get("/api/me").await.assert(200, "ME");
    }
    gone.log_out(&gone.refresh).await.assert(200, "LOGGED_OUT");
    without_tables(&app).await;
    for _ in 0..3 {
        for person in [&ann, &kim] {
            person.get("/api/me").await.assert(200, "ME");
            let verdict = app.anonymous().verify(&person.access).await;
            verdict.assert(200, "TOKEN_VALID");
        }
        gone.get("/api/me").await.assert(401, "SESSION_REVOKED");
        let verdict = app.anonymous().verify(&gone.access).await;
        verdict.assert(401, "SESSION_REVOKED");
    }
}

#[tokio::test]
async fn another_instance_rejects_a_revoked_token() {
    let one = App::start();
    let two = one.another_instance();
    let root = one.admin("root").await;
    let me = |person: &Person| two.anonymous().get("/api/me").bearer(&person.access);
    for (round, code) in [
        "SESSION_REVOKED",
        "SESSION_REVOKED",
        "USER_INACTIVE",
        "TOKEN_EXPIRED",
        "USER_NOT_FOUND",
    ]
    .iter()
    .enumerate()
    {
        let ann = one.user(&format!("ann{round}")).await;
        me(&ann).await.assert(200, "ME");
        let path = format!("/api/users/{}", ann.seq);
        let done = match round {
            0 => ann.log_out(&ann.refresh).await,
            1 => ann.post("/auth/logout-all", json!({})).await,
            2 => root.patch(&path, json!({"is_active": false})).await,
            3 => root.patch(&path, json!({"role": "auditor"})).await,
            _ => root.delete(&path).await,
        };
        assert_eq!(done.status, 200, "{}", done.text);
        // On this instance at once.
        ann.get("/api/me").await.assert(401, code);
        two.anonymous().refuses_soon(&ann.access, code).await;
    }
}

#[tokio::test]
async fn another_instance_returns_a_changed_account() {
    let one = App::start();
    let two = one.another_instance();
    let root = one.admin("root").await;
    let kim = one.client("kim").await;
    let name = async || {
        let me = two.anonymous().get("/api/me").bearer(&kim.access).await;
        me.assert(200, "ME").text_of("name")
    };
    assert_eq!(name().await, "kim");
    let path = format!("/api/clients/{}", kim.seq);
    let renamed = root.patch(&path, json!({"name": "Kim Minji"})).await;
    renamed.assert(200, "CLIENT_UPDATED");
    wait_until("the new name", async || {
        (name().await == "Kim Minji").then_some(())
    })
    .await;
}

#[tokio::test]
async fn revocations_survive_a_restart() {
    let app = App::start();
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    ann.log_out(&ann.refresh).await.assert(200, "LOGGED_OUT");
    let app = app.restarted_with(|_| ());
    assert_eq!(app.services().revocations.entries(), 1);
    let answer = app.anonymous().get("/api/me").bearer(&ann.access).await;
    answer.assert(401, "SESSION_REVOKED");
    let answer = app.anonymous().get("/api/me").bearer(&bob.access).await;
    answer.assert(200, "ME");
}

#[tokio::test]
async fn shortening_the_access_lifetime_keeps_older_revocations() {
    use munjigi::config::Span;
    let app = App::with(|config| config.tokens.access_lifetime = Span::hours(12));
    let ann = app.user("ann").await;
    let app = app.restarted_with(|config| config.tokens.access_lifetime = Span::minutes(1));
    let answer = app
        .anonymous()
        .post("/auth/logout", json!({"refresh": ann.refresh}));
    answer.bearer(&ann.access).await.assert(200, "LOGGED_OUT");
    app.advance(Duration::from_hours(1));
    let services = app.services();
    munjigi::services::maintenance::flush::flush(
        &services.store,
        &services.clock,
        app.flush_rules(100),
        |_, _| (),
    )
    .await
    .unwrap();
    let app = app.restarted_with(|_| ());
    let answer = app.anonymous().get("/api/me").bearer(&ann.access).await;
    answer.assert(401, "SESSION_REVOKED");
}

#[tokio::test]
async fn a_token_refreshed_in_the_same_instant_has_the_new_role() {
    let app = App::start();
    let root = app.admin("root").await;
    let ann = app.user("ann").await;
    let path = format!("/api/users/{}", ann.seq);
    for role in ["auditor", "admin", "staff"] {
        let change = json!({"role": role, "current_password": root.password});
        root.patch(&path, change).await.assert(200, "USER_UPDATED");
        ann.get("/api/me").await.assert(401, "TOKEN_EXPIRED");
        let verdict = app.anonymous().verify(&ann.access).await;
        verdict.assert(401, "TOKEN_EXPIRED");
        // The clock is fixed: the new token is issued at the time of the change.
        let ann = ann.again().await;
        let me = ann.get("/api/me").await.assert(200, "ME");
        assert_eq!(me["role"], role);
    }
}
