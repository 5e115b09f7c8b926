//! Requests for one-time codes. The response is the same, after the same time, for a client user that does not exist:
//! after one query the rest is done in the background, and only for clients that exist. Nothing is stored for any other
//! name, and nothing takes a place in the delivery queue.

use std::time::Duration;

use crate::config::OtpConfig;
use crate::delivery::{OtpNotice, Prepare};
use crate::domain::account::normalised_login;
use crate::domain::audit::Action;
use crate::domain::language::Language;
use crate::domain::otp::OtpCode;
use crate::domain::principal::{Principal, UserType};
use crate::domain::session::ChallengeId;
use crate::services::audit::log::{AuditContext, Event};
use crate::services::auth::challenge_ids;
use crate::services::auth::otp::require_delivery;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::login_context::LoginContext;
use crate::services::limits::login_name::LoginName;
use crate::services::limits::networks::widest_network;
use crate::services::limits::requests::{Admission, Requested, count_sent};
use crate::services::limits::unknown_names;
use crate::store::Transaction;
use crate::store::client_users::{self, Recipient};
use crate::store::otp_challenges::{self, NewChallenge};

/// The number of codes that one device or network can use at the same time: a later one does not void the one that is
/// on its way.
const OPEN_CODES: i64 = 3;

/// A request for a one-time code.
pub struct OtpRequest {
    /// The username as typed.
    pub username: String,
    /// The origin of the request.
    pub login_context: LoginContext,
    /// The language of the message that delivers the code.
    pub language: Language,
}

/// The response to a request for a code.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// The id to send back with the code.
    pub id: ChallengeId,
    /// The lifetime of the code.
    pub expires_in: Duration,
    /// The time until another code can be requested.
    pub resend_after: Duration,
}

/// Creates a challenge, and delivers its code if there is such an active client user.
///
/// # Errors
/// [`Error::OtpDisabled`], [`Error::RateLimited`], and the store's.
pub async fn request(services: &Services, request: OtpRequest) -> Result<Challenge, Error> {
    require_delivery(services)?;
    let (settings, context) = (&services.config.otp, &request.login_context);
    let (user_type, username) = (UserType::Client, normalised_login(&request.username));
    let admission = Admission::begin(services, Requested::Code, user_type, &username, context)?;
    let searched = username.clone();
    let found = services
        .store
        .read(move |connection| client_users::find_recipient(connection, &searched))
        .await?;
    let owner = found.as_ref().map(|client| Principal::client(client.id));
    let login_name = admission.login_name(user_type, owner, username).await?;
    let id = challenge_ids::issue(services, admission.name)?;
    let code = OtpCode::generate(settings.length)
        .ok_or_else(|| Error::Unavailable("the system's random generator failed".into()))?;
    // Also where nothing is stored, so that the response takes the same time.
    let code_hash = challenge_ids::hash(&challenge_ids::code_key(services), &id, &code);
    match found {
        Some(client) => {
            let new = NewCode::new(services, client, login_name, &id, code_hash, &request);
            let notice = notice(&new.client, &id, code, settings, &request);
            send(services, new, notice).await?;
        }
        None => unknown_names::record(services, Action::CodeRequested, &context.actor, &login_name),
    }
    Ok(Challenge {
        id,
        expires_in: settings.lifetime.get(),
        resend_after: settings.resend_after.get(),
    })
}

/// A code that is about to be stored and sent.
#[derive(Clone)]
struct NewCode {
    client: Recipient,
    login_name: LoginName,
    challenge: NewChallenge,
    settings: OtpConfig,
    audit_context: AuditContext,
}

impl NewCode {
    fn new(
        services: &Services,
        client: Recipient,
        login_name: LoginName,
        id: &ChallengeId,
        code_hash: String,
        request: &OtpRequest,
    ) -> Self {
        let now = services.clock.now();
        let (actor, settings) = (&request.login_context.actor, services.config.otp.clone());
        let requested_by = match &login_name.device {
            Some(device) => format!("device:{device}"),
            None => widest_network(actor.ip_address),
        };
        Self {
            challenge: NewChallenge {
                id: id.clone(),
                user_seq: client.id,
                requested_by,
                code_hash,
                attempts: 0,
                created_at: now,
                expires_at: now + settings.lifetime.get(),
            },
            audit_context: services.audit_log.audit_context(actor, now),
            client,
            login_name,
            settings,
        }
    }

    /// Counts, stores and records the code. Returns `false`, and stores nothing, if the client has changed since it was
    /// read: the code would go to an old address.
    fn store(&self, connection: &mut Transaction<'_>) -> Result<bool, Error> {
        let row = client_users::lock(connection, self.client.id)?;
        if row.and_then(|row| row.recipient()).as_ref() != Some(&self.client) {
            return Ok(false);
        }
        let (login_name, audit_context) = (&self.login_name, &self.audit_context);
        count_sent(
            connection,
            Requested::Code,
            &self.settings,
            login_name,
            audit_context,
        )?;
        otp_challenges::insert(connection, &self.challenge, OPEN_CODES)?;
        let event = Event::new(Action::CodeRequested).to(login_name.subject());
        audit_context.record(connection, &event)?;
        Ok(true)
    }
}

/// Stores and sends a code. For a known device it waits until the code is stored, and returns errors. Any other response
/// must not depend on whether the client exists: it does not wait.
async fn send(services: &Services, new: NewCode, notice: OtpNotice) -> Result<(), Error> {
    let (store, is_known_device) = (services.store.clone(), new.login_name.device.is_some());
    let write = async move { store.write(move |connection| new.store(connection)).await };
    if is_known_device {
        if write.await? {
            services.delivery.send(notice);
        }
        return Ok(());
    }
    services.delivery.send_after(prepare(write), notice);
    Ok(())
}

/// What is stored before a code or link is sent. `write` returns `false` if the account has changed meanwhile.
pub(in crate::services) fn prepare(
    write: impl Future<Output = Result<bool, Error>> + Send + 'static,
) -> Prepare {
    Box::pin(async move {
        match write.await {
            Ok(true) => Ok(()),
            Ok(false) => Err("the account was changed meanwhile".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    })
}

fn notice(
    client: &Recipient,
    id: &ChallengeId,
    code: OtpCode,
    settings: &OtpConfig,
    request: &OtpRequest,
) -> OtpNotice {
    let request_id = request.login_context.actor.request_id.clone();
    OtpNotice {
        id: id.to_string(),
        client: client.id,
        username: client.username.clone(),
        email: client.email.clone(),
        phone: client.phone.clone(),
        code,
        expires_in: settings.lifetime.get(),
        language: request.language,
        request_id: request_id.unwrap_or_default(),
    }
}
