//! The panel by keyboard alone, with a visible focus everywhere.

use super::{
    chromium::{Chromium, key},
    place::PASSWORD,
    setting::{ROOT, Setting, Stage},
};

/// Whether the focused element has a visible focus and is in the viewport.
const SHOWS_FOCUS: &str = "const focused = document.activeElement;
    const box = focused.getBoundingClientRect();
    const shows = element => {
        const style = getComputedStyle(element);
        return (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none';
    };
    const inside = box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth && box.width > 0;
    const around = focused.closest('label, .filter, .input-with, .select');
    return inside && (shows(focused) || (around !== null && shows(around)));";

/// Presses Tab until an element that matches a selector has the focus.
async fn tab_to(browser: &Chromium, selector: &str) {
    for _ in 0..80 {
        browser.press(key::TAB).await;
        let element = "const element = document.activeElement;
            return element.tagName + '#' + element.id + '.' + element.className + ' ' + (element.href ?? element.name ?? '');";
        let named = browser.run(element, vec![]).await;
        if named
            .as_str()
            .is_some_and(|named| named.starts_with("BODY"))
        {
            continue;
        }
        let seen = browser.run(SHOWS_FOCUS, vec![]).await;
        assert_eq!(
            seen,
            true,
            "the focus is not visible on {named} of {}",
            browser.path().await
        );
        let script = "return document.activeElement.matches(arguments[0])";
        if browser.run(script, vec![selector.into()]).await == true {
            return;
        }
    }
    panic!("no Tab leads to {selector} on {}", browser.path().await);
}

#[tokio::test]
#[ignore = "tests/run"]
async fn sign_in_and_a_new_account_need_no_mouse() {
    let setting = Stage::new().set().await;
    let browser = &setting.browser;
    browser.go("/admin/login").await;
    tab_to(browser, "#email").await;
    browser.press(ROOT).await;
    tab_to(browser, "#password").await;
    browser.press(PASSWORD).await;
    browser.press(key::ENTER).await;
    browser
        .until("the panel", async || browser.path().await == "/admin")
        .await;

    tab_to(browser, "a.skip").await;
    tab_to(browser, ".side-nav a[href='/admin/users']").await;
    browser.press(key::ENTER).await;
    browser
        .until("the users", async || browser.path().await == "/admin/users")
        .await;
    // The skip link skips the navigation.
    tab_to(browser, "a.skip").await;
    browser.press(key::ENTER).await;
    tab_to(browser, "a[href='/admin/users/new']").await;
    browser.press(key::ENTER).await;
    tab_to(browser, "main [name=email]").await;
    browser.press("bob@example.org").await;
    tab_to(browser, "main [name=name]").await;
    browser.press("Bob").await;
    tab_to(browser, "main button.primary").await;
    browser.press(key::SPACE).await;
    browser.find(".notices .notice.is-ok").await;
    browser.shows("main", "bob@example.org").await;

    tab_to(browser, ".side > .me form button").await;
    browser.press(key::ENTER).await;
    browser
        .until("the sign-in page", async || {
            browser.path().await == "/admin/login"
        })
        .await;
    setting.end().await;
}

#[tokio::test]
#[ignore = "tests/run"]
async fn shortcuts_search_move_through_the_rows_and_show_help() {
    let setting = Setting::signed_in().await;
    let browser = &setting.browser;
    for name in ["bob", "bella", "vera"] {
        setting.place.user(&format!("{name}@example.org"), "staff");
    }
    browser.go("/admin/users").await;
    browser.press("?").await;
    browser.find("dialog#keys[open]").await;
    browser.press(key::ESCAPE).await;
    browser
        .until("the help is closed", async || {
            !browser.has("dialog#keys[open]").await
        })
        .await;

    browser.press("j").await;
    browser.press("j").await;
    let at = async || {
        let script = "return [...document.querySelectorAll('#results tbody tr')].indexOf(document.querySelector('tr.is-at'))";
        browser.run(script, vec![]).await
    };
    assert_eq!(at().await, 1);
    assert_eq!(browser.run(SHOWS_FOCUS, vec![]).await, true);
    browser.press("k").await;
    assert_eq!(at().await, 0);
    browser.press("x").await;
    browser.shows("[data-bulk-text]", "1").await;

    // In Hangul mode and with Caps Lock, as browsers describe the keys then.
    let typed = async |key: &str, code: &str| {
        let script = "const [key, code] = arguments; \
                      document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, code, bubbles: true }))";
        let arguments = vec![key.into(), code.into()];
        browser.run(script, arguments).await;
        at().await
    };
    assert_eq!(typed("ㅓ", "KeyJ").await, 1);
    assert_eq!(typed("Process", "KeyJ").await, 2);
    assert_eq!(typed("ㅏ", "KeyK").await, 1);
    assert_eq!(typed("K", "KeyK").await, 0);
    typed("ㅌ", "KeyX").await;
    assert_eq!(browser.count("input[name=selected]:checked").await, 0);

    // The field of the list: Escape empties it and shows all rows, once more leaves it.
    let rows = async |count| {
        browser
            .until(&format!("{count} rows"), async || {
                browser.count("#results tbody tr").await == count
            })
            .await;
    };
    browser.type_into("[data-search]", "bella").await;
    rows(1).await;
    browser.press(key::ESCAPE).await;
    rows(4).await;
    assert!(!browser.path().await.contains("search"));
    browser.press("bella").await;
    rows(1).await;
    browser.run("document.activeElement.blur()", vec![]).await;

    // The search over everything, from any page.
    browser.go("/admin/security").await;
    for keys in ["/", "\u{E009}k\u{E000}"] {
        browser.press(keys).await;
        let focused = "return document.activeElement.id";
        assert_eq!(browser.run(focused, vec![]).await, "find", "{keys:?}");
        browser.press(key::ESCAPE).await;
    }
    browser.press("/").await;
    browser.press("bella").await;
    browser.press(key::ENTER).await;
    browser.shows(".hits", "bella@example.org").await;

    browser.go("/admin/users?search=bella").await;
    browser.press("j").await;
    browser.press(key::ENTER).await;
    browser
        .until("bella's page", async || {
            browser.path().await.starts_with("/admin/users/")
                && browser.all_text().await.contains("bella@example.org")
        })
        .await;
    setting.end().await;
}

/// Whether the focused element matches a selector.
async fn is_on(browser: &Chromium, selector: &str) -> bool {
    let script = "return document.activeElement.matches(arguments[0])";
    browser.run(script, vec![selector.into()]).await == true
}

/// Unfolds an element, and folds it with Escape, after which the focus is on it again.
async fn unfolds_and_folds(browser: &Chromium, summary: &str, unfolded: &str) {
    tab_to(browser, summary).await;
    browser.press(key::ENTER).await;
    browser.find(unfolded).await;
    browser.press(key::TAB).await;
    assert!(
        is_on(browser, &format!("{unfolded} :not(summary)")).await,
        "{unfolded}"
    );
    browser.press(key::ESCAPE).await;
    let folded = async || !browser.has(unfolded).await;
    browser.until("it is folded", folded).await;
    assert!(is_on(browser, summary).await, "{summary}");
}

#[tokio::test]
#[ignore = "tests/run"]
async fn what_unfolds_closes_with_escape_and_gives_the_focus_back() {
    let setting = Setting::signed_in().await;
    let browser = &setting.browser;
    browser.go("/admin/users?search=root").await;
    unfolds_and_folds(browser, ".more > summary", ".more[open]").await;
    unfolds_and_folds(browser, ".save-view > summary", ".save-view[open]").await;
    tab_to(browser, "[data-keys]").await;
    browser.press(key::ENTER).await;
    browser.find("dialog#keys[open]").await;
    assert!(is_on(browser, "dialog#keys *").await);
    browser.press(key::ESCAPE).await;
    let closed = async || !browser.has("dialog#keys[open]").await;
    browser.until("the help is closed", closed).await;
    assert!(is_on(browser, "[data-keys]").await);

    // Filters that the focus has left would cover what has it.
    browser.go("/admin/users").await;
    tab_to(browser, ".more > summary").await;
    browser.press(key::ENTER).await;
    browser.find(".more[open]").await;
    tab_to(browser, "#results .sort").await;
    assert!(!browser.has(".more[open]").await);

    browser.set_size(390, 844).await;
    browser.go("/admin/users").await;
    unfolds_and_folds(browser, ".menu > summary", ".menu[open]").await;
    browser.press(key::ENTER).await;
    tab_to(browser, ".menu a[href='/admin/clients']").await;
    browser.press(key::ENTER).await;
    browser
        .until("the clients", async || {
            browser.path().await == "/admin/clients"
        })
        .await;
    setting.end().await;
}

#[tokio::test]
#[ignore = "tests/run"]
async fn selected_rows_are_changed_without_a_mouse() {
    let setting = Setting::signed_in().await;
    let browser = &setting.browser;
    setting.place.user("bob@example.org", "staff");
    browser.go("/admin/users?search=bob").await;
    browser.press("j").await;
    browser.press("x").await;
    browser.shows("[data-bulk-text]", "1").await;
    browser.press("a").await;
    assert!(is_on(browser, "#action").await);
    assert_eq!(browser.run(SHOWS_FOCUS, vec![]).await, true);
    // "Choose an action", "Activate", "Deactivate".
    browser.press(key::DOWN).await;
    browser.press(key::DOWN).await;
    browser.press(key::TAB).await;
    browser.press(key::ENTER).await;
    browser.shows("h1", "Deactivate 1 internal user?").await;
    tab_to(browser, "form.confirm button.danger").await;
    browser.press(key::ENTER).await;
    browser.shows(".notice", "1 account was deactivated.").await;
    setting.end().await;
}
