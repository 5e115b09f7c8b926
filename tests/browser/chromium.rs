//! A Chromium: opens pages, clicks, types, reads. Waiting ends after [`TIMEOUT`] and fails the test with the text of the page.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use fantoccini::{Client, Locator, elements::Element};
use serde_json::{Value, json};

use super::{driver::Driver, tools};

/// The timeout of every wait.
pub const TIMEOUT: Duration = Duration::from_mins(2);

/// The polling interval.
const INTERVAL: Duration = Duration::from_millis(25);

/// Keys, as `WebDriver` writes them.
pub mod key {
    pub const TAB: &str = "\u{E004}";
    pub const ENTER: &str = "\u{E007}";
    pub const SPACE: &str = " ";
    pub const ESCAPE: &str = "\u{E00C}";
    pub const DOWN: &str = "\u{E015}";
}

/// A browser on one server.
pub struct Chromium {
    /// The session, for other commands.
    pub client: Client,
    driver: Driver,
    session: String,
    url: String,
}

/// chromedriver.
pub fn driver() -> PathBuf {
    tools::tool("MUNJIGI_TEST_CHROMEDRIVER")
}

impl Chromium {
    /// Opens a browser for this server, in this language.
    pub async fn open(program: &PathBuf, url: String, language: &str, scripts: bool) -> Self {
        let driver = Driver::start(program);
        let client = driver.session(language, scripts).await;
        let session = client.session_id().await.unwrap().unwrap();
        Self {
            client,
            driver,
            session,
            url,
        }
    }

    /// Opens a page.
    pub async fn go(&self, path: &str) {
        self.client
            .goto(&format!("{}{path}", self.url))
            .await
            .unwrap();
    }

    /// The page's path and query.
    pub async fn path(&self) -> String {
        let url = self.client.current_url().await.unwrap();
        let query = url.query().map(|query| format!("?{query}"));
        format!("{}{}", url.path(), query.unwrap_or_default())
    }

