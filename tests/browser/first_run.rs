//! From the first start to the first sign-in.

use super::setting::Stage;

const PASSWORD: &str = "a long sentence of the first administrator";

#[tokio::test]
#[ignore = "tests/run"]
async fn the_printed_link_creates_the_first_administrator() {
    let setting = Stage::new().without_administrator().set().await;
    let browser = &setting.browser;
    let greeting = setting.server.startup();
    let secret = greeting
        .split("/admin/setup/")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next())
        .unwrap_or_else(|| panic!("no link: {greeting}"));
    let link = format!("/admin/setup/{secret}");

    browser.go(&link).await;
    browser.fill("name", "Ann").await;
    browser.fill("email", "ann@example.org").await;
    browser.fill("password", PASSWORD).await;
    browser.fill("repeat", "something else").await;
    browser.send_form_with("repeat").await;
    // The problem is beside its field, and the input is kept except for passwords.
    browser.find("#repeat-error").await;
    assert_eq!(browser.attr("#email", "value").await, "ann@example.org");
    let password = browser.find("#password").await.prop("value").await.unwrap();
    assert_eq!(password.as_deref(), Some(""));
    // Chromium logs the 422 on its console.
    let complaints = browser.complaints().await;
    assert!(
        complaints.iter().all(|c| c.contains("status of 422")),
        "{complaints:?}"
    );

    browser.fill("password", PASSWORD).await;
    browser.fill("repeat", PASSWORD).await;
    browser.send_form_with("repeat").await;
    browser
        .until("the panel", async || browser.path().await == "/admin")
        .await;
    browser.shows(".side .me", "Ann").await;

    // The link is no longer valid.
    browser.go(&link).await;
    browser.shows("h1", "no longer valid").await;
    let complaints = browser.complaints().await;
    assert!(
        complaints.iter().all(|c| c.contains("status of 410")),
        "{complaints:?}"
    );

    browser.go("/admin").await;
    browser.click(".side > .me form button").await;
    browser
        .until("the sign-in page", async || {
            browser.path().await == "/admin/login"
        })
        .await;
    browser.sign_in("ann@example.org", PASSWORD).await;
    setting.end().await;
}
