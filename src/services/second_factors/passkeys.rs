//! The passkeys of an account: adding, listing, renaming, removing.

use aws_lc_rs::rand;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};

use crate::clock::Timestamp;
use crate::delivery::AccountChange;
use crate::domain::account::Account;
use crate::domain::audit::{Action, Actor, Change, Subject};
use crate::domain::passkey::{MAX_PASSKEYS, PasskeyName};
use crate::domain::principal::Principal;
use crate::domain::problem::{Problem, Problems};
use crate::domain::session::PasskeyId;
use crate::services::accounts::change_notices::{self, ChangeMails};
use crate::services::accounts::changes::lock_account;
use crate::services::audit::log::{AuditContext, Event};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::second_factors::factors::methods_of;
use crate::services::second_factors::passkey_challenges::{self, OpenChallenge, Purpose};
use crate::services::second_factors::passkey_proofs;
use crate::services::second_factors::passkey_proofs::descriptor;
use crate::services::second_factors::recovery_codes as codes;
use crate::services::second_factors::webauthn::options::{CreationOptions, RequestOptions};
use crate::services::second_factors::webauthn::refusal::Refusal;
use crate::services::second_factors::webauthn::registration::{self, NewCredential};
use crate::services::second_factors::webauthn::relying_party::RelyingParty;
use crate::store::passkeys::{self as table, PasskeyRow};
use crate::store::{Transaction, recovery_codes};

/// The field of a registration's problems.
const CREDENTIAL: &str = "credential";

/// Bytes of a user handle; at most 64.
const HANDLE_BYTES: usize = 32;

fn problem(problem: Problem) -> Error {
    Error::Invalid(Problems::one(CREDENTIAL, problem))
}

/// The passkeys of an account, the oldest first.
///
/// # Errors
/// The store's.
pub async fn list(services: &Services, owner: Principal) -> Result<Vec<PasskeyRow>, Error> {
    let listed = services
        .store
        .read(move |connection| table::list(connection, owner))
        .await?;
    Ok(listed)
}

/// What a browser is asked to register for an account.
///
/// # Errors
/// [`Error::Invalid`] if the account has as many passkeys as it may have (`credential`), and the store's.
pub async fn begin(
    services: &Services,
    party: &RelyingParty,
    account: &Account,
) -> Result<CreationOptions, Error> {
    let owner = account.principal;
    let mut handle = [0_u8; HANDLE_BYTES];
    rand::fill(&mut handle)
        .map_err(|_| Error::Internal("the system's random generator failed".into()))?;
    let new = BASE64.encode(handle);
    let (handle, existing) = services
        .store
        .write(move |connection| {
            let existing = table::list(connection, owner)?;
            let handle = table::find_or_insert_handle(connection, owner, &new)?;
            Ok::<_, Error>((handle, existing))
        })
        .await?;
    if existing.len() >= MAX_PASSKEYS {
        return Err(problem(Problem::TooManyPasskeys { max: MAX_PASSKEYS }));
    }
    let (keys, now) = (&services.master_keys, services.clock.now());
    let challenge = passkey_challenges::issue(keys, now, &Purpose::Registration(owner))?;
    let (login, name) = (account.login().to_owned(), account.name.clone());
    let existing = existing.into_iter().map(descriptor).collect();
    Ok(CreationOptions::new(
        party, challenge, handle, login, name, existing,
    ))
}

/// What a browser is asked for to prove one of the passkeys of an account.
///
/// # Errors
/// The store's, and [`Error::Internal`] if the system's random generator fails.
pub async fn proof_options(
    services: &Services,
    party: &RelyingParty,
    owner: Principal,
    purpose: &Purpose,
) -> Result<RequestOptions, Error> {
    let (keys, now) = (&services.master_keys, services.clock.now());
    let passkeys = list(services, owner).await?;
    passkey_proofs::options(keys, now, party, purpose, passkeys)
}

/// A passkey that was added.
pub struct Added {
    /// The passkey.
    pub passkey: PasskeyRow,
    /// New recovery codes, which are shown once, if it is the first second factor.
    pub recovery_codes: Vec<String>,
}

/// What a browser answers when it is asked to register a passkey, and the name that its owner gives the passkey.
pub struct NewPasskeyAnswer<'a> {
    /// The relying party.
    pub party: &'a RelyingParty,
    /// The name.
    pub name: PasskeyName,
    /// The `RegistrationResponseJSON`.
    pub json: &'a str,
}

/// A passkey that a browser registered for an account, and the recovery codes that come with a first factor.
#[derive(Clone)]
pub(crate) struct Registration {
    row: PasskeyRow,
    challenge: OpenChallenge,
    recovery_codes: Vec<String>,
}

impl Registration {
    /// Verifies the answer.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is refused (`credential`), and [`Error::Internal`] if the system's random generator fails.
    pub(crate) fn verify(
        services: &Services,
        owner: Principal,
        new: NewPasskeyAnswer<'_>,
    ) -> Result<Self, Error> {
        let NewPasskeyAnswer { party, name, json } = new;
        let new = registration::verify(json, party).map_err(|refusal| {
            tracing::info!(%owner, reason = %refusal, "a new passkey was refused");
            problem(match refusal {
                Refusal::Origin | Refusal::RelyingParty => Problem::OtherOrigin,
                Refusal::UserVerification | Refusal::UserPresence => Problem::UserNotVerified,
                _ => Problem::NotPasskey,
            })
        })?;
        let (keys, now) = (&services.master_keys, services.clock.now());
        let purpose = Purpose::Registration(owner);
        let challenge = passkey_challenges::check(keys, now, &purpose, &new.challenge)
            .ok_or_else(|| problem(Problem::ChallengeExpired))?;
        Ok(Self {
            row: row(now, owner, &name, new),
            challenge,
            recovery_codes: codes::generate()?,
        })
    }

