//! One operation: who may call it, what it reads, what it answers.

use schemars::SchemaGenerator;
use serde_json::{Value, json};

use crate::http::api::endpoint::{Access, Body, Endpoint};
use crate::http::openapi::follow_ups::links;
use crate::http::openapi::inputs::{parameters, request_body};
use crate::http::openapi::names::{operation_id, tag_of};
use crate::http::openapi::responses::responses;

/// The operation of an endpoint.
pub(super) fn operation(
    endpoint: &Endpoint,
    endpoints: &[Endpoint],
    generator: &mut SchemaGenerator,
) -> Value {
    let mut operation = json!({
        "operationId": operation_id(endpoint),
        "summary": endpoint.summary,
        "description": description(endpoint),
        "tags": [tag_of(endpoint.path)],
        "security": security(endpoint),
        "parameters": parameters(endpoint),
        "responses": responses(endpoint, generator),
    });
    if !endpoint.body.is_empty() {
        operation["requestBody"] = request_body(endpoint);
    }
    let links = links(endpoint, endpoints);
    if !links.is_empty() {
        operation["responses"][endpoint.status.to_string()]["links"] = Value::Object(links);
    }
    operation
}

fn description(endpoint: &Endpoint) -> String {
    let scope;
    let caller = match endpoint.access {
        Access::Scope(required) => {
            scope = format!("Caller: a service whose access token has the scope `{required}`.");
            scope.as_str()
        }
        Access::Anyone => "Caller: anyone.",
        Access::Bearer => "Caller: anyone with an access token.",
        Access::BearerOrRefresh => {
            "Caller: anyone with an access token, or with a refresh token in the body or the cookie."
        }
        Access::ServiceSecret => "Caller: a service, by its secret.",
        Access::Service => "Caller: a service, by its secret or with an access token of its own.",
        Access::Internal => "Caller: an internal user whose role may list accounts.",
        Access::Administrator => "Caller: an internal user whose role may change accounts.",
    };
    let or_scope = endpoint.or_scope.map(|scope| {
        format!(
            " Or a service whose access token has the scope `{scope}`, which sees the contacts."
        )
    });
    let or_scope = or_scope.unwrap_or_default();
    let body = match (endpoint.body.is_empty(), endpoint.refuses_unknown) {
        (true, _) => "",
        (false, true) => " A field that is not listed is refused.",
        (false, false) => " Fields that are not listed are ignored.",
    };
    let form = match endpoint.answer {
        Body::Envelope(_) => "",
        Body::Json(_) => " The answer has no envelope.",
        Body::Lines(_) => " The answer has one JSON object a line, without an envelope.",
        Body::Signed(_) => " The answer is a JWT, signed as access tokens are.",
        Body::Empty if endpoint.is_oauth => " The answer has no body.",
        Body::Empty => {
            " The answer is in the headers. Every other method is answered in the same way."
        }
    };
    format!("{caller}{or_scope}{body}{form}")
}

fn security(endpoint: &Endpoint) -> Value {
    match endpoint.access {
        Access::Anyone => json!([]),
        Access::BearerOrRefresh => json!([{"bearer": []}, {}]),
        Access::ServiceSecret => json!([{"secret": []}, {}]),
        // Without a body there is no place for other credentials.
        Access::Service if endpoint.body.is_empty() => json!([{"secret": []}, {"bearer": []}]),
        Access::Service => json!([{"secret": []}, {"bearer": []}, {}]),
        Access::Scope(scope) => json!([{"bearer": [scope]}]),
        Access::Bearer | Access::Internal | Access::Administrator => json!([{"bearer": []}]),
    }
}
