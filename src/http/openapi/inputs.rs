//! The parameters and the body of an operation.

use serde_json::{Map, Value, json};

use crate::domain::account::Role;
use crate::domain::account_claims::AccountClaims;
use crate::domain::principal::UserType;
use crate::http::api::admin::bulk_items::{MAX_ITEMS, NUMBER, fields};
use crate::http::api::endpoint::{Body, Endpoint, Method};
use crate::http::api::input::{Field, Kind, Presence};

/// The parameters of an operation: of its path, its query, and headers.
pub(super) fn parameters(endpoint: &Endpoint) -> Vec<Value> {
    let names = endpoint.path.split('{').skip(1);
    let names = names.filter_map(|rest| rest.split('}').next());
    let of_path = names.map(path_parameter);
    let of_query = endpoint.query.iter().map(query_parameter);
    let is_enveloped = matches!(endpoint.answer, Body::Envelope(_));
    let headers = [
        ("Language", is_enveloped),
        ("RequestId", true),
        ("DeviceToken", endpoint.reads_device_token),
        ("Prefer", endpoint.waits),
        ("IfNoneMatch", endpoint.has_tag),
        ("IdempotencyKey", endpoint.is_repeatable),
    ];
    let headers = headers
        .into_iter()
        .filter(|(_, is_read)| *is_read)
        .map(|(name, _)| json!({"$ref": format!("#/components/parameters/{name}")}));
    of_path.chain(of_query).chain(headers).collect()
}

/// A text that is not a number or an id is that of nothing: `404`.
fn path_parameter(name: &str) -> Value {
    let (description, example) = match name {
        "user_seq" => ("The account's number.", json!("7")),
        "number" => ("The number of the status list or the service.", json!("0")),
        "kid" => ("The id of the key.", json!("k1")),
        _ => (
            "The id, 32 hex digits.",
            json!("019c5c21cfae70dca2e2adad97cfb732"),
        ),
    };
    json!({
        "name": name, "in": "path", "required": true, "description": description, "example": example,
        "schema": {"type": "string"},
    })
}

fn query_parameter(field: &Field) -> Value {
    json!({
        "name": field.name, "in": "query", "description": described(field), "required": false,
        "schema": kind_schema(field), "example": example(field), "allowEmptyValue": !matches!(field.kind, Kind::AnyOf(_) | Kind::Roles),
    })
}

/// The body of an operation, as JSON and as a form.
pub(super) fn request_body(endpoint: &Endpoint) -> Value {
    let is_required =
        |field: &&Field| matches!(field.presence, Presence::Required | Presence::Alternative);
    let example = body_example(endpoint);
    let json = json!({"schema": body_schema(endpoint), "example": example});
    json!({
        "required": endpoint.body.iter().any(|field| is_required(&field)),
        "content": {"application/json": json, "application/x-www-form-urlencoded": json},
    })
}

fn body_schema(endpoint: &Endpoint) -> Value {
    let of_presence = |presence: Presence| {
        let fields = endpoint.body.iter();
        fields
            .filter(move |field| field.presence == presence)
            .map(|field| field.name)
    };
    let properties = endpoint.body.iter();
    let properties = properties.map(|field| (field.name.to_owned(), body_field(field)));
    let mut schema = json!({"type": "object", "properties": properties.collect::<Map<_, _>>()});
    let required: Vec<&str> = of_presence(Presence::Required).collect();
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    let alternatives: Vec<Value> = of_presence(Presence::Alternative)
        .map(|name| json!({"required": [name]}))
        .collect();
    if !alternatives.is_empty() {
        schema["anyOf"] = json!(alternatives);
    }
    if endpoint.refuses_unknown {
        schema["additionalProperties"] = json!(false);
    }
    if endpoint.method == Method::Patch {
        schema["minProperties"] = json!(1);
    }
    schema
}

/// A field of a body; one that may be missing may also be `null`.
fn body_field(field: &Field) -> Value {
    let mut schema = kind_schema(field);
    schema["description"] = described(field).into();
    schema["examples"] = json!([example(field)]);
    // An empty text removes the value too, so it need not look like one.
    if field.presence == Presence::Nullable
        && !is_password(field)
        && let Some(schema) = schema.as_object_mut()
    {
        schema.remove("minLength");
        schema.remove("format");
    }
    if field.presence != Presence::Required {
        schema["type"] = json!([schema["type"], "null"]);
        if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
            values.push(Value::Null);
        }
    }
    schema
}

fn is_password(field: &Field) -> bool {
    matches!(
        field.kind,
        Kind::Text {
            format: Some("password"),
            ..
        }
    )
}

fn described(field: &Field) -> String {
    let presence = match field.presence {
        Presence::Nullable if is_password(field) => " `null` removes it.",
        Presence::Nullable => " `null` or an empty text removes it.",
        Presence::Alternative | Presence::Required | Presence::Optional => "",
        Presence::UnlessCookie => " It must be sent if refresh tokens are transmitted in bodies.",
    };
    let values = match field.kind {
        Kind::Ordering(names) => format!(" Columns: {}.", names.join(", ")),
        _ => String::new(),
    };
    format!("{}{values}{presence}", field.description)
}

