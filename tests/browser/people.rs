//! Accounts of both populations: create, update, search, filters, a bulk action.

use super::{
    chromium::Chromium,
    place::PASSWORD,
    setting::{ROOT, Setting},
};

/// Waits for the notice of a change, on a page with this path.
async fn changed(browser: &Chromium, path: &str) {
    browser.find(".notices .notice.is-ok").await;
    let at = browser.path().await;
    assert!(at.starts_with(path), "{at}");
}

#[tokio::test]
#[ignore = "tests/run"]
async fn an_internal_user_is_created_and_updated() {
    let setting = Setting::signed_in().await;
    let browser = &setting.browser;
    browser.go("/admin/users").await;
    browser.click(".page-head a[href='/admin/users/new']").await;
    browser.fill("email", "not an address").await;
    browser.fill("name", "Bob Kim").await;
    browser.choose("role", "auditor").await;
    // Without the validation of the browser.
    browser
        .run(
            "document.querySelectorAll('main form').forEach(form => form.noValidate = true)",
            vec![],
        )
        .await;
    browser.send_form_with("email").await;
    browser.find("#email-error").await;
    assert_eq!(
        browser.attr("#name", "value").await,
        "Bob Kim",
        "the input is kept"
    );
    let complaints = browser.complaints().await;
    assert!(
        complaints.iter().all(|c| c.contains("status of 422")),
        "{complaints:?}"
    );
    browser.fill("email", "bob@example.org").await;
    browser.send_form_with("email").await;
    changed(browser, "/admin/users/").await;
    browser.shows("main", "bob@example.org").await;
    browser.shows("main", "Auditor").await;

    browser.click(".page-head a[href$='/edit']").await;
    browser.fill("name", "Robert Kim").await;
    browser.choose("role", "staff").await;
    browser.send_form_with("name").await;
    changed(browser, "/admin/users/").await;
    browser.shows("h1", "Robert Kim").await;
    // The history has the old and the new value.
    browser.shows(".timeline", "Bob Kim").await;
    setting.end().await;
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_client_is_created_and_updated() {
    let setting = Setting::signed_in().await;
    let browser = &setting.browser;
    browser.go("/admin/clients").await;
    browser
        .click(".page-head a[href='/admin/clients/new']")
        .await;
    browser.fill("username", "shop-1").await;
    browser.fill("name", "The first shop").await;
    browser.fill("email", "shop@example.org").await;
    browser.fill("phone", "+82 10-1234-5678").await;
    browser.send_form_with("username").await;
    changed(browser, "/admin/clients/").await;
    browser.shows("main", "+82 10-1234-5678").await;

    browser.click(".page-head a[href$='/edit']").await;
    browser.fill("name", "상점 하나").await;
    browser.send_form_with("name").await;
    changed(browser, "/admin/clients/").await;
    browser.shows("h1", "상점 하나").await;
    setting.end().await;
}

#[tokio::test]
#[ignore = "tests/run"]
async fn the_list_follows_the_filters() {
    let setting = Setting::signed_in().await;
    let browser = &setting.browser;
    for (name, role) in [("bob", "staff"), ("bella", "staff"), ("vera", "auditor")] {
        setting.place.user(&format!("{name}@example.org"), role);
    }
    browser.go("/admin/users").await;
    assert_eq!(browser.count("#results tbody tr").await, 4);
    browser.type_into("[data-search]", "ell").await;
    rows(browser, 1).await;
    browser.shows("#results tbody", "bella@example.org").await;
    assert!(
        browser.path().await.contains("search=ell"),
        "the filter is in the address"
    );
    // A reload shows the same rows.
    browser.client.refresh().await.unwrap();
    rows(browser, 1).await;
    browser.click(".chips a").await;
    rows(browser, 4).await;
    // The script hides the button when it is ready.
    browser
        .until("the script", async || {
            browser.count("[data-apply]:not([hidden])").await == 0
        })
        .await;
    browser.click(".more > summary").await;
    let role = browser.find("form[data-live] select[name=role]").await;
    role.select_by_value("auditor").await.unwrap();
    rows(browser, 1).await;
    browser.shows("#filter-count", "1").await;
    browser.press("\u{E00C}").await;
    assert!(
        !browser.has(".more[open]").await,
        "Escape closes the filters"
    );
    browser.shows("#results tbody", "vera@example.org").await;
    browser.type_into("[data-search]", "nobody").await;
    browser.find("#results .empty").await;
    setting.end().await;
}

async fn rows(browser: &Chromium, count: usize) {
    browser
        .until(&format!("{count} rows"), async || {
            browser.count("#results tbody tr").await == count
        })
        .await;
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_bulk_action_has_a_confirmation() {
    let setting = Setting::signed_in().await;
    let browser = &setting.browser;
    for (name, role) in [("bob", "staff"), ("bella", "staff"), ("vera", "auditor")] {
        setting.place.user(&format!("{name}@example.org"), role);
    }
    let mut api = setting.api();
    let bob = api.session("bob@example.org");
    browser.go("/admin/users?role=staff").await;
    rows(browser, 2).await;
    browser.click("[data-select-all]").await;
    browser.shows("[data-bulk-text]", "2").await;
    browser
        .find("#action")
        .await
        .select_by_value("deactivate")
        .await
        .unwrap();
    browser.click("[data-bulk] button:not([type=button])").await;
    browser.shows("main", "bob@example.org").await;
    browser.shows("main", "bella@example.org").await;
    assert!(!browser.all_text().await.contains("vera@example.org"));
    // Nothing has changed before the confirmation.
    assert_eq!(api.log_in("bella@example.org", "user").status, 200);
    browser
        .click("main form button.danger, main form button.primary")
        .await;
    browser
        .until("both are inactive", async || {
            setting
                .place
                .database
                .texts("email", "users WHERE is_active = false ORDER BY email")
                .len()
                == 2
        })
        .await;
    assert_eq!(
        api.refresh(&bob.refresh).status,
        401,
        "the sessions end with the account"
    );
    setting.end().await;
}

/// Fills in the form of a new user, ends the session and sends the form.
async fn send_without_a_session(browser: &Chromium, email: &str) {
    browser.go("/admin/users/new").await;
    browser.fill("email", email).await;
    browser.fill("name", "Bob Kim").await;
    browser.choose("role", "auditor").await;
    browser
        .fill("password", "correct horse battery staple")
        .await;
    browser.client.delete_all_cookies().await.unwrap();
    browser.send_form_with("email").await;
    browser.shows("main", "Your session has ended.").await;
}

async fn sign_in_again(browser: &Chromium, email: &str) {
    browser.fill("email", email).await;
    browser.fill("password", PASSWORD).await;
    browser.send_form_with("password").await;
    browser.find("#account-form").await;
}

#[tokio::test]
#[ignore = "tests/run"]
async fn what_was_typed_is_kept_over_the_login_after_the_end_of_the_session() {
    let setting = Setting::signed_in().await;
    setting.place.user("eve@example.org", "admin");
    let browser = &setting.browser;
    send_without_a_session(browser, "bob@example.org").await;
    sign_in_again(browser, ROOT).await;
    browser.shows(".notices", "It has what you entered").await;
    let values = "return [...document.querySelectorAll('#account-form :is(#email, #name, #role, #password)')].map(field => field.value)";
    let kept = browser.run(values, vec![]).await;
    let expected = ["bob@example.org", "Bob Kim", "auditor", ""];
    assert_eq!(kept, serde_json::json!(expected), "without the password");
    browser.send_form_with("email").await;
    changed(browser, "/admin/users/").await;
    // Another page forgets it, and nobody else gets it.
    browser.go("/admin/users/new").await;
    assert!(!browser.has(".notices .notice").await);
    send_without_a_session(browser, "carol@example.org").await;
    let text = browser
        .run("return JSON.stringify({...sessionStorage})", vec![])
        .await;
    assert!(!text.to_string().contains("battery"), "{text}");
    sign_in_again(browser, "eve@example.org").await;
    assert!(!browser.has(".notices .notice").await);
    let kept = browser.run(values, vec![]).await;
    assert_eq!(kept[0], "");
    setting.end().await;
}
