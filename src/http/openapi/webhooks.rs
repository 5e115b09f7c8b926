//! The webhooks of the document: the request that an endpoint gets for each type of event.

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use crate::domain::webhook::EventType;
use crate::services::webhooks::payload::EventData;

/// The webhooks by the names of their types.
pub(super) fn webhooks(generator: &mut SchemaGenerator) -> Value {
    let data = generator.subschema_for::<EventData>().to_value();
    let webhooks =
        EventType::ALL.map(|kind| (kind.to_string(), json!({"post": webhook(kind, &data)})));
    Value::Object(webhooks.into_iter().collect::<Map<_, _>>())
}

fn webhook(kind: EventType, data: &Value) -> Value {
    json!({
        "operationId": format!("on_{}", kind.as_str().replace('.', "_")),
        "summary": kind.sentence(),
        "description": "Sent to the endpoints that an administrator has entered for this type, at least once, and signed as Standard \
            Webhooks 1.0 defines. Events of one account are sent in their order.",
        "parameters": [
            header("webhook-id", "The id of the event, the same in each attempt: an event with a known id can be ignored."),
            header("webhook-timestamp", "The time of the attempt, in seconds since 1970."),
            header(
                "webhook-signature",
                "`v1,` and the HMAC-SHA-256 of id, timestamp and body with dots in between, in base64. After a rotation of the \
                 secret there are two for a day, with a space in between.",
            ),
        ],
        "requestBody": {
            "required": true,
            "content": {"application/json": {"schema": schema(kind, data), "example": example(kind)}},
        },
        "responses": {
            "2XX": {"description": "The event is delivered."},
            "default": {"description": "The event is sent again for a day. Redirects are not followed."},
        },
    })
}

fn header(name: &str, description: &str) -> Value {
    json!({
        "name": name, "in": "header", "required": true, "description": description, "schema": {"type": "string"},
    })
}

fn schema(kind: EventType, data: &Value) -> Value {
    let details = kind.details().iter();
    let details: Map<String, Value> = details
        .map(|name| ((*name).to_owned(), json!({"type": "string"})))
        .collect();
    json!({
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"type": "string", "const": kind.as_str()},
            "timestamp": {"type": "string", "format": "date-time", "description": "The time of the event."},
            "data": {"allOf": [
                data,
                {"type": "object", "properties": {
                    "details": {"type": "object", "properties": details, "additionalProperties": false},
                }},
            ]},
        },
    })
}

fn example(kind: EventType) -> Value {
    let has_account = !matches!(
        kind.group(),
        "service" | "signing_key" | "master_key" | "flush" | "accounts" | "webhook"
    );
    let account = json!({"user_type": "user", "user_seq": 7, "login": "ann@example.org"});
    let subject = match kind.group() {
        "service" => json!("billing"),
        "flush" => json!("019c5c12f4b57e2c9a2f6d1e8b7a3c45"),
        _ => Value::Null,
    };
    let has_changes = matches!(kind, EventType::AccountUpdated | EventType::ServiceUpdated);
    let changed = if has_changes {
        json!(["name"])
    } else {
        json!([])
    };
    json!({
        "type": kind.as_str(),
        "timestamp": "2026-02-14T12:30:45+00:00",
        "data": {
            "audit_event": if kind == EventType::Test { Value::Null } else { json!(42) },
            "account": if has_account { account } else { Value::Null },
            "subject": subject,
            "session_id": null,
            "actor": {"source": "api", "user_type": null, "user_seq": null},
            "changed": changed,
            "details": {},
        },
    })
}
