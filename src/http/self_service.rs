//! The addresses of links that people request themselves: pages of munjigi, or of a team's own application
//! (`login.reset_url`, `login.confirm_email_url`).
//!
//! They never come from a request: with the header `Host` of a stranger's request, a link to another server could be mailed.

use url::Url;

use crate::http::admin::paths;
use crate::services::{Error, Services};

/// Builds a link from its secret.
pub(in crate::http) type LinkOf = Box<dyn Fn(&str) -> String>;

/// Whether links can be mailed to people who request them.
pub(in crate::http) fn is_available(services: &Services) -> bool {
    reset_link(services).is_ok()
}

/// A link that resets a password.
///
/// # Errors
/// [`Error::SelfServiceDisabled`].
pub(in crate::http) fn reset_link(services: &Services) -> Result<LinkOf, Error> {
    let page = services.config.login.reset_url.as_ref();
    link(services, page, |secret| paths::password_link(secret))
}

/// A link that confirms a new e-mail address.
///
/// # Errors
/// [`Error::SelfServiceDisabled`].
pub(in crate::http) fn confirmation_link(services: &Services) -> Result<LinkOf, Error> {
    let page = services.config.login.confirm_email_url.as_ref();
    link(services, page, |secret| paths::confirm_email(secret))
}

fn link(
    services: &Services,
    page: Option<&Url>,
    path: fn(&str) -> String,
) -> Result<LinkOf, Error> {
    if !services.delivery.sends_mail() {
        return Err(Error::SelfServiceDisabled);
    }
    if let Some(page) = page {
        let page = page.clone();
        // Browsers send no fragment: the secret is in no log of a server, and in no `Referer`.
        return Ok(Box::new(move |secret| format!("{page}#token={secret}")));
    }
    let base = base(services).ok_or(Error::SelfServiceDisabled)?;
    Ok(Box::new(move |secret| format!("{base}{}", path(secret))))
}

/// The address of this server: the public one, or that on which it listens for this machine only.
pub(in crate::http) fn base(services: &Services) -> Option<String> {
    let server = &services.config.server;
    let local = server.listen.ip().is_loopback();
    let public = server.public_base().map(str::to_owned);
    public.or_else(|| local.then(|| format!("http://{}", server.listen)))
}

/// Whether the panel is on the main listener, so that pages there can lead to it.
pub(in crate::http) fn panel_is_here(services: &Services) -> bool {
    let admin = &services.config.admin;
    admin.enabled && admin.listen.is_none()
}

/// The address of the page to request a link, for the sign-in page of the panel; `None` if links cannot be mailed.
pub(in crate::http) fn forgot_page(services: &Services) -> Option<String> {
    if !is_available(services) {
        return None;
    }
    if panel_is_here(services) {
        return Some(paths::FORGOT.to_owned());
    }
    Some(format!("{}{}", base(services)?, paths::FORGOT))
}
