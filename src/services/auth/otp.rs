//! Logging in with a one-time code. Attempts with the challenge of a client user that does not exist are counted and
//! answered like those with a wrong code.

use std::time::Duration;

use aws_lc_rs::hmac;

use crate::clock::Timestamp;
use crate::config::OtpDelivery;
use crate::domain::account::Account;
use crate::domain::audit::Action;
use crate::domain::limits::LimitKind;
use crate::domain::otp::OtpCode;
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::second_factor::{ChallengePurpose, PendingLogin};
use crate::domain::session::{ChallengeId, LoginMethod};
use crate::services::audit::log::Event;
use crate::services::auth::challenge_ids::{self, matches_hash};
use crate::services::auth::login::count;
use crate::services::auth::refused_login;
use crate::services::auth::session_start::{LoggedIn, SessionStart};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::counting::CounterReset;
use crate::services::limits::login_context::LoginContext;
use crate::services::limits::login_name::LoginName;
use crate::services::limits::requests::{Requested, bucket_of};
use crate::services::limits::rules::account_rule;
use crate::services::limits::{addresses, attempts};
use crate::services::second_factors::challenges::FirstStep;
use crate::store::rate_limits::{self, Bucket};
use crate::store::{Transaction, client_users, otp_challenges};

/// Verifies a one-time code and starts a session. The code can be used once.
///
/// # Errors
/// [`Error::OtpDisabled`]; [`Error::SecondFactorRequired`]; [`Error::InvalidOtp`] for a code that is wrong, used, expired or unknown,
/// or has no attempts left; [`Error::RateLimited`] after too many failures; and the store's.
pub async fn log_in(
    services: &Services,
    challenge: Option<ChallengeId>,
    code: OtpCode,
    login_context: LoginContext,
) -> Result<LoggedIn, Error> {
    require_delivery(services)?;
    let result = Box::pin(authenticate(services, challenge, code, &login_context)).await;
    count(services, UserType::Client, result.as_ref().err());
    result
}

/// Without a way to send codes there are none, and a code from before does not log in either.
pub(super) fn require_delivery(services: &Services) -> Result<(), Error> {
    match services.config.otp.delivery {
        OtpDelivery::Off => Err(Error::OtpDisabled),
        OtpDelivery::Console | OtpDelivery::Smtp | OtpDelivery::Webhook => Ok(()),
    }
}

async fn authenticate(
    services: &Services,
    challenge: Option<ChallengeId>,
    code: OtpCode,
    login_context: &LoginContext,
) -> Result<LoggedIn, Error> {
    let (kind, actor) = (LimitKind::Code, &login_context.actor);
    let Some((challenge, login_name)) = find(services, challenge, login_context).await? else {
        addresses::admit(services, kind, actor.ip_address).await?;
        let left = addresses::record_failure(services, kind, actor).await?;
        login_context.quota.note(left);
        refused_login::record_invented(services, actor, refusal()).await?;
        return Err(Error::InvalidOtp);
    };
    let attempt = attempts::begin(services, kind, &login_name, actor).await?;
    let submitted = Submitted {
        challenge,
        code,
        client: client_to_lock(&login_name),
        tries: bucket_of(Requested::Code, "tries", &login_name, None),
        failures: account_rule(services, kind, &login_name).bucket.name,
        device: login_name.device.clone(),
    };
    let reset = attempt.counter_reset();
    let result = verify_code(services, submitted, reset, login_context).await;
    if matches!(result, Err(Error::InvalidOtp)) {
        refused_login::record(services, actor, kind, &login_name, refusal()).await?;
    }
    login_context.quota.note(attempt.quota(&result));
    attempt.finish(result).await
}

fn refusal() -> Event {
    Event::new(Action::LogInRefused)
        .with_detail("user_type", UserType::Client)
        .with_detail("method", LoginMethod::Otp)
}

/// A code that is compared with that of a challenge.
#[derive(Clone)]
struct Submitted {
    challenge: ChallengeId,
    code: OtpCode,
    client: Option<UserSeq>,
    /// Counts the attempts over all challenges of a login name: requesting a new code gives no new attempts.
    tries: Bucket,
    /// The name of the bucket of the login name's failures.
    failures: String,
    /// The known device.
    device: Option<String>,
}

