//! `/openapi.json`: the description of this API. It is made in `http/openapi`.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
    web,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::http::openapi::served::Served;
use crate::services::Services;

/// The schema of the answer.
pub(super) struct Description;

impl JsonSchema for Description {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Description".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object", "required": ["openapi"], "description": "An OpenAPI 3.1 document.",
            "properties": {"openapi": {"type": "string", "const": "3.1.0"}},
        })
    }
}

/// `GET /openapi.json`: the OpenAPI document.
///
/// **Permissions**: anyone. `200`; `304` if `If-None-Match` has its `ETag`.
pub(super) async fn show(
    request: HttpRequest,
    services: web::Data<Services>,
    served: web::Data<Served>,
) -> HttpResponse {
    let made = served.get(&services.config);
    let known = request.headers().get(IF_NONE_MATCH);
    let known = known.and_then(|value| value.to_str().ok()).unwrap_or("");
    let is_known = known
        .split(',')
        .any(|tag| ["*", made.etag.as_str()].contains(&tag.trim().trim_start_matches("W/")));
    let mut answer = if is_known {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    answer
        .insert_header((ETAG, made.etag.as_str()))
        .insert_header((CACHE_CONTROL, "public, max-age=300"));
    if is_known {
        return answer.finish();
    }
    answer
        .insert_header((CONTENT_TYPE, "application/json"))
        .body(made.json.clone())
}
