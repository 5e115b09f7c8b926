//! One-time codes for clients: asking for one, and logging in by it. A client that does not exist gets the same answer in
//! the same time.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_STANDARD};

use crate::{
    delivery::OtpNotice,
    domain::{
        account::Account,
        audit::Action,
        language::Language,
        limits::LimitKind,
        otp::OtpCode,
        principal::{Principal, UserType},
        session::{ChallengeId, LoginMethod},
        text::normalised,
    },
    services::{
        audit::log::Event,
        auth::{
            login::{count, note_refusal},
            sessions::{SessionStart, TokenPair},
        },
        bootstrap::Services,
        error::Error,
        limits::{
            addresses,
            attempts::{self, CounterReset, LoginContext},
            requests::{self, bucket_of},
            rules::{LoginName, device_key},
        },
    },
    store::{
        client_users::{self, Recipient},
        otp_challenges::{self, Attempt, NewChallenge},
        rate_limits::{self, Bucket},
    },
};

/// Who asks for a code, and from where.
pub struct OtpRequest {
    /// The username as typed.
    pub username: String,
    /// Whoever asks.
    pub login_context: LoginContext,
    /// In which language the code is delivered.
    pub language: Language,
}

/// What the one who asked is told.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// To be sent back with the code.
    pub id: ChallengeId,
    /// How long the code is good.
    pub expires_in: Duration,
    /// How long until another can be asked for.
    pub resend_after: Duration,
}

