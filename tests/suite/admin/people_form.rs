//! The forms of an account, in both populations: create, update, problems, kept values.

use munjigi::{domain::account::Role, http::admin::paths};

use crate::support::{App, Page, password_of};

/// The values of the form's fields.
fn values(page: &Page, fields: &[&str]) -> Vec<String> {
    let value = |field: &&str| page.attr(&format!("#{field}"), "value");
    fields.iter().map(value).collect()
}

#[tokio::test]
async fn a_user_is_created_and_updated_and_the_history_shows_old_and_new_values() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let form = root.open(&paths::USERS.new_form()).await;
    assert_eq!(form.attr("#role option[selected]", "value"), "staff");
    let fields = [
        ("email", "Eve@Example.org"),
        ("name", "이브 Eve"),
        ("role", "staff"),
        ("is_active", "true"),
        ("password", "a long password of eve"),
    ];
    let made = root
        .post(&paths::USERS.new_form(), &fields)
        .await
        .assert(303);
    let path = made.location().to_owned();
    let page = root.open(&path).await;
    assert!(page.text(".notice").contains("created"));
    assert_eq!(page.text("h1"), "이브 Eve");
    let credentials = serde_json::json!({
        "username": "eve@example.org", "password": "a long password of eve", "user_type": "user"
    });
    let answer = app.anonymous().post("/auth/login", credentials).await;
    answer.assert(200, "LOGGED_IN");
    let form = root.open(&format!("{path}/edit")).await;
    assert_eq!(
        values(&form, &["email", "name"]),
        ["Eve@Example.org", "이브 Eve"]
    );
    assert!(!form.has("#password[value]"));
    let own = password_of("root");
    let fields = [
        ("email", "eve@example.org"),
        ("name", "Eve"),
        ("role", "auditor"),
        ("is_active", "false"),
        ("password", ""),
        ("current", &own),
    ];
    root.post(&format!("{path}/edit"), &fields)
        .await
        .leads_to(&format!("{path}/deactivate"));
    let page = root.open(&path).await;
    assert!(page.text(".notice").contains("saved"));
    let changes = page.texts("#history .changes > div");
    for change in [
        "E-mail Eve@Example.org eve@example.org",
        "Name 이브 Eve Eve",
        "Role Staff Auditor",
    ] {
        assert!(changes.iter().any(|text| text == change), "{changes:?}");
    }
    let history = page.texts("#history .timeline-head");
    assert!(history[0].contains("root@example.org"), "{history:?}");
    assert!(page.text(".page-head").contains("Active"));
}

#[tokio::test]
async fn a_client_is_created_and_updated_and_empty_fields_are_cleared() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let fields = [("username", "shop-1"), ("email", "a@example.org")];
    let made = root
        .post(&paths::CLIENTS.new_form(), &fields)
        .await
        .assert(303);
    let path = made.location().to_owned();
    let page = root.open(&path).await;
    assert_eq!(page.text("h1"), "shop-1");
    assert!(page.text("#profile").contains("a@example.org"));
    let own = password_of("root");
    let fields = [
        ("username", "shop-2"),
        ("name", ""),
        ("email", ""),
        ("phone", "+82 10-9999-0000"),
        ("current", &own),
    ];
    root.post(&format!("{path}/edit"), &fields)
        .await
        .leads_to(&path);
    let page = root.open(&path).await;
    assert_eq!(page.text("h1"), "shop-2");
    let profile = page.text("#profile");
    assert!(profile.contains("+82 10-9999-0000") && !profile.contains("a@example.org"));
    let changes = page.texts("#history .changes > div");
    for change in [
        "Username shop-1 shop-2",
        "E-mail a@example.org",
        "Phone +82 10-9999-0000",
    ] {
        assert!(changes.iter().any(|text| text == change), "{changes:?}");
    }
    assert_eq!(page.text("#history del:first-of-type"), "shop-1");
}

