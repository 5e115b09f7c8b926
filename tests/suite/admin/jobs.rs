//! The page of a job, and its JSON for the script.

use std::time::Duration;

use munjigi::{
    domain::{
        account::Role,
        audit::{Actor, AuditSource},
        job::BulkAction,
        principal::{Principal, UserSeq, UserType},
    },
    http::admin::paths,
    services::accounts::{
        bulk,
        bulk_request::{Accounts, BulkRequest},
    },
};
use serde_json::Value;

use super::bulk::{confirmed, many_clients, matching};
use crate::support::{App, Browser, wait_until};

/// The JSON of a job.
pub(super) async fn progress(browser: &Browser, job: &str) -> Value {
    let accept = [("accept", "application/json")];
    let answer = browser.ask("GET", job, None, &accept).await.assert(200);
    serde_json::from_str(&answer.html).unwrap()
}

/// Polls a job until a condition is true.
pub(super) async fn progress_until(
    browser: &Browser,
    job: &str,
    is_done: impl Fn(&Value) -> bool,
) -> Value {
    wait_until("the progress of the job", async || {
        let seen = progress(browser, job).await;
        is_done(&seen).then_some(seen)
    })
    .await
}

/// Inserts a running flush of another process; the path of its page.
pub(super) async fn running_flush(app: &App) -> String {
    let id = "0".repeat(31) + "7";
    // The time of the fixed clock.
    let now = "'2026-02-14 12:30:45.678901'";
    app.execute(&format!(
        "INSERT INTO jobs (id, kind, state, total, done, stop_requested, details, started_at, heartbeat_at) \
         VALUES ('{id}', 'flush', 'running', 10, 4, FALSE, '{{\"report\":{{\"flush\":{{\"sessions\":4}}}}}}', {now}, {now})"
    ))
    .await;
    paths::job(id)
}

#[tokio::test]
async fn a_job_is_a_page_or_json() {
    let app = App::start();
    let job = running_flush(&app).await;
    let eve = app.signed_in("eve", Role::AUDITOR).await;
    app.advance(Duration::from_secs(3));
    let seen = progress(&eve, &job).await;
    let text = "4 of 10 rows · 40 % · about 5 seconds left";
    let expected = serde_json::json!({
        "state": "running", "total": 10, "done": 4, "text": text, "title": "Flush of expired rows"
    });
    assert_eq!(seen, expected);
    let page = eve.open(&job).await;
    assert_eq!(page.text("h1"), "Flush of expired rows");
    assert_eq!(page.text("[data-job-text]"), text);
    assert_eq!(page.attr("progress", "value"), "4");
    assert!(page.text("#times").contains("Server"));
    // The report is that of a job that has ended.
    assert!(!page.has("#report"));
    app.execute("UPDATE jobs SET state = 'stopped', finished_at = heartbeat_at")
        .await;
    let page = eve.open(&job).await;
    assert_eq!(page.text("[data-job-text]"), "4 of 10 rows");
    assert_eq!(page.text("#report"), "Report Sessions 4");
}

#[tokio::test]
async fn only_an_administrator_stops_a_job() {
    let app = App::start();
    let job = running_flush(&app).await;
    let stop = format!("{job}/stop");
    let eve = app.signed_in("eve", Role::AUDITOR).await;
    assert!(!eve.open(&job).await.has("#job form"));
    eve.post(&stop, &[]).await.assert(403);
    let ann = app.signed_in("ann", Role::ADMIN).await;
    assert!(ann.open(&job).await.has("#job form button:not([disabled])"));
    ann.post_as_is(&stop, &[]).await.assert(403);
    assert_eq!(
        app.number("SELECT COUNT(*) AS number FROM jobs WHERE stop_requested")
            .await,
        0
    );
    ann.post(&stop, &[]).await.leads_to(&job);
    let page = ann.open(&job).await;
    assert_eq!(page.text("#job .badge"), "Stopping");
    assert!(page.has("#job form button[disabled]"));
    // A second stop is no second event.
    ann.post(&stop, &[]).await.leads_to(&job);
    assert_eq!(
        app.number("SELECT COUNT(*) AS number FROM audit_events WHERE action = 'job_stopped'")
            .await,
        1
    );
}

#[tokio::test]
async fn an_unknown_job_is_not_found() {
    let app = App::start();
    let ann = app.signed_in("ann", Role::ADMIN).await;
    for id in ["x", "0", &"0".repeat(32), &"g".repeat(32), "%00", "1%27--"] {
        let page = paths::job(id);
        ann.get(&page).await.assert(404);
        ann.post(&paths::stop_job(id), &[]).await.assert(404);
    }
    app.browser()
        .get("/admin/jobs/x")
        .await
        .leads_to("/admin/login?next=%2Fadmin%2Fjobs%2Fx");
}

