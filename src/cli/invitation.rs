//! `--invite` and `--show-link`: an account is created without a password, and its owner sets it with a link.

use std::{process::ExitCode, time::Duration};

use clap::Args;
use serde_json::{Value, json};

use crate::cli::accounts::Account;
use crate::cli::error::CliError;
use crate::cli::{bootstrap, load_keys, output};
use crate::config::Config;
use crate::domain::audit::Actor;
use crate::domain::delivery::DeliveryState;
use crate::http::admin::paths;
use crate::services::Services;
use crate::services::accounts::invitations::{self, Invited};
use crate::services::accounts::password_links::{self, Handover, Issued};

/// How long the result of a mail is waited for.
const LIMIT: Duration = Duration::from_mins(5);

#[derive(Args)]
#[group(multiple = false)]
pub(super) struct Invitation {
    /// Set no password, but mail the owner a link with which to set it; exit code 1 if the mail was not sent
    #[arg(long, conflicts_with = "password_stdin")]
    invite: bool,
    /// Set no password, but print a link with which the owner sets it
    #[arg(long, conflicts_with = "password_stdin")]
    show_link: bool,
}

impl Invitation {
    /// How the link gets to the owner; `None` if there is none.
    pub(super) fn handover(&self) -> Option<Handover> {
        match (self.invite, self.show_link) {
            (true, _) => Some(Handover::Mail),
            (false, true) => Some(Handover::Show),
            (false, false) => None,
        }
    }

    /// Refuses an account that cannot be mailed a link, before it is created.
    pub(super) fn check(&self, services: &Services, has_email: bool) -> Result<(), CliError> {
        if !self.invite {
            return Ok(());
        }
        let invited = Invited {
            has_email,
            has_password: false,
            is_active: true,
        };
        Ok(invitations::check(services, invited)?)
    }

    /// Issues the link for an account that was created, and prints both. With `json` the account has a field `password_link`.
    pub(super) async fn finish(
        &self,
        services: &Services,
        mut account: Account,
        json: bool,
        done: &str,
    ) -> Result<ExitCode, CliError> {
        let Some(handover) = self.handover() else {
            return account.print(services, json, done);
        };
        let base = invitations::base_url(services);
        let url_of = |secret: &str| format!("{base}{}", paths::password_link(secret));
        let (actor, owner) = (Actor::operator(), account.principal);
        let issued = password_links::issue(services, &actor, owner, handover, url_of).await?;
        let (value, text, failure) = match issued {
            Issued::Queued(email) => sent(services, &account, &email).await?,
            Issued::Shown {
                url, expires_at, ..
            } => {
                let text =
                    format!("Link to set the password, valid once until {expires_at}:\n{url}");
                (json!({"url": url, "expires_at": expires_at}), text, None)
            }
            // The account has just been created as an active one.
            Issued::Inactive => (Value::Null, String::new(), None),
        };
        bootstrap::link_events(services).await;
        account.json["password_link"] = value;
        account.print(services, json, done)?;
        match failure {
            Some(failure) => Err(CliError::Refused(failure)),
            None if json => Ok(ExitCode::SUCCESS),
            None => output::line(&text),
        }
    }
}

/// The services for a command that may mail a link.
pub(super) async fn open_for(
    config: Config,
    invitation: &Invitation,
) -> Result<Box<Services>, CliError> {
    if invitation.invite {
        load_keys::open_with_mail(config).await
    } else {
        load_keys::open(config).await
    }
}

/// Waits for the result of the mail: its JSON, what is printed, and the error if it was not sent.
async fn sent(
    services: &Services,
    account: &Account,
    email: &str,
) -> Result<(Value, String, Option<String>), CliError> {
    services.delivery.drain(LIMIT).await;
    let (store, now) = (&services.store, services.clock.now());
    let written = services.deliveries.write(store, &services.audit_log, now);
    written.await.map_err(CliError::refused)?;
    let link = password_links::find_open(services, account.principal).await?;
    let mail = link.and_then(|link| link.mail);
    let state = mail
        .as_ref()
        .map_or(DeliveryState::Failed, |mail| mail.state);
    let reason = mail.and_then(|mail| mail.reason);
    let value = json!({"sent_to": email, "state": state, "reason": reason});
    let failure = (state != DeliveryState::Sent).then(|| {
        format!(
            "the mail to {email} was not sent: {}. The account exists; send the link again from the admin panel",
            reason.as_deref().unwrap_or("its result is not known")
        )
    });
    let text = format!("A link to set the password was mailed to {email}.");
    Ok((value, text, failure))
}
