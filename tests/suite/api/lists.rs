//! Lists: filtering, ordering, paging. Searching is in `search`.

use std::time::Duration;

use munjigi::domain::account::Role;
use serde_json::{Value, json};

use crate::support::{App, Person};

/// The values of one field over a page of a list.
pub async fn listed(person: &Person, path: &str, field: &str) -> Vec<Value> {
    let answer = person.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    let rows = answer.data().as_array().unwrap();
    rows.iter().map(|row| row[field].clone()).collect()
}

/// An administrator, and four other accounts.
pub async fn crowd(app: &App) -> Person {
    let root = app.admin("root").await;
    for (email, name, role) in [
        ("kim@example.org", "김민수", "staff"),
        ("lee@example.org", "Lee Percent 100%", "auditor"),
        ("under_score@example.org", "Back\\slash", "staff"),
        ("underxscore@example.org", "Zoe", "staff"),
    ] {
        let body = json!({"email": email, "name": name, "role": role, "password": "correct horse battery"});
        root.post("/api/users", body)
            .await
            .assert(201, "USER_CREATED");
    }
    root
}

#[tokio::test]
async fn filters_combine_with_a_search() {
    let app = App::start();
    let root = crowd(&app).await;
    app.execute("UPDATE users SET is_active = FALSE WHERE email LIKE 'under%'")
        .await;
    for (query, count) in [
        ("role=staff", 3),
        ("role=admin", 1),
        ("is_active=true", 3),
        ("is_active=0", 2),
        ("is_active=False&role=staff", 2),
        ("is_active=1&role=staff&search=example", 1),
        ("role=&is_active=&search=", 5),
        ("unknown=1", 5),
    ] {
        let answer = root
            .get(&format!("/api/users?{query}"))
            .await
            .assert(200, "USER_LIST");
        assert_eq!(answer.data().as_array().unwrap().len(), count, "{query}");
        assert_eq!(answer.body["meta"]["pagination"]["total"], count, "{query}");
    }
    app.make_client("acme").await;
    let inactive = root.get("/api/clients?is_active=false").await;
    assert_eq!(inactive.assert(200, "CLIENT_LIST").data(), &json!([]));
}

#[tokio::test]
async fn lists_are_ordered_by_any_column_in_both_directions() {
    let app = App::start();
    let root = crowd(&app).await;
    let by = |ordering: &str| format!("/api/users?ordering={ordering}");
    let emails =
        |person: Person, path: String| async move { listed(&person, &path, "email").await };
    let ascending = emails(root.clone(), by("email")).await;
    let mut descending = emails(root.clone(), by("-email")).await;
    assert_eq!(ascending[0], "kim@example.org");
    descending.reverse();
    assert_eq!(ascending, descending);
    // Two columns: the second orders equal values of the first, the number those of both.
    assert_eq!(
        emails(root.clone(), by("role,-email")).await,
        [
            "root@example.org",
            "lee@example.org",
            "underxscore@example.org",
            "under_score@example.org",
            "kim@example.org"
        ]
    );
    assert_eq!(
        emails(root.clone(), by("-role,%20-user_seq,")).await[..3],
        [
            "underxscore@example.org",
            "under_score@example.org",
            "kim@example.org"
        ]
    );
}

#[tokio::test]
async fn a_list_can_be_ordered_by_every_column() {
    let app = App::start();
    let root = app.admin("root").await;
    for column in [
        "user_seq",
        "email",
        "name",
        "role",
        "is_active",
        "last_login_at",
        "created_at",
        "updated_at",
    ] {
        for ordering in [column.to_owned(), format!("-{column}")] {
            let answer = root.get(&format!("/api/users?ordering={ordering}")).await;
            answer.assert(200, "USER_LIST");
        }
    }
    for column in [
        "user_seq",
        "username",
        "name",
        "email",
        "is_active",
        "last_login_at",
        "created_at",
        "updated_at",
    ] {
        root.get(&format!("/api/clients?ordering=-{column}"))
            .await
            .assert(200, "CLIENT_LIST");
    }
}

