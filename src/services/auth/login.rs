//! Logging in by password, for both populations. Unknown, wrong and inactive are one answer in one time.

use crate::{
    domain::{
        account::Account,
        audit::Action,
        limits::LimitKind,
        password::Password,
        principal::{Principal, UserType},
        session::LoginMethod,
        text::normalised,
    },
    services::{
        audit::log::Event,
        auth::sessions::{SessionStart, TokenPair},
        bootstrap::Services,
        error::Error,
        limits::{
            attempts::{self, CounterReset, LoginContext},
            rules::LoginName,
        },
        passwords::PasswordCheck,
    },
    store::{Db, StoreError, client_users, users},
};

/// What somebody shows to be let in.
pub struct Credentials {
    /// Which population they claim to belong to.
    pub user_type: UserType,
    /// The e-mail address of an internal user, the username of a client, as typed.
    pub identifier: String,
    /// The password.
    pub password: Password,
}

/// An account that may log in by password, and the hash to compare with.
#[derive(Clone)]
struct Candidate {
    account: Account,
    hash: String,
}

/// Lets somebody in by password and begins a session.
///
/// # Errors
/// [`Error::InvalidCredentials`], [`Error::RateLimited`] after too many of them, [`Error::Overloaded`], and the store's.
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

/// Records that somebody was not let in. Who is unknown, wrong or inactive is looked up alike.
pub(crate) async fn note_refusal(
    services: &Services,
    login_context: &LoginContext,
    account: LoginName<'_>,
    method: LoginMethod,
) -> Result<(), Error> {
    let audit_context = services.audit_context(&login_context.actor);
    let (user_type, name) = (account.user_type, account.name.to_owned());
    services
        .store
        .write(move |connection| {
            let principal = attempts::find_account(connection, user_type, &name)?;
            let named = LoginName {
                user_type,
                name: &name,
            };
            let event = Event::new(Action::LogInRefused)
                .refused()
                .to(attempts::named_subject(named, principal))
                .noting("user_type", user_type)
                .noting("method", method);
            Ok(audit_context.record(connection, &event)?)
        })
        .await
}

/// Counts a log-in for the metrics; an internal error counts as neither accepted nor refused.
pub(crate) fn count(services: &Services, user_type: UserType, error: Option<&Error>) {
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
    let name = normalised(&identifier);
    let account = LoginName {
        user_type,
        name: &name,
    };
    let pass = attempts::begin(services, LimitKind::Login, account, login_context).await?;
    let forgiveness = pass.forgiveness();
    let judged = judge(services, account, password, login_context, forgiveness).await;
    if matches!(judged, Err(Error::InvalidCredentials)) {
        note_refusal(services, login_context, account, LoginMethod::Password).await?;
    }
    pass.conclude(judged).await
}

async fn judge(
    services: &Services,
    account: LoginName<'_>,
    password: Password,
    login_context: &LoginContext,
    forgiveness: CounterReset,
) -> Result<TokenPair, Error> {
    let (user_type, identifier) = (account.user_type, account.name.to_owned());
    let candidate = services
        .store
        .read(move |connection| find_candidate(connection, user_type, &identifier))
        .await?;
    // Without a candidate the same work is done for nothing: the time of the answer tells nobody who exists.
    let hash = candidate.as_ref().map(|candidate| candidate.hash.clone());
    let verdict = services.passwords.verify(password.clone(), hash).await?;
    let (Some(candidate), PasswordCheck::Right { needs_rehash }) = (candidate, verdict) else {
        return Err(Error::InvalidCredentials);
    };
    let now = services.clock.now();
    let principal = candidate.account.principal;
    let device = login_context.device();
    let opening = SessionStart::new(
        services,
        Some(principal),
        LoginMethod::Password,
        device,
        now,
    );
    let (booking, owner) = (opening.clone(), candidate.clone());
    let audit_context = services.audit_log.audit_context(&login_context.actor, now);
    let last_login_at = services.tokens.settings().update_last_login.then_some(now);
    let account = services
        .store
        .write(move |connection| {
            // The hash took its time: the account is looked at again, and locked, before a session begins.
            let still_so = match principal.user_type {
                UserType::User => {
                    users::record_login(connection, principal.user_seq, &owner.hash, last_login_at)?
                }
                UserType::Client => client_users::record_login(
                    connection,
                    principal.user_seq,
                    Some(&owner.hash),
                    last_login_at,
                )?,
            };
            if !still_so {
                return Err(Error::InvalidCredentials);
            }
            forgiveness.forget(connection)?;
            let ended = booking.book(connection, principal)?;
            let account = read_again(connection, principal)?.ok_or(Error::InvalidCredentials)?;
            booking.record(connection, &audit_context, &account, &ended)?;
            Ok(account)
        })
        .await?;
    if needs_rehash {
        rehash_later(services, &candidate, password);
    }
    opening.tokens(services, account)
}

/// The account as its locked row is: its role may have changed since the password was asked for.
fn read_again(connection: &mut Db, principal: Principal) -> Result<Option<Account>, StoreError> {
    let seq = principal.user_seq;
    Ok(match principal.user_type {
        UserType::User => users::find_by_id(connection, seq)?.map(|row| row.account()),
        UserType::Client => client_users::find_by_id(connection, seq)?.map(|row| row.account()),
    })
}

fn find_candidate(
    connection: &mut Db,
    user_type: UserType,
    identifier: &str,
) -> Result<Option<Candidate>, StoreError> {
    let (account, hash) = match user_type {
        UserType::User => match users::find_by_email(connection, identifier)? {
            Some(row) => (row.account(), row.password_hash),
            None => return Ok(None),
        },
        UserType::Client => match client_users::find_by_username(connection, identifier)? {
            Some(row) => (row.account(), row.password_hash),
            None => return Ok(None),
        },
    };
    Ok(hash
        .filter(|_| account.is_active)
        .map(|hash| Candidate { account, hash }))
}

/// The cost was raised since this password was hashed: it is hashed again, after the answer, and put in the old one's
/// place if that still stands there. When the queue is full the next log-in tries again.
fn rehash_later(services: &Services, candidate: &Candidate, password: Password) {
    let (passwords, store) = (services.passwords.clone(), services.store.clone());
    let (principal, old) = (candidate.account.principal, candidate.hash.clone());
    tokio::spawn(async move {
        let Ok(new) = passwords.hash(password).await else {
            return;
        };
        let replaced = store
            .write(move |connection| match principal.user_type {
                UserType::User => users::replace_hash(connection, principal.user_seq, &old, &new),
                UserType::Client => {
                    client_users::replace_hash(connection, principal.user_seq, &old, &new)
                }
            })
            .await;
        log_rehash(principal, replaced);
    });
}

fn log_rehash(principal: Principal, replaced: Result<bool, StoreError>) {
    match replaced {
        Ok(true) => {
            tracing::info!(%principal, "the password's hash was raised to the configured cost");
        }
        Ok(false) => {}
        Err(error) => {
            tracing::warn!(%principal, %error, "the password's stronger hash was not stored");
        }
    }
}
