//! What people type and paste: one name in several spellings is one name, wherever it is read.

use serde_json::json;

use crate::support::{App, password_of};

#[tokio::test]
async fn a_pasted_address_or_name_logs_in_however_it_was_copied() {
    let app = App::start();
    app.user("ann").await;
    app.make_client("acme").await;
    for (name, user_type) in [("ann@example.org", "user"), ("acme", "client")] {
        let password = password_of(name.split('@').next().unwrap());
        for pasted in [
            format!("\u{FEFF}{name}"),
            format!("{name}\u{200B}"),
            format!("\u{202A}{name}\u{202C}"),
            format!("\u{A0}{name}\u{3000}"),
            name.replacen('a', "\u{AD}a\u{2060}", 1),
            name.replacen('a', "\u{FF21}", 1),
            name.replacen('@', "\u{FF20}", 1),
        ] {
            let body = json!({"username": pasted, "password": password, "user_type": user_type});
            app.anonymous()
                .post("/auth/login", body)
                .await
                .assert(200, "LOGGED_IN");
        }
    }
}

#[tokio::test]
async fn a_mailbox_has_one_account_in_whichever_spelling_its_domain_is_typed() {
    let app = App::start();
    let root = app.admin("root").await;
    let password = "a password of this test";
    let body =
        |email: &str| json!({"email": email, "name": "Kim", "password": password, "role": "staff"});
    root.post("/api/users", body("kim@예시.한국"))
        .await
        .assert(201, "USER_CREATED");
    for spelling in [
        "kim@xn--vv4b11d.xn--3e0b707e",
        "KIM＠예시。한국",
        "kim@XN--VV4B11D.한국",
    ] {
        root.post("/api/users", body(spelling))
            .await
            .assert(409, "ALREADY_EXISTS");
        let body = json!({"email": spelling, "password": password});
        app.anonymous()
            .post("/auth/login", body)
            .await
            .assert(200, "LOGGED_IN");
    }
    // A full-width sign is stored as the ordinary one.
    let answer = root
        .post("/api/users", body("dora＠example.org"))
        .await
        .assert(201, "USER_CREATED");
    assert_eq!(answer.data()["email"], "dora@example.org");
}

#[tokio::test]
async fn pasted_names_and_numbers_are_stored_as_they_look() {
    let app = App::start();
    let root = app.admin("root").await;
    let answer = root
        .post(
            "/api/clients",
            json!({
                "username": "\u{FEFF}acme\u{200B}",
                "name": "\u{202E}Acme\u{202C}\u{A0}Korea\u{200B}",
                "email": "\u{2068}acme@example.org\u{2069}",
                "phone": "\u{202A}０１０‑1234\u{A0}5678\u{202C}",
            }),
        )
        .await
        .assert(201, "CLIENT_CREATED");
    let data = answer.data();
    assert_eq!(data["username"], "acme");
    assert_eq!(data["name"], "Acme Korea");
    assert_eq!(data["email"], "acme@example.org");
    assert_eq!(data["phone"], "010-1234 5678");
}
