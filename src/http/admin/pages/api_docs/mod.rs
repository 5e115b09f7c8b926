//! `/docs`: the OpenAPI document as two pages, of which the second has the operations for administration. They need no
//! session and no script.

mod curl;
mod views;

use actix_web::{HttpRequest, HttpResponse, http::header::CONTENT_LANGUAGE, web};
use askama::Template;
use chrono_tz::Tz;
use serde_json::Value;

use crate::domain::language::Language;
use crate::domain::preferences::Theme;
use crate::http::admin::pages::api_docs::views::{Group, Operation, groups};
use crate::http::admin::paths;
use crate::http::admin::web::code_text::{Piece, pieces};
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::public_path::with_public_paths;
use crate::http::api::codes::CODES;
use crate::http::middleware::context::RequestContext;
use crate::http::openapi::error_examples::{example_name, message};
use crate::http::openapi::served::Served;
use crate::services::Services;

#[derive(Template)]
#[template(path = "admin/api_docs/show.html")]
struct DocsPage {
    l: Layout,
    groups: Vec<Group>,
    /// Empty on the second page.
    codes: Vec<CodeView>,
    /// The address of the page with the codes; empty on that page.
    page_of_codes: String,
    /// The parameter of this page, after another one.
    part: &'static str,
}

/// The group of operations that has a page of its own.
const ADMINISTRATION: &str = "administration";

impl DocsPage {
    /// Leaves what the first or the second page shows, with links to the other one.
    fn split(&mut self, is_second: bool, language: Option<Language>) {
        let query = language.map_or(String::new(), |one| format!("?language={}", one.tag()));
        let first = format!("{}{query}", paths::API_DOCS);
        let and = if query.is_empty() { '?' } else { '&' };
        let second = format!("{first}{and}part={ADMINISTRATION}");
        for group in &mut self.groups {
            let is_of_second = group.id == ADMINISTRATION;
            if is_of_second != is_second {
                group
                    .page
                    .clone_from(if is_of_second { &second } else { &first });
            }
        }
        if is_second {
            self.codes.clear();
            self.page_of_codes = first;
            self.part = "&part=administration";
        }
    }

    /// The kind of badge of a method.
    fn kind_of(operation: &Operation) -> &'static str {
        match operation.method.as_str() {
            "GET" => "info",
            "POST" => "ok",
            "PATCH" => "warn",
            _ => "danger",
        }
    }
}

/// An error code.
struct CodeView {
    status: u16,
    name: &'static str,
    /// The name of its example in the document.
    anchor: String,
    message: String,
    when: Vec<Piece>,
    action: Vec<Piece>,
}

/// `GET /docs`: in the language of `?language=`, otherwise of `Accept-Language`. `?part=administration` is the second page.
/// **Permissions**: anyone. 200.
pub(crate) async fn show(
    request: HttpRequest,
    services: web::Data<Services>,
    description: web::Data<Served>,
) -> PageResult {
    let context = RequestContext::of(&request);
    let chosen = parameter(&request, "language").and_then(|tag| Language::from_tag(&tag));
    let language = chosen.unwrap_or(context.language);
    let is_second = parameter(&request, "part").is_some_and(|part| part == ADMINISTRATION);
    let server = &services.config.server;
    let mut page = page(
        &description.get(&services.config).document,
        language,
        &context,
    );
    page.split(is_second, chosen);
    let html = page
        .render()
        .map_err(|error| AdminError::Internal(format!("a page cannot be rendered: {error}")))?;
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_LANGUAGE, language.tag()))
        .body(with_public_paths(html, server)))
}

fn parameter(request: &HttpRequest, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(request.query_string().as_bytes());
    let (_, value) = pairs.find(|(key, _)| key == name)?;
    Some(value.into_owned())
}

fn page(document: &Value, language: Language, context: &RequestContext) -> DocsPage {
    let codes = CODES.iter().map(|code| CodeView {
        status: code.status,
        name: code.name,
        anchor: example_name(code),
        message: message(code, language),
        when: pieces(code.when),
        action: pieces(code.action),
    });
    DocsPage {
        l: Layout::plain(language, Theme::System, Tz::UTC, context.received_at),
        groups: groups(document),
        codes: codes.collect(),
        page_of_codes: String::new(),
        part: "",
    }
}
