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
