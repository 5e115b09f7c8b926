//! The answers of an operation: the success, and the errors by status.

use std::collections::BTreeMap;

use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::domain::language::Language;
use crate::http::api::admin::audit_events::LINES;
use crate::http::api::answer::code_message;
use crate::http::api::codes::{
    Code, FORBIDDEN, INTERNAL_ERROR, INVALID_REQUEST, INVALID_TOKEN, OVERLOADED, PAYLOAD_TOO_LARGE,
    SESSION_REVOKED, TOKEN_EXPIRED, TOKEN_USER_NOT_FOUND, UNAUTHORIZED, UNAVAILABLE,
    UNSUPPORTED_MEDIA_TYPE, USER_INACTIVE,
};
use crate::http::api::endpoint::{Access, Body, Endpoint};
use crate::http::api::inputs::PAGE;
use crate::http::api::links::CURSOR_NAME;
use crate::http::api::oauth_error::ErrorBody;
use crate::http::openapi::error_examples::example_name;

/// The answers by status.
pub(super) fn responses(endpoint: &Endpoint, generator: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    let success = success(endpoint, generator);
    responses.insert(endpoint.status.to_string(), success);
    if endpoint.has_tag {
        responses.insert("304".to_owned(), not_modified());
    }
    if endpoint.is_oauth {
        let schema = generator.subschema_for::<ErrorBody<'_>>();
        let errors = oauth_errors(&schema);
        // Those of a body.
        let is_possible =
            |status: &str| !endpoint.body.is_empty() || !["413", "415"].contains(&status);
        responses.extend(errors.filter(|(status, _)| is_possible(status)));
        return Value::Object(responses);
    }
    for (status, codes) in errors(endpoint) {
        let mut response = error(status, &codes);
        for (_, schema) in endpoint.other_answers.iter().filter(|one| one.0 == status) {
            let content = &mut response["content"]["application/json"]["schema"];
            *content = json!({"anyOf": [schema(generator), content.take()]});
        }
        responses.insert(status.to_string(), response);
    }
    Value::Object(responses)
}

fn not_modified() -> Value {
    let mut headers = shared_headers();
    headers["ETag"] = header("ETag");
    json!({"description": "The version in `If-None-Match` is the newest.", "headers": headers})
}

/// The errors of the endpoints of OAuth 2.0.
fn oauth_errors(schema: &Schema) -> impl Iterator<Item = (String, Value)> {
    let of_status = [
        (
            400,
            "The request is wrong: `invalid_request`, `invalid_scope`, `unsupported_grant_type`, `unsupported_token_type`.",
        ),
        (
            401,
            "The credentials are wrong: `invalid_client`, `invalid_token`.",
        ),
        (
            403,
            "The access token is not that of a service: `insufficient_scope`.",
        ),
        (413, "The body is too large: `invalid_request`."),
        (
            415,
            "The body is neither JSON nor a form: `invalid_request`.",
        ),
        (429, "Too many wrong secrets: `temporarily_unavailable`."),
        (500, "A bug: `server_error`."),
        (
            503,
            "The server is overloaded, or the database does not answer: `temporarily_unavailable`.",
        ),
    ];
    of_status.into_iter().map(move |(status, description)| {
        let content = json!({"application/json": {"schema": schema}});
        let response = json!({"description": description, "headers": error_headers(status), "content": content});
        (status.to_string(), response)
    })
}

/// The error codes of an endpoint, by status: its own, and those that its access and its inputs bring.
fn errors(endpoint: &Endpoint) -> BTreeMap<u16, Vec<Code>> {
    let mut codes = endpoint.errors.to_vec();
    if !endpoint.body.is_empty() {
        codes.extend([INVALID_REQUEST, PAYLOAD_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE]);
    } else if !endpoint.query.is_empty() {
        codes.push(INVALID_REQUEST);
    }
    if endpoint.access != Access::Anyone {
        codes.extend([
            UNAUTHORIZED,
            INVALID_TOKEN,
            TOKEN_EXPIRED,
            SESSION_REVOKED,
            USER_INACTIVE,
            TOKEN_USER_NOT_FOUND,
            FORBIDDEN,
        ]);
    }
    codes.extend([INTERNAL_ERROR, OVERLOADED, UNAVAILABLE]);
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in codes {
        by_status.entry(code.status).or_default().push(code);
    }
    by_status
}

