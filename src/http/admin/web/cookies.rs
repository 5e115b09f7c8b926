//! The panel's cookies. On https each has the `__Host-` prefix (RFC 6265bis section 4.1.3.2): neither another host of the
//! domain nor an attacker on an unencrypted connection can replace it.

use std::time::Duration;

use actix_web::{HttpRequest, cookie::Cookie};

use crate::domain::language::Language;
use crate::http::cookie_header;
use crate::http::middleware::origin::is_https;
use crate::services::Services;

/// A cookie of the panel.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Name {
    /// The panel session.
    Session,
    /// The secret of a browser without a session, for its forms.
    AnonymousPage,
    /// The notice of the last action, shown once.
    Notice,
    /// The language chosen in the footer.
    Language,
}

impl Name {
    /// The cookie's name.
    pub(crate) fn of(self, is_https: bool) -> &'static str {
        match (self, is_https) {
            (Self::Session, true) => "__Host-munjigi_session",
            (Self::Session, false) => "munjigi_session",
            (Self::AnonymousPage, true) => "__Host-munjigi_visitor",
            (Self::AnonymousPage, false) => "munjigi_visitor",
            (Self::Notice, true) => "__Host-munjigi_notice",
            (Self::Notice, false) => "munjigi_notice",
            (Self::Language, true) => "__Host-munjigi_language",
            (Self::Language, false) => "munjigi_language",
        }
    }
}

/// The browser's time zone, set by `app.js`.
const ZONE: &str = "munjigi_zone";

/// The value of a request's cookie.
pub(crate) fn read(request: &HttpRequest, name: Name, is_https: bool) -> Option<String> {
    cookie_header::value(request, name.of(is_https))
}

/// The browser's time zone, if it sent one.
pub(crate) fn zone(request: &HttpRequest) -> Option<chrono_tz::Tz> {
    cookie_header::value(request, ZONE)?.parse().ok()
}

/// A cookie to set; without a lifetime it ends with the browser session.
pub(crate) fn set(
    name: Name,
    value: String,
    lifetime: Option<Duration>,
    is_https: bool,
) -> Cookie<'static> {
    // Lax, so that links from mails open with the session; no GET changes anything.
    cookie_header::build(name.of(is_https), value, lifetime, is_https).finish()
}

/// The removal of a cookie.
pub(crate) fn remove(name: Name, is_https: bool) -> Cookie<'static> {
    let mut cookie = set(name, String::new(), None, is_https);
    cookie.make_removal();
    cookie
}

/// The language of the cookie.
pub fn chosen_language(request: &HttpRequest, services: &Services) -> Option<Language> {
    let tag = read(request, Name::Language, is_https(services))?;
    Language::from_tag(&tag)
}
