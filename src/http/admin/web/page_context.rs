//! The context of a page's request and response: the browser's secret, language, theme and time zone, the notice of the last
//! action, and rendering.

use std::{
    future::{Ready, ready},
    sync::Arc,
};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse, HttpResponseBuilder,
    dev::Payload,
    http::{
        StatusCode,
        header::{CONTENT_LANGUAGE, LOCATION},
    },
    web,
};
use askama::Template;
use chrono_tz::Tz;

use crate::clock::Timestamp;
use crate::config::ServerConfig;
use crate::domain::audit::{Actor, AuditSource};
use crate::domain::language::Language;
use crate::domain::preferences::Preferences;
use crate::http::admin::redirect_targets::panel_path;
use crate::http::admin::web::cookies::{self, Name};
use crate::http::admin::web::csrf;
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::notice::Notice;
use crate::http::admin::web::public_path::{public_path, with_public_paths};
use crate::http::admin::web::texts;
use crate::http::middleware::context::{Look, RequestContext, services_of};
use crate::services::{Services, secret};

/// A request of a browser, with or without a session. As an extractor: of pages without one, such as sign-in, setup and
/// password links.
pub(crate) struct PageContext {
    pub(crate) services: web::Data<Services>,
    pub(crate) context: Arc<RequestContext>,
    pub(crate) secret: String,
    /// Whether the browser has no secret yet: the response sets it.
    is_fresh: bool,
    look: Look,
    zone: Tz,
    notice: Option<Notice>,
    path: String,
    /// The path and query of the list that was opened last.
    last_list: Option<String>,
}

impl FromRequest for PageContext {
    type Error = AdminError;
    type Future = Ready<Result<Self, AdminError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::anonymous_page(request))
    }
}

