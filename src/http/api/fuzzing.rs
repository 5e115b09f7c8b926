//! What must hold of every body and query of this door. See `src/fuzzing.rs`.

use actix_web::body::MessageBody;
use serde_json::{Map, Value};

use crate::{
    clock::Timestamp,
    domain::{
        account::{Email, Phone, Role},
        language::Language,
        paging::Page,
    },
    http::{
        api::{
            body::{Fields, identifier, password, token},
            errors::ApiError,
            query::Query,
        },
        middleware::context::RequestContext,
    },
};

const KNOWN: &[&str] = &[
    "email",
    "phone",
    "role",
    "is_active",
    "token",
    "username",
    "password",
];

/// The first byte chooses the content type: the fields are those that the JSON or the form has, and what is refused is told
/// in the envelope by the name of its field.
///
/// # Panics
/// Where that does not hold.
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
    let mut fields = match Fields::read(body, media_type) {
        Ok(fields) => fields,
        Err(error) => return told(&error, &["body"]),
    };
    let there: Map<String, Value> = match media_type {
        Some("application/json") => serde_json::from_slice(body).unwrap_or_default(),
        _ => form_urlencoded::parse(body)
            .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
            .collect(),
    };
    let text = |name: &str| there.get(name).and_then(Value::as_str);
    if let Some(email) = fields.optional("email", Email::parse) {
        assert_eq!(text("email").map(str::trim), Some(email.as_typed()));
    }
    if let Some(Some(phone)) = fields.clearable("phone", Phone::parse) {
        assert_eq!(text("phone").map(str::trim), Some(phone.as_str()));
    }
    if let Some(role) = fields.optional("role", Role::parse) {
        assert_eq!(text("role"), Some(role.as_str()));
    }
    if let Some(truth) = fields.boolean("is_active") {
        let stated = there.get("is_active");
        assert!(stated == Some(&truth.into()) || stated == Some(&truth.to_string().into()));
    }
    if let Some(token) = fields.required("token", token) {
        assert_eq!(text("token").map(str::trim), Some(token.as_str()));
    }
    if let Some(name) = fields.optional("username", identifier) {
        assert_eq!(text("username"), Some(name.as_str()));
    }
    assert!(fields.optional("password", password).is_none() || text("password").is_some());
    fields.refuse_unknown(KNOWN);
    fields.require_any(KNOWN);
    let names: Vec<String> = there
        .keys()
        .map(|name| name.chars().take(64).collect())
        .collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.extend(["token", "body"]);
    if let Err(error) = fields.finish() {
        told(&error, &names);
    }
}

/// A refusal as it is answered: in the envelope, `400` or `415`, about these fields alone.
fn told(error: &ApiError, names: &[&str]) {
    let context = RequestContext::unread(Timestamp::EPOCH, Language::En);
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

/// A text as a query: pages stay within their bounds, and what is refused is told by the name of its parameter.
///
/// # Panics
/// Where that does not hold.
pub fn queries(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let mut query = Query::read(text);
    let search = query.search();
    assert!(search.is_none_or(|search| !search.contains(char::is_control)));
    let _ = query.boolean("is_active");
    let _ = query.optional("role", Role::parse);
    let page = query.page();
    assert!((1..=Page::MAX_NUMBER).contains(&page.number()));
    assert!((1..=Page::MAX_SIZE).contains(&page.size()));
    assert!(page.offset() >= 0);
    if let Err(error) = query.finish() {
        told(
            &error,
            &["search", "is_active", "role", "page", "page_size"],
        );
    }
}
