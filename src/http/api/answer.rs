//! The envelope of a success, and the messages of codes in the language of the request. The texts are in `locales/`; a test
//! checks that none is missing.

use std::borrow::Cow;

use actix_web::{
    HttpRequest, HttpResponse, Responder,
    body::BoxBody,
    cookie::Cookie,
    error::JsonPayloadError,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};
use rust_i18n::t;
use schemars::JsonSchema;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::domain::language::Language;
use crate::domain::paging::{Count, Cursor, Paged, Slice};
use crate::http::api::links::{Links, ListPosition, Pagination};
use crate::http::device_token;
use crate::http::middleware::context::RequestContext;
use crate::services::Services;

/// The media type of the envelope.
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Most answers fit into it, so that their buffer never grows.
const USUAL_SIZE: usize = 512;

/// `meta` of every envelope.
#[derive(Serialize, JsonSchema)]
pub(in crate::http) struct Meta<'a> {
    /// When the request arrived.
    timestamp: Timestamp,
    /// The request's `X-Request-Id`, or a new one.
    #[schemars(example = &"a1b2c3d4e5f6")]
    request_id: &'a str,
    /// The position of the page; in lists with pages only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pagination: Option<Pagination>,
    /// The addresses of other pages; in lists with pages only.
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<Links>,
    /// The position of the answer; in lists with cursors only.
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<ListPosition>,
}

impl<'a> Meta<'a> {
    pub(super) fn of(context: &'a RequestContext) -> Self {
        Self {
            timestamp: context.received_at,
            request_id: &context.id,
            pagination: None,
            links: None,
            list: None,
        }
    }
}

#[derive(Serialize)]
struct Envelope<'a, T> {
    success: bool,
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a T>,
    meta: Meta<'a>,
}

/// A successful answer: its code, its data, and its cookies.
pub(super) struct Answer<T> {
    status: StatusCode,
    code: &'static str,
    data: Option<T>,
    pagination: Option<Pagination>,
    position: Option<(i64, Count, Option<Cursor>)>,
    device_token: Option<String>,
    device_cookie: Option<Cookie<'static>>,
    refresh_cookie: Option<Cookie<'static>>,
}

impl Answer<()> {
    /// 200 without data.
    pub(super) fn done(code: &'static str) -> Self {
        Self::new(StatusCode::OK, code, None)
    }

    /// 202 without data: what was requested is done in the background.
    pub(super) fn accepted(code: &'static str) -> Self {
        Self::new(StatusCode::ACCEPTED, code, None)
    }
}

impl<T> Answer<T> {
    fn new(status: StatusCode, code: &'static str, data: Option<T>) -> Self {
        Self {
            status,
            code,
            data,
            pagination: None,
            position: None,
            device_token: None,
            device_cookie: None,
            refresh_cookie: None,
        }
    }

    /// 200 with data.
    pub(super) fn ok(code: &'static str, data: T) -> Self {
        Self::new(StatusCode::OK, code, Some(data))
    }

    /// 201 with the created object.
    pub(super) fn created(code: &'static str, data: T) -> Self {
        Self::new(StatusCode::CREATED, code, Some(data))
    }

    /// 202 with data: what was requested is done in the background.
    pub(super) fn accepted_with(code: &'static str, data: T) -> Self {
        Self::new(StatusCode::ACCEPTED, code, Some(data))
    }

    /// The same with other data.
    pub(super) fn map(self, change: impl FnOnce(T) -> T) -> Self {
        Self {
            data: self.data.map(change),
            ..self
        }
    }

    /// The same with a device token for the next login: in the header, and in a cookie if one may be set.
    pub(super) fn on_device(self, services: &Services, token: String, may_set: bool) -> Self {
        let cookie = may_set.then(|| device_token::cookie(services, token.clone()));
        Self {
            device_token: Some(token),
            device_cookie: cookie,
            ..self
        }
    }

    /// The same with a cookie that sets or removes the refresh token; with `None` the browser keeps what it has.
    pub(super) fn with_refresh_cookie(self, cookie: Option<Cookie<'static>>) -> Self {
        Self {
            refresh_cookie: cookie,
            ..self
        }
    }
}

impl<T> Answer<Vec<T>> {
    /// 200 with a page of a list.
    pub(super) fn page(code: &'static str, paged: Paged<T>) -> Self {
        let Paged { page, items, total } = paged;
        let pagination = Pagination::new(page, total);
        Self {
            pagination: Some(pagination),
            ..Self::ok(code, items)
        }
    }
}

impl<T> Answer<Vec<T>> {
    /// 200 with a part of a list with cursors. Rows that were not examined are in the next part: one may be without entries.
    pub(super) fn part<R>(
        code: &'static str,
        slice: Slice<R>,
        page_size: i64,
        cursor_of: impl Fn(&R) -> Cursor,
        view: impl FnMut(R) -> T,
    ) -> Self {
        let last = slice.items.last().filter(|_| slice.has_next).map(cursor_of);
        let next = slice.edge.or(last);
        Self {
            position: Some((page_size, slice.count, next)),
            ..Self::ok(code, slice.items.into_iter().map(view).collect())
        }
    }
}

impl<T: Serialize> Responder for Answer<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let context = RequestContext::of(request);
        let message = code_message(context.language, self.code);
        let mut meta = Meta::of(&context);
        meta.pagination = self.pagination;
        meta.links = self
            .pagination
            .map(|position| Links::new(request, position));
        let position = self.position.as_ref();
        meta.list = position.map(|(page_size, count, next)| {
            ListPosition::new(request, *page_size, *count, next.as_ref())
        });
        let body = Envelope {
            success: true,
            code: self.code,
            message: &message,
            data: self.data.as_ref(),
            meta,
        };
        let mut json = Vec::with_capacity(USUAL_SIZE);
        if let Err(error) = serde_json::to_writer(&mut json, &body) {
            return HttpResponse::from_error(JsonPayloadError::Serialize(error));
        }
        let mut answer = HttpResponse::build(self.status);
        answer.insert_header((header::CONTENT_TYPE, JSON));
        let language = HeaderValue::from_static(context.language.tag());
        answer.insert_header((header::CONTENT_LANGUAGE, language));
        if let Some(token) = self.device_token {
            answer.insert_header((device_token::HEADER, token));
        }
        let cookies = [self.device_cookie, self.refresh_cookie];
        for cookie in cookies.into_iter().flatten() {
            answer.cookie(cookie);
        }
        answer.body(json)
    }
}

/// The message of a code.
pub(in crate::http) fn code_message(language: Language, code: &str) -> Cow<'static, str> {
    t!(format!("code.{code}"), locale = language.tag())
}

/// A message that differs from that of its code, by its key.
pub(super) fn sentence(language: Language, key: &'static str) -> Cow<'static, str> {
    t!(key, locale = language.tag())
}

/// The message of `FORBIDDEN` with the scope that the access token does not have.
pub(super) fn scope_missing(language: Language, scope: &str) -> Cow<'static, str> {
    t!(
        "sentence.scope_missing",
        locale = language.tag(),
        scope = scope
    )
}

/// The message of `RATE_LIMITED` with the seconds to wait.
pub(in crate::http) fn rate_limited(language: Language, seconds: u64) -> Cow<'static, str> {
    t!("code.RATE_LIMITED", locale = language.tag(), n = seconds)
}
