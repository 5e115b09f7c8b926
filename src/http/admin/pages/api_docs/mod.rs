//! `/docs`: the OpenAPI document as a page. It needs no session and no script.

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
    codes: Vec<CodeView>,
}

impl DocsPage {
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

/// `GET /docs`: in the language of `?language=`, otherwise of `Accept-Language`. **Permissions**: anyone. 200.
pub(crate) async fn show(
    request: HttpRequest,
    services: web::Data<Services>,
    description: web::Data<Served>,
) -> PageResult {
    let context = RequestContext::of(&request);
    let language = chosen_language(&request).unwrap_or(context.language);
    let server = &services.config.server;
    let page = page(
        &description.get(&services.config).document,
        language,
        &context,
    );
    let html = page
        .render()
        .map_err(|error| AdminError::Internal(format!("a page cannot be rendered: {error}")))?;
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_LANGUAGE, language.tag()))
        .body(with_public_paths(html, server)))
}

fn chosen_language(request: &HttpRequest) -> Option<Language> {
    let mut pairs = form_urlencoded::parse(request.query_string().as_bytes());
    let (_, tag) = pairs.find(|(name, _)| name == "language")?;
    Language::from_tag(&tag)
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
    }
}
