//! One-time codes for client users: requesting one, and logging in with it. The response to a request is the same,
//! after the same time, for a client user that does not exist.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_STANDARD};

use crate::config::OtpDelivery;
use crate::delivery::OtpNotice;
use crate::domain::account::Account;
use crate::domain::audit::Action;
use crate::domain::language::Language;
use crate::domain::limits::LimitKind;
use crate::domain::otp::OtpCode;
use crate::domain::principal::{Principal, UserType};
use crate::domain::session::{ChallengeId, LoginMethod};
use crate::services::audit::log::Event;
use crate::services::auth::login::{count, record_refusal};
use crate::services::auth::session_start::SessionStart;
use crate::services::auth::token_pair::TokenPair;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::counting::CounterReset;
use crate::services::limits::login_context::LoginContext;
use crate::services::limits::login_name::LoginName;
use crate::services::limits::requests::{self, bucket_of};
use crate::services::limits::rules::device_key;
use crate::services::limits::{addresses, attempts};
use crate::store::client_users::{self, Recipient};
use crate::store::otp_challenges::{self, Attempt, NewChallenge};
use crate::store::rate_limits::{self, Bucket};

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
    let audit_context = services.audit_context(&request.login_context.actor);
    let now = audit_context.now;
    let settings = services.config.otp.clone();
    let id = ChallengeId::new(now);
    let code = OtpCode::generate(settings.length)
        .ok_or_else(|| Error::Unavailable("the system's random generator failed".into()))?;
    let login_name = LoginName::new(UserType::Client, &request.username);
    let code_hash = hash(services, &id, &code);
    let (expires_in, resend_after) = (settings.lifetime.get(), settings.resend_after.get());
    let device = device_key(services, &login_name, &request.login_context);
    let challenge_id = id.clone();
    let client = services
        .store
        .write(move |connection| {
            let (device, username) = (device.as_deref(), &login_name.name);
            requests::admit(connection, &settings, &login_name, device, &audit_context)?;
            let client = client_users::find_recipient(connection, username)?;
            let principal = client.as_ref().map(|client| Principal::client(client.id));
            let event = Event::new(Action::CodeRequested).to(login_name.subject(principal));
            audit_context.record(connection, &event)?;
            otp_challenges::supersede(connection, username, now)?;
            let new = NewChallenge {
                id: challenge_id.clone(),
                username_normalized: username.clone(),
                user_seq: client.as_ref().map(|client| client.id),
                code_hash: code_hash.clone(),
                attempts: 0,
                created_at: now,
                expires_at: now + expires_in,
            };
            otp_challenges::insert(connection, &new)?;
            Ok::<_, Error>(client)
        })
        .await?;
    // Without a client user the same work is done, so that the response time does not show which ones exist.
    match client {
        Some(client) => services
            .delivery
            .send(notice(client, &id, code, expires_in, &request)),
        None => services.delivery.send_decoy(),
    }
    Ok(Challenge {
        id,
        expires_in,
        resend_after,
    })
}

/// Without a way to send codes there are none, and a code from before does not log in either.
fn require_delivery(services: &Services) -> Result<(), Error> {
    match services.config.otp.delivery {
        OtpDelivery::Off => Err(Error::OtpDisabled),
        OtpDelivery::Console | OtpDelivery::Smtp | OtpDelivery::Webhook => Ok(()),
    }
}

fn notice(
    client: Recipient,
    id: &ChallengeId,
    code: OtpCode,
    expires_in: Duration,
    request: &OtpRequest,
) -> OtpNotice {
    OtpNotice {
        id: id.to_string(),
        client: client.id,
        username: client.username,
        email: client.email,
        phone: client.phone,
        code,
        expires_in,
        language: request.language,
        request_id: request
            .login_context
            .actor
            .request_id
            .clone()
            .unwrap_or_default(),
    }
}

/// Verifies a one-time code and starts a session. The code can be used once.
///
/// # Errors
/// [`Error::OtpDisabled`]; [`Error::InvalidOtp`] for a code that is wrong, used, expired or unknown, or has no attempts left;
/// [`Error::RateLimited`] after too many failures; and the store's.
pub async fn log_in(
    services: &Services,
    challenge: Option<ChallengeId>,
    code: OtpCode,
    login_context: LoginContext,
) -> Result<TokenPair, Error> {
    require_delivery(services)?;
    let result = authenticate(services, challenge, code, &login_context).await;
    count(services, UserType::Client, result.as_ref().err());
    result
}

