//! Somebody at a Chromium: opens pages, presses and types, looks. What is waited for comes within [`PATIENCE`] or the test
//! ends with what the page shows instead.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use fantoccini::{Client, Locator, elements::Element};
use serde_json::{Value, json};

use super::{driver::Driver, tools};

/// The longest that anything on a page may take.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// How often is looked whether it is there.
const LOOK: Duration = Duration::from_millis(25);

/// Keys, as `WebDriver` writes them.
pub mod key {
    pub const TAB: &str = "\u{E004}";
    pub const ENTER: &str = "\u{E007}";
    pub const SPACE: &str = " ";
    pub const ESCAPE: &str = "\u{E00C}";
}

/// A browser on one server.
pub struct Chromium {
    /// The session, for what is not offered here.
    pub client: Client,
    driver: Driver,
    session: String,
    url: String,
}

/// chromedriver, where it is installed.
pub fn driver() -> Option<PathBuf> {
    tools::tool("MUNJIGI_TEST_CHROMEDRIVER")
}

impl Chromium {
    /// Opens a browser for this server; it speaks this language.
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

    /// Goes to a page.
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

    /// Waits until something holds; else the test ends with the page's text.
    pub async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        let begun = Instant::now();
        while !holds().await {
            if begun.elapsed() > PATIENCE {
                let (path, text) = (self.path().await, self.all_text().await);
                panic!("{what}: not within {PATIENCE:?}. {path} shows:\n{text}");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// What there is to read on the page.
    pub async fn all_text(&self) -> String {
        match self.client.find(Locator::Css("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(error) => error.to_string(),
        }
    }

    /// The first element that fits a selector, once it is there.
    pub async fn find(&self, selector: &str) -> Element {
        let mut found = None;
        self.until(&format!("an element {selector}"), async || {
            found = self.client.find(Locator::Css(selector)).await.ok();
            found.is_some()
        })
        .await;
        found.unwrap()
    }

    /// Whether an element fits a selector.
    pub async fn has(&self, selector: &str) -> bool {
        self.client.find(Locator::Css(selector)).await.is_ok()
    }

    /// How many elements fit a selector.
    pub async fn count(&self, selector: &str) -> usize {
        let found = self.client.find_all(Locator::Css(selector)).await;
        found.unwrap().len()
    }

    /// An attribute of the first element that fits a selector.
    pub async fn attr(&self, selector: &str, name: &str) -> String {
        let found = self.find(selector).await.attr(name).await.unwrap();
        found.unwrap_or_else(|| panic!("{selector} has no {name}"))
    }

    /// Waits until the first element that fits a selector shows this text.
    pub async fn shows(&self, selector: &str, text: &str) {
        self.until(&format!("{selector} shows {text:?}"), async || {
            match self.client.find(Locator::Css(selector)).await {
                Ok(found) => found.text().await.is_ok_and(|shown| shown.contains(text)),
                Err(_) => false,
            }
        })
        .await;
    }

    /// Clicks on what fits a selector. A page that is just going away takes its elements with it; then what fits on the page
    /// that comes is clicked.
    pub async fn click(&self, selector: &str) {
        let begun = Instant::now();
        while let Err(error) = self.find(selector).await.click().await {
            if !gone(&error) || begun.elapsed() > PATIENCE {
                let path = self.path().await;
                panic!("{selector} on {path} cannot be clicked: {error}");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Types into what fits a selector, in place of what is there, as a person does: key by key.
    pub async fn type_into(&self, selector: &str, text: &str) {
        self.click(selector).await;
        let select_all = "\u{E009}a\u{E000}";
        self.press(&format!("{select_all}{text}")).await;
    }

    /// Types into a field by its name, in place of what is there.
    pub async fn fill(&self, name: &str, text: &str) {
        let field = self.find(&field(name)).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Chooses an option of a select by its value.
    pub async fn choose(&self, name: &str, value: &str) {
        let select = self.find(&format!("main select[name={name}]")).await;
        select.select_by_value(value).await.unwrap();
    }

    /// Sends the form that has this field, by its first button.
    pub async fn send_form_with(&self, name: &str) {
        let form = format!("main form:has([name={name}]:not([type=hidden]))");
        self.click(&format!("{form} button.primary, {form} button.danger"))
            .await;
    }

    /// Presses keys wherever the focus is. What has the focus may go just then with the part of the page it stands in, or be
    /// hidden with it, as in a dialog that was closed; then nothing was pressed yet.
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
                        && begun.elapsed() < PATIENCE =>
                {
                    tokio::time::sleep(LOOK).await;
                }
                Err(error) => panic!(
                    "{keys:?} on {} cannot be pressed: {error}",
                    self.path().await
                ),
            }
        }
    }

    /// Runs a script in the page; what it returns.
    pub async fn run(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.client.execute(script, arguments).await.unwrap()
    }

    /// Has the browser's own tools do something.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        self.driver
            .ask(&self.session, "goog/cdp/execute", &body)
            .await
    }

    /// The system under the browser becomes light or dark.
    pub async fn set_system_theme(&self, theme: &str) {
        let features = json!({"features": [
            {"name": "prefers-color-scheme", "value": theme},
            // A colour that is on its way is neither here nor there.
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// The window gets this size.
    pub async fn set_size(&self, width: u32, height: u32) {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", size)
            .await;
    }

    /// What the browser complained about since the last look; broken content security policies are among it.
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

    /// Ends the browser. Nothing may have been complained about.
    pub async fn close(self) {
        let complaints = self.complaints().await;
        assert!(
            complaints.is_empty(),
            "the browser complains:\n{}",
            complaints.join("\n")
        );
        self.client.close().await.unwrap();
    }
}

/// A selector for a field of a form by its name.
fn field(name: &str) -> String {
    format!("main input[name={name}]:not([type=hidden]), main textarea[name={name}]")
}

/// Whether an element went while it was spoken to.
fn gone(error: &fantoccini::error::CmdError) -> bool {
    error.is_stale_element_reference() || error.is_no_such_element()
}
