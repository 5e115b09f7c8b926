//! The revocation of a signing key that has more sessions than can be ended while a request waits.

use std::time::Duration;

use munjigi::{
    config::Span,
    domain::{audit::Actor, job::JobState, session::JobId},
    services::{
        Error,
        maintenance::jobs,
        signing_keys::{changes, replacement::replace_all, session_job::resume},
    },
};
use serde_json::json;

use super::admin_scopes::ops;
use crate::support::{
    App,
    held_session::{HeldSession, sessions_of},
    on_postgres, wait_until,
};

const SESSIONS: usize = 2_500;
const LIVE: &str = "SELECT COUNT(*) AS number FROM sessions WHERE ended_at IS NULL AND kid = ";
const ENDED: &str = "SELECT COUNT(*) AS number FROM sessions WHERE end_reason = 'key_revoked'";

/// How many sessions were ended.
async fn ended(app: &App) -> usize {
    let ended = app.number(ENDED).await;
    usize::try_from(ended).unwrap()
}

/// How many events say that this number of sessions was ended.
async fn events(app: &App, sessions: usize) -> i64 {
    app.number(&format!(
        "SELECT COUNT(*) AS number FROM audit_events WHERE action = 'signing_key_sessions_ended' \
         AND changes LIKE '%\"{sessions}\"%'"
    ))
    .await
}

async fn until_done(app: &App, job: &JobId) {
    wait_until("the end of the job", async || {
        let job = jobs::find(app.services(), job).await.unwrap().unwrap();
        (job.state == JobState::Done).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_revocation_is_answered_before_all_sessions_have_ended() {
    let app = App::with(|config| config.server.request_timeout = Span::seconds(6));
    let ann = app.user("ann").await;
    let old = app.services().tokens.key_id();
    let held = HeldSession::last_of(&app.database().target(), &old, SESSIONS);
    let admin = ops(&app, "maker", "admin:keys:write").await;
    let new = admin
        .post("/api/keys", &json!({"algorithm": "EdDSA"}))
        .await;
    let new = new.assert(201, "KEY_CREATED").text_of("kid");
    let promote = format!("/api/keys/{new}/promote");
    let promoted = admin.post(&promote, &json!({"at_once": true})).await;
    promoted.assert(200, "KEY_PROMOTED");

    // The token is signed with the new key.
    let admin = ops(&app, "ops", "admin:keys:write admin:jobs:read").await;
    let revoked = admin.call("POST", &format!("/api/keys/{old}/revoke")).await;
    let revoked = revoked.assert(200, "KEY_REVOKED");
    assert_eq!(revoked["sessions_ending"], true);
    assert_eq!(revoked["successor"], json!(null));
    assert!(revoked["sessions"].as_u64().unwrap() < SESSIONS as u64);
    let me = app.anonymous().get("/api/me").bearer(&ann.access).await;
    assert_eq!(me.status, 401);
    let refreshed = app.anonymous().refresh(&ann.refresh).await;
    refreshed.assert(401, "INVALID_TOKEN");
    assert!(app.number(&format!("{LIVE}'{old}'")).await > 0);
    assert_eq!(events(&app, SESSIONS + 1).await, 0);

    // On SQLite the job has failed.
    held.release();
    let resumed = resume(app.services()).await.unwrap();
    assert_eq!(resumed, usize::from(!on_postgres()));
    let job = JobId::parse(revoked["job"].as_str().unwrap()).unwrap();
    until_done(&app, &job).await;
    assert_eq!(app.number(&format!("{LIVE}'{old}'")).await, 0);
    assert_eq!(ended(&app).await, SESSIONS + 1);
    assert_eq!(events(&app, SESSIONS + 1).await, 1);
    let shown = admin.get(&format!("/api/jobs/{job}")).await;
    let shown = shown.assert(200, "JOB");
    for field in ["done", "total"] {
        assert_eq!(shown[field], SESSIONS + 1, "{}", shown.text);
    }
    assert_eq!(shown["started_by"], "service:ops");
    assert_eq!(resume(app.services()).await.unwrap(), 0);
}

#[tokio::test]
async fn the_sessions_are_ended_by_another_instance_if_the_first_one_dies() {
    let app = App::start();
    let other = app.another_instance();
    let kid = app.services().tokens.key_id();
    app.execute(&sessions_of(&kid, SESSIONS)).await;
    let revoked = changes::revoke_to_end(app.services(), &Actor::operator(), &kid)
        .await
        .unwrap();
    assert_eq!(
        (revoked.sessions, revoked.is_ending),
        (SESSIONS as u64, false)
    );
    // As if the process had been killed during the job.
    app.execute(
        "UPDATE sessions SET ended_at = NULL, end_reason = NULL WHERE id > '00000000000000000000000000000400'",
    )
    .await;
    app.execute("UPDATE jobs SET state = 'running', finished_at = NULL")
        .await;
    let both = async || {
        let (one, two) = (resume(app.services()), resume(other.services()));
        let (one, two) = futures_util::future::join(one, two).await;
        one.unwrap() + two.unwrap()
    };
    assert_eq!(both().await, 0, "its process may be alive");
    app.advance(Duration::from_secs(61));
    assert_eq!(both().await, 1);
    until_done(&app, &revoked.job).await;
    assert_eq!(ended(&app).await, SESSIONS);
    assert_eq!(events(&app, SESSIONS).await, 2);
    // A job that a server stopped at its own end goes on too, and a server that stops begins none.
    app.execute("UPDATE jobs SET state = 'stopped'").await;
    app.services().jobs.stop_all();
    assert_eq!(both().await, 1);
    until_done(&app, &revoked.job).await;
}

#[tokio::test]
async fn the_command_says_that_the_server_ends_the_rest_only_on_sqlite() {
    // On Postgres the command waits.
    assert!(!on_postgres(), "this test is for SQLite");
    let app = App::start();
    let kid = app.services().tokens.key_id();
    let held = HeldSession::last_of(&app.database().target(), &kid, 50);
    let revoked = changes::revoke_to_end(app.services(), &Actor::operator(), &kid).await;
    let Err(Error::Unavailable(text)) = revoked else {
        panic!("{revoked:?}");
    };
    assert!(text.contains("its tokens are refused"), "{text}");
    held.release();
    assert_eq!(resume(app.services()).await.unwrap(), 1);
    wait_until("the end of the sessions", async || {
        (events(&app, 50).await == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_sessions_of_keys_that_were_lost_are_ended_after_the_start() {
    let app = App::start();
    let services = app.services();
    let kid = services.tokens.key_id();
    app.execute(&sessions_of(&kid, 20)).await;
    let algorithm = services.config.tokens.algorithm;
    let (store, now) = (&services.store, app.clock.now());
    replace_all(store, &services.master_keys, algorithm, now)
        .await
        .unwrap();
    assert_eq!(resume(services).await.unwrap(), 1);
    wait_until("the end of the sessions", async || {
        (events(&app, 20).await == 1).then_some(())
    })
    .await;
    assert_eq!(ended(&app).await, 20);
}
