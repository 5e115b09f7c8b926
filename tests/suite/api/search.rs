//! Searching lists by part of their values.

use serde_json::{Value, json};

use super::lists::{crowd, listed};
use crate::support::{App, Person};

fn encoded(query: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(query)
        .finish()
}

async fn found(person: &Person, noun: &str, search: &str) -> Vec<Value> {
    let field = if noun == "users" { "email" } else { "username" };
    let query = encoded(&[("search", search), ("page_size", "100")]);
    listed(person, &format!("/api/{noun}?{query}"), field).await
}

#[tokio::test]
async fn users_are_found_by_part_of_the_address_or_name() {
    let app = App::start();
    let root = crowd(&app).await;
    for (search, emails) in [
        ("kim@", vec!["kim@example.org"]),
        ("KIM@EXAMPLE", vec!["kim@example.org"]),
        ("ｋｉｍ＠", vec!["kim@example.org"]),
        ("김민", vec!["kim@example.org"]),
        ("\u{1100}\u{1175}\u{11b7}", vec!["kim@example.org"]),
        ("percent 100%", vec!["lee@example.org"]),
        ("%", vec!["lee@example.org"]),
        ("_", vec!["under_score@example.org"]),
        ("under_", vec!["under_score@example.org"]),
        ("\\", vec!["under_score@example.org"]),
        (" kim@ ", vec!["kim@example.org"]),
        ("nobody", vec![]),
        ("' OR 1=1 --", vec![]),
        ("password", vec![]),
        ("bcrypt", vec![]),
    ] {
        assert_eq!(found(&root, "users", search).await, emails, "{search}");
    }
    assert_eq!(found(&root, "users", "  ").await.len(), 5);
}

#[tokio::test]
async fn clients_are_found_by_username_name_address_and_telephone() {
    let app = App::start();
    let root = app.admin("root").await;
    for body in [
        json!({"username": "Acme-01", "name": "주식회사 아크메", "email": "Sales@Acme.example"}),
        json!({"username": "beta_02", "phone": "+82 10-1234-5678"}),
        json!({"username": "betax02"}),
    ] {
        root.post("/api/clients", body)
            .await
            .assert(201, "CLIENT_CREATED");
    }
    for (search, usernames) in [
        ("ACME-", vec!["Acme-01"]),
        ("아크메", vec!["Acme-01"]),
        ("sales@acme", vec!["Acme-01"]),
        ("SALES@ACME", vec!["Acme-01"]),
        ("1234-56", vec!["beta_02"]),
        ("+82 10", vec!["beta_02"]),
        ("beta_", vec!["beta_02"]),
        ("beta", vec!["beta_02", "betax02"]),
    ] {
        assert_eq!(found(&root, "clients", search).await, usernames, "{search}");
    }
}

#[tokio::test]
async fn a_name_is_found_by_exactly_what_was_typed() {
    let app = App::start();
    let root = app.admin("root").await;
    for (number, (name, searches)) in [
        ("École Élan", vec!["École", "éCOLE", "élan"]),
        ("ＡＣＭＥ Ｋ．Ｋ．", vec!["ＡＣＭＥ", "acme"]),
        (
            "\u{1112}\u{1161}\u{11ab}",
            vec!["\u{1112}\u{1161}\u{11ab}", "한"],
        ),
        ("Straße", vec!["straße"]),
        ("㈜한국", vec!["㈜한국", "한국"]),
    ]
    .into_iter()
    .enumerate()
    {
        let username = format!("client-{number}");
        let body = json!({"username": username, "name": name});
        root.post("/api/clients", body)
            .await
            .assert(201, "CLIENT_CREATED");
        for search in searches {
            assert_eq!(
                found(&root, "clients", search).await,
                vec![username.as_str()],
                "{name} by {search}"
            );
        }
    }
}

#[tokio::test]
async fn pages_and_totals_are_exact_for_frequent_rare_and_short_texts() {
    let app = App::start();
    let root = app.admin("root").await;
    app.execute(
        "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 2500) \
         INSERT INTO users (email, email_normalized, name, name_normalized, role, is_active, created_at, updated_at, \
         search_text) SELECT email, email, name, name, 'staff', n % 2 = 0, '2026-01-01 00:00:00', \
         '2026-01-01 00:00:00', email || ' ' || name FROM (SELECT n, 'p' || (10000 + n) || '@many.org' AS email, \
         CASE WHEN n % 1000 = 0 THEN 'rare' ELSE 'other' END AS name FROM numbers) listed",
    )
    .await;
    for (search, total, first, last_page) in [
        ("search=@many.org", 2_500, "p12500@many.org", 25),
        ("search=rg&role=staff", 2_500, "p12500@many.org", 25),
        ("search=many&is_active=true", 1_250, "p12500@many.org", 13),
        ("search=rare", 2, "p12000@many.org", 1),
        ("search=rare&is_active=false", 0, "", 1),
        ("search=10001", 1, "p10001@many.org", 1),
    ] {
        let path = format!("/api/users?{search}&ordering=-email&page_size=100");
        let answer = root.get(&path).await.assert(200, "USER_LIST");
        let pagination = &answer.body["meta"]["pagination"];
        assert_eq!(pagination["total"], total, "{search}");
        assert_eq!(pagination["total_pages"], last_page, "{search}");
        let mut emails = Vec::new();
        for page in 1..=last_page {
            emails.extend(listed(&root, &format!("{path}&page={page}"), "email").await);
        }
        assert_eq!(emails.len(), total, "{search}");
        assert!(
            emails.first().is_none_or(|email| email == first),
            "{search}"
        );
        let emails: Vec<&str> = emails.iter().filter_map(Value::as_str).collect();
        assert!(emails.is_sorted_by(|one, next| one > next), "{search}");
    }
}
