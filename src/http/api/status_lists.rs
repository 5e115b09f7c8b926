//! `/oauth/status-lists`: what was revoked, for services that check access tokens by themselves. The lists are signed
//! documents, so they have no envelope.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, EntityTag, Header, IfNoneMatch},
    },
    web,
};

use crate::http::api::errors::ApiError;
use crate::services::Services;
use crate::services::status_lists::signing;

/// The media type of a list.
pub(super) const MEDIA_TYPE: &str = "application/statuslist+jwt";

/// `GET /oauth/status-lists/{number}`: a list, served from memory, with `ETag`.
///
/// **Permissions**: anyone. `200`, `304`; `404` (no such list, or `tokens.status_list` is off), `503`.
pub(super) async fn show(
    services: web::Data<Services>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let number = number(&request).ok_or(ApiError::NotFound)?;
    let list = signing::find(&services, number).await?;
    let list = list.ok_or(ApiError::NotFound)?;
    let tag = EntityTag::new_strong(list.etag.clone());
    let ttl = services.tokens.settings().status_list_ttl.get();
    if has(&request, &tag) {
        return Ok(answer(StatusCode::NOT_MODIFIED, &tag, ttl.as_secs()).finish());
    }
    Ok(answer(StatusCode::OK, &tag, ttl.as_secs())
        .insert_header((CONTENT_TYPE, MEDIA_TYPE))
        .body(list.token.clone()))
}

fn answer(status: StatusCode, tag: &EntityTag, max_age: u64) -> HttpResponseBuilder {
    let mut answer = HttpResponse::build(status);
    answer
        .insert_header((ETAG, tag.to_string()))
        .insert_header((CACHE_CONTROL, format!("public, max-age={max_age}")));
    answer
}

/// `{number}`: digits without a sign or leading zeros, so that a list has one address.
fn number(request: &HttpRequest) -> Option<u64> {
    let digits = request.match_info().query("number");
    let is_plain = digits.bytes().all(|b| b.is_ascii_digit());
    let is_plain = is_plain && (digits == "0" || !digits.starts_with('0'));
    digits.parse().ok().filter(|_| is_plain)
}

/// Whether the caller has this version already (RFC 9110 section 13.1.2).
fn has(request: &HttpRequest, tag: &EntityTag) -> bool {
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|one| one.weak_eq(tag)),
        Err(_) => false,
    }
}
