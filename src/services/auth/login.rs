//! Logging in with a password, in both populations. Unknown accounts, wrong passwords and inactive accounts get the
//! same response after the same time. A right password of an account with a second factor begins a challenge instead.

use crate::domain::account::Account;
use crate::domain::audit::Action;
use crate::domain::limits::LimitKind;
use crate::domain::password::Password;
use crate::domain::principal::UserType;
use crate::domain::second_factor::{ChallengePurpose, PendingLogin};
use crate::domain::session::LoginMethod;
use crate::services::account_lookup::find_account;
use crate::services::audit::log::Event;
use crate::services::auth::password_check::{self, MAX_CHECKS, RightPassword};
use crate::services::auth::refused_login;
use crate::services::auth::session_start::{LoggedIn, SessionStart};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::attempts;
use crate::services::limits::counting::CounterReset;
use crate::services::limits::login_context::LoginContext;
use crate::services::limits::login_name::LoginName;
use crate::services::metrics::counters::Operation;
use crate::services::second_factors::challenges::FirstStep;
use crate::store::{client_users, users};

/// The credentials that a caller presents.
pub struct Credentials {
    /// The population of the account.
    pub user_type: UserType,
    /// The e-mail address of an internal user or the username of a client, as typed.
    pub identifier: String,
    /// The password.
    pub password: Password,
}

/// Verifies a password and starts a session.
///
/// # Errors
/// [`Error::InvalidCredentials`], [`Error::SecondFactorRequired`], [`Error::RateLimited`] after too many failures,
/// [`Error::Overloaded`], and the store's.
pub async fn log_in(
    services: &Services,
    credentials: Credentials,
    login_context: LoginContext,
) -> Result<LoggedIn, Error> {
    let user_type = credentials.user_type;
    let result = Box::pin(authenticate(services, credentials, &login_context)).await;
    count(services, user_type, result.as_ref().err());
    result
}

/// Counts a login for the metrics. An internal error counts as neither accepted nor refused.
pub(super) fn count(services: &Services, user_type: UserType, error: Option<&Error>) {
    if let Some(error) = error {
        services.metrics.refused(Operation::Login, error);
    }
    let outcome = match error {
        None => "accepted",
        Some(Error::InvalidCredentials | Error::InvalidOtp | Error::InvalidSecondFactor) => {
            "refused"
        }
        Some(_) => return,
    };
    services.metrics.logged_in(user_type, outcome);
}

async fn authenticate(
    services: &Services,
    credentials: Credentials,
    login_context: &LoginContext,
) -> Result<LoggedIn, Error> {
    let Credentials {
        user_type,
        identifier,
        password,
    } = credentials;
    let (kind, actor) = (LimitKind::Login, &login_context.actor);
    let login_name = LoginName::find(services, user_type, &identifier, login_context).await?;
    let attempt = attempts::begin(services, kind, &login_name, actor).await?;
    let reset = attempt.counter_reset();
    let result = verify_password(services, &login_name, password, login_context, reset).await;
    if matches!(result, Err(Error::InvalidCredentials)) {
        let event = Event::new(Action::LogInRefused)
            .with_detail("user_type", user_type)
            .with_detail("method", LoginMethod::Password);
        refused_login::record(services, actor, kind, &login_name, event).await?;
    }
    login_context.quota.note(attempt.quota(&result));
    attempt.finish(result).await
}

async fn verify_password(
    services: &Services,
    login_name: &LoginName,
    password: Password,
    login_context: &LoginContext,
    reset: CounterReset,
) -> Result<LoggedIn, Error> {
    for _ in 0..MAX_CHECKS {
        let actor = &login_context.actor;
        let right = password_check::check(services, login_name, actor, &password).await?;
        let right = right.ok_or(Error::InvalidCredentials)?;
        let device = login_name.device.as_deref();
        let started = start(services, &right, login_context, device, reset.clone()).await?;
        if let Some(outcome) = started {
            right.rehash_later(services);
            return match outcome {
                Outcome::LoggedIn(logged_in) => Ok(*logged_in),
                Outcome::Pending(pending) => Err(Error::SecondFactorRequired(pending)),
            };
        }
    }
    Err(Error::InvalidCredentials)
}

/// What a right password leads to.
enum Outcome {
    LoggedIn(Box<LoggedIn>),
    Pending(PendingLogin),
}

/// The same in the transaction.
enum Step {
    Refused,
    Pending(PendingLogin),
    Started(Box<Account>),
}

/// Starts a session, or a challenge; `None` if the account is not active any more or its hash has changed.
async fn start(
    services: &Services,
    right: &RightPassword,
    login_context: &LoginContext,
    known_device: Option<&str>,
    reset: CounterReset,
) -> Result<Option<Outcome>, Error> {
    let (principal, method) = (right.account.principal, LoginMethod::Password);
    let owner = Some(principal);
    let start = SessionStart::new(services, owner, method, login_context, known_device).await?;
    let now = start.now();
    let first_step = FirstStep::new(services, ChallengePurpose::Login, method)?;
    let candidate = right.account.clone();
    let (new_session, hash) = (start.clone(), right.hash.clone());
    let audit_context = services.audit_log.audit_context(&login_context.actor, now);
    let last_login_at = services.tokens.settings().update_last_login.then_some(now);
    let step = services
        .store
        .write(move |connection| {
            let pending = first_step.pending(connection, &candidate)?;
            let last_login_at = last_login_at.filter(|_| pending.is_none());
            // Verifying the hash takes long: the account is checked again, and locked, before the session starts.
            let (id, hash) = (principal.user_seq, Some(hash.as_str()));
            let is_unchanged = match principal.user_type {
                UserType::User => users::record_login(connection, id, hash, last_login_at)?,
                UserType::Client => {
                    client_users::record_login(connection, id, hash, last_login_at)?
                }
            };
            if !is_unchanged {
                return Ok(Step::Refused);
            }
            if let Some(pending) = pending {
                first_step.begin(connection, &audit_context, &candidate, &pending)?;
                return Ok(Step::Pending(pending));
            }
            reset.apply(connection)?;
            let ended = new_session.insert(connection, principal)?;
            // By its locked row: the role may have changed since the candidate was read.
            let account = find_account(connection, principal)?.ok_or(Error::InvalidCredentials)?;
            new_session.record(connection, &audit_context, &account, &ended)?;
            Ok::<_, Error>(Step::Started(Box::new(account)))
        })
        .await?;
    Ok(match step {
        Step::Started(account) => {
            let logged_in = start.issue(services, *account)?;
            Some(Outcome::LoggedIn(Box::new(logged_in)))
        }
        Step::Pending(pending) => {
            start.cancel(services);
            Some(Outcome::Pending(pending))
        }
        Step::Refused => None,
    })
}
