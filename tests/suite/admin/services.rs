//! The pages of services: creating, the secret that is shown once, changing, deactivating, deleting, and their audit events.

use munjigi::{domain::account::Role, http::admin::paths};

use crate::support::{App, Browser, Page};

async fn create(browser: &Browser, name: &str, scopes: &str) -> Page {
    let fields = [
        ("name", name),
        ("description", "Sends bills"),
        ("scopes", scopes),
    ];
    browser.post(paths::NEW_SERVICE, &fields).await
}

/// The last audit event in the panel: what was done, by and to whom.
async fn last_event(browser: &Browser) -> String {
    let page = browser.open(paths::AUDIT).await;
    page.texts("main tbody tr")
        .first()
        .cloned()
        .unwrap_or_default()
}

#[tokio::test]
async fn a_service_is_created_and_its_secret_is_shown_once() {
    let app = App::start();
    let browser = app.signed_in("ann", Role::ADMIN).await;
    let empty = browser.open(paths::SERVICES).await;
    assert!(empty.has(".empty"));
    let created = create(&browser, "billing", "orders:read").await;
    let path = paths::shown_service_secret(1);
    let page = browser.open(created.leads_to(&path).location()).await;
    let secret = page.text("#value");
    assert_eq!(secret.len(), 43);
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let other = app.service("other", "").await;
    let service = other.named("billing").with_secret(&secret);
    service.request_token().await.assert_oauth(200);
    // A reload shows it no more, and creates no other one.
    let again = browser.get(&path).await.assert(410);
    assert!(!again.html.contains(&secret));
    assert!(again.has(&format!("a[href='{}']", paths::service_secret(1))));
    service.request_token().await.assert_oauth(200);
    let list = browser.open(paths::SERVICES).await;
    assert!(list.text("main tbody").contains("Sends bills"));
    let shown = browser.open(&paths::service(1)).await;
    for page in [&list, &shown] {
        assert!(page.text("main").contains("orders:read"));
        assert!(!page.text("main").contains(&secret));
    }
    let event = browser.open(paths::AUDIT).await.text("main tbody");
    assert!(
        event.contains("Service created") && event.contains("billing"),
        "{event}"
    );
}

#[tokio::test]
async fn a_form_with_problems_keeps_what_was_entered() {
    let app = App::start();
    let browser = app.signed_in("ann", Role::ADMIN).await;
    app.service("billing", "").await;
    for (name, scopes) in [
        ("billing", ""),
        ("Billing", ""),
        ("", ""),
        ("other", "a\"b"),
    ] {
        let page = create(&browser, name, scopes).await.assert(422);
        assert_eq!(page.attr("input[name=name]", "value"), name);
        assert_eq!(page.attr("input[name=scopes]", "value"), scopes);
        assert_eq!(page.count(".has-errors"), 1);
    }
    let fields = [("description", "x".repeat(201)), ("scopes", String::new())];
    let fields = fields
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let page = browser.post(&paths::service(1), &fields).await.assert(422);
    assert_eq!(page.count(".has-errors"), 1);
}

#[tokio::test]
async fn an_administrator_changes_rotates_deactivates_and_deletes() {
    let app = App::start();
    let browser = app.signed_in("ann", Role::ADMIN).await;
    let service = app.service("billing", "a").await;
    let path = paths::service(1);
    let token = service.token().await;
    let fields = [("description", "Bills"), ("scopes", "b c")];
    browser.post(&path, &fields).await.leads_to(&path);
    let page = browser.open(&path).await;
    assert_eq!(page.attr("input[name=scopes]", "value"), "b c");
    assert!(last_event(&browser).await.contains("Service changed"));
    let confirm = browser.open(&paths::service_secret(1)).await;
    assert_eq!(
        confirm.attr("main form", "action"),
        paths::service_secret(1)
    );
    let rotated = browser.post(&paths::service_secret(1), &[]).await;
    let page = browser.open(rotated.location()).await;
    let renewed = service.with_secret(&page.text("#value"));
    assert!(!renewed.is_active(&token).await);
    service
        .request_token()
        .await
        .assert_oauth_error(401, "invalid_client");
    assert!(last_event(&browser).await.contains("secret rotated"));
    let confirm = browser.open(&paths::deactivate_service(1)).await;
    assert!(
        confirm.text("#ends").starts_with("Last used:"),
        "{}",
        confirm.html
    );
    let undo = browser.post(&paths::deactivate_service(1), &[]).await;
    let page = browser.open(undo.leads_to(&path).location()).await;
    let undo = page.attr(".notice form", "action");
    assert_eq!(undo, paths::activate_service(1));
    renewed
        .request_token()
        .await
        .assert_oauth_error(401, "invalid_client");
    browser
        .post(&paths::activate_service(1), &[])
        .await
        .leads_to(&path);
    renewed.token().await;
    browser.open(&paths::delete_service(1)).await;
    let deleted = browser.post(&paths::delete_service(1), &[]).await;
    deleted.leads_to(paths::SERVICES);
    assert!(last_event(&browser).await.contains("Service deleted"));
    browser.get(&path).await.assert(404);
    browser
        .post(&paths::service_secret(1), &[])
        .await
        .assert(404);
}

#[tokio::test]
async fn the_scopes_of_the_admin_api_are_boxes_with_a_text() {
    let app = App::start();
    let browser = app.signed_in("ann", Role::ADMIN).await;
    let fields = [
        ("name", "ops"),
        ("description", ""),
        ("scopes", "orders:read"),
        ("admin_scopes", "admin:locks:read"),
        ("admin_scopes", "admin:keys:write"),
    ];
    browser.post(paths::NEW_SERVICE, &fields).await;
    let path = paths::service(1);
    let page = browser.open(&path).await;
    let granted = page.text("#admin-api");
    for part in ["List locks", "admin:locks:read", "Make, promote"] {
        assert!(granted.contains(part), "{part}: {granted}");
    }
    assert!(!granted.contains("Lift locks"), "{granted}");
    assert_eq!(page.attr("input[name=scopes]", "value"), "orders:read");
    let checked = "input[name=admin_scopes][checked]";
    assert_eq!(
        page.attrs(checked, "value"),
        ["admin:locks:read", "admin:keys:write"]
    );
    // A box that does not exist is a wrong scope. What was checked stays so.
    let wrong = [
        ("scopes", ""),
        ("admin_scopes", "admin:nothing"),
        ("admin_scopes", "admin:locks:read"),
    ];
    let page = browser.post(&path, &wrong).await.assert(422);
    assert_eq!(page.attrs(checked, "value"), ["admin:locks:read"]);
    let fields = [("scopes", ""), ("admin_scopes", "admin:locks:read")];
    browser.post(&path, &fields).await.leads_to(&path);
    let listed = browser.open(&path).await.text("#service");
    assert!(
        listed.contains("admin:locks:read") && !listed.contains("orders"),
        "{listed}"
    );
    let auditor = app.signed_in("eva", Role::AUDITOR).await;
    let page = auditor.open(&path).await;
    assert!(page.text("#admin-api").contains("List locks"));
    assert_eq!(page.count("input[name=admin_scopes]"), 0);
}
