//! `/healthz` and `/readyz`, and what is answered while the database is ill: 503, never 401.

use std::sync::{Arc, Mutex, mpsc};

use munjigi::{
    config::Span,
    store::{Db, StoreError},
};
use serde_json::json;

use crate::support::{App, on_postgres, wait_until};

#[tokio::test]
async fn a_healthy_server_is_alive_and_ready_in_plain_json() {
    let app = App::start();
    let alive = app.anonymous().get("/healthz").await;
    assert_eq!((alive.status, &alive.body), (200, &json!({"status": "ok"})));
    let ready = app.anonymous().get("/readyz").await;
    assert_eq!(
        (ready.status, &ready.body),
        (200, &json!({"status": "ready"}))
    );
}

/// Work that holds a connection.
struct Hog {
    release: mpsc::Sender<()>,
    work: tokio::task::JoinHandle<Result<(), StoreError>>,
}

impl Hog {
    /// Holds a connection for reads by key, or one for lists.
    async fn of(app: &App, list: bool) -> Self {
        let (release, released) = mpsc::channel::<()>();
        let (begin, started) = tokio::sync::oneshot::channel::<()>();
        let (released, begin) = (Mutex::new(released), Mutex::new(Some(begin)));
        let store = app.services().store.clone();
        let hold = move |_: &mut Db| {
            if let Some(begin) = begin.lock().unwrap().take() {
                begin.send(()).unwrap();
            }
            // It ends when the sender is dropped.
            let _gone = released.lock().unwrap().recv();
            Ok::<(), StoreError>(())
        };
        let work = tokio::spawn(async move {
            if list {
                store.read_list(hold).await
            } else {
                store.read(hold).await
            }
        });
        started.await.unwrap();
        Self { release, work }
    }

    async fn leave(self) {
        drop(self.release);
        self.work.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn without_a_free_connection_the_server_is_not_ready_and_says_overloaded() {
    let app = App::with(|config| {
        config.database.pool_size = 1;
        config.database.acquire_timeout = Span::millis(200);
    });
    let ann = app.user("ann").await;
    let hog = Hog::of(&app, false).await;
    let ready = app.anonymous().get("/readyz").await;
    assert_eq!(
        (ready.status, &ready.body["status"]),
        (503, &json!("unavailable"))
    );
    let alive = app.anonymous().get("/healthz").await;
    assert_eq!(alive.status, 200);
    let list = ann.get("/api/users").await.assert(503, "OVERLOADED");
    assert_eq!(list.header("retry-after"), Some("1"));
    hog.leave().await;
    if !on_postgres() {
        // SQLite has separate threads for lists, which do not delay reads by key.
        let lister = Hog::of(&app, true).await;
        let list = ann.get("/api/users").await.assert(503, "OVERLOADED");
        assert_eq!(list.header("retry-after"), Some("1"));
        ann.get("/api/me").await.assert(200, "ME");
        assert_eq!(app.anonymous().get("/readyz").await.status, 200);
        lister.leave().await;
    }
    ann.get("/api/me").await.assert(200, "ME");
    assert_eq!(app.anonymous().get("/readyz").await.status, 200);
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_database_that_is_gone_is_503_on_every_way_to_it_only_on_postgres() {
    // A SQLite file that is open stays readable when its name is gone; its illness is the next test.
    assert!(
        on_postgres(),
        "this test needs TEST_DATABASE_URL; tests/run sets it"
    );
    let app = App::with(|config| config.database.acquire_timeout = Span::millis(300));
    let ann = app.admin("ann").await;
    app.database().drop_with_force();
    let ready = app.anonymous().get("/readyz").await;
    assert_eq!(
        (ready.status, &ready.body["status"]),
        (503, &json!("unavailable"))
    );
    assert_eq!(app.anonymous().get("/healthz").await.status, 200);
    let anonymous = app.anonymous();
    for call in [
        ann.get("/api/me"),
        ann.get("/api/users"),
        ann.log_out(&ann.refresh),
        ann.post("/api/clients", json!({"username": "x"})),
        anonymous.refresh(&ann.refresh),
        anonymous.verify(&ann.access),
        anonymous.post("/auth/login", ann.credentials()),
        anonymous.post("/clients/otp/request", json!({"username": "x"})),
        anonymous.post(
            "/clients/otp/verify",
            json!({"challenge_id": "0".repeat(32), "code": "1"}),
        ),
    ] {
        call.await.assert(503, "UNAVAILABLE");
    }
}

#[tokio::test]
async fn a_file_that_another_process_keeps_locked_is_503_for_writes_alone_only_on_sqlite() {
    assert!(!on_postgres(), "this test is for SQLite");
    let app = App::with(|config| config.database.busy_timeout = Span::millis(100));
    let ann = app.user("ann").await;
    let other = Arc::new(Mutex::new(app.database().target().connect().unwrap()));
    let run = |statement: &str| {
        use diesel::connection::SimpleConnection;
        other.lock().unwrap().batch_execute(statement).unwrap();
    };
    run("BEGIN IMMEDIATE");
    ann.get("/api/me").await.assert(200, "ME");
    let ready = app.anonymous().get("/readyz").await;
    assert_eq!(
        (ready.status, &ready.body["status"]),
        (200, &json!("ready")),
        "a write has just succeeded"
    );
    let refused = app.anonymous().refresh(&ann.refresh).await;
    refused.assert(503, "UNAVAILABLE");
    ann.log_in().await.assert(503, "UNAVAILABLE");
    assert_eq!(app.anonymous().get("/readyz").await.status, 503);
    run("COMMIT");
    wait_until("readiness", async || {
        let ready = app.anonymous().get("/readyz").await;
        (ready.status == 200).then_some(())
    })
    .await;
    // The token that met the lock is as good as before.
    let ann = ann.refreshed().await;
    ann.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
}
