//! Every answer of the API that a test gets is compared with the OpenAPI document: the document has its status and code, and
//! its body fits the schema, without any field that the document does not have.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use jsonschema::Validator;
use munjigi::{
    config::RolesConfig,
    http::{
        api::{endpoint::Endpoint, routes::ENDPOINTS},
        openapi::document::document,
    },
};
use serde_json::{Value, json};

use super::Answer;

/// The document.
pub static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| document(ENDPOINTS, "/", &RolesConfig::default()));

/// The document with schemas that refuse further fields.
static STRICT: LazyLock<Value> = LazyLock::new(|| {
    let mut document = DOCUMENT.clone();
    for (name, schema) in document["components"]["schemas"].as_object_mut().unwrap() {
        // Tokens have further claims where the settings say so.
        if name != "Claims" {
            close(schema);
        }
    }
    close(&mut document["paths"]);
    document
});

fn close(schema: &mut Value) {
    match schema {
        Value::Object(entries) => {
            if entries.contains_key("properties") && entries.contains_key("required") {
                // `true` says that there are more.
                let more = entries.entry("additionalProperties");
                more.or_insert(json!(false));
            }
            entries.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// A validator of the schema at this place of a document.
pub fn validator(document: &Value, pointer: &str) -> Validator {
    let mut schema = document.pointer(pointer).cloned().unwrap();
    schema["components"] = document["components"].clone();
    jsonschema::validator_for(&schema).unwrap_or_else(|error| panic!("{pointer}: {error}"))
}

/// A JSON pointer of these names.
pub fn pointer(names: &[&str]) -> String {
    let escaped = names
        .iter()
        .map(|name| name.replace('~', "~0").replace('/', "~1"));
    escaped.fold(String::new(), |pointer, name| pointer + "/" + &name)
}

static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

fn strict_validator(pointer: &str) -> Arc<Validator> {
    let mut validators = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let made = validators
        .entry(pointer.to_owned())
        .or_insert_with(|| Arc::new(validator(&STRICT, pointer)));
    Arc::clone(made)
}

/// The endpoint of a request.
fn endpoint(method: &str, path: &str) -> Option<&'static Endpoint> {
    let segments = |path: &str| -> Vec<String> {
        let path = path.trim_end_matches('/');
        path.split('/').map(str::to_owned).collect()
    };
    let asked = segments(path);
    let matches = |endpoint: &&Endpoint| {
        let own = segments(endpoint.path);
        let mut pairs = own.iter().zip(&asked);
        own.len() == asked.len() && pairs.all(|(own, asked)| own.starts_with('{') || own == asked)
    };
    // As in the server, a path with a word goes before one with a parameter there.
    let matching = ENDPOINTS.iter().filter(matches);
    let served = matching.min_by_key(|endpoint| endpoint.path.matches('{').count())?;
    ENDPOINTS
        .iter()
        .find(|endpoint| endpoint.path == served.path && endpoint.method.as_str() == method)
}

/// Asserts that the document describes an answer. Answers to `HEAD` and of other paths and methods are not in it.
pub fn check(method: &str, path: &str, answer: &Answer) {
    let Some(endpoint) = endpoint(method, path) else {
        return;
    };
    if endpoint.path == "/openapi.json" {
        return;
    }
    let (method, status) = (method.to_lowercase(), answer.status.to_string());
    let shown = || format!("{method} {path}: {status} {}", answer.text);
    let response = pointer(&["paths", endpoint.path, &method, "responses", &status]);
    assert!(
        DOCUMENT.pointer(&response).is_some(),
        "the document has no such answer: {}",
        shown()
    );
    let Some(media_type) = answer.header("content-type") else {
        assert_eq!(answer.text, "", "{}", shown());
        return;
    };
    let schema = match media_type {
        "application/problem+json" => pointer(&["components", "schemas", "ProblemDetails"]),
        _ => format!("{response}{}", pointer(&["content", media_type, "schema"])),
    };
    assert!(DOCUMENT.pointer(&schema).is_some(), "{schema}: {}", shown());
    let text = Value::String(answer.text.clone());
    // Lines of JSON are no JSON.
    let is_json = media_type.ends_with("json") && media_type != "application/x-ndjson";
    let errors: Vec<String> = strict_validator(&schema)
        .iter_errors(if is_json { &answer.body } else { &text })
        .map(|error| format!("{} {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}: {}", shown());
}
