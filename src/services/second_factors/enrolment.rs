//! Setting second factors up, removing them, and new recovery codes.

use crate::clock::Timestamp;
use crate::delivery::AccountChange;
use crate::domain::account::Account;
use crate::domain::audit::{Action, Actor, Subject};
use crate::domain::otp::OtpCode;
use crate::domain::principal::Principal;
use crate::domain::problem::{Problem, Problems};
use crate::domain::second_factor::SecondFactorMethod;
use crate::services::accounts::change_notices::{self, ChangeMails};
use crate::services::accounts::changes::lock_account;
use crate::services::audit::log::{AuditContext, Event};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::second_factors::factors::methods_of;
use crate::services::second_factors::recovery_codes as codes;
use crate::services::second_factors::totp::{Secret, qr_svg};
use crate::store::totp_factors::TotpFactorRow;
use crate::store::{
    Db, Transaction, passkeys, recovery_codes, second_factor_challenges, totp_factors,
};
use crate::tokens::MasterKeys;

/// The second factors of an account.
#[derive(Clone, Debug)]
pub struct Factors {
    /// When the authenticator app was set up; `None` without one.
    pub totp: Option<Timestamp>,
    /// Whether its codes cannot be verified, because the master key of its secret is lost.
    pub is_app_lost: bool,
    /// The number of passkeys.
    pub passkeys: usize,
    /// The number of unused recovery codes.
    pub recovery_codes: i64,
}

impl Factors {
    /// Whether there is no second factor.
    #[must_use]
    pub fn are_none(&self) -> bool {
        self.totp.is_none() && self.passkeys == 0
    }
}

/// A secret for an authenticator app, which is shown once.
pub struct NewTotp {
    /// In base32, for typing.
    pub secret: String,
    /// The address for the app.
    pub uri: String,
    /// The address as a QR code.
    pub qr_svg: String,
}

/// The second factors of an account.
///
/// # Errors
/// The store's.
pub async fn find(services: &Services, owner: Principal) -> Result<Factors, Error> {
    let keys = services.master_keys.clone();
    services
        .store
        .read(move |connection| {
            let app = totp_factors::find(connection, owner)?;
            let app = app.filter(|row| row.confirmed_at.is_some());
            let is_lost =
                |row: &TotpFactorRow| Secret::open(&keys, owner, &row.sealed_secret).is_none();
            Ok(Factors {
                is_app_lost: app.as_ref().is_some_and(is_lost),
                totp: app.and_then(|row| row.confirmed_at),
                passkeys: passkeys::list(connection, owner)?.len(),
                recovery_codes: recovery_codes::count_unused(connection, owner)?,
            })
        })
        .await
}

/// Makes a secret for an authenticator app. It is asked for after [`confirm_totp`]; another call replaces it before.
///
/// # Errors
/// [`Error::SecondFactorExists`], and the store's.
pub async fn begin_totp(services: &Services, account: &Account) -> Result<NewTotp, Error> {
    let (secret, owner) = (Secret::generate()?, account.principal);
    let row = TotpFactorRow {
        user_type: owner.user_type,
        user_seq: owner.user_seq,
        sealed_secret: secret.seal(&services.master_keys, owner)?,
        last_used_step: 0,
        created_at: services.clock.now(),
        confirmed_at: None,
    };
    let is_new = services
        .store
        .write(move |connection| {
            lock_account(connection, owner)?;
            Ok::<_, Error>(totp_factors::put(connection, &row)?)
        })
        .await?;
    if !is_new {
        return Err(Error::SecondFactorExists);
    }
    shown(services, account, &secret)
}

/// The secret that was made last and is not confirmed, to show it again with the form that confirms it.
///
/// # Errors
/// [`Error::SecondFactorNotFound`] if there is none, and the store's.
pub async fn shown_totp(services: &Services, account: &Account) -> Result<NewTotp, Error> {
    let owner = account.principal;
    let row = services
        .store
        .read(move |connection| totp_factors::find(connection, owner))
        .await?
        .filter(|row| row.confirmed_at.is_none());
    let secret = row
        .and_then(|row| Secret::open(&services.master_keys, owner, &row.sealed_secret))
        .ok_or(Error::SecondFactorNotFound)?;
    shown(services, account, &secret)
}

