//! Audit events of the API: actor, subject, session and outcome.

use std::time::Duration;

use munjigi::{
    domain::{account::Role, audit::Action},
    services::audit::events::{AuditEvent, AuditQuery, list},
    services::tokens::owner::ByOwner,
};
use serde_json::json;

use crate::support::{App, Person, claims_of, wait_until};

/// The newest events, newest first, as text: action, outcome, actor and subject.
async fn newest(app: &App, count: usize) -> Vec<String> {
    events(app)
        .await
        .iter()
        .take(count)
        .map(|event| {
            let text = |name: &Option<String>| name.clone().unwrap_or_else(|| "-".into());
            format!(
                "{} {} {} {}",
                event.action,
                event.outcome,
                text(&event.actor_name),
                text(&event.subject_name)
            )
        })
        .collect()
}

async fn events(app: &App) -> Vec<AuditEvent> {
    let seek = munjigi::domain::paging::Seek::First;
    let found = list(app.services(), AuditQuery::default(), seek, 100).await;
    let ByOwner::Found(events) = found.unwrap() else {
        panic!("the query has no account");
    };
    events.items
}

fn session_of(person: &Person) -> String {
    claims_of(&person.refresh)["sid"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn the_beginning_and_the_end_of_a_session_are_recorded() {
    let app = App::start();
    for login in ["ann@example.org", "acme"] {
        let person = match login {
            "acme" => app.client("acme").await,
            _ => app.user("ann").await,
        };
        let next = person.refreshed().await;
        next.log_out(&next.refresh).await.assert(200, "LOGGED_OUT");
        // A session ends once, however often it is logged out.
        next.log_out(&next.refresh).await.assert(200, "LOGGED_OUT");
        let found = newest(&app, 2).await;
        assert_eq!(
            found,
            [
                format!("logged_out done {login} {login}"),
                format!("logged_in done {login} {login}"),
            ]
        );
        for event in &events(&app).await[..2] {
            let session = event.session.as_ref().map(ToString::to_string);
            assert_eq!(session, Some(session_of(&person)));
            assert_eq!(event.actor, event.subject);
            assert!(event.ip_address.is_some() && event.request_id.is_some());
        }
    }
}

#[tokio::test]
async fn refreshes_are_counted_and_not_recorded() {
    let app = App::start();
    let mut machine = app.client("robot").await;
    let before = events(&app).await.len();
    for _ in 0..7 {
        machine = machine.refreshed().await;
    }
    assert_eq!(events(&app).await.len(), before);
    let counted = "SELECT refreshes AS number FROM sessions";
    assert_eq!(app.number(counted).await, 7);
    // A refused refresh is not counted.
    app.advance(Duration::from_mins(2));
    app.anonymous()
        .refresh("garbage")
        .await
        .assert(401, "INVALID_TOKEN");
    assert_eq!(app.number(counted).await, 7);
}

#[tokio::test]
async fn a_refused_log_in_is_recorded_for_any_name() {
    let app = App::start();
    app.make_user("ann", Role::STAFF).await;
    for username in [
        "ann@example.org",
        "nobody@example.org",
        // Perhaps a password, typed into the wrong field.
        "correct horse battery",
        "correct-horse-battery",
    ] {
        let typed = json!({"username": username, "password": "wrong password"});
        let answer = app.anonymous().post("/auth/login", typed).await;
        answer.assert(401, "INVALID_CREDENTIALS");
        let is_known = username.starts_with("ann");
        let event = &events(&app).await[0];
        assert_eq!(event.subject.is_some(), is_known);
        let name = event.subject_name.clone().unwrap();
        assert_eq!(name == username, is_known);
        assert_eq!(name.starts_with('#'), !is_known, "{name}");
        let found = newest(&app, 1).await;
        assert_eq!(found, [format!("log_in_refused refused - {name}")]);
        let text = format!("{event:?}");
        assert!(
            !text.contains("wrong password") && !text.contains("horse"),
            "{text}"
        );
        // Those about unknown names are recorded once a minute.
        app.advance(Duration::from_mins(1));
    }
}

#[tokio::test]
async fn codes_are_recorded_without_the_code() {
    let app = App::with_gateway(|_| ());
    app.make_client("acme").await;
    for (name, outcome) in [("acme", "done"), ("ghost", "refused")] {
        let asked = app
            .anonymous()
            .post("/clients/otp/request", json!({"username": name}));
        let answer = asked.await.assert(200, "OTP_SENT");
        let request = wait_until("the event of the request", async || {
            let newest = events(&app).await.swap_remove(0);
            (newest.action == Action::CodeRequested).then_some(newest)
        })
        .await;
        assert_eq!(request.outcome.as_str(), outcome);
        let subject = request.subject_name.clone().unwrap();
        assert_eq!(subject == name, name == "acme");
        let wrong = json!({"challenge_id": answer.data()["challenge_id"], "code": "00000"});
        let refused = app.anonymous().post("/clients/otp/verify", wrong).await;
        refused.assert(401, "INVALID_OTP");
        let found = newest(&app, 1).await;
        assert_eq!(found, [format!("log_in_refused refused - {subject}")]);
    }
    let code = app.codes(1).await.remove(0);
    assert!(!format!("{:?}", events(&app).await).contains(&code));
}

#[tokio::test]
async fn an_access_beyond_the_role_is_recorded_once_a_minute() {
    let app = App::start();
    let sam = app.internal("sam", Role::STAFF).await;
    let refused = |path: &str| {
        let call = sam.delete(path);
        async move { call.await.assert(403, "FORBIDDEN") }
    };
    let before = events(&app).await.len();
    for _ in 0..3 {
        refused("/api/users/1").await;
        refused("/api/users/2").await;
    }
    let found = newest(&app, 1).await;
    assert_eq!(
        found,
        ["access_refused refused sam@example.org sam@example.org"]
    );
    let event = &events(&app).await[0];
    assert_eq!(
        event.changes[0].new.as_deref(),
        Some("DELETE /api/users/{user_seq}")
    );
    assert_eq!(events(&app).await.len(), before + 1);
    app.advance(Duration::from_mins(1));
    let sam = sam.again().await;
    sam.delete("/api/users/1").await.assert(403, "FORBIDDEN");
    assert_eq!(
        events(&app).await.len(),
        before + 3,
        "a log-in and a refusal"
    );
}

#[tokio::test]
async fn presenting_the_token_of_another_account_is_a_refused_access() {
    let app = App::start();
    let (ann, eve) = (app.user("ann").await, app.user("eve").await);
    eve.log_out(&ann.refresh).await.assert(403, "FORBIDDEN");
    let found = newest(&app, 1).await;
    assert_eq!(
        found,
        ["access_refused refused eve@example.org eve@example.org"]
    );
}

#[tokio::test]
async fn ending_all_sessions_is_recorded_with_their_number() {
    let app = App::start();
    let ann = app.user("ann").await;
    ann.again().await;
    ann.post("/auth/logout-all", json!({}))
        .await
        .assert(200, "LOGGED_OUT_ALL");
    let event = events(&app).await.remove(0);
    assert_eq!(event.action.as_str(), "sessions_ended");
    assert_eq!(event.changes[0].new.as_deref(), Some("2"));
    assert_eq!(
        event.session.map(|id| id.to_string()),
        Some(session_of(&ann))
    );
}

#[tokio::test]
async fn the_panel_shows_the_events_of_a_session() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let ann = app.user("ann").await.refreshed().await;
    let page = root.open(&format!("/admin/users/{}", ann.seq)).await;
    assert!(page.text("#sessions tbody").contains("refreshed 1×"));
    let path = page.attr("#sessions tbody a", "href");
    assert_eq!(path, format!("/admin/sessions/{}", session_of(&ann)));
    let page = root.open(&path).await;
    let path = page.attr("#session .panel-foot a", "href");
    assert_eq!(path, format!("/admin/audit?session={}", session_of(&ann)));
    let found = root.open(&path).await.texts("tbody tr td.lead b");
    assert_eq!(found, ["Logged in"]);
    let chip = root.open(&path).await.text(".chip");
    assert!(chip.contains(&session_of(&ann)), "{chip}");
    let odd = root.open("/admin/audit?session=x").await;
    assert!(odd.text("#results .banner").contains("Enter a session id"));
    let event = root.open(&path).await.attr("tbody tr td.lead a", "href");
    let page = root.open(&event).await;
    assert!(page.text("#facts").contains("Pending"));
}

#[tokio::test]
async fn a_refused_sign_in_is_shown_on_the_page_of_the_account() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let fields = [("email", "root@example.org"), ("password", "wrong")];
    app.browser()
        .post("/admin/login", &fields)
        .await
        .assert(422);
    let event = events(&app).await.remove(0);
    assert_eq!(event.action.as_str(), "sign_in_refused");
    assert!(event.subject.is_some());
    let found = root.open("/admin/audit?person=root@example.org").await;
    let found = found.texts("tbody tr td.lead b");
    assert_eq!(found[0], "Panel login failed", "{found:?}");
}

#[tokio::test]
async fn a_session_that_ends_for_another_is_recorded_with_its_reason() {
    let app = App::with(|config| config.tokens.sessions_per_account = 1);
    let ann = app.user("ann").await;
    ann.again().await;
    let found = newest(&app, 2).await;
    assert_eq!(
        found,
        [
            "logged_in done ann@example.org ann@example.org",
            "session_ended done ann@example.org ann@example.org"
        ]
    );
    let ended = events(&app).await.remove(1);
    assert_eq!(
        ended.session.map(|id| id.to_string()),
        Some(session_of(&ann))
    );
    assert_eq!(ended.changes[0].new.as_deref(), Some("too_many"));
}