/// Makes a challenge, and hands its code to the delivery if there is such an active client.
///
/// # Errors
/// [`Error::RateLimited`], and the store's.
pub async fn request(services: &Services, request: OtpRequest) -> Result<Challenge, Error> {
    let audit_context = services.audit_context(&request.login_context.actor);
    let now = audit_context.now;
    let settings = services.config.otp.clone();
    let id = ChallengeId::new(now);
    let code = OtpCode::generate(settings.length)
        .ok_or_else(|| Error::Unavailable("the system's random source gives no bytes".into()))?;
    let username = normalised(&request.username);
    let code_hash = hash(services, &id, &code);
    let (expires_in, resend_after) = (settings.lifetime.get(), settings.resend_after.get());
    let device = device_key(services, named(&username), &request.login_context);
    let challenge_id = id.clone();
    let client = services
        .store
        .write(move |connection| {
            let account = named(&username);
            let device = device.as_deref();
            requests::admit(connection, &settings, account, device, &audit_context)?;
            let client = client_users::find_recipient(connection, &username)?;
            let principal = client.as_ref().map(|client| Principal::client(client.id));
            audit_context.record(connection, &asked(account, principal))?;
            otp_challenges::supersede(connection, &username, now)?;
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
    // Without a client the same is done for nobody: the time of the answer tells nothing.
    match client {
        Some(client) => services
            .delivery
            .send(notice(client, &id, code, expires_in, &request)),
        None => services.delivery.send_nothing(),
    }
    Ok(Challenge {
        id,
        expires_in,
        resend_after,
    })
}

/// The event of a code that was asked for, whether anybody has that name or not.
fn asked(account: LoginName<'_>, principal: Option<Principal>) -> Event {
    Event::new(Action::CodeRequested).to(attempts::named_subject(account, principal))
}

/// A client by the name that was typed.
fn named(username: &str) -> LoginName<'_> {
    LoginName {
        user_type: UserType::Client,
        name: username,
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

/// Lets a client in by a one-time code and begins a session. The code is used up by it.
///
/// # Errors
/// [`Error::InvalidOtp`] for a code that is wrong, used, expired, unknown, or tried too often; [`Error::RateLimited`] after
/// too many failures; and the store's.
pub async fn log_in(
    services: &Services,
    challenge: Option<ChallengeId>,
    code: OtpCode,
    login_context: LoginContext,
) -> Result<TokenPair, Error> {
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
    let Some((challenge, username)) = find(services, challenge).await? else {
        addresses::note_refused(services, kind, &login_context.actor).await?;
        note_refusal(services, login_context, named(""), LoginMethod::Otp).await?;
        return Err(Error::InvalidOtp);
    };
    let account = named(&username);
    let pass = attempts::begin(services, kind, account, login_context).await?;
    let device = device_key(services, account, login_context);
    // The tries are counted over all challenges of a name: asking for a new code buys no new tries.
    let tries = bucket_of("tries", account, device.as_deref(), None);
    let guess = Guess {
        challenge,
        code,
        tries,
        forgiveness: pass.forgiveness(),
    };
    let judged = judge(services, guess, login_context).await;
    if matches!(judged, Err(Error::InvalidOtp)) {
        note_refusal(services, login_context, account, LoginMethod::Otp).await?;
    }
    pass.conclude(judged).await
}

/// A challenge and the name it was made for.
async fn find(
    services: &Services,
    challenge: Option<ChallengeId>,
) -> Result<Option<(ChallengeId, String)>, Error> {
    let Some(challenge) = challenge else {
        return Ok(None);
    };
    let id = challenge.clone();
    let username = services
        .store
        .read(move |connection| otp_challenges::find_username(connection, &id))
        .await?;
    Ok(username.map(|username| (challenge, username)))
}

/// A code, and what belongs to the try.
struct Guess {
    challenge: ChallengeId,
    code: OtpCode,
    tries: Bucket,
    forgiveness: CounterReset,
}

async fn judge(
    services: &Services,
    guess: Guess,
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
    let opening = SessionStart::new(services, None, LoginMethod::Otp, device, now);
    let booking = opening.clone();
    let account: Option<Account> = services
        .store
        .write(move |connection| {
            let (challenge, tries) = (&guess.challenge, &guess.tries);
            // A wrong try is an outcome, not an error: an error would roll its count back.
            let Some(attempt) = otp_challenges::take_attempt(connection, challenge, max, now)?
            else {
                return Ok(None);
            };
            let count = rate_limits::count(connection, tries, now, now + window, false)?;
            let right = is_right(&key, challenge, &guess.code, &attempt);
            let Some(user_seq) = attempt.user_seq.filter(|_| right && count.hits <= max) else {
                return Ok(None);
            };
            let used = otp_challenges::mark_used(connection, challenge, now)?;
            if !used || !client_users::record_login(connection, user_seq, None, last_login_at)? {
                return Ok(None);
            }
            rate_limits::delete(connection, &tries.name)?;
            guess.forgiveness.forget(connection)?;
            let account =
                client_users::find_by_id(connection, user_seq)?.map(|client| client.account());
            if let Some(account) = &account {
                let ended = booking.book(connection, account.principal)?;
                booking.record(connection, &audit_context, account, &ended)?;
            }
            Ok::<_, Error>(account)
        })
        .await?;
    opening.tokens(services, account.ok_or(Error::InvalidOtp)?)
}

/// What the codes' key is derived for.
const PURPOSE: &[u8] = b"one-time codes";

/// The keyed hash of a code, bound to its challenge: useless in the database of another server, or in another row.
fn hash(services: &Services, id: &ChallengeId, code: &OtpCode) -> String {
    let tag = hmac::sign(
        &services.tokens.key().derive(PURPOSE),
        message(id, code).as_bytes(),
    );
    BASE64_STANDARD.encode(tag)
}

fn is_right(key: &hmac::Key, id: &ChallengeId, code: &OtpCode, attempt: &Attempt) -> bool {
    let expected = BASE64_STANDARD.decode(&attempt.code_hash);
    // hmac::verify takes the same time wherever the first difference is.
    expected
        .is_ok_and(|expected| hmac::verify(key, message(id, code).as_bytes(), &expected).is_ok())
}

fn message(id: &ChallengeId, code: &OtpCode) -> String {
    format!("{id}:{}", code.reveal())
}
