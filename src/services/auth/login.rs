//! Logging in with a password, in both populations. Unknown accounts, wrong passwords and inactive accounts get the
//! same response after the same time.

use crate::domain::audit::Action;
use crate::domain::limits::LimitKind;
use crate::domain::password::Password;
use crate::domain::principal::{Principal, UserType};
use crate::domain::session::LoginMethod;
use crate::services::account_lookup::{find_account, find_with_hash_by_login};
use crate::services::accounts::changes::replace_hash;
use crate::services::audit::log::Event;
use crate::services::auth::session_start::SessionStart;
use crate::services::auth::token_pair::TokenPair;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::attempts;
use crate::services::limits::counting::CounterReset;
use crate::services::limits::login_context::LoginContext;
use crate::services::limits::login_name::LoginName;
use crate::services::passwords::PasswordCheck;
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
/// [`Error::InvalidCredentials`], [`Error::RateLimited`] after too many failures, [`Error::Overloaded`], and the
/// store's.
pub async fn log_in(
    services: &Services,
    credentials: Credentials,
    login_context: LoginContext,
) -> Result<TokenPair, Error> {
    let user_type = credentials.user_type;
    let result = authenticate(services, credentials, &login_context).await;
    count(services, user_type, result.as_ref().err());
    result
}

/// Records a refused login. The account is looked up for every reason, so that the response takes the same time.
pub(super) async fn record_refusal(
    services: &Services,
    login_context: &LoginContext,
    login_name: &LoginName,
    method: LoginMethod,
) -> Result<(), Error> {
    let login_name = login_name.clone();
    services
        .write_as(&login_context.actor, move |connection, audit_context| {
            let principal = login_name.find(connection)?;
            let event = Event::new(Action::LogInRefused)
                .refused()
                .to(login_name.subject(principal))
                .with_detail("user_type", login_name.user_type)
                .with_detail("method", method);
            Ok(audit_context.record(connection, &event)?)
        })
        .await
}

/// Counts a login for the metrics. An internal error counts as neither accepted nor refused.
pub(super) fn count(services: &Services, user_type: UserType, error: Option<&Error>) {
    let outcome = match error {
        None => "accepted",
        Some(Error::InvalidCredentials | Error::InvalidOtp) => "refused",
        Some(_) => return,
    };
    services.metrics.logged_in(user_type, outcome);
}

async fn authenticate(
    services: &Services,
    credentials: Credentials,
    login_context: &LoginContext,
) -> Result<TokenPair, Error> {
    let Credentials {
        user_type,
        identifier,
        password,
    } = credentials;
    let login_name = LoginName::new(user_type, &identifier);
    let attempt = attempts::begin(services, LimitKind::Login, &login_name, login_context).await?;
    let reset = attempt.counter_reset();
    let result = verify_password(services, &login_name, password, login_context, reset).await;
    if matches!(result, Err(Error::InvalidCredentials)) {
        record_refusal(services, login_context, &login_name, LoginMethod::Password).await?;
    }
    attempt.finish(result).await
}

async fn verify_password(
    services: &Services,
    login_name: &LoginName,
    password: Password,
    login_context: &LoginContext,
    reset: CounterReset,
) -> Result<TokenPair, Error> {
    let (user_type, name) = (login_name.user_type, login_name.name.clone());
    let found = services
        .store
        .read(move |connection| find_with_hash_by_login(connection, user_type, &name))
        .await?;
    let candidate = found
        .filter(|(account, _)| account.is_active)
        .and_then(|(account, hash)| Some((account.principal, hash?)));
    // Without a candidate a dummy hash is verified, so that the response time does not show which accounts exist.
    let hash = candidate.as_ref().map(|(_, hash)| hash.clone());
    let check = services.passwords.verify(password.clone(), hash).await?;
    let (Some((principal, hash)), PasswordCheck::Right { needs_rehash }) = (candidate, check)
    else {
        return Err(Error::InvalidCredentials);
    };
    let now = services.clock.now();
    let (owner, device) = (Some(principal), login_context.device());
    let start = SessionStart::new(services, owner, LoginMethod::Password, device, now);
    let (new_session, old_hash) = (start.clone(), hash.clone());
    let audit_context = services.audit_log.audit_context(&login_context.actor, now);
    let last_login_at = services.tokens.settings().update_last_login.then_some(now);
    let account = services
        .store
        .write(move |connection| {
            // Verifying the hash takes long: the account is checked again, and locked, before the session starts.
            let (id, hash) = (principal.user_seq, Some(old_hash.as_str()));
            let is_unchanged = match principal.user_type {
                UserType::User => users::record_login(connection, id, hash, last_login_at)?,
                UserType::Client => {
                    client_users::record_login(connection, id, hash, last_login_at)?
                }
            };
            if !is_unchanged {
                return Err(Error::InvalidCredentials);
            }
            reset.apply(connection)?;
            let ended = new_session.insert(connection, principal)?;
            // By its locked row: the role may have changed since the candidate was read.
            let account = find_account(connection, principal)?.ok_or(Error::InvalidCredentials)?;
            new_session.record(connection, &audit_context, &account, &ended)?;
            Ok(account)
        })
        .await?;
    if needs_rehash {
        rehash_later(services, principal, hash, password);
    }
    start.issue(services, account)
}

/// Hashes a password again in the background because the configured cost was raised. The hash is replaced only if it
/// has not changed meanwhile; if the queue of the password pool is full, the next login tries again.
fn rehash_later(services: &Services, principal: Principal, old: String, password: Password) {
    let (passwords, store) = (services.passwords.clone(), services.store.clone());
    tokio::spawn(async move {
        let Ok(new) = passwords.hash(password).await else {
            return;
        };
        let replaced = store
            .write(move |connection| replace_hash(connection, principal, &old, &new))
            .await;
        match replaced {
            Ok(true) => {
                tracing::info!(%principal, "the password was hashed again with the configured cost");
            }
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%principal, %error, "the new password hash was not stored");
            }
        }
    });
}