#[tokio::test]
async fn accounts_that_never_logged_in_are_last_in_both_directions() {
    let app = App::start();
    let root = app.admin("root").await;
    app.make_user("never", Role::STAFF).await;
    app.advance(Duration::from_mins(1));
    app.user("later").await;
    for (ordering, names) in [
        ("last_login_at", ["root", "later", "never"]),
        ("-last_login_at", ["later", "root", "never"]),
    ] {
        let path = format!("/api/users?ordering={ordering}");
        assert_eq!(listed(&root, &path, "name").await, names);
    }
    for (username, email) in [
        ("b", json!("b@example.org")),
        ("n", json!(null)),
        ("a", json!("a@example.org")),
    ] {
        let body = json!({"username": username, "email": email});
        root.post("/api/clients", body)
            .await
            .assert(201, "CLIENT_CREATED");
    }
    assert_eq!(
        listed(&root, "/api/clients?ordering=email", "username").await,
        ["a", "b", "n"]
    );
    assert_eq!(
        listed(&root, "/api/clients?ordering=-email", "username").await,
        ["b", "a", "n"]
    );
}

#[tokio::test]
async fn pages_follow_each_other_and_end() {
    let app = App::start();
    let root = app.admin("root").await;
    for number in 0..24 {
        app.make_client(&format!("client-{number:02}")).await;
    }
    let answer = root.get("/api/clients").await.assert(200, "CLIENT_LIST");
    assert_eq!(
        answer.body["meta"]["pagination"],
        json!({"page": 1, "page_size": 20, "total": 24, "total_pages": 2})
    );
    let mut seen = Vec::new();
    for page in 1..=3 {
        let path = format!("/api/clients?page={page}&page_size=10&ordering=username");
        seen.extend(listed(&root, &path, "username").await);
    }
    let all: Vec<String> = (0..24)
        .map(|number| format!("client-{number:02}"))
        .collect();
    assert_eq!(seen, all);
    let beyond = root.get("/api/clients?page=1000000000&page_size=100").await;
    let beyond = beyond.assert(200, "CLIENT_LIST");
    assert_eq!(beyond.data(), &json!([]));
    assert_eq!(beyond.body["meta"]["pagination"]["total"], 24);
    let none = root.get("/api/clients?search=nobody").await;
    assert_eq!(none.body["meta"]["pagination"]["total_pages"], 1);
}

#[tokio::test]
async fn a_wrong_parameter_is_named() {
    let app = App::start();
    let root = app.admin("root").await;
    let page = "This must be a whole number from 1 to 1000000000.";
    for (query, field, sentence) in [
        ("page=0", "page", page),
        ("page=-1", "page", page),
        ("page=1.5", "page", page),
        ("page=99999999999999999999", "page", page),
        ("page=abc", "page", page),
        (
            "page_size=0",
            "page_size",
            "This must be a whole number from 1 to 100.",
        ),
        (
            "page_size=101",
            "page_size",
            "This must be a whole number from 1 to 100.",
        ),
        (
            "is_active=maybe",
            "is_active",
            "This must be true or false.",
        ),
        (
            "role=root",
            "role",
            "This must be one of: admin, auditor, staff.",
        ),
        (
            "ordering=password_hash",
            "ordering",
            "This must be one of: user_seq, email, username, name, role, is_active, last_login_at, created_at, updated_at.",
        ),
        (
            "search=a%00b",
            "search",
            "Control characters are not allowed.",
        ),
    ] {
        let answer = root.get(&format!("/api/users?{query}")).await;
        assert_eq!(
            answer.assert(400, "INVALID_REQUEST").error(field),
            sentence,
            "{query}"
        );
    }
}

#[tokio::test]
async fn all_invalid_parameters_are_reported_at_once_and_unknown_ones_ignored() {
    let app = App::start();
    let root = app.admin("root").await;
    let long = format!("/api/users?search={}&page=x", "x".repeat(201));
    let answer = root.get(&long).await.assert(400, "INVALID_REQUEST");
    assert_eq!(
        answer.error("search"),
        "At most 200 characters are allowed."
    );
    assert!(
        answer.body["errors"].get("page").is_some(),
        "all problems are reported at once"
    );
    let odd = root.get("/api/users?search=%ff%fe&&&=&page=1&page=1").await;
    odd.assert(200, "USER_LIST");
}
