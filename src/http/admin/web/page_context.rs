//! What a page of the panel is asked and answered with, whoever asks: the browser's secret, language, theme and zone, the
//! notice of the last action, and how an answer is made.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{
        StatusCode,
        header::{CONTENT_LANGUAGE, LOCATION},
    },
    web,
};
use askama::Template;
use chrono_tz::Tz;

use crate::{
    clock::Timestamp,
    domain::{
        audit::{Actor, AuditSource},
        language::Language,
        preferences::{Preferences, Theme},
    },
    http::{
        admin::web::{
            cookies::{self, Name},
            csrf,
            error::{AdminError, PageResult},
            layout::{self, Layout},
            notice::Notice,
        },
        middleware::{
            context::{Look, RequestContext},
            origin::is_https,
        },
    },
    services::{Services, secret},
};

/// One request of a browser.
pub(crate) struct PageContext {
    pub(crate) services: web::Data<Services>,
    pub(crate) context: Arc<RequestContext>,
    pub(crate) secret: String,
    /// The browser has no secret yet: it gets this one with the answer.
    is_fresh: bool,
    look: Look,
    zone: Tz,
    notice: Option<Notice>,
    path: String,
}

impl PageContext {
    /// Reads a request. `secret` is the cookie's value that its forms are bound to; none gives a fresh one.
    pub(crate) fn new(
        request: &HttpRequest,
        services: web::Data<Services>,
        secret: Option<String>,
        preferences: Preferences,
    ) -> Result<Self, AdminError> {
        let context = RequestContext::of(request);
        let is_https = is_https(&services);
        let (secret, is_fresh) = match secret {
            Some(secret) => (secret, false),
            None => (secret::generate()?, true),
        };
        let look = Look {
            language: preferences.language.unwrap_or(context.language),
            theme: preferences.theme,
        };
        context.note_look(look);
        let zone = preferences
            .time_zone
            .or_else(|| cookies::zone(request))
            .unwrap_or(Tz::UTC);
        let notice = cookies::read(request, Name::Notice, is_https)
            .and_then(|value| Notice::opened(&secret, &value));
        let path = match request.query_string() {
            "" => request.path().to_owned(),
            query => format!("{}?{query}", request.path()),
        };
        Ok(Self {
            services,
            context,
            secret,
            is_fresh,
            look,
            zone,
            notice,
            path,
        })
    }

    /// The rules.
    pub(crate) fn services(&self) -> &Services {
        &self.services
    }

    /// The language of the answer.
    pub(crate) fn language(&self) -> Language {
        self.look.language
    }

    /// The colours of the answer.
    pub(crate) fn theme(&self) -> Theme {
        self.look.theme
    }

    /// The zone that times are told in.
    pub(crate) fn zone(&self) -> Tz {
        self.zone
    }

    /// When the request came.
    pub(crate) fn now(&self) -> Timestamp {
        self.context.received_at
    }

    /// Whoever asks, before he is known.
    pub(crate) fn stranger(&self) -> Actor {
        Actor::anonymous(
            AuditSource::Panel,
            self.context.device(),
            self.context.id.clone(),
        )
    }

    /// A text of `locales/admin` in the language of the answer.
    pub(crate) fn t(&self, key: &str) -> String {
        layout::words(self.language(), key)
    }

    /// The same with a value for `%{value}`.
    pub(crate) fn t1(&self, key: &str, value: impl std::fmt::Display) -> String {
        layout::words_with(self.language(), key, value)
    }

    /// The same with a number for `%{n}`.
    pub(crate) fn tn(&self, key: &str, n: impl std::fmt::Display) -> String {
        layout::words_counted(self.language(), key, n)
    }

    /// The frame of the page, without a viewer.
    pub(crate) fn plain_layout(&self) -> Layout {
        Layout {
            csrf: csrf::token(&self.secret),
            notices: self.notice.iter().cloned().collect(),
            path: self.path.clone(),
            ..Layout::plain(self.language(), self.theme(), self.zone, self.now())
        }
    }

    /// A page.
    pub(crate) fn page(&self, page: &impl Template) -> PageResult {
        self.page_with(StatusCode::OK, page)
    }

    /// A form that is shown again with what is wrong with it.
    pub(crate) fn refused(&self, page: &impl Template) -> PageResult {
        self.page_with(StatusCode::UNPROCESSABLE_ENTITY, page)
    }

