//! Language and theme: from the browser, the switch in the footer, and the preferences of the account.

use super::setting::{Setting, Stage};

#[tokio::test]
#[ignore = "tests/run"]
async fn the_language_is_the_browsers_by_default() {
    let setting = Stage::new().speaking("ko").set().await;
    let browser = &setting.browser;
    browser.go("/admin/login").await;
    assert_eq!(browser.attr("html", "lang").await, "ko");
    browser.shows("h1", "로그인").await;
    browser.click(".languages button[value=en]").await;
    browser.shows("h1", "Log in").await;
    setting.sign_in().await;
    assert_eq!(browser.attr("html", "lang").await, "en");
    // The preference of the account has priority.
    browser.go("/admin/account").await;
    browser.choose("language", "ko").await;
    browser.send_form_with("language").await;
    browser.shows("h1", "내 계정").await;
    browser.find(".notices .notice.is-ok").await;
    browser.go("/admin/tokens").await;
    browser.shows("h1", "리프레시 토큰").await;
    setting.end().await;
}

#[tokio::test]
#[ignore = "tests/run"]
async fn the_theme_is_the_systems_by_default() {
    let setting = Setting::signed_in().await;
    let browser = &setting.browser;
    let brightness = async || {
        let script = "const parts = getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/g).map(Number);
            return parts.slice(0, 3).reduce((a, b) => a + b) / 3;";
        browser.run(script, vec![]).await.as_f64().unwrap()
    };
    browser.go("/admin/account").await;
    browser.set_system_theme("light").await;
    let light = brightness().await;
    browser.set_system_theme("dark").await;
    let dark = brightness().await;
    assert!(dark < light / 2.0, "light {light}, dark {dark}");
    browser.choose("theme", "light").await;
    browser.send_form_with("theme").await;
    browser.find(".notices .notice.is-ok").await;
    assert_eq!(browser.attr("html", "data-theme").await, "light");
    assert!(
        (brightness().await - light).abs() < 1.0,
        "the preference has priority over the system"
    );
    browser.choose("theme", "dark").await;
    browser.send_form_with("theme").await;
    browser.find("html[data-theme=dark]").await;
    browser.set_system_theme("light").await;
    assert!((brightness().await - dark).abs() < 1.0);
    setting.end().await;
}
