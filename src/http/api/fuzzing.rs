//! Fuzz targets for the bodies and queries of the API. See `src/fuzzing.rs`.

use actix_web::body::MessageBody;
use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::config::RolesConfig;
use crate::domain::language::Language;
use crate::domain::paging::Page;
use crate::http::api::body::Fields;
use crate::http::api::endpoint::Endpoint;
use crate::http::api::errors::ApiError;
use crate::http::api::forward::Conditions;
use crate::http::api::input::Field;
use crate::http::api::inputs::{
    EMAIL, IDENTIFIER, IS_ACTIVE, PAGE, PASSWORD, PHONE, ROLE, SEARCH, TOKEN,
};
use crate::http::api::query::Query;
use crate::http::api::routes::ENDPOINTS;
use crate::http::middleware::context::RequestContext;

/// Fields of several types, one of them required.
const BODY: &[Field] = &[
    EMAIL.optional(),
    PHONE.nullable(),
    ROLE.optional(),
    IS_ACTIVE.optional(),
    TOKEN.required(),
    IDENTIFIER.optional(),
    PASSWORD.optional(),
];

/// Parses a body; the first byte chooses the content type. Every value that is read is that of the JSON or form, and an error
/// names only fields of the body or of the declaration. The same holds for the body as that of an endpoint.
///
/// # Panics
/// When this does not hold.
pub fn bodies(bytes: &[u8]) {
    let Some((choice, body)) = bytes.split_first() else {
        return;
    };
    let media_type = match choice % 4 {
        0 => Some("application/json"),
        1 => Some("application/x-www-form-urlencoded"),
        2 => Some("text/plain"),
        _ => None,
    };
    let sent: Map<String, Value> = match media_type {
        Some("application/json") => serde_json::from_slice(body).unwrap_or_default(),
        _ => form_urlencoded::parse(body)
            .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
            .collect(),
    };
    match Fields::read(body, media_type, BODY) {
        Ok(fields) => typed_fields(fields, &sent),
        Err(error) => return check_error(&error, &["body"]),
    }
    let with_body = || {
        ENDPOINTS
            .iter()
            .filter(|endpoint| !endpoint.body.is_empty())
    };
    let at = usize::from(choice / 4) % with_body().count();
    if let Some(endpoint) = with_body().nth(at)
        && let Ok(fields) = Fields::read(body, media_type, endpoint.body)
    {
        declared_fields(fields, endpoint, &sent);
    }
}

/// Each field of [`BODY`] has the value that was sent, or a problem.
fn typed_fields(mut fields: Fields, sent: &Map<String, Value>) {
    let text = |name: &str| sent.get(name).and_then(Value::as_str);
    if let Some(email) = fields.optional(&EMAIL) {
        assert_eq!(text("email").map(str::trim), Some(email.as_typed()));
    }
    if let Some(Some(phone)) = fields.clearable(&PHONE) {
        // Pasted characters are replaced by those that would be typed.
        assert!(phone.as_str().is_ascii());
        let typed = text("phone").filter(|typed| typed.is_ascii());
        assert!(typed.is_none_or(|typed| typed.trim() == phone.as_str()));
    }
    if let Some(role) = fields.optional(&ROLE) {
        assert_eq!(text("role"), Some(role.as_str()));
    }
    if let Some(truth) = fields.boolean(&IS_ACTIVE) {
        let stated = sent.get("is_active");
        assert!(stated == Some(&truth.into()) || stated == Some(&truth.to_string().into()));
    }
    if let Some(token) = fields.required(&TOKEN) {
        assert_eq!(text("token").map(str::trim), Some(token.as_str()));
    }
    if let Some(name) = fields.optional(&IDENTIFIER) {
        assert_eq!(text("username"), Some(name.as_str()));
    }
    assert!(fields.optional(&PASSWORD).is_none() || text("password").is_some());
    fields.refuse_unknown();
    fields.require_any();
    check_names(fields, BODY, sent);
}

/// Each field that the endpoint declares is accepted or has a problem.
fn declared_fields(mut fields: Fields, endpoint: &Endpoint, sent: &Map<String, Value>) {
    for field in endpoint.body {
        fields.check(field);
    }
    if endpoint.refuses_unknown {
        fields.refuse_unknown();
    }
    check_names(fields, endpoint.body, sent);
}

fn check_names(fields: Fields, declared: &[Field], sent: &Map<String, Value>) {
    let sent: Vec<String> = sent
        .keys()
        .map(|name| name.chars().take(64).collect())
        .collect();
    let mut names: Vec<&str> = sent.iter().map(String::as_str).collect();
    names.extend(declared.iter().map(|field| field.name));
    names.push("body");
    if let Err(error) = fields.finish() {
        check_error(&error, &names);
    }
}

/// The answer to an error has the envelope, is `400` or `415`, and names only these fields.
fn check_error(error: &ApiError, names: &[&str]) {
    let context = RequestContext::new(Timestamp::EPOCH, Language::En);
    let answer = error.answer(&context);
    let status = answer.status().as_u16();
    assert!([400, 415].contains(&status), "{status}");
    let body = answer.into_body().try_into_bytes().unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    assert_eq!(body["success"], false);
    if status == 400 {
        let errors = body["errors"].as_object();
        assert!(errors.is_some_and(|errors| !errors.is_empty()));
        assert!(
            errors.is_some_and(|errors| errors.keys().all(|name| names.contains(&name.as_str())))
        );
    }
}

/// Parses a query as that of each endpoint: pages stay within their limits, and an error names only parameters of the endpoint.
///
/// # Panics
/// When this does not hold.
pub fn queries(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (strict, lists): (Vec<_>, Vec<_>) = ENDPOINTS
        .iter()
        .filter(|endpoint| !endpoint.query.is_empty())
        .partition(|endpoint| endpoint.refuses_unknown);
    for endpoint in strict {
        conditions(text, endpoint);
    }
    for endpoint in lists {
        let mut query = Query::read(text, endpoint.query);
        if endpoint.query.iter().any(|field| field.name == PAGE.name) {
            let search = query.get(&SEARCH).flatten();
            assert!(search.is_none_or(|search| !search.contains(char::is_control)));
            let page = query.page();
            assert!((1..=Page::MAX_NUMBER).contains(&page.number()));
            assert!((1..=Page::MAX_SIZE).contains(&page.size()));
            assert!(page.offset() >= 0);
        }
        for field in endpoint.query {
            query.check(field);
        }
        if let Err(error) = query.finish() {
            let names: Vec<&str> = endpoint.query.iter().map(|field| field.name).collect();
            check_error(&error, &names);
        }
    }
}

/// What follows the original path changes no condition of `/auth/forward`.
fn conditions(text: &str, endpoint: &Endpoint) {
    let is_accepted =
        |text: &str| Conditions::read(text, endpoint.query, &RolesConfig::default()).is_ok();
    let longer = format!("{text}&path=/x?role=y&role=&other=z");
    assert_eq!(is_accepted(text), is_accepted(&longer), "{text}");
}
