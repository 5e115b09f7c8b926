//! The second step of a login with the API.

use crate::domain::account::Account;
use crate::domain::audit::Action;
use crate::domain::limits::LimitKind;
use crate::domain::otp::OtpCode;
use crate::domain::second_factor::ChallengePurpose;
use crate::services::auth::login::count;
use crate::services::auth::refused_login;
use crate::services::auth::session_start::{LoggedIn, SessionStart};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::attempts;
use crate::services::limits::counting::CounterReset;
use crate::services::limits::login_context::LoginContext;
use crate::services::second_factors::enrolment::{self, Confirmation, NewTotp};
use crate::services::second_factors::passkeys::{self, NewPasskeyAnswer, Registration};
use crate::services::second_factors::proof::FactorProof;
use crate::services::second_factors::second_step::{OpenChallenge, Proved, SecondStep, open};
use crate::services::second_factors::webauthn::options::CreationOptions;
use crate::services::second_factors::webauthn::relying_party::RelyingParty;

/// A login whose account has a second factor.
const LOGIN: (ChallengePurpose, bool) = (ChallengePurpose::Login, false);
/// A login whose account must set one up.
const SET_UP: (ChallengePurpose, bool) = (ChallengePurpose::Login, true);

/// Proves the second factor of a login, and starts its session.
///
/// # Errors
/// [`Error::InvalidSecondFactor`], [`Error::RateLimited`] after too many failures, of passwords too, and the store's.
pub async fn log_in(
    services: &Services,
    challenge_id: &str,
    proof: FactorProof,
    login_context: LoginContext,
) -> Result<LoggedIn, Error> {
    let challenge = open(services, challenge_id, LOGIN, &login_context).await?;
    let step = SecondStep::proof(services, challenge.row.clone(), proof);
    Box::pin(complete(services, challenge, step, login_context)).await
}

/// Makes a secret for the authenticator app of an account that must have one to log in.
///
/// # Errors
/// As [`log_in`], and those of [`enrolment::begin_totp`].
pub async fn begin_totp(
    services: &Services,
    challenge_id: &str,
    login_context: &LoginContext,
) -> Result<NewTotp, Error> {
    let challenge = open(services, challenge_id, SET_UP, login_context).await?;
    enrolment::begin_totp(services, &challenge.account).await
}

/// Confirms the authenticator app by one of its codes, and starts the session of the login.
///
/// # Errors
/// As [`log_in`], and [`Error::Invalid`] if the code is wrong (`code`), [`Error::SecondFactorNotFound`] if no secret was made.
pub async fn set_up(
    services: &Services,
    challenge_id: &str,
    code: OtpCode,
    login_context: LoginContext,
) -> Result<LoggedIn, Error> {
    let challenge = open(services, challenge_id, SET_UP, &login_context).await?;
    let confirmation = Confirmation::new(services, code)?;
    let step = SecondStep::set_up(services, challenge.row.clone(), confirmation);
    Box::pin(complete(services, challenge, step, login_context)).await
}

/// What a browser is asked to register for an account that must have a second factor to log in.
///
/// # Errors
/// As [`log_in`], and those of [`passkeys::begin`].
pub async fn begin_passkey(
    services: &Services,
    party: &RelyingParty,
    challenge_id: &str,
    login_context: &LoginContext,
) -> Result<CreationOptions, Error> {
    let challenge = open(services, challenge_id, SET_UP, login_context).await?;
    passkeys::begin(services, party, &challenge.account).await
}

/// Adds the passkey that a browser registered, and starts the session of the login.
///
/// # Errors
/// As [`log_in`], and [`Error::Invalid`] if the passkey is refused (`credential`).
pub async fn set_up_passkey(
    services: &Services,
    challenge_id: &str,
    new: NewPasskeyAnswer<'_>,
    login_context: LoginContext,
) -> Result<LoggedIn, Error> {
    let challenge = open(services, challenge_id, SET_UP, &login_context).await?;
    let registration = Registration::verify(services, challenge.row.owner(), new)?;
    let step = SecondStep::set_up_passkey(services, challenge.row.clone(), registration);
    Box::pin(complete(services, challenge, step, login_context)).await
}

async fn complete(
    services: &Services,
    challenge: OpenChallenge,
    step: SecondStep,
    login_context: LoginContext,
) -> Result<LoggedIn, Error> {
    let (kind, actor) = (LimitKind::Login, &login_context.actor);
    let login_name = &challenge.login_name;
    let attempt = attempts::begin(services, kind, login_name, actor).await?;
    let reset = attempt.counter_reset();
    let factor = step.factor();
    let result = start(services, &challenge, step, &login_context, reset).await;
    if matches!(result, Err(Error::InvalidSecondFactor)) {
        let event = challenge.refusal(Action::LogInRefused, factor);
        refused_login::record(services, actor, kind, login_name, event).await?;
    }
    login_context.quota.note(attempt.quota(&result));
    let result = attempt.finish(result).await;
    count(services, challenge.row.user_type, result.as_ref().err());
    result
}

async fn start(
    services: &Services,
    challenge: &OpenChallenge,
    step: SecondStep,
    login_context: &LoginContext,
    reset: CounterReset,
) -> Result<LoggedIn, Error> {
    let (owner, method) = (Some(challenge.row.owner()), challenge.row.method);
    let device = challenge.login_name.device.as_deref();
    let start = SessionStart::new(services, owner, method, login_context, device).await?;
    let start = start.with_factor(step.factor());
    let new_session = start.clone();
    let audit_context = services
        .audit_log
        .audit_context(&login_context.actor, start.now());
    let proved: Result<Option<Proved>, Error> = services
        .store
        .write(move |connection| {
            let Some(proved) = step.take(connection, &audit_context)? else {
                return Ok(None);
            };
            reset.apply(connection)?;
            let account: &Account = &proved.account;
            let ended = new_session.insert(connection, account.principal)?;
            new_session.record(connection, &audit_context, account, &ended)?;
            Ok(Some(proved))
        })
        .await;
    let proved = match proved {
        Ok(Some(proved)) => proved,
        refused => {
            start.cancel(services);
            refused?;
            return Err(Error::InvalidSecondFactor);
        }
    };
    proved.notify(services);
    let logged_in = start.issue(services, proved.account)?;
    Ok(LoggedIn {
        recovery_codes: proved.recovery_codes,
        ..logged_in
    })
}