#[tokio::test]
async fn problems_are_shown_beside_their_fields_and_the_input_is_kept() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    app.make_client("shop").await;
    let users = [
        ("email", "no address"),
        ("name", ""),
        ("role", "king"),
        ("is_active", "maybe"),
        ("password", "short"),
    ];
    let page = root
        .post(&paths::USERS.new_form(), &users)
        .await
        .assert(422);
    assert_eq!(values(&page, &["email"]), ["no address"]);
    for field in ["email", "name", "role", "is_active"] {
        assert!(page.has(&format!("#{field}-error p")), "{field}");
    }
    let good = [
        ("email", "new@example.org"),
        ("name", "New"),
        ("role", "auditor"),
        ("password", "short"),
    ];
    let page = root.post(&paths::USERS.new_form(), &good).await.assert(422);
    assert!(page.has("#password-error p") && !page.html.contains("short\""));
    assert_eq!(page.attr("#role option[selected]", "value"), "auditor");
    let taken = [
        ("email", "ROOT@example.org"),
        ("name", "New"),
        ("role", "staff"),
    ];
    let page = root
        .post(&paths::USERS.new_form(), &taken)
        .await
        .assert(422);
    assert!(page.text("#email-error").contains("already"));
    let taken = [
        ("username", "SHOP"),
        ("name", "New"),
        ("email", "x"),
        ("phone", "y"),
    ];
    let page = root
        .post(&paths::CLIENTS.new_form(), &taken)
        .await
        .assert(422);
    assert!(page.has("#email-error p") && page.has("#phone-error p"));
    let entered = values(&page, &["username", "name", "email", "phone"]);
    assert_eq!(entered, ["SHOP", "New", "x", "y"]);
    let page = root.post(&paths::CLIENTS.new_form(), &taken[..2]).await;
    assert!(page.assert(422).text("#username-error").contains("already"));
    assert_eq!(app.number("SELECT COUNT(*) AS number FROM users").await, 1);
    assert_eq!(
        app.number("SELECT COUNT(*) AS number FROM client_users")
            .await,
        1
    );
}

#[tokio::test]
async fn an_update_to_a_taken_address_is_refused_and_to_the_own_address_is_not() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let seq = app.make_user("bob", Role::STAFF).await;
    let path = paths::USERS.person(seq);
    let own = password_of("root");
    let current = ("current", own.as_str());
    let fields = [("email", "root@example.org"), ("name", "Bob"), current];
    let page = root.post(&format!("{path}/edit"), &fields).await;
    assert!(page.assert(422).text("#email-error").contains("already"));
    let fields = [("email", "BOB@example.org"), ("name", "Bob"), current];
    root.post(&format!("{path}/edit"), &fields)
        .await
        .leads_to(&path);
}

#[tokio::test]
async fn unusual_texts_are_refused_or_escaped() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let long = "x".repeat(10_000);
    for (name, status) in [
        (long.as_str(), 422),
        ("a\0b", 422),
        ("<script>alert(1)</script>", 303),
        ("\"><img src=x onerror=alert(1)>", 303),
        // Characters that change the direction of text are removed.
        ("\u{202e}gnirts\u{202c}", 303),
        ("שלום עולם", 303),
        ("👩‍👩‍👧 👍🏽", 303),
        ("O'Brien; DROP TABLE users; --", 303),
    ] {
        let seq = app.number("SELECT COUNT(*) AS number FROM users").await;
        let email = format!("a{seq}@example.org");
        let user = [("email", email.as_str()), ("name", name), ("role", "staff")];
        let client = [("username", &email[..2]), ("name", name)];
        for (path, fields) in [
            (&paths::USERS.new_form(), &user[..]),
            (&paths::CLIENTS.new_form(), &client[..]),
        ] {
            let page = root.post(path, fields).await.assert(status);
            let page = if status == 303 {
                root.open(page.location()).await
            } else {
                assert!(page.has("#name-error p"));
                page
            };
            assert_eq!(page.count("script"), 1, "{name}");
            assert!(!page.has("img"), "{name}");
            if status == 303 {
                assert!(page.html.contains("</h1>") && !page.text("h1").is_empty());
                assert!(!page.html.contains(['\u{202e}', '\u{202c}']));
            }
        }
    }
    for field in ["email", "username", "phone"] {
        let fields = [(field, long.as_str())];
        root.post(&paths::CLIENTS.new_form(), &fields)
            .await
            .assert(422);
        let fields = [(field, "a\0b")];
        root.post(&paths::CLIENTS.new_form(), &fields)
            .await
            .assert(422);
    }
}

