//! The page behind a form that creates a secret: it shows the secret once, and after that says so.

use actix_web::{HttpRequest, http::Method};
use askama::Template;
use serde::{Serialize, de::DeserializeOwned};

use crate::http::admin::paths;
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::Panel;
use crate::services::auth::shown_once;

/// The page where the secret was shown before, or was not opened in time.
#[derive(Template)]
#[template(path = "admin/shown.html")]
pub(crate) struct ShownBeforePage {
    pub(crate) l: Layout,
    pub(crate) name: String,
    pub(crate) back: String,
    /// The form that creates a new one, and the name of its button.
    pub(crate) action: String,
    pub(crate) button: String,
}

/// Redirects to the page at `path`, which shows this once.
pub(crate) async fn redirect(panel: &Panel, path: &str, shown: &impl Serialize) -> PageResult {
    let json = serde_json::to_string(shown)
        .map_err(|error| AdminError::Internal(format!("a page cannot be kept: {error}")))?;
    let session = &panel.viewer().session;
    shown_once::keep(panel.services(), session, path, &json).await?;
    panel.redirect(path)
}

/// What the page at this path shows; `None` if it was shown already, or is not there any more.
pub(crate) async fn take<T: DeserializeOwned>(
    panel: &Panel,
    request: &HttpRequest,
) -> Result<Option<T>, AdminError> {
    // A program that only looks whether the page exists does not see the secret.
    if request.method() == Method::HEAD {
        return Ok(None);
    }
    let session = &panel.viewer().session;
    let json = shown_once::take(panel.services(), session, request.path()).await?;
    Ok(json.and_then(|json| serde_json::from_str(&json).ok()))
}
