//! The panel's cookies. Their names and paths are made in `cookie_header`.

use std::time::Duration;

use actix_web::{HttpRequest, cookie::Cookie};

use crate::config::ServerConfig;
use crate::domain::language::Language;
use crate::http::cookie_header;

/// A cookie of the panel.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Name {
    /// The panel session.
    Session,
    /// The secret of a browser without a session, for its forms.
    AnonymousPage,
    /// The notice of the last action, shown once.
    Notice,
    /// The secret of a sign-in that waits for its second factor.
    Challenge,
    /// The language chosen in the footer.
    Language,
    /// The number of rows chosen in a list.
    Rows,
    /// The path and query of the list that was opened last.
    List,
}

impl Name {
    fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::AnonymousPage => "visitor",
            Self::Notice => "notice",
            Self::Challenge => "challenge",
            Self::Language => "language",
            Self::Rows => "rows",
            Self::List => "list",
        }
    }
}

/// The browser's time zone, set by `app.js`.
const ZONE: &str = "zone";

/// The value of a request's cookie.
pub(crate) fn read(request: &HttpRequest, name: Name, server: &ServerConfig) -> Option<String> {
    cookie_header::read(request, server, name.as_str())
}

/// The browser's time zone, if it sent one.
pub(crate) fn zone(request: &HttpRequest, server: &ServerConfig) -> Option<chrono_tz::Tz> {
    cookie_header::read(request, server, ZONE)?.parse().ok()
}

/// The cookie of the time zone for `app.js`: its name, and what follows its value.
pub(crate) fn zone_cookie(server: &ServerConfig) -> (String, String) {
    let (name, path) = cookie_header::name_and_path(server, ZONE);
    let secure = if server.is_https() { "; Secure" } else { "" };
    let attributes = format!("Path={path}{secure}; SameSite=Lax; Max-Age=31536000");
    (name, attributes)
}

/// A cookie to set; without a lifetime it ends with the browser session.
pub(crate) fn set(
    name: Name,
    value: String,
    lifetime: Option<Duration>,
    server: &ServerConfig,
) -> Cookie<'static> {
    // Lax, so that links from mails open with the session; no GET changes anything.
    let name_and_path = cookie_header::name_and_path(server, name.as_str());
    cookie_header::build(name_and_path, value, lifetime, server).finish()
}

/// The removal of a cookie.
pub(crate) fn remove(name: Name, server: &ServerConfig) -> Cookie<'static> {
    let mut cookie = set(name, String::new(), None, server);
    cookie.make_removal();
    cookie
}

/// The language of the cookie.
pub fn chosen_language(request: &HttpRequest, server: &ServerConfig) -> Option<Language> {
    let tag = read(request, Name::Language, server)?;
    Language::from_tag(&tag)
}
