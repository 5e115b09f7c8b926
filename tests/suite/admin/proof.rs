//! The page that proves the record.

use munjigi::{domain::account::Role, services::audit_chain::linking::link_pending};

use crate::support::{App, Browser, Page};

async fn looked_at(browser: &Browser) -> Page {
    browser
        .post("/admin/audit/proof", &[])
        .await
        .leads_to("/admin/audit/proof");
    browser.open("/admin/audit/proof").await
}

#[tokio::test]
async fn it_says_that_the_record_holds_and_where_it_ends() {
    let app = App::start();
    let auditor = app.signed_in("eva", Role::Auditor).await;
    let page = auditor.open("/admin/audit").await;
    assert!(page.has("a[href='/admin/audit/proof']"));
    let before = auditor.open("/admin/audit/proof").await;
    assert!(before.text("#proof").contains("has not looked"));
    let services = app.services();
    link_pending(&services.store, &services.audit_chain)
        .await
        .unwrap();
    let page = looked_at(&auditor).await;
    assert!(page.text("#proof .banner").contains("The record holds"));
    assert!(page.text("#chain .mono").starts_with("2:"));
    assert!(!page.has("#proof table"));
}

#[tokio::test]
async fn it_says_where_the_record_does_not_hold() {
    let app = App::start();
    let root = app.signed_in("root", Role::Admin).await;
    app.make_user("ann", Role::Staff).await;
    let services = app.services();
    link_pending(&services.store, &services.audit_chain)
        .await
        .unwrap();
    app.execute("UPDATE audit_events SET outcome = 'refused' WHERE id = 2")
        .await;
    let page = looked_at(&root).await;
    assert!(page.text("#proof .banner").contains("does not hold"));
    assert!(page.text("#proof tbody").contains("Not as it was written"));
    assert_eq!(page.attr("#proof tbody a", "href"), "/admin/audit/2");
    app.execute("DELETE FROM audit_chain").await;
    let page = root.open("/admin/audit/proof").await;
    assert!(page.text(".banner").contains("is gone"));
}
