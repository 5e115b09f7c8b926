//! The static files: embedded in the program, written to a directory at startup, served from there by actix-files. Their
//! address contains a hash of their contents, so browsers can cache them forever.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use actix_files::Files;
use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    guard,
    http::header::{CACHE_CONTROL, HeaderValue},
    middleware::{Compress, Next, from_fn},
    web::{self, ServiceConfig},
};
use aws_lc_rs::digest::{Context, SHA256};

use crate::http::api::fallback;
use crate::services::secret;

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

/// Writes the files below a directory and returns the directory that contains them. A file that is there already stays.
///
/// # Errors
/// When the directory cannot be written to.
pub(crate) fn install(below: &Path) -> io::Result<PathBuf> {
    let root = below.join("static");
    let directory = root.join(HASH.as_str());
    private().recursive(true).create(&directory)?;
    for (name, bytes) in FILES {
        let path = directory.join(name);
        if fs::read(&path).is_ok_and(|there| there == *bytes) {
            continue;
        }
        // Another instance may write the same file at the same time: a rename is atomic.
        let fresh = directory.join(format!("{name}.{}", std::process::id()));
        fs::write(&fresh, bytes)?;
        fs::rename(&fresh, &path)?;
    }
    Ok(root)
}

/// A new temporary directory that only its owner may enter.
///
/// # Errors
/// When it cannot be created.
pub(crate) fn temporary_directory() -> io::Result<PathBuf> {
    let name = secret::generate().map_err(io::Error::other)?;
    let directory = std::env::temp_dir().join(format!("munjigi-{name}"));
    // Fails where it exists: another user could write to it.
    private().create(&directory)?;
    Ok(directory)
}

/// Creates directories that only their owner may enter.
fn private() -> fs::DirBuilder {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// The routes of the files in `root`.
pub(crate) fn routes(root: &Path) -> impl Fn(&mut ServiceConfig) + use<> {
    let root = root.to_path_buf();
    move |config: &mut ServiceConfig| {
        let files = Files::new("/", &root)
            .prefer_utf8(true)
            .guard(guard::Any(guard::Get()).or(guard::Head()))
            .default_handler(web::to(fallback::not_a_file));
        let scope = web::scope("/static")
            .wrap(from_fn(cache_forever))
            .wrap(Compress::default())
            .service(files)
            .default_service(web::to(fallback::not_a_file));
        config.service(scope);
    }
}

/// An address with a hash never changes its contents.
async fn cache_forever(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut response = next.call(request).await?;
    if matches!(response.status().as_u16(), 200 | 206 | 304) {
        let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
        response.headers_mut().insert(CACHE_CONTROL, forever);
    }
    Ok(response)
}