fn kind_schema(field: &Field) -> Value {
    match field.kind {
        Kind::Text { format, max } => text_schema(format, max),
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::Integer { min, max, default } => {
            json!({"type": "integer", "minimum": min, "maximum": max, "default": default})
        }
        Kind::OneOf(values) => json!({"type": "string", "enum": values}),
        // Replaced by the configured roles when the document is complete.
        Kind::Role => json!({"type": "string", "enum": [Role::PLACEHOLDER]}),
        Kind::Roles => {
            let word = format!("\\s*({})\\s*", Role::PLACEHOLDER);
            json!({"type": "string", "pattern": format!("^{word}(,{word})*$")})
        }
        Kind::Object => json!({"type": "object", "maxProperties": AccountClaims::MAX}),
        Kind::Items(user_type) => items_schema(user_type),
        Kind::Credential => {
            json!({"type": "object", "required": ["id", "rawId", "response", "type"]})
        }
        Kind::AnyOf(words) => {
            let word = format!("\\s*({})\\s*", words.join("|"));
            json!({"type": "string", "pattern": format!("^{word}(,{word})*$")})
        }
        Kind::Ordering(names) => {
            let column = format!("(-?({}))?", names.join("|"));
            json!({"type": "string", "pattern": format!("^\\s*{column}\\s*(,\\s*{column}\\s*)*$")})
        }
    }
}

/// Entries of a bulk request: the fields of an account, and the number of one to change.
fn items_schema(user_type: UserType) -> Value {
    let fields = fields(user_type).map(|field| (field.name.to_owned(), body_field(&field)));
    let mut properties: Map<String, Value> = fields.collect();
    let number = json!({
        "type": "integer", "minimum": 1, "description": "The number of the account to change; without it one is created.",
    });
    properties.insert(NUMBER.to_owned(), number);
    json!({
        "type": "array", "minItems": 1, "maxItems": MAX_ITEMS,
        "items": {"type": "object", "properties": properties, "additionalProperties": false},
    })
}

fn items_example(user_type: UserType) -> Value {
    let new = match user_type {
        UserType::User => {
            json!({"email": "minji@example.org", "name": "Kim Minji", "invite": true})
        }
        UserType::Client => json!({"username": "acme", "phone": "+82 10-1234-5678"}),
    };
    json!([new, {NUMBER: 7, "is_active": false}])
}

fn text_schema(format: Option<&str>, max: Option<usize>) -> Value {
    let mut schema = json!({"type": "string"});
    if format.is_some() {
        schema["minLength"] = json!(1);
    }
    if let Some(max) = max {
        schema["maxLength"] = json!(max);
    }
    if let Some(format) =
        format.filter(|format| ["email", "password", "date-time"].contains(format))
    {
        schema["format"] = json!(format);
    }
    schema
}

fn body_example(endpoint: &Endpoint) -> Value {
    if let Ok(example) = serde_json::from_str(endpoint.example) {
        return example;
    }
    let fields = endpoint.body.iter();
    let fields = fields.map(|field| (field.name.to_owned(), example(field)));
    Value::Object(fields.collect())
}

/// A value that the parser of a field accepts.
fn example(field: &Field) -> Value {
    match field.kind {
        Kind::Boolean => json!(true),
        Kind::Integer { default, .. } => json!(default),
        Kind::Object => json!({"tenant": "acme"}),
        Kind::Items(user_type) => items_example(user_type),
        Kind::Credential => json!({
            "id": "bP5wBq0rGqT6P9rC5mM2Yw", "rawId": "bP5wBq0rGqT6P9rC5mM2Yw", "type": "public-key", "response": {},
            "clientExtensionResults": {},
        }),
        Kind::OneOf(values) | Kind::AnyOf(values) => json!(values.first()),
        Kind::Role | Kind::Roles => json!(Role::PLACEHOLDER),
        Kind::Ordering(names) => json!(names.last().map(|name| format!("-{name}"))),
        Kind::Text { format, .. } => json!(match format {
            Some("email") => "minji@example.org",
            Some("password") => "correct horse battery staple",
            Some("jwt") => "eyJhbGciOiJIUzI1NiJ9.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9.c2ln",
            Some("uuid") => "019c5c21cfae70dca2e2adad97cfb732",
            Some("code") => "123456",
            Some("phone") => "+82 10-1234-5678",
            Some("line") => "Kim Minji",
            Some("cursor") => "MDE5YzVjMjFjZmFlNzBkY2EyZTJhZGFkOTdjZmI3MzIKMTc3MTA3MjI0NTY3ODkwMQ",
            Some("date-time") => "2026-02-14T12:30:45Z",
            Some("account") => "user:7",
            Some("service") => "billing",
            _ => "acme",
        }),
    }
}
