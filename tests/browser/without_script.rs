//! The panel without JavaScript.

use super::{chromium::Chromium, setting::Stage};

/// The script of a page would show these elements.
async fn runs_no_script(browser: &Chromium) {
    for selector in [
        "[data-keys]:not([hidden])",
        "[data-script]:not([hidden])",
        "[data-select-all]:not([hidden])",
    ] {
        assert!(!browser.has(selector).await, "a script has run: {selector}");
    }
}

#[tokio::test]
#[ignore = "tests/run"]
async fn the_panel_works_without_a_script() {
    let setting = Stage::new().without_scripts().set().await;
    let browser = &setting.browser;
    setting.sign_in().await;
    runs_no_script(browser).await;

    browser.go("/admin/users").await;
    runs_no_script(browser).await;
    browser.click(".page-head a[href='/admin/users/new']").await;
    browser.fill("email", "bob@example.org").await;
    browser.fill("name", "Bob").await;
    browser.send_form_with("email").await;
    browser.find(".notices .notice.is-ok").await;

    // A filter needs its button.
    browser.go("/admin/users").await;
    browser.type_into("[data-search]", "bob").await;
    browser.click("[data-apply]").await;
    browser
        .until("the filter is in the address", async || {
            browser.path().await.contains("search=bob")
        })
        .await;
    assert_eq!(browser.count("#results tbody tr").await, 1);

    // A bulk action.
    browser.click("#results input[name=selected]").await;
    browser
        .find("#action")
        .await
        .select_by_value("deactivate")
        .await
        .unwrap();
    browser.click("[data-bulk] button:not([type=button])").await;
    browser
        .click("main form button.danger, main form button.primary")
        .await;
    browser
        .until("bob is inactive", async || {
            let inactive = setting
                .place
                .database
                .texts("email", "users WHERE is_active = false");
            inactive == ["bob@example.org"]
        })
        .await;

    // The inspector, the theme, the language, sign-out.
    browser.go("/admin/inspector").await;
    browser.fill("token", "no token").await;
    browser.send_form_with("token").await;
    browser.find(".banner.is-danger").await;
    browser.go("/admin/account").await;
    browser.choose("theme", "dark").await;
    browser.send_form_with("theme").await;
    browser.find("html[data-theme=dark]").await;
    browser.click(".languages button[value=ko]").await;
    browser.find("html[lang=ko]").await;
    browser.click(".side > .me form button").await;
    browser
        .until("the sign-in page", async || {
            browser.path().await == "/admin/login"
        })
        .await;
    browser.shows("h1", "로그인").await;
    setting.end().await;
}
