//! Where each test plays: a server with a database of its own, an administrator, and a browser when it is its turn.

use tokio::sync::{Mutex, MutexGuard};

use super::{
    chromium::{self, Chromium},
    client::Client,
    place::{PASSWORD, Place},
    server::Server,
};

/// Who administers.
pub const ROOT: &str = "root@example.org";

/// One Chromium at a time: two cores are not many.
static TURN: Mutex<()> = Mutex::const_new(());

/// A server with a browser on it. They end in this order: the browser, the server, its database.
pub struct Setting {
    /// The browser.
    pub browser: Chromium,
    /// The running binary.
    pub server: Server,
    /// Its directory and database.
    pub place: Place,
    _turn: MutexGuard<'static, ()>,
}

/// How a setting differs from the usual one.
pub struct Stage {
    place: Place,
    language: &'static str,
    scripts: bool,
    administrator: bool,
}

impl Stage {
    /// An English browser, an administrator.
    pub fn new() -> Self {
        Self {
            place: Place::new(),
            language: "en",
            scripts: true,
            administrator: true,
        }
    }

    /// With a setting in the server's environment.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.place = self.place.with(name, value);
        self
    }

    /// With a browser that speaks another language.
    pub fn speaking(mut self, language: &'static str) -> Self {
        self.language = language;
        self
    }

    /// With a browser that runs no script of a page.
    pub fn without_scripts(mut self) -> Self {
        self.scripts = false;
        self
    }

    /// With nobody in the database.
    pub fn without_administrator(mut self) -> Self {
        self.administrator = false;
        self
    }

    /// Everything starts; nothing where there is no browser to test with.
    pub async fn set(self) -> Option<Setting> {
        let program = chromium::driver()?;
        let turn = TURN.lock().await;
        if self.administrator {
            self.place.user(ROOT, "admin");
        }
        let server = self.place.serve();
        let url = format!("http://{}", server.address);
        let browser = Chromium::open(&program, url, self.language, self.scripts).await;
        Some(Setting {
            browser,
            server,
            place: self.place,
            _turn: turn,
        })
    }
}

impl Setting {
    /// The usual one, with the administrator signed in.
    pub async fn signed_in() -> Option<Self> {
        let setting = Stage::new().set().await?;
        setting.sign_in().await;
        Some(setting)
    }

    /// The administrator signs in.
    pub async fn sign_in(&self) {
        self.browser.sign_in(ROOT, PASSWORD).await;
    }

    /// A caller of the API.
    pub fn api(&self) -> Client {
        self.server.client()
    }

    /// The end, after which nothing may be left to complain about.
    pub async fn end(self) {
        self.browser.close().await;
        self.server.stop();
    }
}
