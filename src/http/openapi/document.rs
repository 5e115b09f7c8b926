//! The document as a whole: what all operations share, and the operations by path.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::config::RolesConfig;
use crate::domain::account::Role;
use crate::http::api::answer::Meta;
use crate::http::api::endpoint::Endpoint;
use crate::http::api::errors::{ErrorEnvelope, ProblemDetails};
use crate::http::openapi::components::components;
use crate::http::openapi::examples;
use crate::http::openapi::names::TAGS;
use crate::http::openapi::operation::operation;
use crate::http::openapi::webhooks::webhooks;

const DESCRIPTION: &str = "\
Bodies are JSON or forms (`application/x-www-form-urlencoded`), up to 64 KiB (1 MiB for many accounts). A trailing slash of a path is optional, and \
`HEAD` is answered wherever `GET` is.

Every answer of `/auth`, `/clients` and `/api` is JSON in one envelope, errors of every kind included: `success`, `code`, \
`message`, `data` or `errors`, and `meta`. `code`, the names of fields and statuses are for programs and do not change. \
`message` and the sentences in `errors` are for people, in English or Korean: the language of `Accept-Language` (`en`, `ko`), \
otherwise `language.default` of the server. `Content-Language` names it. The examples are in English.

A caller that sends `Accept: application/problem+json` gets errors of this envelope as problem details (RFC 9457) instead, with \
the same status and headers: the schema `ProblemDetails`. Errors of `/oauth` that have the form of OAuth 2.0 keep it.

Fields that this document does not have may be added to answers. Times are RFC 3339 in UTC. An unknown path is answered `404` \
`NOT_FOUND`, another method `405` `METHOD_NOT_ALLOWED` with `Allow`.";

/// The document. The paths of `endpoints` follow `server_url`.
#[must_use]
pub fn document(endpoints: &[Endpoint], server_url: &str, roles: &RolesConfig) -> Value {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut generator = SchemaGenerator::new(settings);
    generator.subschema_for::<ErrorEnvelope<'_>>();
    generator.subschema_for::<Meta<'_>>();
    generator.subschema_for::<ProblemDetails<'_>>();
    let operations: Vec<(&Endpoint, Value)> = endpoints
        .iter()
        .map(|endpoint| (endpoint, operation(endpoint, endpoints, &mut generator)))
        .collect();
    let webhooks = webhooks(&mut generator);
    let schemas = generator.take_definitions(true);
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "munjigi", "version": env!("CARGO_PKG_VERSION"), "description": DESCRIPTION,
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": server_url}],
        "tags": TAGS.map(|(name, description)| json!({"name": name, "description": description})),
        "components": components(&Value::Object(schemas)),
    });
    let mut paths = Map::new();
    for (endpoint, mut operation) in operations {
        examples::add(&mut operation, &document);
        let of_path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        of_path[endpoint.method.as_str().to_ascii_lowercase()] = operation;
    }
    document["paths"] = Value::Object(paths);
    document["webhooks"] = webhooks;
    insert_roles(&mut document, roles);
    document
}

/// Replaces [`Role::PLACEHOLDER`]: by all roles in the values of an enumeration and in a pattern, elsewhere by one.
fn insert_roles(value: &mut Value, roles: &RolesConfig) {
    match value {
        Value::Array(items) => {
            for item in items {
                insert_roles(item, roles);
            }
        }
        Value::Object(object) => {
            if let Some(Value::Array(values)) = object.get_mut("enum")
                && values
                    .first()
                    .is_some_and(|first| first == Role::PLACEHOLDER)
            {
                values.splice(..1, roles.names().into_iter().map(Value::from));
            }
            for item in object.values_mut() {
                insert_roles(item, roles);
            }
        }
        Value::String(text) if text == Role::PLACEHOLDER => {
            *value = roles.default_role().as_str().into();
        }
        Value::String(text) if text.contains(Role::PLACEHOLDER) => {
            let names = roles.names().join("|").replace('.', "\\.");
            *text = text.replace(Role::PLACEHOLDER, &names);
        }
        _ => {}
    }
}