impl PageContext {
    /// `secret` is the value of the cookie that the CSRF tokens belong to; none creates a new one.
    pub(crate) fn new(
        request: &HttpRequest,
        services: web::Data<Services>,
        secret: Option<String>,
        preferences: Preferences,
    ) -> Result<Self, AdminError> {
        let context = RequestContext::of(request);
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
            .or_else(|| cookies::zone(request, &services.config.server))
            .unwrap_or(Tz::UTC);
        let notice = cookies::read(request, Name::Notice, &services.config.server)
            .and_then(|value| Notice::decode(&secret, &value));
        let last_list = cookies::read(request, Name::List, &services.config.server);
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
            last_list,
        })
    }

    /// The context of a page without a session.
    fn anonymous_page(request: &HttpRequest) -> Result<Self, AdminError> {
        let services = services_of(request)?;
        // A signed-in browser keeps its secret, so its open forms stay valid.
        let secret = [Name::Session, Name::AnonymousPage]
            .into_iter()
            .find_map(|name| cookies::read(request, name, &services.config.server))
            .filter(|value| secret::is_well_formed(value));
        // The language cookie is already part of the request context.
        Self::new(request, services, secret, Preferences::default())
    }

    pub(crate) fn services(&self) -> &Services {
        &self.services
    }

    /// The settings of the server.
    pub(crate) fn server(&self) -> &ServerConfig {
        &self.services.config.server
    }

    /// The language of the response.
    pub(crate) fn language(&self) -> Language {
        self.look.language
    }

    /// The list at a path, with the filters that it had when it was opened last.
    pub(crate) fn back_to(&self, list: &str) -> String {
        let opened = self.last_list.as_deref().and_then(panel_path);
        let is_this = |path: &&str| {
            let rest = path.strip_prefix(list);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('?'))
        };
        opened.filter(is_this).unwrap_or(list).to_owned()
    }

    /// The time zone of shown times.
    pub(crate) fn zone(&self) -> Tz {
        self.zone
    }

    /// When the request was received.
    pub(crate) fn now(&self) -> Timestamp {
        self.context.received_at
    }

    /// The actor of a request without a session.
    pub(crate) fn anonymous(&self) -> Actor {
        Actor::anonymous(
            AuditSource::Panel,
            self.context.device(),
            self.context.id.clone(),
        )
    }

    /// A text of `locales/admin` in the language of the response.
    pub(crate) fn t(&self, key: &str) -> String {
        texts::tr(self.language(), key)
    }

    /// As [`t`](Self::t), with a value for `%{value}`.
    pub(crate) fn tr_with(&self, key: &str, value: impl std::fmt::Display) -> String {
        texts::tr_with(self.language(), key, value)
    }

    /// As [`t`](Self::t), with a number for `%{n}`; for 1 the key with `_one`, if there is one.
    pub(crate) fn tr_count(&self, key: &str, n: impl std::fmt::Display) -> String {
        texts::tr_count(self.language(), key, n)
    }

    /// The layout of the page, without a viewer.
    pub(crate) fn layout(&self) -> Layout {
        Layout {
            csrf: csrf::token(&self.secret),
            notices: self.notice.iter().cloned().collect(),
            path: self.path.clone(),
            zone_cookie: cookies::zone_cookie(self.server()),
            roles: Arc::clone(&self.services.roles),
            ..Layout::plain(self.language(), self.look.theme, self.zone, self.now())
        }
    }

    /// A page with status 200.
    pub(crate) fn page(&self, page: &impl Template) -> PageResult {
        self.page_with(StatusCode::OK, page)
    }

    /// A form with its problems, with status 422.
    pub(crate) fn invalid(&self, page: &impl Template) -> PageResult {
        self.page_with(StatusCode::UNPROCESSABLE_ENTITY, page)
    }

    /// A page with another status.
    pub(crate) fn page_with(&self, status: StatusCode, page: &impl Template) -> PageResult {
        let html = page
            .render()
            .map_err(|error| AdminError::Internal(format!("a page cannot be rendered: {error}")))?;
        let mut response = HttpResponse::build(status);
        self.add_cookies(&mut response, None);
        Ok(response
            .content_type("text/html; charset=utf-8")
            .insert_header((CONTENT_LANGUAGE, self.language().tag()))
            .body(with_public_paths(html, self.server())))
    }

    /// JSON for `app.js`.
    #[expect(clippy::unnecessary_wraps, reason = "all responses have one type")]
    pub(crate) fn json(&self, body: &impl serde::Serialize) -> PageResult {
        let mut response = HttpResponse::Ok();
        response.insert_header((CONTENT_LANGUAGE, self.language().tag()));
        Ok(response.json(body))
    }

    /// A redirect to another page of the panel.
    #[expect(clippy::unnecessary_wraps, reason = "all responses have one type")]
    pub(crate) fn redirect(&self, to: &str) -> PageResult {
        Ok(self.redirect_builder(to, None).finish())
    }

    /// A redirect to a page that shows that the action was done.
    #[expect(clippy::unnecessary_wraps, reason = "all responses have one type")]
    pub(crate) fn redirect_ok(&self, to: &str, text: String) -> PageResult {
        let notice = Notice::ok(text);
        Ok(self.redirect_builder(to, Some(&notice)).finish())
    }

    /// As [`redirect_ok`](Self::redirect_ok), with a button that sends a form to `undo`.
    #[expect(clippy::unnecessary_wraps, reason = "all responses have one type")]
    pub(crate) fn redirect_undoable(&self, to: &str, text: String, undo: String) -> PageResult {
        let notice = Notice::undoable(text, undo);
        Ok(self.redirect_builder(to, Some(&notice)).finish())
    }

    /// A redirect to a page that shows that the action was done in part, or that there was nothing to do.
    #[expect(clippy::unnecessary_wraps, reason = "all responses have one type")]
    pub(crate) fn redirect_warn(&self, to: &str, text: String) -> PageResult {
        let notice = Notice::warn(text);
        Ok(self.redirect_builder(to, Some(&notice)).finish())
    }

    /// A redirect for further cookies.
    pub(crate) fn redirect_builder(
        &self,
        to: &str,
        notice: Option<&Notice>,
    ) -> HttpResponseBuilder {
        let mut response = HttpResponse::SeeOther();
        response.insert_header((LOCATION, public_path(self.server(), to)));
        self.add_cookies(&mut response, notice);
        response
    }

    fn add_cookies(&self, response: &mut HttpResponseBuilder, notice: Option<&Notice>) {
        let server = self.server();
        if self.is_fresh {
            response.cookie(cookies::set(
                Name::AnonymousPage,
                self.secret.clone(),
                None,
                server,
            ));
        }
        if let Some(notice) = notice {
            response.cookie(notice_cookie(notice, &self.secret, server));
        } else if self.notice.is_some() {
            response.cookie(cookies::remove(Name::Notice, server));
        }
    }
}

/// The cookie of a notice.
pub(crate) fn notice_cookie(
    notice: &Notice,
    secret: &str,
    server: &ServerConfig,
) -> actix_web::cookie::Cookie<'static> {
    // Long enough for a slow redirect, short enough not to appear on an unrelated page.
    let lifetime = std::time::Duration::from_mins(1);
    let value = notice.encode(secret);
    cookies::set(Name::Notice, value, Some(lifetime), server)
}
