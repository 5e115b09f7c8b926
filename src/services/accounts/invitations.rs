//! Invitations: accounts that are created without a password. Their owners are mailed a link with which they set it.

use crate::domain::audit::Actor;
use crate::domain::principal::Principal;
use crate::domain::problem::{Problem, Problems};
use crate::services::accounts::password_links::{self, Handover, Issued};
use crate::services::bootstrap::Services;
use crate::services::error::Error;

/// An account that is to be created and invited.
#[derive(Clone, Copy, Debug)]
pub struct Invited {
    /// Whether it has an e-mail address.
    pub has_email: bool,
    /// Whether a password was given for it.
    pub has_password: bool,
    /// Whether it will be active.
    pub is_active: bool,
}

/// Checks, before the account is created, that it can be invited.
///
/// # Errors
/// [`Error::Invalid`] for the field `invite`, with everything that is missing.
pub fn check(services: &Services, invited: Invited) -> Result<(), Error> {
    let mut problems = Problems::default();
    for (is_missing, problem) in [
        (invited.has_password, Problem::InviteOrPassword),
        (!invited.has_email, Problem::InviteNeedsEmail),
        (!invited.is_active, Problem::InviteNeedsActive),
        (
            !services.delivery.sends_mail(),
            Problem::InviteNeedsMailServer,
        ),
        (
            services.config.server.public_url.is_none(),
            Problem::InviteNeedsUrl,
        ),
    ] {
        if is_missing {
            problems.add("invite", problem);
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(problems))
    }
}

/// Mails the link to the account that was created. `path_of` is the path of the link with this secret.
///
/// # Errors
/// [`Error::AccountNotFound`], and errors of the store.
pub async fn send(
    services: &Services,
    actor: &Actor,
    owner: Principal,
    path_of: impl Fn(&str) -> String,
) -> Result<Issued, Error> {
    let url_of = |secret: &str| format!("{}{}", base_url(services), path_of(secret));
    password_links::issue(services, actor, owner, Handover::Mail, url_of).await
}

/// The base of links that no browser asked for.
#[must_use]
pub fn base_url(services: &Services) -> String {
    let server = &services.config.server;
    match &server.public_url {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None => format!("http://{}", server.listen),
    }
}
