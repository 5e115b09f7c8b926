//! Reading the body of a request as it was sent, up to a limit. A body with a `Content-Encoding` is refused and never
//! decompressed: a few kilobytes can decompress to gigabytes.

use actix_web::{
    Error as ActixError, HttpRequest,
    dev::Payload,
    error::{ErrorPayloadTooLarge, ErrorUnsupportedMediaType},
    http::header::{CONTENT_ENCODING, CONTENT_LENGTH},
    web::{Bytes, BytesMut},
};
use futures_util::StreamExt;

/// The largest body that is read, in bytes.
pub(in crate::http) const MAX_BODY: usize = 64 * 1024;
/// The same where a service sends many accounts. It is read only after the caller was authenticated.
pub(in crate::http) const MAX_BULK_BODY: usize = 1024 * 1024;

/// Reads a body of up to [`MAX_BODY`].
///
/// # Errors
/// As [`read_up_to`].
pub(in crate::http) async fn read(
    request: HttpRequest,
    payload: Payload,
) -> Result<Bytes, ActixError> {
    read_up_to(request, payload, MAX_BODY).await
}

/// Reads a body of up to `max` bytes.
///
/// # Errors
/// An error of status 413 for a body that is too large, 415 for an encoded one, 400 for one that breaks off.
pub(in crate::http) async fn read_up_to(
    request: HttpRequest,
    mut payload: Payload,
    max: usize,
) -> Result<Bytes, ActixError> {
    let headers = request.headers();
    let mut encodings = headers.get_all(CONTENT_ENCODING);
    if encodings.any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(ErrorUnsupportedMediaType("the body is encoded"));
    }
    let too_large = || ErrorPayloadTooLarge("the body is too large");
    let length = headers.get(CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > max) {
        return Err(too_large());
    }
    let mut body = BytesMut::new();
    while let Some(part) = payload.next().await {
        let part = part?;
        if body.len() + part.len() > max {
            return Err(too_large());
        }
        body.extend_from_slice(&part);
    }
    Ok(body.freeze())
}
