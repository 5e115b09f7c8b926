//! The static files, embedded in the program and served from memory. Their address contains a hash of their contents, so
//! browsers can cache them forever. Files in `server.static_dir` take their place.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use actix_files::Files;
use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    guard,
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
    (
        "passkeys.js",
        include_bytes!("../../../../static/passkeys.js"),
    ),
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

/// The routes of the files. With `directory`, a file in it is served instead of the one of the same name; browsers then ask
/// each time whether it has changed.
pub(crate) fn routes(directory: Option<&Path>) -> impl Fn(&mut ServiceConfig) + use<> {
    let directory = directory.map(PathBuf::from);
    move |config: &mut ServiceConfig| {
        let scope = web::scope("/static").wrap(Compress::default());
        if let Some(directory) = &directory {
            let read = guard::Any(guard::Get()).or(guard::Head());
            let files = Files::new(&format!("/{}", *HASH), directory)
                .guard(read)
                .use_etag(true)
                .default_handler(web::to(show));
            let revalidated = scope.wrap(from_fn(revalidate)).service(files);
            config.service(revalidated.default_service(web::to(show)));
        } else {
            let cached = scope.wrap(from_fn(cache_forever));
            config.service(cached.default_service(web::to(show)));
        }
    }
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

/// A file of the operator may change at any time.
async fn revalidate(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut response = next.call(request).await?;
    let no_cache = HeaderValue::from_static("no-cache");
    response.headers_mut().insert(CACHE_CONTROL, no_cache);
    Ok(response)
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