fn error_headers(status: u16) -> Value {
    let mut headers = shared_headers();
    if status == 401 {
        headers["WWW-Authenticate"] = header("Challenge");
    }
    if [429, 503].contains(&status) {
        headers["Retry-After"] = header("RetryAfter");
    }
    if status == 429 {
        headers["RateLimit-Policy"] = header("RateLimitPolicy");
        headers["RateLimit"] = header("RateLimit");
    }
    headers
}

fn error(status: u16, codes: &[Code]) -> Value {
    let mut headers = error_headers(status);
    headers["Content-Language"] = header("Language");
    let names: Vec<&str> = codes.iter().map(|code| code.name).collect();
    let examples = codes.iter().map(|code| {
        let name = example_name(code);
        let reference = json!({"$ref": format!("#/components/examples/{name}")});
        (name, reference)
    });
    json!({
        "description": codes.iter().map(sentence).collect::<Vec<_>>().join("\n"),
        "headers": headers,
        "content": {"application/json": {
            "schema": {"allOf": [
                {"$ref": "#/components/schemas/Error"},
                {"type": "object", "properties": {"code": {"enum": names}}},
            ]},
            "examples": examples.collect::<Map<_, _>>(),
        }},
    })
}

fn sentence(code: &Code) -> String {
    format!("- `{}`: {}", code.name, code.when)
}

fn success(endpoint: &Endpoint, generator: &mut SchemaGenerator) -> Value {
    let mut headers = shared_headers();
    if endpoint.has_tag {
        headers["ETag"] = header("ETag");
    }
    if endpoint.waits {
        headers["Preference-Applied"] = header("PreferenceApplied");
    }
    match endpoint.answer {
        Body::Json(schema) => json!({
            "description": "The document, without an envelope.", "headers": headers,
            "content": {"application/json": {"schema": schema(generator)}},
        }),
        Body::Lines(schema) => json!({
            "description": "Lines of JSON.", "headers": headers,
            "content": {LINES: {"schema": {
                "type": "string", "contentMediaType": LINES, "contentSchema": schema(generator),
            }, "example": "{\"id\":7}\n"}},
        }),
        Body::Signed(media_type) => json!({
            "description": "A signed JWT.", "headers": headers,
            "content": {media_type: {"schema": {"type": "string"}, "example": "eyJ0eXAiOiJKV1QifQ.eyJpYXQiOjB9.c2ln"}},
        }),
        Body::Empty if endpoint.is_oauth => {
            json!({"description": "Without a body.", "headers": headers})
        }
        Body::Empty => {
            for name in ["User-Type", "User-Seq", "Sub", "Role", "Email"] {
                headers[format!("X-Auth-{name}")] = header("Account");
            }
            json!({"description": "Without a body.", "headers": headers})
        }
        Body::Envelope(code) => {
            headers["Content-Language"] = header("Language");
            if code == "LOGGED_IN" {
                headers["X-Device-Token"] = header("DeviceToken");
            }
            let schema = envelope(endpoint, code, endpoint.data(generator));
            json!({
                "description": format!("`{code}`: {}", code_message(Language::En, code)), "headers": headers,
                "content": {"application/json": {"schema": schema}},
            })
        }
    }
}

fn envelope(endpoint: &Endpoint, code: &str, data: Option<Schema>) -> Value {
    let is_page = endpoint.query.iter().any(|field| field.name == PAGE.name);
    let meta = json!({"$ref": "#/components/schemas/Meta"});
    let has_cursor = endpoint.query.iter().any(|field| field.name == CURSOR_NAME);
    let meta = if is_page {
        json!({"allOf": [meta, {"type": "object", "required": ["pagination", "links"]}]})
    } else if has_cursor {
        json!({"allOf": [meta, {"type": "object", "required": ["list"]}]})
    } else {
        meta
    };
    let mut required = vec!["success", "code", "message", "meta"];
    let mut properties = json!({
        "success": {"type": "boolean", "const": true},
        "code": {"type": "string", "const": code},
        "message": {"type": "string", "examples": [code_message(Language::En, code)]},
        "meta": meta,
    });
    if let Some(data) = data {
        required.push("data");
        properties["data"] = data.to_value();
    }
    json!({"type": "object", "required": required, "properties": properties})
}

fn shared_headers() -> Value {
    json!({"X-Request-Id": header("RequestId")})
}

fn header(name: &str) -> Value {
    json!({"$ref": format!("#/components/headers/{name}")})
}
