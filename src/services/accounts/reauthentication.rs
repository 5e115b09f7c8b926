//! Reauthentication (ASVS 5.0 7.5): the owner of a session proves again who they are, by the second factor if the account has one,
//! otherwise by the password. Both count as logins do: a wrong one is a failed login.

use std::time::Duration;

use crate::delivery::{AccountChange, ChangeNotice};
use crate::domain::account::Account;
use crate::domain::audit::{Action, Subject};
use crate::domain::limits::LimitKind;
use crate::domain::password::Password;
use crate::domain::principal::Principal;
use crate::domain::problem::{Problem, Problems};
use crate::domain::second_factor::{
    Authentication, ChallengePurpose, MissingProof, SecondFactorMethod,
};
use crate::domain::session::{LoginMethod, SessionId};
use crate::services::account_lookup::find_with_hash;
use crate::services::accounts::change_notices::{self, ChangeMails};
use crate::services::accounts::changes::lock_account;
use crate::services::accounts::current_password;
use crate::services::accounts::own_account::KeptSession;
use crate::services::audit::log::{AuditContext, Event};
use crate::services::audit::recording::record;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::attempts;
use crate::services::limits::counting::CounterReset;
use crate::services::limits::login_context::LoginContext;
use crate::services::limits::login_name::LoginName;
use crate::services::second_factors::factors::methods_of;
use crate::services::second_factors::passkey_challenges::Purpose;
use crate::services::second_factors::passkey_proofs::PasskeyRequest;
use crate::services::second_factors::proof::FactorProof;
use crate::services::second_factors::second_step::record_recovery_code;
use crate::store::{Db, StoreError, Transaction, browser_sessions, recovery_codes, sessions};

/// How recent the last proof must be for changes with the API.
const API_RECENT: Duration = Duration::from_mins(5);

/// What the owner of a session proves again.
#[derive(Clone)]
pub enum Reproof {
    /// The password.
    Password(Password),
    /// The second factor.
    Factor(FactorProof),
}

/// What asks the owner of a session of the API for a new proof.
struct Required {
    passkeys: PasskeyRequest,
    purpose: Purpose,
}

impl Required {
    fn new(services: &Services, session: &SessionId) -> Self {
        Self {
            passkeys: PasskeyRequest::new(services, ChallengePurpose::Login),
            purpose: Purpose::Reauthentication(session.to_string()),
        }
    }

    fn error(
        &self,
        connection: &mut Db,
        owner: Principal,
        methods: Vec<SecondFactorMethod>,
    ) -> Result<Error, Error> {
        let password = methods.is_empty() && has_password(connection, owner)?;
        let passkey = if methods.contains(&SecondFactorMethod::Passkey) {
            self.passkeys.options(connection, owner, &self.purpose)?
        } else {
            None
        };
        Ok(Error::ReauthenticationRequired(MissingProof {
            methods,
            password,
            passkey,
        }))
    }
}

fn has_password(connection: &mut Db, owner: Principal) -> Result<bool, StoreError> {
    let stored = find_with_hash(connection, owner)?;
    Ok(stored.is_some_and(|(_, hash)| hash.is_some()))
}

/// Checks that an account with a second factor proved it in the last five minutes, in this session of the API: its password alone
/// does not suffice for what logins depend on (ASVS 5.0 7.5.1). Returns whether the account has a second factor.
///
/// # Errors
/// [`Error::ReauthenticationRequired`], and the store's.
pub async fn require_factor(
    services: &Services,
    owner: Principal,
    session: &SessionId,
) -> Result<bool, Error> {
    let methods = services
        .store
        .read(move |connection| methods_of(connection, owner))
        .await?;
    if methods.is_empty() {
        return Ok(false);
    }
    require_recent(services, owner, session).await?;
    Ok(true)
}

/// Checks what a change of the own e-mail address needs besides a current password that is sent: a proof of the last five minutes
/// if the account has a second factor or no password, otherwise the password.
///
/// # Errors
/// [`Error::ReauthenticationRequired`], [`Error::Invalid`] if the password is missing (`current`), and the store's.
pub async fn require_owner(
    services: &Services,
    owner: Principal,
    session: &SessionId,
    sends_password: bool,
) -> Result<(), Error> {
    if require_factor(services, owner, session).await? || sends_password {
        return Ok(());
    }
    let has_password = services
        .store
        .read(move |connection| has_password(connection, owner))
        .await?;
    if has_password {
        return Err(Problems::one("current", Problem::Required).into());
    }
    require_recent(services, owner, session).await
}

/// Checks that the owner of a session of the API proved who they are in the last five minutes.
///
/// # Errors
/// [`Error::ReauthenticationRequired`], and the store's.
pub async fn require_recent(
    services: &Services,
    owner: Principal,
    session: &SessionId,
) -> Result<(), Error> {
    let (id, now) = (session.clone(), services.clock.now());
    let required = Required::new(services, session);
    services
        .store
        .read(move |connection| {
            let last = sessions::find_authentication(connection, &id)?;
            if last.is_some_and(|last| now.since(last.at) < API_RECENT) {
                return Ok(());
            }
            let methods = methods_of(connection, owner)?;
            Err(required.error(connection, owner, methods)?)
        })
        .await
}

