//! Requests for a link that resets a forgotten password. As with one-time codes, the response is the same, after the same
//! time, whether or not there is such an account: after one query the rest is done in the background, and only for active
//! accounts with a verified e-mail address. Nothing is stored for any other name.

use crate::config::OtpConfig;
use crate::delivery::{DeliveryOutcome, LinkNotice};
use crate::domain::account::normalised_login;
use crate::domain::audit::Action;
use crate::domain::delivery::DeliveryKind;
use crate::domain::language::Language;
use crate::domain::principal::UserType;
use crate::services::accounts::changes::lock_account;
use crate::services::audit::log::{AuditContext, Event};
use crate::services::auth::otp_request::prepare;
use crate::services::bootstrap::Services;
use crate::services::deliveries::row;
use crate::services::error::Error;
use crate::services::limits::login_context::LoginContext;
use crate::services::limits::login_name::LoginName;
use crate::services::limits::requests::{Admission, Requested, count_sent};
use crate::services::limits::unknown_names;
use crate::services::secret;
use crate::store::reset_recipients::{self, ResetRecipient};
use crate::store::set_up_links::{NewLink, RESET};
use crate::store::{Transaction, deliveries, set_up_links};

/// A request of someone who has forgotten a password.
pub struct ResetRequest {
    /// The population.
    pub user_type: UserType,
    /// As typed: the e-mail address of a user, or the username of a client.
    pub name: String,
    /// The origin of the request.
    pub login_context: LoginContext,
    /// The language of the mail.
    pub language: Language,
}

/// Mails a link that sets a new password, if there is such an account; it replaces an earlier one. `url_of` builds the link
/// from its secret.
///
/// # Errors
/// [`Error::RateLimited`], and the store's.
pub async fn request(
    services: &Services,
    request: ResetRequest,
    url_of: impl Fn(&str) -> String,
) -> Result<(), Error> {
    let (user_type, context) = (request.user_type, &request.login_context);
    let name = normalised_login(&request.name);
    let requested = Requested::ResetLink;
    let admission = Admission::begin(services, requested, user_type, &name, context)?;
    let searched = name.clone();
    let found = services
        .store
        .read(move |connection| reset_recipients::find(connection, user_type, &searched))
        .await?;
    let owner = found.as_ref().map(|recipient| recipient.owner);
    let login_name = admission.login_name(user_type, owner, name).await?;
    // Also where nothing is stored, so that the response takes the same time.
    let secret = secret::generate()?;
    let (token_hash, url) = (secret::hash(&secret), url_of(&secret));
    let Some(recipient) = found else {
        unknown_names::record(
            services,
            Action::ResetRequested,
            &context.actor,
            &login_name,
        );
        return Ok(());
    };
    let lifetime = services.config.login.link_lifetime.get();
    let notice = LinkNotice {
        id: token_hash.clone(),
        owner: recipient.owner,
        login: recipient.login.clone(),
        email: recipient.email.clone(),
        url,
        is_first: false,
        expires_in: lifetime,
        language: request.language,
        request_id: context.actor.request_id.clone().unwrap_or_default(),
    };
    let audit_context = services.audit_context(&context.actor);
    let new = NewReset {
        link: NewLink {
            token_hash,
            purpose: RESET,
            user_type: Some(recipient.owner.user_type),
            user_seq: Some(recipient.owner.user_seq),
            created_at: audit_context.now,
            expires_at: audit_context.now + lifetime,
            email: Some(recipient.email.clone()),
        },
        recipient,
        login_name,
        settings: services.config.otp.clone(),
        audit_context,
    };
    send(services, new, notice).await
}

/// A link that is about to be stored and mailed.
struct NewReset {
    recipient: ResetRecipient,
    login_name: LoginName,
    link: NewLink,
    settings: OtpConfig,
    audit_context: AuditContext,
}

impl NewReset {
    /// Counts, stores and records the link. Returns `false`, and stores nothing, if the account has changed since it was read.
    fn store(&self, connection: &mut Transaction<'_>) -> Result<bool, Error> {
        let (owner, now) = (self.recipient.owner, self.audit_context.now);
        let account = match lock_account(connection, owner) {
            Err(Error::AccountNotFound(_)) => return Ok(false),
            found => found?,
        };
        let is_verified = account.email_verified() == Some(true);
        if !account.is_active || !is_verified || account.email != self.link.email {
            return Ok(false);
        }
        let (login_name, audit_context) = (&self.login_name, &self.audit_context);
        let requested = Requested::ResetLink;
        count_sent(
            connection,
            requested,
            &self.settings,
            login_name,
            audit_context,
        )?;
        set_up_links::revoke(connection, owner, &[RESET], now)?;
        set_up_links::insert(connection, &self.link)?;
        let event = Event::new(Action::ResetRequested)
            .to(login_name.subject())
            .with_detail("recipient", &self.recipient.email);
        audit_context.record(connection, &event)?;
        let (hash, kind) = (&self.link.token_hash, DeliveryKind::PasswordLink);
        let email = &self.recipient.email;
        let mail = DeliveryOutcome::mail(hash, kind, owner, account.login(), email);
        deliveries::insert(connection, &row(&mail, now))?;
        Ok(true)
    }
}

/// Stores and mails a link. For a known device it waits until the link is stored, and returns errors. Any other response must
/// not depend on whether the account exists: it does not wait.
async fn send(services: &Services, new: NewReset, notice: LinkNotice) -> Result<(), Error> {
    let (store, is_known_device) = (services.store.clone(), new.login_name.device.is_some());
    let write = async move { store.write(move |connection| new.store(connection)).await };
    if !is_known_device {
        services.delivery.send_link_after(prepare(write), notice);
    } else if write.await? {
        services.delivery.send_link(notice);
    }
    Ok(())
}
