//! The client for pages of `docs/clients`, in three tabs that refresh at the same time.

use fantoccini::wd::WindowHandle;
use serde_json::{Value, json};

use super::{
    app_server,
    chromium::Chromium,
    place::PASSWORD,
    setting::{Setting, Stage},
};

const ANN: &str = "ann@example.org";

/// The page around the client.
fn page() -> String {
    let client = include_str!("../../docs/clients/munjigi.js");
    include_str!("clients.html").replace("// THE DOCUMENT'S CLIENT", client)
}

/// The page in three tabs. A refresh token that is used twice ends the session at once.
async fn three_tabs() -> (Setting, Vec<WindowHandle>) {
    let port = app_server::serve_page(&page());
    let app = format!("http://localhost:{port}");
    let setting = Stage::new()
        .with("MUNJIGI_TOKENS__TRANSPORT", "cookie")
        .with("MUNJIGI_TOKENS__REUSE_GRACE", "0s")
        .with("MUNJIGI_TOKENS__RECOVER_LOST_ANSWER", "false")
        .with("MUNJIGI_SERVER__ALLOWED_ORIGINS", &app)
        .set()
        .await;
    setting.place.user(ANN, "staff");
    let url = format!(
        "{app}/?server=http://localhost:{}",
        setting.server.address.port()
    );
    let client = &setting.browser.client;
    let mut tabs = vec![client.window().await.unwrap()];
    for _ in 0..2 {
        tabs.push(client.new_window(true).await.unwrap().handle);
    }
    for tab in &tabs {
        client.switch_to_window(tab.clone()).await.unwrap();
        client.goto(&url).await.unwrap();
        setting.browser.shows("#state", "ready").await;
    }
    (setting, tabs)
}

async fn log_in(browser: &Chromium) -> Value {
    let credentials = json!({"username": ANN, "password": PASSWORD});
    browser
        .run("return logIn(arguments[0])", vec![credentials])
        .await
}

#[tokio::test]
#[ignore = "tests/run"]
async fn three_tabs_that_refresh_at_once_keep_their_session() {
    let (setting, tabs) = three_tabs().await;
    let (browser, client) = (&setting.browser, &setting.browser.client);
    assert_eq!(log_in(browser).await, "in");
    for _ in 0..5 {
        browser.run("runInAllTabs()", vec![]).await;
        for tab in &tabs {
            client.switch_to_window(tab.clone()).await.unwrap();
            browser.shows("#state", "200,200,200,200,200, ").await;
            let state = browser.all_text().await;
            // A tab that waited may have got the token of another one.
            let expected = ["0 refreshes", "1 refreshes"];
            assert!(expected.iter().any(|end| state.ends_with(end)), "{state}");
            browser.run("state.textContent = 'ready'", vec![]).await;
        }
    }
    let sessions =
        "return munjigi.fetch(`${arguments[0]}/auth/sessions`).then((answer) => answer.json())";
    let server = format!("http://localhost:{}", setting.server.address.port());
    let listed = browser.run(sessions, vec![json!(server)]).await;
    assert_eq!(listed["data"].as_array().unwrap().len(), 1, "{listed}");
    // After the logout in one tab, no tab can refresh.
    browser.run("return munjigi.logOut()", vec![]).await;
    browser.run("runInAllTabs()", vec![]).await;
    for tab in &tabs {
        client.switch_to_window(tab.clone()).await.unwrap();
        browser.shows("#state", "401 UNAUTHORIZED").await;
    }
    // Chromium logs each 401.
    for complaint in browser.complaints().await {
        assert!(complaint.contains("status of 401"), "{complaint}");
    }
    setting.end().await;
}
