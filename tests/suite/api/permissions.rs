//! Permissions under `/api/users` and `/api/clients`.

use std::future::IntoFuture;

use munjigi::domain::account::Role;
use serde_json::json;

use crate::support::{App, Person};

/// A caller, and the statuses of a read and a write.
struct Caller {
    name: &'static str,
    person: Option<Person>,
    reads: u16,
    writes: u16,
}

async fn callers(app: &App) -> Vec<Caller> {
    let caller = |name, person, reads, writes| Caller {
        name,
        person,
        reads,
        writes,
    };
    vec![
        caller("anonymous", None, 401, 401),
        caller("client", Some(app.client("acme").await), 403, 403),
        caller("staff", Some(app.user("staff").await), 200, 403),
        caller(
            "auditor",
            Some(app.internal("auditor", Role::AUDITOR).await),
            200,
            403,
        ),
        caller("admin", Some(app.admin("root").await), 200, 0),
    ]
}

#[tokio::test]
async fn each_method_is_allowed_for_the_documented_callers() {
    let app = App::start();
    for caller in callers(&app).await {
        for (noun, new) in [
            (
                "users",
                json!({"email": "new@example.org", "name": "New", "password": "correct horse battery"}),
            ),
            ("clients", json!({"username": "new-client"})),
        ] {
            let target = app.make_target(noun).await;
            for (method, path, body, done) in [
                ("GET", format!("/api/{noun}"), None, caller.reads),
                ("GET", format!("/api/{noun}/{target}"), None, caller.reads),
                ("POST", format!("/api/{noun}"), Some(new.clone()), 201),
                (
                    "PATCH",
                    format!("/api/{noun}/{target}"),
                    Some(json!({"name": "Other"})),
                    200,
                ),
                ("DELETE", format!("/api/{noun}/{target}"), None, 200),
            ] {
                let call = match &caller.person {
                    Some(person) => person.call(method, &path),
                    None => app.anonymous().call(method, &path),
                };
                let call = match &body {
                    Some(body) => call.json(body),
                    None => call,
                };
                let expected = if method != "GET" && caller.writes != 0 {
                    caller.writes
                } else {
                    done
                };
                let answer = call.await;
                assert_eq!(
                    answer.status, expected,
                    "{} {method} {path}: {}",
                    caller.name, answer.text
                );
                match expected {
                    401 => drop(answer.assert(401, "UNAUTHORIZED")),
                    403 => drop(answer.assert(403, "FORBIDDEN")),
                    _ => {}
                }
            }
        }
    }
}

impl App {
    /// Creates an account to be read, updated and deleted.
    async fn make_target(&self, noun: &str) -> i64 {
        let table = if noun == "users" {
            "users"
        } else {
            "client_users"
        };
        self.execute(&format!(
            "DELETE FROM {table} WHERE name IN ('target', 'New', 'new-client')"
        ))
        .await;
        if noun == "users" {
            self.make_user("target", Role::STAFF).await
        } else {
            self.make_client("target").await
        }
    }
}

