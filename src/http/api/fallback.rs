//! The answers where no route matches: unknown paths, other methods, `OPTIONS`.

use actix_web::{HttpRequest, HttpResponse, http::Method};

use crate::http::api::errors::ApiError;

/// No route has this path: `404` `NOT_FOUND`.
pub(in crate::http) async fn not_found() -> Result<HttpResponse, ApiError> {
    Err(ApiError::NotFound)
}

/// The path exists, but not with this method: `405` with `Allow`; for `OPTIONS` `204` with `Allow`.
pub(super) fn other_method(request: &HttpRequest, allow: String) -> Result<HttpResponse, ApiError> {
    if request.method() == Method::OPTIONS {
        Ok(HttpResponse::NoContent()
            .insert_header(("Allow", allow))
            .finish())
    } else {
        Err(ApiError::MethodNotAllowed { allow })
    }
}

/// Below a path with only static files: `404` for `GET` and `HEAD`, otherwise as [`other_method`].
pub(in crate::http) fn not_a_file(request: &HttpRequest) -> Result<HttpResponse, ApiError> {
    match *request.method() {
        Method::GET | Method::HEAD => Err(ApiError::NotFound),
        _ => other_method(request, "GET, HEAD, OPTIONS".to_owned()),
    }
}
