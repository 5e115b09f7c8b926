//! One-time codes for clients: asking for one, and logging in by it. A client that does not exist gets the same answer in
//! the same time.

use std::{net::IpAddr, time::Duration};

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_STANDARD};

use super::{
    Error, Services,
    login::count,
    sessions::{Opening, TokenPair},
};
use crate::{
    clock::Timestamp,
    config::OtpConfig,
    delivery::OtpNotice,
    domain::{
        account::Account,
        language::Language,
        otp::OtpCode,
        principal::UserType,
        session::{ChallengeId, Device, LoginMethod},
        text::normalised,
    },
    store::{
        Db,
        client_users::{self, Recipient},
        otp_challenges::{self, Attempt, NewChallenge},
        rate_limits,
    },
};

/// The window in which requests per account and per address are counted.
const HOUR: Duration = Duration::from_hours(1);

/// Who asks for a code, and from where.
pub struct OtpRequest {
    /// The username as typed.
    pub username: String,
    /// From which address, if it is known.
    pub ip_address: Option<IpAddr>,
    /// In which language the code is delivered.
    pub language: Language,
    /// The id of the request, for the log.
    pub request_id: String,
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
    let now = services.clock.now();
    let settings = services.config.otp.clone();
    let id = ChallengeId::new(now);
    let code = OtpCode::generate(settings.length)
        .ok_or_else(|| Error::Unavailable("the system's random source gives no bytes".into()))?;
    let username = normalised(&request.username);
    let code_hash = hash(services, &id, &code);
    let (expires_in, resend_after) = (settings.lifetime.get(), settings.resend_after.get());
    let address = request.ip_address;
    let challenge_id = id.clone();
    let client = services
        .store
        .write(move |connection| {
            check_limits(connection, &settings, &username, address, now)?;
            let client = client_users::find_recipient(connection, &username)?;
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

/// Counts the request for its address and its account, and refuses it when either has had enough.
fn check_limits(
    connection: &mut Db,
    settings: &OtpConfig,
    username: &str,
    address: Option<IpAddr>,
    now: Timestamp,
) -> Result<(), Error> {
    if let Some(address) = address {
        let (bucket, max) = (network(address), i64::from(settings.requests_per_address));
        limit(connection, &format!("otp:address:{bucket}"), max, HOUR, now)?;
    }
    let resend_after = settings.resend_after.get();
    limit(
        connection,
        &format!("otp:resend:{username}"),
        1,
        resend_after,
        now,
    )?;
    let max = i64::from(settings.requests_per_account);
    limit(
        connection,
        &format!("otp:account:{username}"),
        max,
        HOUR,
        now,
    )
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
        request_id: request.request_id.clone(),
    }
}

/// Lets a client in by a one-time code and begins a session. The code is used up by it.
///
/// # Errors
/// [`Error::InvalidOtp`] for a code that is wrong, used, expired, unknown, or tried too often; and the store's.
pub async fn log_in(
    services: &Services,
    challenge: Option<ChallengeId>,
    code: OtpCode,
    device: Device,
) -> Result<TokenPair, Error> {
    let result = let_in(services, challenge, code, device).await;
    count(services, UserType::Client, result.as_ref().err());
    result
}

async fn let_in(
    services: &Services,
    challenge: Option<ChallengeId>,
    code: OtpCode,
    device: Device,
) -> Result<TokenPair, Error> {
    let Some(challenge) = challenge else {
        return Err(Error::InvalidOtp);
    };
    let now = services.clock.now();
    let key = services.tokens.key().derive(PURPOSE);
    let (max, window) = (
        i64::from(services.config.otp.max_attempts),
        services.config.otp.lifetime.get(),
    );
    let last_login_at = services.tokens.settings().update_last_login.then_some(now);
    let opening = Opening::new(services, None, LoginMethod::Otp, device, now);
    let booking = opening.clone();
    let account: Option<Account> = services
        .store
        .write(move |connection| {
            // A wrong try is an outcome, not an error: an error would roll its count back.
            let Some(attempt) = otp_challenges::take_attempt(connection, &challenge, max, now)?
            else {
                return Ok(None);
            };
            // The tries are counted over all challenges of a name: asking for a new code buys no new tries.
            let bucket = format!("otp:tries:{}", attempt.username_normalized);
            let tries = rate_limits::hit(connection, &bucket, now, now + window)?.hits;
            let right = is_right(&key, &challenge, &code, &attempt);
            let Some(user_seq) = attempt.user_seq.filter(|_| right && tries <= max) else {
                return Ok(None);
            };
            let used = otp_challenges::use_up(connection, &challenge, now)?;
            if !used || !client_users::note_login(connection, user_seq, None, last_login_at)? {
                return Ok(None);
            }
            rate_limits::clear(connection, &bucket)?;
            let account =
                client_users::find_by_id(connection, user_seq)?.map(|client| client.account());
            if let Some(account) = &account {
                booking.book(connection, account.principal)?;
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

/// Counts an event in a bucket and refuses it when there are more than `max` in the window. The refusal rolls the
/// transaction back and so counts nothing: the window ends when it would have ended.
fn limit(
    connection: &mut Db,
    bucket: &str,
    max: i64,
    window: Duration,
    now: Timestamp,
) -> Result<(), Error> {
    let hits = rate_limits::hit(connection, bucket, now, now + window)?;
    if hits.hits > max {
        Err(Error::RateLimited {
            retry_after: hits.expires_at.since(now),
        })
    } else {
        Ok(())
    }
}

/// What counts as one address: an IPv4 address, or the /64 of an IPv6 one (a household has at least that much).
fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            if let Some(mapped) = address.to_ipv4_mapped() {
                mapped.to_string()
            } else {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        }
    }
}
