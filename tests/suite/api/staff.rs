//! What the role `staff` sees of other accounts: names, and never an e-mail address or a telephone number.

use munjigi::domain::account::Role;

use crate::support::{Answer, App, Person};

/// The entries of a list.
async fn list(caller: &Person, path: &str) -> Answer {
    let answer = caller.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer
}

fn names(answer: &Answer) -> Vec<String> {
    let rows = answer.data().as_array().unwrap().iter();
    rows.map(|row| row["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn staff_see_no_addresses_and_numbers_of_others() {
    let app = App::start();
    let staff = app.user("sam").await;
    let (root, acme) = (app.admin("root").await, app.client("acme").await);
    let of_root = format!("/api/users/{}", root.seq);
    let of_acme = format!("/api/clients/{}", acme.seq);
    for path in ["/api/users", "/api/clients", of_root.as_str(), &of_acme] {
        let answer = list(&staff, path).await;
        for hidden in ["root@example.org", "client@example.org", "10-1234-5678"] {
            assert!(!answer.text.contains(hidden), "{path}: {}", answer.text);
        }
    }
    let users = list(&staff, "/api/users?ordering=user_seq").await;
    assert_eq!(users.data()[0]["email"], "sam@example.org");
    assert!(users.data()[1]["email"].is_null());
    let own = list(&staff, &format!("/api/users/{}", staff.seq)).await;
    assert_eq!(own["email"], "sam@example.org");
    let other = list(&staff, &of_root).await;
    assert_eq!(other["name"], "root");
    assert!(other["email"].is_null());
    let client = list(&staff, &of_acme).await;
    assert_eq!(client["username"], "acme");
    assert!(client["email"].is_null() && client["phone"].is_null());
    for caller in [root, app.internal("carol", Role::AUDITOR).await] {
        let other = list(&caller, &format!("/api/users/{}", staff.seq)).await;
        assert_eq!(other["email"], "sam@example.org");
        let client = list(&caller, &of_acme).await;
        assert_eq!(client["email"], "client@example.org");
        assert_eq!(client["phone"], "+82 10-1234-5678");
    }
}

#[tokio::test]
async fn staff_cannot_search_or_order_by_what_they_do_not_see() {
    let app = App::start();
    let staff = app.user("sam").await;
    let root = app.admin("root").await;
    app.client("acme").await;
    for (path, both, hidden) in [
        ("/api/users", "root", "root@"),
        ("/api/users", "roo", "example.org"),
        ("/api/clients", "acme", "client@example"),
        ("/api/clients", "ac", "1234"),
    ] {
        for (search, found) in [(both, 1), (hidden, 0)] {
            let answer = list(&staff, &format!("{path}?search={search}")).await;
            assert_eq!(names(&answer).len(), found, "{path} {search}");
            assert_eq!(answer.body["meta"]["pagination"]["total"], found);
            let answer = list(&root, &format!("{path}?search={search}")).await;
            assert!(!names(&answer).is_empty(), "{path} {search}");
        }
        for ordering in ["email", "-email", "name,-email"] {
            let path = format!("{path}?ordering={ordering}");
            let refused = staff.get(&path).await.assert(400, "INVALID_REQUEST");
            let sentence = refused.error("ordering");
            assert!(
                !sentence.contains("email") && sentence.contains("name"),
                "{sentence}"
            );
            list(&root, &path).await;
        }
    }
}
