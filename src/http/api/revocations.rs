//! `/oauth/revocations`: what was revoked since the last call, for services that check access tokens by themselves. The answer
//! is a signed document; errors have the form of OAuth 2.0.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CONTENT_TYPE, HeaderMap, HeaderName},
    web,
};

use crate::domain::problem::Problem;
use crate::http::api::input::{Kind, inputs};
use crate::http::api::inputs::plain;
use crate::http::api::oauth_client::Presented;
use crate::http::api::oauth_error::OAuthError;
use crate::http::api::query::Query;
use crate::services::Services;
use crate::services::revocation_statement as statement;

/// The media type of a statement.
pub(super) const MEDIA_TYPE: &str = "application/munjigi-revocations+jwt";
/// The most characters of a cursor, which names the running transactions on Postgres. Percent-encoded in nine bytes each,
/// they stay below the 65,534 bytes of a URI.
const MAX_CURSOR: usize = 7_000;
/// The header of a request that prefers to wait, and that of its answer (RFC 7240).
const PREFER: HeaderName = HeaderName::from_static("prefer");
const APPLIED: HeaderName = HeaderName::from_static("preference-applied");

inputs! {
    /// The cursor of the last statement; without it, all that still matters.
    SINCE: String = "since", Kind::Text { format: None, max: Some(MAX_CURSOR) }, since;
}

fn since(text: &str) -> Result<String, Problem> {
    plain(text, MAX_CURSOR)
}

/// `GET /oauth/revocations`: a signed statement. With `Prefer: wait=…` (RFC 7240) it waits for the next revocation if there
/// is none yet.
///
/// **Permissions**: a service, by its secret or with an access token of its own. `200`; `400` `invalid_request`; `401`
/// `invalid_client` or `invalid_token`; `403` `insufficient_scope`; `429` and `503` `temporarily_unavailable`.
pub(super) async fn show(
    services: web::Data<Services>,
    request: HttpRequest,
    mut query: Query,
) -> Result<HttpResponse, OAuthError> {
    let presented = Presented::in_header(&request, &services);
    presented.required_service(&request, &services).await?;
    let since = query.get(&SINCE);
    query.finish()?;
    let preferred = preferred_wait(request.headers());
    let wait = statement::longest_wait(&services, preferred.unwrap_or_default());
    let statement = statement::read(&services, since.as_deref(), wait).await?;
    let mut answer = HttpResponse::Ok();
    if preferred.is_some() {
        answer.insert_header((APPLIED, format!("wait={}", wait.as_secs())));
    }
    Ok(answer
        .insert_header((CONTENT_TYPE, MEDIA_TYPE))
        .body(statement))
}

/// The seconds of `Prefer: wait=…`. A preference that cannot be read is ignored (RFC 7240 section 2).
fn preferred_wait(headers: &HeaderMap) -> Option<Duration> {
    let values = headers
        .get_all(PREFER)
        .filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .find_map(|preference| {
            let (name, value) = preference.split_once('=')?;
            let seconds = value.trim().trim_matches('"');
            let is_plain = seconds.bytes().all(|b| b.is_ascii_digit());
            let is_wait = name.trim().eq_ignore_ascii_case("wait") && is_plain;
            is_wait.then(|| seconds.parse().ok().map(Duration::from_secs))?
        })
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn a_wait_is_one_of_the_preferences() {
        let wait = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.append(PREFER, HeaderValue::from_static(text));
            preferred_wait(&headers).map(|wait| wait.as_secs())
        };
        for (text, seconds) in [
            ("wait=30", Some(30)),
            ("respond-async, WAIT = \"5\"", Some(5)),
            ("wait=0", Some(0)),
            ("wait", None),
            ("wait=", None),
            ("wait=x, wait=2", Some(2)),
            ("wait=-1", None),
            ("wait=+1", None),
            ("wait=99999999999999999999", None),
            ("waiting=3", None),
        ] {
            assert_eq!(wait(text), seconds, "{text}");
        }
    }
}
