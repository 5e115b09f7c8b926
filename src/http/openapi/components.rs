//! What operations share: headers, parameters, examples of errors, credentials.

use serde_json::{Map, Value, json};

use crate::http::api::codes::CODES;
use crate::http::openapi::error_examples::{error_example, example_name};

/// The components with these schemas.
pub(super) fn components(schemas: &Value) -> Value {
    json!({
        "schemas": schemas,
        "examples": CODES.iter().map(|code| (example_name(code), error_example(code))).collect::<Map<_, _>>(),
        "headers": headers(),
        "parameters": parameters(),
        "securitySchemes": {
            "secret": {
                "type": "http", "scheme": "basic",
                "description": "The name and the secret of a service. They may also be sent as `client_id` and `client_secret`.",
            },
            "bearer": {
                "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                "description": "An access token. The schemes that the server reads are set by `tokens.auth_header_types`.",
            },
        },
    })
}

fn headers() -> Value {
    let text = json!({"type": "string"});
    let seconds = json!({"type": "integer", "minimum": 0});
    json!({
        "RequestId": {"description": "The request's id; the same is in the log.", "schema": text},
        "Language": {"description": "The language of `message`.", "schema": {"type": "string", "enum": ["en", "ko"]}},
        "Challenge": {
            "description": "`Bearer realm=\"api\"`, with `error=\"invalid_token\"` if a token was presented (RFC 6750).",
            "required": true, "schema": text,
        },
        "RetryAfter": {"description": "After how many seconds to repeat the request.", "required": true, "schema": seconds},
        "RateLimitPolicy": {
            "description": "The limit that is used up: `q` times within `w` seconds (draft-ietf-httpapi-ratelimit-headers-10).",
            "required": true, "schema": text,
        },
        "RateLimit": {
            "description": "What is left of that limit: `r` for the next `t` seconds.", "required": true, "schema": text,
        },
        "Account": {"description": "A property of the token's account; empty if it has none.", "required": true, "schema": text},
        "DeviceToken": {
            "description": "To be sent with the next login from this device, also in the cookie `munjigi_device`.",
            "schema": text,
        },
        "ETag": {"description": "The version of the document.", "required": true, "schema": text},
        "PreferenceApplied": {
            "description": "With `Prefer: wait=…`: the seconds that the call could wait.", "schema": text,
        },
    })
}

fn parameters() -> Value {
    let text = json!({"type": "string"});
    json!({
        "Language": {
            "name": "Accept-Language", "in": "header", "description": "The language of messages.", "schema": text,
            "example": "ko, en;q=0.5",
        },
        "RequestId": {
            "name": "X-Request-Id", "in": "header", "schema": text, "example": "a1b2c3d4e5f6",
            "description": "An id for the request: 8 to 64 of `A-Z a-z 0-9 _ -`. Anything else is replaced by a new id.",
        },
        "DeviceToken": {
            "name": "X-Device-Token", "in": "header", "schema": text,
            "description": "The device token of the last login, for browsers in the cookie `munjigi_device`: the attempt is not \
                bound by the limits of its address and the locks that others caused. Anything else is ignored.",
        },
        "Prefer": {
            "name": "Prefer", "in": "header", "schema": text, "example": "wait=20",
            "description": "`wait=…` (RFC 7240): how many seconds to wait for the next revocation if there is none yet. At most 30, \
                and 5 less than `server.request_timeout`.",
        },
        "IdempotencyKey": {
            "name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "minLength": 1, "maxLength": 257},
            "example": "\"8e03978e-40d5-43e8-bc93-6894a57f9324\"",
            "description": "A key of the caller's choice for this request, for 24 hours: a repetition with it has no effect and gets \
                the answer of the first one (draft-ietf-httpapi-idempotency-key-header).",
        },
        "IfNoneMatch": {
            "name": "If-None-Match", "in": "header", "schema": text, "example": "\"a1b2c3\"",
            "description": "The `ETag` of the version that the caller has: if it is the newest, the answer is `304`.",
        },
    })
}