    /// Adds the passkey to a locked account; part of a transaction. Returns the recovery codes if this is the first factor.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the challenge was answered before, the account has too many or somebody has the passkey
    /// (`credential`), and the store's.
    pub(crate) fn apply(
        &self,
        connection: &mut Transaction<'_>,
        audit_context: &AuditContext,
        account: &Account,
    ) -> Result<Vec<String>, Error> {
        let (owner, now) = (account.principal, audit_context.now);
        if !self.challenge.mark_answered(connection)? {
            return Err(problem(Problem::ChallengeExpired));
        }
        if table::list(connection, owner)?.len() >= MAX_PASSKEYS {
            return Err(problem(Problem::TooManyPasskeys { max: MAX_PASSKEYS }));
        }
        if table::find_by_credential(connection, &self.row.credential_id)?.is_some() {
            return Err(problem(Problem::Taken));
        }
        let is_first = methods_of(connection, owner)?.is_empty();
        table::insert(connection, &self.row)?;
        let event = Event::new(Action::PasskeyAdded)
            .to(Subject::of(account))
            .with_detail("name", &self.row.name);
        audit_context.record(connection, &event)?;
        if !is_first {
            return Ok(Vec::new());
        }
        let hashes = codes::hashes(&self.recovery_codes);
        recovery_codes::replace(connection, owner, &hashes, now)?;
        Ok(self.recovery_codes.clone())
    }

    /// What is mailed to the owner.
    pub(crate) fn change(&self) -> AccountChange {
        AccountChange::PasskeyAdded(self.row.name.clone())
    }
}

/// Adds the passkey that a browser registered, and mails the owner.
///
/// # Errors
/// [`Error::Invalid`] if it is refused or the account has too many (`credential`), and the store's.
pub async fn add(
    services: &Services,
    actor: &Actor,
    account: &Account,
    new: NewPasskeyAnswer<'_>,
) -> Result<Added, Error> {
    let owner = account.principal;
    let registration = Registration::verify(services, owner, new)?;
    let (passkey, mails) = (registration.row.clone(), ChangeMails::new(services));
    let (recovery_codes, mail) = services
        .write_as(actor, move |connection, audit_context| {
            let account = lock_account(connection, owner)?;
            let codes = registration.apply(connection, audit_context, &account)?;
            let change = registration.change();
            let mail = mails.queue(connection, audit_context, &account, change)?;
            Ok((codes, mail))
        })
        .await?;
    change_notices::send(services, mail);
    Ok(Added {
        passkey,
        recovery_codes,
    })
}

fn row(now: Timestamp, owner: Principal, name: &PasskeyName, new: NewCredential) -> PasskeyRow {
    PasskeyRow {
        id: PasskeyId::new(now),
        user_type: owner.user_type,
        user_seq: owner.user_seq,
        credential_id: new.id,
        public_key: new.public_key,
        sign_count: new.sign_count.into(),
        name: name.as_str().to_owned(),
        transports: new.transports,
        is_backup_eligible: new.is_backup_eligible,
        is_backed_up: new.is_backed_up,
        created_at: now,
        last_used_at: None,
    }
}

/// Renames a passkey of an account. Returns `false` if it has no such passkey.
///
/// # Errors
/// The store's.
pub async fn rename(
    services: &Services,
    actor: &Actor,
    account: &Account,
    id: PasskeyId,
    name: PasskeyName,
) -> Result<bool, Error> {
    let owner = account.principal;
    let event = Event::new(Action::PasskeyRenamed).to(Subject::of(account));
    services
        .write_as(actor, move |connection, audit_context| {
            let new = name.as_str().to_owned();
            let Some(old) = table::rename(connection, owner, &id, &new)? else {
                return Ok(false);
            };
            if let Some(change) = Change::of("name", Some(old), Some(new)) {
                let event = event.clone().changing(vec![change]);
                audit_context.record(connection, &event)?;
            }
            Ok(true)
        })
        .await
}

/// Removes a passkey of an account, with the recovery codes if it was the last second factor, and mails the owner. Returns `false` if it has no such passkey.
///
/// # Errors
/// The store's.
pub async fn remove(
    services: &Services,
    actor: &Actor,
    account: &Account,
    id: PasskeyId,
) -> Result<bool, Error> {
    let (owner, account) = (account.principal, account.clone());
    let event = Event::new(Action::PasskeyRemoved).to(Subject::of(&account));
    let mails = ChangeMails::new(services);
    let removed = services
        .write_as(actor, move |connection, audit_context| {
            let Some(name) = table::delete(connection, owner, &id)? else {
                return Ok(None);
            };
            let event = event.clone().with_detail("name", &name);
            audit_context.record(connection, &event)?;
            if methods_of(connection, owner)?.is_empty() {
                recovery_codes::delete_all(connection, owner)?;
            }
            let change = AccountChange::PasskeyRemoved(name);
            let mail = mails.queue(connection, audit_context, &account, change)?;
            Ok(Some(mail))
        })
        .await?;
    let Some(mail) = removed else {
        return Ok(false);
    };
    change_notices::send(services, mail);
    Ok(true)
}
