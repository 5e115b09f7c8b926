//! Two administrators change one person at the same time: neither overwrites the other without knowing.

use munjigi::domain::account::Role;

use crate::support::{App, Browser, Page};

/// Sends the form of a page back, hidden fields and all, with some fields typed over.
async fn send(browser: &Browser, path: &str, page: &Page, typed: &[(&str, &str)]) -> Page {
    let mut fields: Vec<(String, String)> = Vec::new();
    let names = page.attrs("form.form input[name^=was_]", "name");
    let values = page.attrs("form.form input[name^=was_]", "value");
    fields.extend(names.into_iter().zip(values));
    let typed = typed
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()));
    fields.extend(typed);
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    browser.post(path, &fields).await
}

#[tokio::test]
async fn a_user_that_somebody_else_changed_meanwhile_is_not_overwritten_unknowingly() {
    let app = App::start();
    let (ann, root) = (
        app.signed_in("ann", Role::Admin).await,
        app.signed_in("root", Role::Admin).await,
    );
    let bob = app.make_user("bob", Role::Staff).await;
    let path = format!("/admin/users/{bob}/edit");
    let (anns, roots) = (ann.open(&path).await, root.open(&path).await);
    let by_root = [
        ("email", "bob@example.org"),
        ("name", "Robert"),
        ("role", "auditor"),
        ("is_active", "true"),
    ];
    send(&root, &path, &roots, &by_root).await.assert(303);
    let by_ann = [
        ("email", "bobby@example.org"),
        ("name", "Bobby"),
        ("role", "staff"),
        ("is_active", "true"),
    ];
    let told = send(&ann, &path, &anns, &by_ann).await.assert(409);
    assert!(told.text("#meanwhile").contains("Somebody else changed"));
    assert_eq!(
        told.texts("#meanwhile .changes > div"),
        [
            "Name bob Robert you typed: Bobby",
            "Role Staff Auditor you typed: Staff"
        ]
    );
    // What was typed is kept, and nothing was saved.
    assert_eq!(told.attr("#name", "value"), "Bobby");
    assert_eq!(told.attr("#email", "value"), "bobby@example.org");
    let page = ann.open(&format!("/admin/users/{bob}")).await;
    assert_eq!(page.text("h1"), "Robert");
    // A mistake in between does not make it forgotten.
    let mut wrong = by_ann;
    wrong[0].1 = "no address";
    let page = send(&ann, &path, &anns, &wrong).await.assert(422);
    assert_eq!(send(&ann, &path, &page, &by_ann).await.status, 409);
    // Saving again is knowing.
    send(&ann, &path, &told, &by_ann).await.assert(303);
    let page = ann.open(&format!("/admin/users/{bob}")).await;
    assert_eq!(page.text("h1"), "Bobby");
}

#[tokio::test]
async fn what_changed_elsewhere_or_to_the_same_value_is_no_obstacle() {
    let app = App::start();
    let ann = app.signed_in("ann", Role::Admin).await;
    let client = app.make_client("acme").await;
    let path = format!("/admin/clients/{client}/edit");
    let form = ann.open(&path).await;
    // A login, and the name that is about to be typed.
    app.execute("UPDATE client_users SET last_login_at = '2026-02-14 10:00:00', name = 'Acme', name_normalized = 'acme'")
        .await;
    let fields = [
        ("username", "acme"),
        ("name", "Acme"),
        ("is_active", "true"),
    ];
    send(&ann, &path, &form, &fields).await.assert(303);
    let korean = app.browser().speaking("ko");
    korean.sign_in("ann").await;
    let form = korean.open(&path).await;
    app.execute("UPDATE client_users SET is_active = false")
        .await;
    let told = send(&korean, &path, &form, &fields).await.assert(409);
    let changed = told.texts("#meanwhile .changes > div");
    assert_eq!(changed.len(), 1, "{changed:?}");
    assert!(
        changed[0].contains("아니요") || changed[0].contains("아니오"),
        "{changed:?}"
    );
}
