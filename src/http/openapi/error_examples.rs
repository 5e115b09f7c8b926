//! An example of each error code.

use serde_json::{Value, json};

use crate::domain::language::Language;
use crate::http::api::answer::{code_message, rate_limited};
use crate::http::api::codes::{CODES, Code};
use crate::http::openapi::examples;

/// The example of the seconds in `Retry-After`.
const RETRY_AFTER: u64 = 60;

/// The name of a code's example; a code with two meanings has one for each.
pub(crate) fn example_name(code: &Code) -> String {
    let is_first = CODES.iter().find(|other| other.name == code.name);
    if is_first.is_some_and(|first| first.when == code.when) {
        code.name.to_owned()
    } else {
        format!("{}_{}", code.name, code.status)
    }
}

/// The example of a code.
pub(super) fn error_example(code: &Code) -> Value {
    let mut body = json!({
        "success": false, "code": code.name, "message": message(code, Language::En), "meta": examples::meta(),
    });
    let errors = match code.name {
        "INVALID_REQUEST" => json!({"body": ["The body must be a JSON object."]}),
        "ALREADY_EXISTS" => json!({"email": ["This value is already in use."]}),
        "CURRENT_PASSWORD_REQUIRED" => json!({"current_password": ["This field is required."]}),
        _ => Value::Null,
    };
    if !errors.is_null() {
        body["errors"] = errors;
    }
    json!({"summary": code.when, "value": body})
}

/// The message of a code.
pub(crate) fn message(code: &Code, language: Language) -> String {
    match code.name {
        "RATE_LIMITED" => rate_limited(language, RETRY_AFTER),
        name => code_message(language, name),
    }
    .into_owned()
}
