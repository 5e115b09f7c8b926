//! The verification of the audit chain.

use munjigi::{
    domain::account::Role, http::admin::paths, services::audit_chain::linking::link_pending,
};

use crate::support::{App, Browser, Page};

async fn verified(browser: &Browser) -> Page {
    browser
        .post(paths::AUDIT_CHAIN, &[])
        .await
        .leads_to(paths::AUDIT_CHAIN);
    browser.open(paths::AUDIT_CHAIN).await
}

#[tokio::test]
async fn an_unchanged_log_is_valid_and_has_a_checkpoint() {
    let app = App::start();
    let auditor = app.signed_in("eva", Role::AUDITOR).await;
    let page = auditor.open(paths::AUDIT).await;
    assert!(page.has("a[href='/admin/audit/verification']"));
    let before = auditor.open(paths::AUDIT_CHAIN).await;
    assert!(before.text("#verification").contains("Not verified"));
    let services = app.services();
    link_pending(&services.store, &services.audit_chain)
        .await
        .unwrap();
    let page = verified(&auditor).await;
    assert!(page.text("#verification .banner").contains("Verified"));
    assert!(page.text("#chain .mono").starts_with("2:"));
    assert!(!page.has("#verification table"));
}

#[tokio::test]
async fn violations_are_listed() {
    let app = App::start();
    let root = app.signed_in("root", Role::ADMIN).await;
    app.make_user("ann", Role::STAFF).await;
    let services = app.services();
    link_pending(&services.store, &services.audit_chain)
        .await
        .unwrap();
    app.execute("UPDATE audit_events SET outcome = 'refused' WHERE id = 2")
        .await;
    let page = verified(&root).await;
    assert!(page.text("#verification .banner").contains("failed"));
    assert!(
        page.text("#verification tbody")
            .contains("Event was changed")
    );
    assert_eq!(
        page.attr("#verification tbody a", "href"),
        paths::audit_event(2)
    );
    app.execute("DELETE FROM audit_chain").await;
    let page = root.open(paths::AUDIT_CHAIN).await;
    assert!(page.text(".banner").contains("is missing"));
}