fn shown(services: &Services, account: &Account, secret: &Secret) -> Result<NewTotp, Error> {
    let uri = secret.uri(&issuer(services), account.login());
    Ok(NewTotp {
        secret: secret.base32(),
        qr_svg: qr_svg(&uri)?,
        uri,
    })
}

/// The name of the site in the app: the first of `login.site_names`, or the host in `server.public_url`.
fn issuer(services: &Services) -> String {
    let config = &services.config;
    let host = config
        .server
        .public_url
        .as_ref()
        .and_then(|url| url.host_str());
    let name = config.login.site_names.first().map(String::as_str);
    name.or(host).unwrap_or("munjigi").to_owned()
}

/// The confirmation of an authenticator app, and the recovery codes that come with it.
#[derive(Clone)]
pub(crate) struct Confirmation {
    code: OtpCode,
    keys: MasterKeys,
    recovery_codes: Vec<String>,
}

impl Confirmation {
    /// # Errors
    /// [`Error::Internal`] if the system's random generator fails.
    pub(crate) fn new(services: &Services, code: OtpCode) -> Result<Self, Error> {
        Ok(Self {
            code,
            keys: services.master_keys.clone(),
            recovery_codes: codes::generate()?,
        })
    }

    /// Confirms the secret of a locked account; part of a transaction. Returns the recovery codes if this is the first factor.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the code is wrong (`code`), [`Error::SecondFactorExists`] if the app is confirmed already,
    /// [`Error::SecondFactorNotFound`] if none was begun, and the store's.
    pub(crate) fn apply(
        &self,
        connection: &mut Transaction<'_>,
        audit_context: &AuditContext,
        account: &Account,
    ) -> Result<Vec<String>, Error> {
        let (owner, now) = (account.principal, audit_context.now);
        let row = totp_factors::find(connection, owner)?.ok_or(Error::SecondFactorNotFound)?;
        if row.confirmed_at.is_some() {
            return Err(Error::SecondFactorExists);
        }
        let is_first = methods_of(connection, owner)?.is_empty();
        let step = Secret::open(&self.keys, owner, &row.sealed_secret)
            .and_then(|secret| secret.matching_step(self.code.reveal(), now));
        let Some(step) = step else {
            return Err(Problems::one("code", Problem::WrongCode).into());
        };
        if !totp_factors::confirm(connection, owner, step, now)? {
            return Err(Error::SecondFactorExists);
        }
        let event = Event::new(Action::SecondFactorAdded)
            .to(Subject::of(account))
            .with_detail("second_factor", SecondFactorMethod::Totp);
        audit_context.record(connection, &event)?;
        if !is_first {
            return Ok(Vec::new());
        }
        let hashes = codes::hashes(&self.recovery_codes);
        recovery_codes::replace(connection, owner, &hashes, now)?;
        Ok(self.recovery_codes.clone())
    }
}

/// Confirms the secret of an authenticator app by one of its codes. Returns the recovery codes if this is the first factor.
///
/// # Errors
/// [`Error::Invalid`] if the code is wrong (`code`), [`Error::SecondFactorExists`] if the app is confirmed already,
/// [`Error::SecondFactorNotFound`] if none was begun, and the store's.
pub async fn confirm_totp(
    services: &Services,
    actor: &Actor,
    account: &Account,
    code: OtpCode,
) -> Result<Vec<String>, Error> {
    let (confirmation, owner) = (Confirmation::new(services, code)?, account.principal);
    let mails = ChangeMails::new(services);
    let (codes, mail) = services
        .write_as(actor, move |connection, audit_context| {
            let account = lock_account(connection, owner)?;
            let codes = confirmation.apply(connection, audit_context, &account)?;
            let change = AccountChange::SecondFactorAdded;
            let mail = mails.queue(connection, audit_context, &account, change)?;
            Ok((codes, mail))
        })
        .await?;
    change_notices::send(services, mail);
    Ok(codes)
}