/// The client of the challenge. For a name that no client has, an id that none has, so that the same is queried.
fn client_to_lock(login_name: &LoginName) -> Option<UserSeq> {
    let client = login_name.principal.map(|client| client.user_seq);
    client.or(UserSeq::new(i64::MAX))
}

/// A challenge and the login name it was created for; `None` if the server did not create it.
async fn find(
    services: &Services,
    challenge: Option<ChallengeId>,
    login_context: &LoginContext,
) -> Result<Option<(ChallengeId, LoginName)>, Error> {
    let created = challenge.and_then(|id| Some((challenge_ids::name_of(services, &id)?, id)));
    let Some((name, challenge)) = created else {
        return Ok(None);
    };
    let id = challenge.clone();
    let client = services
        .store
        .read(move |connection| otp_challenges::find_client(connection, &id))
        .await?;
    let login_name = match client {
        Some((id, username)) => {
            LoginName::known(services, Principal::client(id), username, login_context).await?
        }
        None => LoginName::unknown(UserType::Client, name),
    };
    Ok(Some((challenge, login_name)))
}

async fn verify_code(
    services: &Services,
    submitted: Submitted,
    reset: CounterReset,
    login_context: &LoginContext,
) -> Result<LoggedIn, Error> {
    let (method, device) = (LoginMethod::Otp, submitted.device.as_deref());
    let start = SessionStart::new(services, None, method, login_context, device).await?;
    let now = start.now();
    let keys = challenge_ids::code_keys(services);
    let otp = &services.config.otp;
    let limits = (i64::from(otp.max_attempts), otp.lifetime.get());
    let last_login_at = services.tokens.settings().update_last_login.then_some(now);
    let audit_context = services.audit_log.audit_context(&login_context.actor, now);
    let new_session = start.clone();
    let first_step = FirstStep::new(services, ChallengePurpose::Login, method)?;
    let found: Option<(Account, Option<PendingLogin>)> = services
        .store
        .write(move |connection| {
            let Some(user_seq) = use_code(connection, &submitted, &keys, limits, now)? else {
                return Ok(None);
            };
            let client = client_users::find_by_id(connection, user_seq)?;
            let Some(account) = client.map(|client| client.account()) else {
                return Ok(None);
            };
            let pending = first_step.pending(connection, &account)?;
            let last_login_at = last_login_at.filter(|_| pending.is_none());
            if !client_users::record_login(connection, user_seq, None, last_login_at)? {
                return Ok(None);
            }
            rate_limits::delete(connection, &submitted.tries.name)?;
            if let Some(pending) = &pending {
                first_step.begin(connection, &audit_context, &account, pending)?;
            } else {
                reset.apply(connection)?;
                let ended = new_session.insert(connection, account.principal)?;
                new_session.record(connection, &audit_context, &account, &ended)?;
            }
            Ok::<_, Error>(Some((account, pending)))
        })
        .await?;
    match found.ok_or(Error::InvalidOtp)? {
        (account, None) => start.issue(services, account),
        (_, Some(pending)) => {
            start.cancel(services);
            Err(Error::SecondFactorRequired(pending))
        }
    }
}

/// Uses an attempt and, if it is right, the code; part of the transaction of the login. Returns the client; `None` if the code is
/// wrong. `max` attempts are allowed for a challenge, and for the login name within the `window`.
fn use_code(
    connection: &mut Transaction<'_>,
    submitted: &Submitted,
    keys: &[hmac::Key],
    (max, window): (i64, Duration),
    now: Timestamp,
) -> Result<Option<UserSeq>, Error> {
    let challenge = &submitted.challenge;
    // The client before its codes, as in every change of a client, so that the two cannot deadlock.
    if let Some(client) = submitted.client {
        client_users::lock(connection, client)?;
    }
    // A wrong code is not an error here: an error would roll back the count.
    let Some(attempt) = otp_challenges::take_attempt(connection, challenge, max, now)? else {
        rate_limits::touch(connection, &submitted.failures)?;
        return Ok(None);
    };
    let count = rate_limits::count(connection, &submitted.tries, now, now + window, false)?;
    let is_right = matches_hash(keys, challenge, &submitted.code, &attempt);
    if !is_right || count.hits > max {
        return Ok(None);
    }
    let user_seq = attempt.user_seq;
    let used = otp_challenges::mark_used(connection, challenge, user_seq, now)?;
    Ok(used.then_some(user_seq))
}
