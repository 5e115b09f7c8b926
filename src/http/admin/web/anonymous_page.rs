//! Requests to pages without a session: sign-in, setup, password links.

use std::{
    future::{Ready, ready},
    ops::Deref,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};

use crate::domain::preferences::Preferences;
use crate::http::admin::web::cookies::{self, Name};
use crate::http::admin::web::error::AdminError;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::page_context::PageContext;
use crate::http::admin::web::panel::services_of;
use crate::http::middleware::origin::is_https;
use crate::services::secret;

/// A request of a browser, with or without a session.
pub(crate) struct AnonymousPage(PageContext);

impl Deref for AnonymousPage {
    type Target = PageContext;

    fn deref(&self) -> &PageContext {
        &self.0
    }
}

impl AnonymousPage {
    /// The layout of the page.
    pub(crate) fn layout(&self) -> Layout {
        self.plain_layout()
    }
}

impl FromRequest for AnonymousPage {
    type Error = AdminError;
    type Future = Ready<Result<Self, AdminError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(request))
    }
}

fn read(request: &HttpRequest) -> Result<AnonymousPage, AdminError> {
    let services = services_of(request)?;
    let is_https = is_https(&services);
    // A signed-in browser keeps its secret, so its open forms stay valid.
    let secret = [Name::Session, Name::AnonymousPage]
        .into_iter()
        .find_map(|name| cookies::read(request, name, is_https))
        .filter(|value| secret::is_well_formed(value));
    // The language cookie is already part of the request context.
    let preferences = Preferences::default();
    Ok(AnonymousPage(PageContext::new(
        request,
        services,
        secret,
        preferences,
    )?))
}