/// Replaces the recovery codes of an account. The new ones are shown once.
///
/// # Errors
/// [`Error::SecondFactorNotFound`] if the account has no second factor, and the store's.
pub async fn new_recovery_codes(
    services: &Services,
    actor: &Actor,
    account: &Account,
) -> Result<Vec<String>, Error> {
    let (new, owner) = (codes::generate()?, account.principal);
    let (hashes, mails) = (codes::hashes(&new), ChangeMails::new(services));
    let mail = services
        .write_as(actor, move |connection, audit_context| {
            let account = lock_account(connection, owner)?;
            if methods_of(connection, owner)?.is_empty() {
                return Err(Error::SecondFactorNotFound);
            }
            recovery_codes::replace(connection, owner, &hashes, audit_context.now)?;
            let event = Event::new(Action::RecoveryCodesCreated).to(Subject::of(&account));
            audit_context.record(connection, &event)?;
            let change = AccountChange::RecoveryCodesReplaced;
            Ok(mails.queue(connection, audit_context, &account, change)?)
        })
        .await?;
    change_notices::send(services, mail);
    Ok(new)
}

/// Removes the authenticator app of an account, and its recovery codes if it was the last factor.
///
/// # Errors
/// [`Error::AccountNotFound`], [`Error::SecondFactorNotFound`] if the account has none, and the store's.
pub async fn remove_totp(
    services: &Services,
    actor: &Actor,
    owner: Principal,
) -> Result<(), Error> {
    let mails = ChangeMails::new(services);
    let mail = services
        .write_as(actor, move |connection, audit_context| {
            let account = lock_account(connection, owner)?;
            if !totp_factors::delete(connection, owner)? {
                return Err(Error::SecondFactorNotFound);
            }
            if methods_of(connection, owner)?.is_empty() {
                delete_all(connection, owner)?;
            }
            let event = Event::new(Action::SecondFactorRemoved)
                .to(Subject::of(&account))
                .with_detail("second_factor", SecondFactorMethod::Totp);
            audit_context.record(connection, &event)?;
            let change = AccountChange::SecondFactorRemoved;
            Ok(mails.queue(connection, audit_context, &account, change)?)
        })
        .await?;
    change_notices::send(services, mail);
    Ok(())
}

/// Removes all second factors of an account, with its recovery codes and its logins that wait for one.
///
/// # Errors
/// [`Error::AccountNotFound`], [`Error::SecondFactorNotFound`] if the account has none, and the store's.
pub async fn remove_all(services: &Services, actor: &Actor, owner: Principal) -> Result<(), Error> {
    let mails = ChangeMails::new(services);
    let mail = services
        .write_as(actor, move |connection, audit_context| {
            let account = lock_account(connection, owner)?;
            let removed = methods_of(connection, owner)?;
            if removed.is_empty() {
                return Err(Error::SecondFactorNotFound);
            }
            delete_all(connection, owner)?;
            let event = Event::new(Action::SecondFactorRemoved).to(Subject::of(&account));
            audit_context.record(connection, &event)?;
            let change = AccountChange::SecondFactorRemoved;
            Ok(mails.queue(connection, audit_context, &account, change)?)
        })
        .await?;
    change_notices::send(services, mail);
    Ok(())
}

/// Deletes everything about the second factors of an account; part of a transaction.
pub(crate) fn delete_all(connection: &mut Db, owner: Principal) -> Result<(), Error> {
    totp_factors::delete(connection, owner)?;
    passkeys::delete_all(connection, owner)?;
    recovery_codes::delete_all(connection, owner)?;
    second_factor_challenges::delete_all(connection, owner)?;
    Ok(())
}