#[tokio::test]
async fn a_report_of_another_version_is_not_shown() {
    let app = App::start();
    let job = running_flush(&app).await;
    app.execute("UPDATE jobs SET details = '{\"report\":{\"sweep\":1}}', state = 'done'")
        .await;
    let ann = app.signed_in("ann", Role::ADMIN).await.speaking("ko");
    let page = ann.open(&job).await;
    assert_eq!(page.text("h1"), "만료 항목 정리");
    assert_eq!(page.text("#job .badge"), "완료");
    assert!(!page.has("#report dl"));
}

#[tokio::test]
async fn a_running_job_ends_when_its_actor_loses_the_rights() {
    for change in [
        "UPDATE users SET role = 'auditor' WHERE email = 'root@example.org'",
        "UPDATE users SET is_active = FALSE WHERE email = 'root@example.org'",
        "DELETE FROM users WHERE email = 'root@example.org'",
    ] {
        let app = App::start();
        let eve = app.signed_in("eve", Role::AUDITOR).await;
        let root = app.signed_in("root", Role::ADMIN).await;
        many_clients(&app).await;
        let page = matching(&root, "clients", "deactivate", "").await;
        let job = confirmed(&root, &page).await.location().to_owned();
        progress_until(&eve, &job, |seen| seen["done"].as_i64() > Some(0)).await;
        app.execute(change).await;
        let last = progress_until(&eve, &job, |seen| seen["state"] != "running").await;
        assert_eq!(last["state"], "failed", "{change}");
        let done = last["done"].as_i64().unwrap();
        assert!(done < 20_000, "{done}");
        let changed = "SELECT COUNT(*) AS number FROM client_users WHERE NOT is_active";
        assert_eq!(app.number(changed).await, done, "{change}");
    }
}

#[tokio::test]
async fn the_report_names_the_last_administrator_who_was_skipped() {
    let app = App::with(|config| {
        config.roles = serde_json::from_value(serde_json::json!({
            "admin": {"panel": "write", "api": "write"},
            "editor": {"panel": "write", "api": "read"},
            "staff": {"panel": "none", "api": "list"},
        }))
        .unwrap();
    });
    let (root, ann) = (app.admin("root").await, app.user("ann").await);
    let ids = [root.seq, ann.seq].map(|seq| UserSeq::new(seq).unwrap());
    // One's own account is skipped before: the job is started by someone who may use the panel, but has not all rights.
    let editor = app.internal("eve", Role::parse("editor").unwrap()).await;
    let actor = Actor {
        source: AuditSource::Panel,
        principal: Some(Principal::user(UserSeq::new(editor.seq).unwrap())),
        name: Some(editor.login.clone()),
        ..Actor::server()
    };
    for action in [BulkAction::Deactivate, BulkAction::Delete] {
        let request = BulkRequest {
            user_type: UserType::User,
            action,
            accounts: Accounts::Selected(ids.to_vec()),
        };
        let mut started = bulk::start(app.services(), &actor, request).await.unwrap();
        assert!(started.wait(Duration::from_mins(1)).await);
        let browser = app.browser();
        browser.sign_in("root").await;
        let page = browser.open(&paths::job(&started.job)).await;
        let report = page.text("#job");
        let skipped = "root@example.org was excluded as the last active administrator.";
        assert!(report.contains(skipped), "{report}");
    }
    let left = "SELECT COUNT(*) AS number FROM users WHERE is_active";
    assert_eq!(app.number(left).await, 2);
    let all = "SELECT COUNT(*) AS number FROM users";
    assert_eq!(app.number(all).await, 2);
}

#[tokio::test]
async fn jobs_are_listed_and_exported() {
    let app = App::start();
    let eve = app.signed_in("eve", Role::AUDITOR).await;
    assert!(eve.open(paths::JOBS).await.has(".empty"));
    let job = running_flush(&app).await;
    let page = eve.open(paths::JOBS).await;
    assert_eq!(page.attrs("tbody a.open", "href"), [job.as_str()]);
    let row = page.text("tbody tr");
    assert!(
        row.contains("Flush of expired rows") && row.contains("Running"),
        "{row}"
    );
    assert!(
        eve.open(paths::BLACKLIST)
            .await
            .has("a[href='/admin/jobs']")
    );
    assert!(eve.open(&job).await.has("a[href='/admin/jobs']"));
    let file = eve.get(paths::JOBS_EXPORT).await.assert(200);
    let lines: Vec<&str> = file.html.lines().collect();
    assert_eq!(lines.len(), 2, "{}", file.html);
    let id = job.rsplit('/').next().unwrap();
    assert!(
        lines[1].starts_with(&format!("{id},flush,running,,4,10,")),
        "{}",
        lines[1]
    );
    // A job whose process was killed is shown as failed.
    app.advance(Duration::from_mins(2));
    assert!(
        eve.open(paths::JOBS)
            .await
            .text("tbody tr")
            .contains("Failed")
    );
}
