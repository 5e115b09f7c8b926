//! Whoever looks at a page that needs no session: to sign in, to make the first administrator, to set a password.

use std::{
    future::{Ready, ready},
    ops::Deref,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};

use crate::{
    domain::preferences::Preferences,
    http::{
        admin::web::{
            cookies::{self, Name},
            error::AdminError,
            layout::Layout,
            page_context::PageContext,
            panel::services_of,
        },
        middleware::origin::is_https,
    },
    services::secret,
};

/// A browser without a session, or one whose session does not matter here.
pub(crate) struct AnonymousPage(PageContext);

impl Deref for AnonymousPage {
    type Target = PageContext;

    fn deref(&self) -> &PageContext {
        &self.0
    }
}

impl AnonymousPage {
    /// The frame of the page.
    pub(crate) fn layout(&self) -> Layout {
        self.plain_layout()
    }
}

impl FromRequest for AnonymousPage {
    type Error = AdminError;
    type Future = Ready<Result<Self, AdminError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(visitor(request))
    }
}

fn visitor(request: &HttpRequest) -> Result<AnonymousPage, AdminError> {
    let services = services_of(request)?;
    let is_https = is_https(&services);
    // Whoever is signed in has a secret already; his forms hold here too.
    let secret = [Name::Session, Name::AnonymousPage]
        .into_iter()
        .find_map(|name| cookies::read(request, name, is_https))
        .filter(|value| secret::is_well_formed(value));
    // The language chosen at the door is the request's already.
    let preferences = Preferences::default();
    Ok(AnonymousPage(PageContext::new(
        request,
        services,
        secret,
        preferences,
    )?))
}
