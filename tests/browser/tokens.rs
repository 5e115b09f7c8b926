//! Tokens: blacklisting, the inspector and the flush, compared with the API.

use std::time::Duration;

use super::{
    chromium::Chromium,
    place::PASSWORD,
    setting::{Setting, Stage},
};

#[tokio::test]
#[ignore = "tests/run"]
async fn a_blacklisted_token_is_refused_by_the_api() {
    let setting = Setting::signed_in().await;
    let browser = &setting.browser;
    setting.place.user("bob@example.org", "staff");
    setting.place.user("carol@example.org", "staff");
    let mut api = setting.api();
    let (bob, carol) = (
        api.session("bob@example.org"),
        api.session("carol@example.org"),
    );

    browser.go("/admin/tokens").await;
    assert_eq!(browser.count("#results tbody tr").await, 2);
    browser.type_into("[data-search]", "bob@example.org").await;
    browser
        .until("bob's one token", async || {
            browser.count("#results tbody tr").await == 1
        })
        .await;
    assert!(
        browser.path().await.contains("person=bob"),
        "the filter is in the address"
    );
    browser.click("#results tbody a.mono").await;
    browser.click(".page-head a[href$='/blacklist']").await;
    // The confirmation comes first.
    browser.click("main form button.danger").await;
    browser.shows(".notices", "blacklisted").await;
    browser.shows(".page-head", "Blacklisted").await;

    let refused = api.refresh(&bob.refresh);
    assert_eq!((refused.status, refused.code()), (401, "TOKEN_BLACKLISTED"));
    assert_eq!(api.refresh(&carol.refresh).status, 200, "only the one");

    browser.go("/admin/blacklist?person=bob@example.org").await;
    browser.shows("#results tbody", "By an administrator").await;
    setting.end().await;
}

#[tokio::test]
#[ignore = "tests/run"]
async fn the_inspector_shows_the_verdict_on_a_token() {
    let setting = Setting::signed_in().await;
    let browser = &setting.browser;
    setting.place.user("bob@example.org", "staff");
    let mut api = setting.api();
    let bob = api.session("bob@example.org");

    browser.go("/admin/inspector").await;
    inspect(browser, &bob.access).await;
    browser.shows(".banner.is-ok", "Valid").await;
    browser.shows("main", "bob@example.org").await;
    inspect(browser, &format!("{}x", bob.refresh)).await;
    browser.shows(".banner.is-danger", "Invalid").await;
    assert_eq!(api.try_log_out(&bob).unwrap().status, 200);
    inspect(browser, &bob.refresh).await;
    browser.shows(".banner.is-danger", "Logged out").await;
    inspect(browser, "not a token").await;
    browser.shows(".banner.is-danger", "Not a JWT").await;
    assert!(
        !browser.path().await.contains("token="),
        "the address has no token"
    );
    setting.end().await;
}

async fn inspect(browser: &Chromium, token: &str) {
    // After a verdict the form is folded.
    let unfold = "document.querySelector('#paste details').open = true";
    browser.run(unfold, vec![]).await;
    browser.fill("token", token).await;
    browser.send_form_with("token").await;
}

/// Expired rows: a flush of them in small batches takes seconds.
const EXPIRED: &str = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 3000)
    INSERT INTO blacklisted_tokens (jti, session_id, user_type, user_seq, reason, blacklisted_at, expires_at)
    SELECT printf('%032x', n), printf('%032x', 0), 'user', 1, 'logout', '2026-01-01 00:00:00', '2026-01-02 00:00:00' FROM numbers";

#[tokio::test]
#[ignore = "tests/run"]
async fn the_flush_shows_progress_and_a_report() {
    let stage = Stage::new().with("MUNJIGI_FLUSH__BATCH_SIZE", "1");
    let setting = stage.set().await;
    let browser = &setting.browser;
    setting.sign_in().await;
    setting.place.database.execute(EXPIRED);
    browser.go("/admin/blacklist").await;
    browser.shows("main", "3,000").await;
    browser.click("main form[action*='flush'] button").await;
    browser.find("[data-job] progress").await;
    let mut seen: Vec<String> = Vec::new();
    browser
        .until("the report of the flush", async || {
            // The element disappears when the page is reloaded at the end.
            let value = browser
                .client
                .execute(
                    "return document.querySelector('[data-job] progress')?.value ?? null",
                    vec![],
                )
                .await;
            if let Some(value) = value.ok().filter(|value| !value.is_null()) {
                seen.push(value.to_string());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            !browser.has("[data-job]").await
        })
        .await;
    seen.dedup();
    assert!(seen.len() >= 3, "the progress does not advance: {seen:?}");
    browser.shows("main", "3,000").await;
    let left = setting.place.database.texts(
        "CAST(COUNT(*) AS TEXT)",
        "blacklisted_tokens WHERE reason = 'logout'",
    );
    assert_eq!(left, ["0"]);
    setting.end().await;
}

#[tokio::test]
#[ignore = "tests/run"]
async fn a_flush_can_be_stopped() {
    let stage = Stage::new().with("MUNJIGI_FLUSH__BATCH_SIZE", "1");
    let setting = stage.set().await;
    let browser = &setting.browser;
    browser.sign_in(super::setting::ROOT, PASSWORD).await;
    // Enough rows for the stop to be in time.
    let many = EXPIRED.replace("n < 3000", "n < 40000");
    setting.place.database.execute(&many);
    browser.go("/admin/blacklist").await;
    browser.click("main form[action*='flush'] button").await;
    browser.find("[data-job] progress").await;
    browser.click("main form[action*='stop'] button").await;
    browser
        .until("the end of the flush", async || {
            !browser.has("[data-job]").await
        })
        .await;
    let left = setting.place.database.texts(
        "CAST(COUNT(*) AS TEXT)",
        "blacklisted_tokens WHERE reason = 'logout'",
    );
    assert_ne!(left, ["0"], "it was stopped in time");
    setting.end().await;
}
