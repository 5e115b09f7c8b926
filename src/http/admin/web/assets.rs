//! The static files, embedded in the program and served from memory. Their address contains a hash of their contents, so
//! browsers can cache them forever.

use std::sync::LazyLock;

use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{CACHE_CONTROL, HeaderValue},
    },
    middleware::{Compress, Next, from_fn},
    web::{self, ServiceConfig},
};
use aws_lc_rs::digest::{Context, SHA256};

use crate::http::api::errors::ApiError;
use crate::http::api::fallback;

const FILES: &[(&str, &[u8])] = &[
    ("app.css", include_bytes!("../../../../static/app.css")),
    ("app.js", include_bytes!("../../../../static/app.js")),
    ("icons.svg", include_bytes!("../../../../static/icons.svg")),
    ("mark.svg", include_bytes!("../../../../static/mark.svg")),
    (
        "favicon.svg",
        include_bytes!("../../../../static/favicon.svg"),
    ),
];

/// The hash of all files together: files refer to each other, so their addresses change together.
static HASH: LazyLock<String> = LazyLock::new(|| {
    let mut context = Context::new(&SHA256);
    for (name, bytes) in FILES {
        context.update(name.as_bytes());
        context.update(&bytes.len().to_le_bytes());
        context.update(bytes);
    }
    let digest = context.finish();
    let first = digest.as_ref().first_chunk();
    format!(
        "{:016x}",
        first.map_or(0, |bytes| u64::from_be_bytes(*bytes))
    )
});

/// The address of a static file.
pub(crate) fn url(name: &str) -> String {
    format!("/static/{}/{name}", *HASH)
}

/// The routes of the files.
pub(crate) fn routes(config: &mut ServiceConfig) {
    let scope = web::scope("/static")
        .wrap(from_fn(cache_forever))
        .wrap(Compress::default())
        .default_service(web::to(show));
    config.service(scope);
}

/// `GET` and `HEAD` of a file. The server answers `HEAD` without the body.
async fn show(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let path = request.path();
    let file = FILES.iter().find(|file| is_read && path == url(file.0));
    let Some((name, bytes)) = file else {
        return fallback::not_a_file(&request);
    };
    Ok(HttpResponse::Ok()
        .content_type(content_type(name))
        .body(*bytes))
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        _ => "image/svg+xml",
    }
}

/// An address with a hash never changes its contents.
async fn cache_forever(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut response = next.call(request).await?;
    if response.status() == StatusCode::OK {
        let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
        response.headers_mut().insert(CACHE_CONTROL, forever);
    }
    Ok(response)
}