#[tokio::test]
async fn a_rejected_caller_learns_nothing_about_the_body() {
    let app = App::start();
    let staff = app.user("staff").await;
    for body in [json!({}), json!([]), json!({"email": "staff@example.org"})] {
        let refused = staff.post("/api/users", body).await;
        let refused = refused.assert(403, "FORBIDDEN");
        assert!(refused.body.get("errors").is_none());
    }
    let path = "/api/users/4711";
    staff
        .patch(path, json!({"name": "x"}))
        .await
        .assert(403, "FORBIDDEN");
    staff.delete(path).await.assert(403, "FORBIDDEN");
    app.anonymous().get(path).await.assert(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn the_current_role_of_the_row_decides() {
    let app = App::start();
    let root = app.admin("root").await;
    let ann = app.user("ann").await;
    let path = format!("/api/users/{}", ann.seq);
    let new = json!({"username": "acme"});
    ann.post("/api/clients", new.clone())
        .await
        .assert(403, "FORBIDDEN");
    let promotion = json!({"role": "admin", "current_password": root.password});
    root.patch(&path, promotion)
        .await
        .assert(200, "USER_UPDATED");
    // An access token with the role staff is not accepted any more.
    ann.post("/api/clients", new.clone())
        .await
        .assert(401, "TOKEN_EXPIRED");
    let ann = ann.refreshed().await;
    ann.post("/api/clients", new)
        .await
        .assert(201, "CLIENT_CREATED");
    root.patch(&path, root.confirmed(json!({"role": "auditor"})))
        .await
        .assert(200, "USER_UPDATED");
    let ann = ann.refreshed().await;
    ann.delete("/api/clients/1").await.assert(403, "FORBIDDEN");
}

#[tokio::test]
async fn the_last_administrator_cannot_be_removed() {
    let app = App::start();
    let root = app.admin("root").await;
    let path = format!("/api/users/{}", root.seq);
    let refusals = [
        root.patch(&path, root.confirmed(json!({"role": "staff"}))),
        root.patch(&path, json!({"is_active": false})),
        root.patch(
            &path,
            root.confirmed(json!({"role": "auditor", "name": "Root"})),
        ),
        root.delete(&path),
    ];
    for refusal in refusals {
        let refused = refusal.korean().await.assert(403, "FORBIDDEN");
        assert!(
            refused.message().starts_with("마지막 활성 관리자는"),
            "{}",
            refused.text
        );
    }
    root.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
    let unharmed = root
        .patch(
            &path,
            json!({"name": "Root", "role": "admin", "is_active": true}),
        )
        .await;
    unharmed.assert(200, "USER_UPDATED");
    // An inactive administrator does not count.
    let spare = app.admin("spare").await;
    let off = json!({"is_active": false});
    let spare_path = format!("/api/users/{}", spare.seq);
    root.patch(&spare_path, off.clone())
        .await
        .assert(200, "USER_UPDATED");
    root.patch(&path, off.clone())
        .await
        .assert(403, "FORBIDDEN");
    root.delete(&spare_path).await.assert(200, "USER_DELETED");
    // With another administrator the first one can be removed.
    let other = app.admin("other").await;
    root.patch(&path, off).await.assert(200, "USER_UPDATED");
    root.get("/api/me").await.assert(401, "USER_INACTIVE");
    other.delete(&path).await.assert(200, "USER_DELETED");
}

#[tokio::test]
async fn removing_the_rights_of_an_account_ends_its_sessions_at_once() {
    let app = App::start();
    let root = app.admin("root").await;
    for (noun, population) in [("users", "user"), ("clients", "client")] {
        let person = match population {
            "user" => app.user("ann").await,
            _ => app.client("acme").await,
        };
        let path = format!("/api/{noun}/{}", person.seq);
        let sessions = [person.clone(), person.again().await];
        let off = root.patch(&path, json!({"is_active": false})).await;
        assert_eq!(off.status, 200);
        for session in &sessions {
            session
                .assert_tokens("USER_INACTIVE", "USER_INACTIVE")
                .await;
        }
        person.log_in().await.assert(401, "INVALID_CREDENTIALS");
        root.patch(&path, json!({"is_active": true})).await;
        for session in &sessions {
            session
                .assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
                .await;
        }
        let again = person.again().await;
        let body = root.confirmed(json!({"password": "an entirely new password"}));
        assert_eq!(root.patch(&path, body).await.status, 200);
        again
            .assert_tokens("SESSION_REVOKED", "TOKEN_BLACKLISTED")
            .await;
        person.log_in().await.assert(401, "INVALID_CREDENTIALS");
        let mut renamed = person.clone();
        renamed.password = "an entirely new password".to_owned();
        let again = renamed.again().await;
        // A change that removes no rights ends no session.
        assert_eq!(
            root.patch(&path, json!({"name": "Other"})).await.status,
            200
        );
        again.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
        assert_eq!(root.delete(&path).into_future().await.status, 200);
        again
            .assert_tokens("USER_NOT_FOUND", "USER_NOT_FOUND")
            .await;
        renamed.log_in().await.assert(401, "INVALID_CREDENTIALS");
    }
    root.assert_tokens("TOKEN_VALID", "TOKEN_VALID").await;
}