    /// Waits for a condition; fails with the text of the page.
    pub async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        let begun = Instant::now();
        while !holds().await {
            if begun.elapsed() > TIMEOUT {
                let (path, text) = (self.path().await, self.all_text().await);
                panic!("{what}: not within {TIMEOUT:?}. {path} shows:\n{text}");
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// The text of the page.
    pub async fn all_text(&self) -> String {
        match self.client.find(Locator::Css("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(error) => error.to_string(),
        }
    }

    /// Waits for the first element that matches a selector.
    pub async fn find(&self, selector: &str) -> Element {
        let mut found = None;
        self.until(&format!("an element {selector}"), async || {
            found = self.client.find(Locator::Css(selector)).await.ok();
            found.is_some()
        })
        .await;
        found.unwrap()
    }

    /// Whether an element matches a selector.
    pub async fn has(&self, selector: &str) -> bool {
        self.client.find(Locator::Css(selector)).await.is_ok()
    }

    /// The number of elements that match a selector.
    pub async fn count(&self, selector: &str) -> usize {
        let found = self.client.find_all(Locator::Css(selector)).await;
        found.unwrap().len()
    }

    /// An attribute of the first matching element.
    pub async fn attr(&self, selector: &str, name: &str) -> String {
        let found = self.find(selector).await.attr(name).await.unwrap();
        found.unwrap_or_else(|| panic!("{selector} has no {name}"))
    }

    /// Waits until the first matching element contains this text.
    pub async fn shows(&self, selector: &str, text: &str) {
        self.until(&format!("{selector} shows {text:?}"), async || {
            match self.client.find(Locator::Css(selector)).await {
                Ok(found) => found.text().await.is_ok_and(|shown| shown.contains(text)),
                Err(_) => false,
            }
        })
        .await;
    }

    /// Clicks the first matching element. While a page is being replaced, the click is retried on the new page.
    pub async fn click(&self, selector: &str) {
        let begun = Instant::now();
        while let Err(error) = self.find(selector).await.click().await {
            if !gone(&error) || begun.elapsed() > TIMEOUT {
                let path = self.path().await;
                panic!("{selector} on {path} cannot be clicked: {error}");
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Replaces the text of the first matching element, key by key.
    pub async fn type_into(&self, selector: &str, text: &str) {
        self.click(selector).await;
        let select_all = "\u{E009}a\u{E000}";
        self.press(&format!("{select_all}{text}")).await;
    }

    /// Replaces the text of a field.
    pub async fn fill(&self, name: &str, text: &str) {
        let field = self.find(&field(name)).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Selects an option by its value.
    pub async fn choose(&self, name: &str, value: &str) {
        let select = self.find(&format!("main select[name={name}]")).await;
        select.select_by_value(value).await.unwrap();
    }

    /// Submits the form with this field.
    pub async fn send_form_with(&self, name: &str) {
        let form = format!("main form:has([name={name}]:not([type=hidden]))");
        self.click(&format!("{form} button.primary, {form} button.danger"))
            .await;
    }

    /// Presses keys on the focused element. If it is removed or hidden at this moment, nothing was pressed, and it is retried.
    pub async fn press(&self, keys: &str) {
        let begun = Instant::now();
        loop {
            let pressed = match self.client.active_element().await {
                Ok(focused) => focused.send_keys(keys).await,
                Err(error) => Err(error),
            };
            match pressed {
                Ok(()) => return,
                Err(error)
                    if (gone(&error) || error.is_element_not_interactable())
                        && begun.elapsed() < TIMEOUT =>
                {
                    tokio::time::sleep(INTERVAL).await;
                }
                Err(error) => panic!(
                    "{keys:?} on {} cannot be pressed: {error}",
                    self.path().await
                ),
            }
        }
    }

    /// Runs a script in the page and returns its result.
    pub async fn run(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.client.execute(script, arguments).await.unwrap()
    }

    /// Sends a command of the `DevTools` protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        self.driver
            .ask(&self.session, "goog/cdp/execute", &body)
            .await
    }

    /// Sets the theme of the system.
    pub async fn set_system_theme(&self, theme: &str) {
        let features = json!({"features": [
            {"name": "prefers-color-scheme", "value": theme},
            // Transitions would make colours unstable.
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Sets the size of the window.
    pub async fn set_size(&self, width: u32, height: u32) {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", size)
            .await;
    }

    /// New console messages, including violations of the content security policy.
    pub async fn complaints(&self) -> Vec<String> {
        let entries = self
            .driver
            .ask(&self.session, "se/log", &json!({"type": "browser"}))
            .await;
        let entries = entries.as_array().unwrap();
        entries
            .iter()
            .filter(|entry| entry["level"] != "INFO" && entry["level"] != "DEBUG")
            .map(|entry| format!("{}: {}", entry["level"], entry["message"]))
            .collect()
    }

    /// Signs in by the form.
    pub async fn sign_in(&self, email: &str, password: &str) {
        self.go("/admin/login").await;
        self.fill("email", email).await;
        self.fill("password", password).await;
        self.send_form_with("password").await;
        self.until("the dashboard after the sign-in", async || {
            self.path().await == "/admin" && self.has("main h1").await
        })
        .await;
    }

    /// Ends the browser; the console must be empty.
    pub async fn close(self) {
        let complaints = self.complaints().await;
        assert!(
            complaints.is_empty(),
            "the console is not empty:\n{}",
            complaints.join("\n")
        );
        self.client.close().await.unwrap();
    }
}

/// A selector for a field of a form by its name.
fn field(name: &str) -> String {
    format!("main input[name={name}]:not([type=hidden]), main textarea[name={name}]")
}

/// Whether the element was removed.
fn gone(error: &fantoccini::error::CmdError) -> bool {
    error.is_stale_element_reference() || error.is_no_such_element()
}