#[tokio::test]
async fn with_mail_administrators_choose_no_passwords_for_others() {
    let app = App::with(|config| {
        config.smtp.host = Some("127.0.0.1".into());
        config.smtp.from = Some("munjigi@example.org".into());
    });
    let root = app.signed_in("root", Role::ADMIN).await;
    let form = root.open(&paths::USERS.new_form()).await;
    assert!(!form.has("#password") && form.has("[name=send_link][checked]"));
    let fields = [
        ("email", "eve@example.org"),
        ("name", "Eve"),
        ("role", "staff"),
        ("password", "a long password of eve"),
        ("send_link", "1"),
    ];
    let made = root
        .post(&paths::USERS.new_form(), &fields)
        .await
        .assert(303);
    let page = root.open(made.location()).await;
    assert!(page.text(".notice").contains("eve@example.org"));
    assert!(page.text("#history").contains("Password link issued"));
    let without = "SELECT COUNT(*) AS number FROM users WHERE password_hash IS NULL";
    assert_eq!(app.number(without).await, 1);
    let edit = format!("{}/edit", made.location());
    assert!(!root.open(&edit).await.has("#password"));
    let fields = [
        ("email", "eve@example.org"),
        ("name", "Eve"),
        ("password", "a long password of eve"),
    ];
    root.post(&edit, &fields).await.assert(303);
    assert_eq!(app.number(without).await, 1);
}

#[tokio::test]
async fn the_pages_of_an_account_are_in_korean() {
    let app = App::start();
    app.make_user("root", Role::ADMIN).await;
    let browser = app.browser().speaking("ko");
    browser.sign_in("root").await;
    let page = browser.open(&paths::USERS.new_form()).await;
    assert_eq!(page.text("h1"), "내부 사용자 추가");
    let seq = app.make_client("shop").await;
    let page = browser.open(&paths::CLIENTS.person(seq)).await;
    assert_eq!(page.text("#history h2"), "변경 이력");
    browser.open(&paths::CLIENTS.person(seq).edit()).await;
    browser.open(&paths::CLIENTS.person(seq).delete()).await;
}

#[tokio::test]
async fn claims_are_edited_as_json() {
    let app = App::start();
    let browser = app.signed_in("ann", Role::ADMIN).await;
    app.client("kim").await;
    let path = "/admin/clients/1/edit";
    let save = async |claims: &str| {
        let page = browser.open(path).await;
        let stamp = page.attr("input[name=updated_at]", "value");
        let fields = [
            ("username", "kim"),
            ("claims", claims),
            ("updated_at", &stamp),
        ];
        browser.post(path, &fields).await
    };
    for wrong in ["x", "[]", r#"{"sub": "x"}"#] {
        let page = save(wrong).await.assert(422);
        assert_eq!(page.text("textarea[name=claims]").trim(), wrong);
        assert_eq!(page.count(".has-errors"), 1);
    }
    save(r#"{"tier": "gold"}"#)
        .await
        .leads_to("/admin/clients/1");
    let page = browser.open("/admin/clients/1").await;
    assert!(page.text("#profile").contains(r#"{"tier":"gold"}"#));
    save("").await.leads_to("/admin/clients/1");
    let page = browser.open(path).await;
    assert_eq!(page.text("textarea[name=claims]").trim(), "");
}

#[tokio::test]
async fn a_form_that_deactivates_an_account_saves_the_rest_and_leads_to_the_question() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let kim = app.client("kim").await;
    let path = paths::CLIENTS.person(kim.seq);
    let fields = [
        ("username", "kim"),
        ("name", "Another Name"),
        ("email", "client@example.org"),
        ("phone", "+82 10-1234-5678"),
        ("is_active", "false"),
    ];
    let form = root.open(&path.edit()).await;
    assert!(form.text("#password-hint").ends_with("Ends 1 session."));
    let saved = root.post(&path.edit(), &fields).await;
    let question = root
        .open(saved.leads_to(&path.deactivate()).location())
        .await;
    assert_eq!(question.text("#ends"), "Ends 1 session.");
    assert_eq!(question.text(".notice"), "The other fields were saved.");
    assert!(root.open(&path).await.text("h1").contains("Another Name"));
    kim.get("/api/me").await.assert_status(200);
    root.post(&path.deactivate(), &[]).await.leads_to(&path);
    kim.get("/api/me").await.assert_status(401);
    // An inactive account stays so without a question.
    root.post(&path.edit(), &fields).await.leads_to(&path);
}

#[tokio::test]
async fn the_form_of_a_user_says_how_many_panel_sessions_another_role_ends() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    let _auditor = app.signed_in("auditor", Role::AUDITOR).await;
    let staff = app.user("staff").await;
    let hint = async |seq| {
        let form = root.open(&paths::USERS.person(seq).edit()).await;
        form.text("#role-hint").trim().to_owned()
    };
    let ends = "Ends 1 panel session, unless the new role may change everything in the panel.";
    assert!(hint(staff.seq - 1).await.ends_with(ends));
    assert!(hint(staff.seq).await.ends_with("[roles]."));
}
