//! The setup of each test: a server with its own database, an administrator, and a browser.

use tokio::sync::{Mutex, MutexGuard};

use super::{
    chromium::{self, Chromium},
    client::Client,
    place::{PASSWORD, Place},
    server::Server,
};

/// The administrator.
pub const ROOT: &str = "root@example.org";

/// One Chromium at a time: CI machines have few cores.
static TURN: Mutex<()> = Mutex::const_new(());

/// A server and a browser. They end in this order: browser, server, database.
pub struct Setting {
    /// The browser.
    pub browser: Chromium,
    /// The running binary.
    pub server: Server,
    /// Its directory and database.
    pub place: Place,
    _turn: MutexGuard<'static, ()>,
}

/// The options of a setting.
pub struct Stage {
    place: Place,
    language: &'static str,
    host: Option<&'static str>,
    scripts: bool,
    administrator: bool,
}

impl Stage {
    /// An English browser, an administrator.
    pub fn new() -> Self {
        Self {
            place: Place::new(),
            language: "en",
            host: None,
            scripts: true,
            administrator: true,
        }
    }

    /// With a variable in the server's environment.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.place = self.place.with(name, value);
        self
    }

    /// With a browser in another language.
    pub fn speaking(mut self, language: &'static str) -> Self {
        self.language = language;
        self
    }

    /// With a browser that opens the server by this name.
    pub fn at(mut self, host: &'static str) -> Self {
        self.host = Some(host);
        self
    }

    /// With JavaScript disabled.
    pub fn without_scripts(mut self) -> Self {
        self.scripts = false;
        self
    }

    /// Without an account.
    pub fn without_administrator(mut self) -> Self {
        self.administrator = false;
        self
    }

    /// Starts everything.
    pub async fn set(self) -> Setting {
        let program = chromium::driver();
        let turn = TURN.lock().await;
        if self.administrator {
            self.place.user(ROOT, "admin");
        }
        let server = self.place.serve();
        let url = match self.host {
            Some(host) => format!("http://{host}:{}", server.address.port()),
            None => format!("http://{}", server.address),
        };
        let browser = Chromium::open(&program, url, self.language, self.scripts).await;
        Setting {
            browser,
            server,
            place: self.place,
            _turn: turn,
        }
    }
}

impl Setting {
    /// The default setting, with the administrator signed in.
    pub async fn signed_in() -> Self {
        let setting = Stage::new().set().await;
        setting.sign_in().await;
        setting
    }

    /// Signs the administrator in.
    pub async fn sign_in(&self) {
        self.browser.sign_in(ROOT, PASSWORD).await;
    }

    /// A client of the API.
    pub fn api(&self) -> Client {
        self.server.client()
    }

    /// Ends the setting; the console must be empty.
    pub async fn end(self) {
        self.browser.close().await;
        self.server.stop();
    }
}
