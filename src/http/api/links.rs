//! The position of an answer in its list, and the addresses of the others.

use actix_web::HttpRequest;
use form_urlencoded::Serializer;
use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::paging::{Count, Cursor, Page};
use crate::http::api::inputs::PAGE;
use crate::http::middleware::context::services_of;

/// The parameter with the cursor of a list.
pub(in crate::http) const CURSOR_NAME: &str = "cursor";

/// The position of a page in its list.
#[derive(Serialize, Clone, Copy, JsonSchema)]
pub(super) struct Pagination {
    /// The page's number, from 1.
    #[schemars(example = 2)]
    page: i64,
    /// The entries of a page.
    #[schemars(example = 20)]
    page_size: i64,
    /// The entries of the list.
    #[schemars(example = 45)]
    total: i64,
    /// The pages of the list, at least 1.
    #[schemars(example = 3)]
    total_pages: i64,
}

impl Pagination {
    /// The position of a page in a list of `total` entries.
    pub(super) fn new(page: Page, total: i64) -> Self {
        Self {
            page: page.number(),
            page_size: page.size(),
            total,
            total_pages: page.pages(total),
        }
    }
}

/// The position in a list with cursors.
#[derive(Serialize, JsonSchema)]
pub(super) struct ListPosition {
    /// The most entries of an answer.
    #[schemars(example = 20)]
    page_size: i64,
    /// The entries of the list, counted up to a limit.
    #[schemars(example = 45)]
    total: i64,
    /// Whether there are more entries than `total`.
    #[schemars(example = false)]
    has_more_than_total: bool,
    /// The `cursor` of the next request; `null` at the end of the list.
    #[schemars(example = &"MDE5YzVjMjFjZmFlNzBkY2EyZTJhZGFkOTdjZmI3MzIKMTc3MTA3MjI0NTY3ODkwMQ")]
    next_cursor: Option<String>,
    /// The address of the next request. It begins with `server.public_url`; without it, it is a path.
    #[schemars(example = &"https://auth.example.org/api/sessions?cursor=MDE5YzVjMjEKMA")]
    next: Option<String>,
}

impl ListPosition {
    /// The position in the list that `request` asks for.
    pub(super) fn new(
        request: &HttpRequest,
        page_size: i64,
        count: Count,
        next: Option<&Cursor>,
    ) -> Self {
        let next_cursor = next.map(Cursor::encoded);
        let address = |cursor: &String| {
            let query = query(request, (CURSOR_NAME, cursor.as_str()));
            format!("{}?{query}", list_address(request))
        };
        Self {
            page_size,
            total: count.rows,
            has_more_than_total: count.more,
            next: next_cursor.as_ref().map(address),
            next_cursor,
        }
    }
}

/// The addresses of the other pages of a list. They begin with `server.public_url`; without it they are paths.
#[derive(Serialize, JsonSchema)]
pub(super) struct Links {
    /// The first page.
    #[schemars(example = &"https://auth.example.org/api/users?page_size=20&page=1")]
    first: String,
    /// The page before; `null` on the first one.
    #[schemars(example = &"https://auth.example.org/api/users?page_size=20&page=1")]
    prev: Option<String>,
    /// The page after; `null` on the last one.
    #[schemars(example = &"https://auth.example.org/api/users?page_size=20&page=3")]
    next: Option<String>,
    /// The last page.
    #[schemars(example = &"https://auth.example.org/api/users?page_size=20&page=3")]
    last: String,
}

impl Links {
    /// The addresses for a page of the list that `request` asks for. Behind the end, the page before is the last one.
    pub(super) fn new(request: &HttpRequest, position: Pagination) -> Self {
        let address = |page: i64| {
            let query = query(request, (PAGE.name, page.to_string().as_str()));
            format!("{}?{query}", list_address(request))
        };
        let Pagination {
            page, total_pages, ..
        } = position;
        let last = total_pages.min(Page::MAX_NUMBER);
        Self {
            first: address(1),
            prev: (page > 1).then(|| address((page - 1).min(last))),
            next: (page < last).then(|| address(page + 1)),
            last: address(last),
        }
    }
}

/// The address of the list as the caller sees it, without its query.
fn list_address(request: &HttpRequest) -> String {
    let services = services_of(request).ok();
    let public_url = services.and_then(|services| services.config.server.public_url.clone());
    let base = public_url.map(|url| url.as_str().trim_end_matches('/').to_owned());
    format!("{}{}", base.unwrap_or_default(), request.path())
}

/// The query of the request with another value of one parameter.
fn query(request: &HttpRequest, (name, value): (&str, &str)) -> String {
    let pairs = form_urlencoded::parse(request.query_string().as_bytes());
    let others = pairs.filter(|(other, _)| other != name);
    Serializer::new(String::new())
        .extend_pairs(others)
        .append_pair(name, value)
        .finish()
}