    /// A page with another status.
    pub(crate) fn page_with(&self, status: StatusCode, page: &impl Template) -> PageResult {
        let html = page
            .render()
            .map_err(|error| AdminError::Internal(format!("a page cannot be made: {error}")))?;
        let mut answer = HttpResponse::build(status);
        self.add_cookies(&mut answer, None);
        Ok(answer
            .content_type("text/html; charset=utf-8")
            .insert_header((CONTENT_LANGUAGE, self.language().tag()))
            .body(html))
    }

    /// A JSON answer, for our own script.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "every way to answer gives an PageResult"
    )]
    pub(crate) fn json(&self, body: &impl serde::Serialize) -> PageResult {
        let mut answer = HttpResponse::Ok();
        answer.insert_header((CONTENT_LANGUAGE, self.language().tag()));
        Ok(answer.json(body))
    }

    /// On to another page of ours.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "every way to answer gives an PageResult"
    )]
    pub(crate) fn redirect(&self, to: &str) -> PageResult {
        Ok(self.redirecting(to, None).finish())
    }

    /// The same, and that page tells what was done.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "every way to answer gives an PageResult"
    )]
    pub(crate) fn redirect_with(&self, to: &str, notice: &Notice) -> PageResult {
        Ok(self.redirecting(to, Some(notice)).finish())
    }

    /// A redirect that more can be put on.
    pub(crate) fn redirecting(&self, to: &str, notice: Option<&Notice>) -> HttpResponseBuilder {
        let mut answer = HttpResponse::SeeOther();
        answer.insert_header((LOCATION, to));
        self.add_cookies(&mut answer, notice);
        answer
    }

    fn add_cookies(&self, answer: &mut HttpResponseBuilder, notice: Option<&Notice>) {
        let is_https = is_https(&self.services);
        if self.is_fresh {
            answer.cookie(cookies::set(
                Name::AnonymousPage,
                self.secret.clone(),
                None,
                is_https,
            ));
        }
        if let Some(notice) = notice {
            answer.cookie(notice_cookie(notice, &self.secret, is_https));
        } else if self.notice.is_some() {
            answer.cookie(cookies::remove(Name::Notice, is_https));
        }
    }
}

/// The cookie that carries a notice over a redirect.
pub(crate) fn notice_cookie(
    notice: &Notice,
    secret: &str,
    is_https: bool,
) -> actix_web::cookie::Cookie<'static> {
    // Long enough for a slow redirect, short enough not to surprise anybody later.
    let lifetime = std::time::Duration::from_mins(1);
    let value = notice.sealed(secret);
    cookies::set(Name::Notice, value, Some(lifetime), is_https)
}

/// A path of ours that somebody may be sent to after he signed in: own pages only, so that a link to our door is never a
/// link to another's.
pub(crate) fn own_path(wanted: &str) -> Option<&str> {
    let path = wanted.split(['?', '#']).next().unwrap_or("");
    let is_ours = path == "/admin" || path.starts_with("/admin/");
    let is_plain = |c: char| c.is_ascii_graphic() && c != '\\';
    // Browsers take a dot that is written as its code for a dot (WHATWG URL section 4.1).
    let dots = path.to_ascii_lowercase().replace("%2e", ".");
    let leaves = dots.split('/').any(|part| part == ".." || part == ".");
    (is_ours
        && !leaves
        && wanted.len() <= 2_000
        && wanted.chars().all(is_plain)
        && !wanted.contains("//"))
    .then_some(wanted)
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn only_own_pages_are_gone_to() {
        for path in [
            "/admin",
            "/admin/users?search=a%20b&sort=-id",
            "/admin/users/7#x",
        ] {
            assert_eq!(own_path(path), Some(path));
        }
        for path in [
            "",
            "admin",
            "/",
            "/api/users",
            "//evil.example/admin",
            "/admin//evil.example",
            "https://evil.example/admin",
            "/\\evil.example",
            "/admin\\@evil.example",
            "/admin/../api",
            "/admin/%2e%2E/api/me",
            "/admin/.%2e",
            "/admin/\r\nset-cookie: a=b",
            "/administrator",
            "javascript:alert(1)",
        ] {
            assert_eq!(own_path(path), None, "{path}");
        }
    }
}