/// Proves again who the owner of a session is. A password is not enough for an account with a second factor.
///
/// # Errors
/// [`Error::ReauthenticationRequired`] for a password of an account with a second factor; [`Error::Invalid`] if the proof is wrong
/// (`current`), [`Error::RateLimited`] after too many wrong ones, [`Error::Overloaded`], and the store's.
pub async fn reauthenticate(
    services: &Services,
    login_context: &LoginContext,
    account: &Account,
    session: KeptSession,
    proof: Reproof,
) -> Result<(), Error> {
    if let (Reproof::Password(_), KeptSession::Tokens(id)) = (&proof, &session) {
        let owner = account.principal;
        let required = Required::new(services, id);
        services
            .store
            .read(move |connection| {
                let methods = methods_of(connection, owner)?;
                if methods.is_empty() {
                    return Ok(());
                }
                Err(required.error(connection, owner, methods)?)
            })
            .await?;
    }
    confirm(services, login_context, account, Some(session), proof).await
}

/// Checks a proof, and records it in the session, if one is given.
///
/// # Errors
/// As [`reauthenticate`].
pub(super) async fn confirm(
    services: &Services,
    login_context: &LoginContext,
    account: &Account,
    session: Option<KeptSession>,
    proof: Reproof,
) -> Result<(), Error> {
    match proof {
        Reproof::Password(password) => {
            Box::pin(by_password(
                services,
                login_context,
                account,
                session,
                password,
            ))
            .await
        }
        Reproof::Factor(proof) => {
            Box::pin(by_factor(services, login_context, account, session, proof)).await
        }
    }
}

async fn by_password(
    services: &Services,
    login_context: &LoginContext,
    account: &Account,
    session: Option<KeptSession>,
    password: Password,
) -> Result<(), Error> {
    let refused = Action::CurrentPasswordRefused;
    let verified =
        current_password::verify(services, login_context, account, password, refused).await?;
    let attempt = verified.attempt;
    let (reset, account) = (attempt.counter_reset(), account.clone());
    let counted = services
        .write_as(&login_context.actor, move |connection, audit_context| {
            reset.apply(connection)?;
            settle(connection, audit_context, &account, session.as_ref(), None)
        })
        .await;
    attempt.finish(counted).await
}

async fn by_factor(
    services: &Services,
    login_context: &LoginContext,
    account: &Account,
    session: Option<KeptSession>,
    proof: FactorProof,
) -> Result<(), Error> {
    let actor = &login_context.actor;
    let login_name = LoginName::of(services, account, login_context).await?;
    let attempt = attempts::begin(services, LimitKind::Login, &login_name, actor).await?;
    let reset = attempt.counter_reset();
    let method = proof.method();
    match verify(services, login_context, account, session, proof, reset).await {
        Ok(Some(mail)) => {
            change_notices::send(services, mail);
            attempt.finish(Ok(())).await
        }
        Ok(None) => {
            attempt.fail().await;
            let event = Event::new(Action::SecondFactorRefused)
                .refused()
                .to(Subject::of(account))
                .with_detail("second_factor", method);
            record(services, actor.clone(), event).await?;
            Err(Problems::one("current", Problem::WrongFactor).into())
        }
        Err(error) => attempt.finish(Err(error)).await,
    }
}

/// Verifies and uses a proof. `None` if it is wrong; otherwise the mail to the owner, if there is one.
async fn verify(
    services: &Services,
    login_context: &LoginContext,
    account: &Account,
    session: Option<KeptSession>,
    proof: FactorProof,
    reset: CounterReset,
) -> Result<Option<Option<ChangeNotice>>, Error> {
    let (keys, owner) = (services.master_keys.clone(), account.principal);
    let mails = ChangeMails::new(services);
    services
        .write_as(&login_context.actor, move |connection, audit_context| {
            let account = lock_account(connection, owner)?;
            if !proof.verify(connection, &keys, audit_context, owner)? {
                return Ok(None);
            }
            let method = proof.method();
            let mut mail = None;
            if method == SecondFactorMethod::RecoveryCode {
                let left = recovery_codes::count_unused(connection, owner)?;
                record_recovery_code(connection, audit_context, &account, left)?;
                let change = AccountChange::RecoveryCodeUsed(left);
                mail = mails.queue(connection, audit_context, &account, change)?;
            }
            reset.apply(connection)?;
            let session = session.as_ref();
            settle(connection, audit_context, &account, session, Some(method))?;
            Ok(Some(mail))
        })
        .await
}

/// Records a right proof in the session and in the audit log; part of its transaction.
fn settle(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    account: &Account,
    session: Option<&KeptSession>,
    factor: Option<SecondFactorMethod>,
) -> Result<(), Error> {
    let now = audit_context.now;
    match session {
        None => return Ok(()),
        Some(KeptSession::Browser(id)) => browser_sessions::set_authenticated(connection, id, now)?,
        Some(KeptSession::Tokens(id)) => {
            let former = sessions::find_authentication(connection, id)?;
            let new = match (former, factor) {
                (Some(former), Some(factor)) => former.with_factor(now, factor),
                (Some(former), None) => former.at(now),
                // A session with a token of Django, or of an earlier version.
                (None, Some(factor)) => Authentication::new(now, LoginMethod::Django, Some(factor)),
                (None, None) => Authentication::new(now, LoginMethod::Password, None),
            };
            if !sessions::set_authentication(connection, id, &new)? {
                return Err(Error::SessionRevoked);
            }
        }
    }
    let mut event = Event::new(Action::Reauthenticated).to(Subject::of(account));
    if let Some(factor) = factor {
        event = event.with_detail("second_factor", factor);
    }
    Ok(audit_context.record(connection, &event)?)
}