async fn authenticate(
    services: &Services,
    challenge: Option<ChallengeId>,
    code: OtpCode,
    login_context: &LoginContext,
) -> Result<TokenPair, Error> {
    let (kind, address) = (LimitKind::Code, login_context.actor.ip_address);
    addresses::admit(services, kind, address).await?;
    let Some((challenge, login_name)) = find(services, challenge).await? else {
        addresses::record_failure(services, kind, &login_context.actor).await?;
        let unknown = LoginName::new(UserType::Client, "");
        record_refusal(services, login_context, &unknown, LoginMethod::Otp).await?;
        return Err(Error::InvalidOtp);
    };
    let attempt = attempts::begin(services, kind, &login_name, login_context).await?;
    let device = device_key(services, &login_name, login_context);
    let tries = bucket_of("tries", &login_name, device.as_deref(), None);
    let reset = attempt.counter_reset();
    let result = verify_code(services, challenge, code, tries, reset, login_context).await;
    if matches!(result, Err(Error::InvalidOtp)) {
        record_refusal(services, login_context, &login_name, LoginMethod::Otp).await?;
    }
    attempt.finish(result).await
}

/// A challenge and the login name it was created for.
async fn find(
    services: &Services,
    challenge: Option<ChallengeId>,
) -> Result<Option<(ChallengeId, LoginName)>, Error> {
    let Some(challenge) = challenge else {
        return Ok(None);
    };
    let id = challenge.clone();
    let username = services
        .store
        .read(move |connection| otp_challenges::find_username(connection, &id))
        .await?;
    let user_type = UserType::Client;
    Ok(username.map(|name| (challenge, LoginName { user_type, name })))
}

/// `tries` counts the attempts over all challenges of a login name: requesting a new code gives no new attempts.
async fn verify_code(
    services: &Services,
    challenge: ChallengeId,
    code: OtpCode,
    tries: Bucket,
    reset: CounterReset,
    login_context: &LoginContext,
) -> Result<TokenPair, Error> {
    let now = services.clock.now();
    let key = services.tokens.key().derive(PURPOSE);
    let (max, window) = (
        i64::from(services.config.otp.max_attempts),
        services.config.otp.lifetime.get(),
    );
    let last_login_at = services.tokens.settings().update_last_login.then_some(now);
    let device = login_context.device();
    let audit_context = services.audit_log.audit_context(&login_context.actor, now);
    let start = SessionStart::new(services, None, LoginMethod::Otp, device, now);
    let new_session = start.clone();
    let account: Option<Account> = services
        .store
        .write(move |connection| {
            // A wrong code is not an error here: an error would roll back the count.
            let Some(attempt) = otp_challenges::take_attempt(connection, &challenge, max, now)?
            else {
                return Ok(None);
            };
            let count = rate_limits::count(connection, &tries, now, now + window, false)?;
            let is_right = matches_hash(&key, &challenge, &code, &attempt);
            let Some(user_seq) = attempt.user_seq.filter(|_| is_right && count.hits <= max) else {
                return Ok(None);
            };
            let used = otp_challenges::mark_used(connection, &challenge, now)?;
            if !used || !client_users::record_login(connection, user_seq, None, last_login_at)? {
                return Ok(None);
            }
            rate_limits::delete(connection, &tries.name)?;
            reset.apply(connection)?;
            let account =
                client_users::find_by_id(connection, user_seq)?.map(|client| client.account());
            if let Some(account) = &account {
                let ended = new_session.insert(connection, account.principal)?;
                new_session.record(connection, &audit_context, account, &ended)?;
            }
            Ok::<_, Error>(account)
        })
        .await?;
    start.issue(services, account.ok_or(Error::InvalidOtp)?)
}

/// The purpose of the derived key.
const PURPOSE: &[u8] = b"one-time codes";

/// The HMAC of a code and its challenge: it is not valid in another row, or on a server with another key.
fn hash(services: &Services, id: &ChallengeId, code: &OtpCode) -> String {
    let tag = hmac::sign(
        &services.tokens.key().derive(PURPOSE),
        message(id, code).as_bytes(),
    );
    BASE64_STANDARD.encode(tag)
}

fn matches_hash(key: &hmac::Key, id: &ChallengeId, code: &OtpCode, attempt: &Attempt) -> bool {
    let expected = BASE64_STANDARD.decode(&attempt.code_hash);
    // hmac::verify compares in constant time.
    expected
        .is_ok_and(|expected| hmac::verify(key, message(id, code).as_bytes(), &expected).is_ok())
}

fn message(id: &ChallengeId, code: &OtpCode) -> String {
    format!("{id}:{}", code.reveal())
}
