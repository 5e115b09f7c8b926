//! What a change of an account entails in both populations: ended sessions, withdrawn links, revocation events, audit events
//! and lifted locks. All of it is part of the transaction of the change.

use crate::clock::Timestamp;
use crate::domain::account::{Account, ExternalId};
use crate::domain::account_claims::AccountClaims;
use crate::domain::audit::{Action, Change, Subject};
use crate::domain::password::{Password, PasswordPolicy};
use crate::domain::principal::{Principal, UserType};
use crate::domain::problem::{Problem, Problems};
use crate::domain::session::RevocationReason;
use crate::services::audit::log::{AuditContext, Event};
use crate::services::auth::ended_sessions::LiveSessions;
use crate::services::auth::logout::end_all;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::locks;
use crate::services::passwords::lanes::Priority;
use crate::store::set_up_links::OF_ACCOUNTS;
use crate::store::{
    Db, StoreError, Transaction, client_users, device_tokens, otp_challenges, passkeys,
    recovery_codes, revocations, second_factor_challenges, set_up_links, totp_factors, users,
};

/// Locks the row of an account until the transaction ends.
///
/// # Errors
/// [`Error::AccountNotFound`], and errors of the store.
pub(crate) fn lock_account(connection: &mut Db, owner: Principal) -> Result<Account, Error> {
    let id = owner.user_seq;
    let account = match owner.user_type {
        UserType::User => users::lock(connection, id)?.map(|row| row.account()),
        UserType::Client => client_users::lock(connection, id)?.map(|row| row.account()),
    };
    account.ok_or(Error::AccountNotFound(owner.user_type))
}

/// Replaces the password hash of an account if it is still the `old` one. Returns whether it was.
pub(crate) fn replace_hash(
    connection: &mut Db,
    owner: Principal,
    old: &str,
    new: &str,
) -> Result<bool, StoreError> {
    match owner.user_type {
        UserType::User => users::replace_hash(connection, owner.user_seq, old, new),
        UserType::Client => client_users::replace_hash(connection, owner.user_seq, old, new),
    }
}

/// Names the field of a conflict in the store.
pub(crate) fn conflict_of(error: Error) -> Error {
    let field = match &error {
        Error::Store(StoreError::Conflict { column }) => column.as_str(),
        _ => "",
    };
    match field {
        "email_normalized" => Error::AlreadyExists { field: "email" },
        "username_normalized" => Error::AlreadyExists { field: "username" },
        "external_id" => Error::AlreadyExists {
            field: "external_id",
        },
        _ => error,
    }
}

/// Ends what was issued to reach an account before its password changed: links that set one, one-time codes, and the device
/// tokens except that of `kept_device`.
pub(crate) fn end_issued(
    connection: &mut Db,
    owner: Principal,
    kept_device: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    set_up_links::revoke(connection, owner, &OF_ACCOUNTS, now)?;
    end_codes(connection, owner, now)?;
    device_tokens::delete_all(connection, owner, kept_device)?;
    Ok(())
}

/// Why all sessions of an account end with a change, if they do.
pub(crate) fn reason_to_end(
    is_active: Option<bool>,
    new_password: bool,
) -> Option<RevocationReason> {
    if is_active == Some(false) {
        Some(RevocationReason::Deactivated)
    } else {
        new_password.then_some(RevocationReason::PasswordChanged)
    }
}

/// An account before and after an update of its row.
pub(crate) struct Update<'a> {
    pub(crate) old: Account,
    pub(crate) new: Account,
    pub(crate) old_hash: Option<&'a str>,
    pub(crate) new_hash: Option<&'a str>,
    /// Why all sessions end, if they do.
    pub(crate) reason: Option<RevocationReason>,
    /// The changed fields, except for the state and the password.
    pub(crate) fields: Vec<Option<Change>>,
}

/// Ends what the update of an account ends, and records it.
pub(crate) fn finish_update(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    update: Update<'_>,
) -> Result<(), Error> {
    let (owner, now) = (update.new.principal, audit_context.now);
    // A link that was sent to another address, or was requested before the password changed, is no longer valid.
    let loses_address = update.new.email != update.old.email
        || (update.old.email_verified_at.is_some() && update.new.email_verified_at.is_none());
    if update.reason.is_some() || loses_address {
        set_up_links::revoke(connection, owner, &OF_ACCOUNTS, now)?;
    }
    let mut ended = None;
    if let Some(reason) = update.reason {
        let live = LiveSessions::read(connection, owner, now)?;
        ended = Some((live, end_all(connection, owner, now, reason)?));
    }
    revocations::insert_changed(connection, owner, now)?;
    end_codes(connection, owner, now)?;
    let changes_password = update.new_hash != update.old_hash;
    let sets_password = update.new_hash.is_some() && changes_password;
    if changes_password {
        device_tokens::delete_all(connection, owner, None)?;
    }
    for event in events(update, ended) {
        audit_context.record(connection, &event)?;
    }
    if sets_password {
        locks::lift_all(connection, audit_context, owner)?;
    }
    Ok(())
}

/// The events of an update. The event of what ended the sessions names them.
fn events(update: Update<'_>, mut ended: Option<(LiveSessions, usize)>) -> Vec<Event> {
    let Update { old, new, .. } = update;
    let fields: Vec<Change> = update.fields.into_iter().flatten().collect();
    let mut events = Vec::new();
    if !fields.is_empty() {
        events.push(Event::new(Action::AccountUpdated).changing(fields));
    }
    let mut with_sessions = |event: Event| match ended.take() {
        Some((live, ended)) => live.add_to(event, ended),
        None => event,
    };
    let text = |account: &Account| Some(account.is_active.to_string());
    if let Some(change) = Change::of("is_active", text(&old), text(&new)) {
        let event = if new.is_active {
            Event::new(Action::AccountActivated).changing(vec![change])
        } else {
            with_sessions(Event::new(Action::AccountDeactivated).changing(vec![change]))
        };
        events.push(event);
    }
    if update.old_hash != update.new_hash {
        events.push(with_sessions(Event::new(Action::PasswordChanged)));
    }
    let events = events.into_iter();
    events.map(|event| event.to(Subject::of(&new))).collect()
}

/// Ends the sessions of an account whose row was deleted, and records it.
pub(crate) fn finish_deletion(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    owner: Principal,
    event: &Event,
) -> Result<(), Error> {
    let now = audit_context.now;
    let live = LiveSessions::read(connection, owner, now)?;
    let ended = end_all(connection, owner, now, RevocationReason::Deleted)?;
    revocations::insert_changed(connection, owner, now)?;
    end_codes(connection, owner, now)?;
    device_tokens::delete_all(connection, owner, None)?;
    passkeys::delete_all(connection, owner)?;
    totp_factors::delete(connection, owner)?;
    recovery_codes::delete_all(connection, owner)?;
    let event = live.add_to(event.clone(), ended);
    Ok(audit_context.record(connection, &event)?)
}

/// Ends the open one-time codes of an account, and its logins that wait for their second factor: they are valid only for the
/// account as it was when they began.
pub(crate) fn end_codes(
    connection: &mut Db,
    owner: Principal,
    now: Timestamp,
) -> Result<(), StoreError> {
    second_factor_challenges::delete_all(connection, owner)?;
    match owner.user_type {
        // Internal users have no codes.
        UserType::User => Ok(()),
        UserType::Client => otp_challenges::end_all(connection, owner.user_seq, now),
    }
}

/// Refuses claims of an account whose names the settings give to claims of all tokens.
///
/// # Errors
/// [`Error::Invalid`].
pub(crate) fn check_claims(
    services: &Services,
    claims: Option<&AccountClaims>,
) -> Result<(), Error> {
    let settings = services.tokens.settings();
    let names = &services.config.simplejwt;
    let is_taken = |name: &String| {
        *name == settings.user_id_claim
            || settings.extra_claims.contains_key(name)
            || names.claim_names().any(|(_, taken)| taken == name)
    };
    let own = claims.map(AccountClaims::to_map).unwrap_or_default();
    if own.keys().any(is_taken) {
        let problem = Problem::ReservedClaim;
        return Err(Error::Invalid(Problems::one("claims", problem)));
    }
    Ok(())
}

/// The text of a field after a change: the outer `None` leaves it as it is, an inner one clears it.
pub(crate) fn changed_text<'a, T>(
    change: Option<&'a Option<T>>,
    text: impl Fn(&'a T) -> &'a str,
    old: Option<&'a String>,
) -> Option<&'a str> {
    match change {
        Some(new) => new.as_ref().map(text),
        None => old.map(String::as_str),
    }
}

/// The column of a changed external id.
#[expect(clippy::option_option, reason = "unchanged and removed are different")]
pub(crate) fn external_id_column(change: Option<&Option<ExternalId>>) -> Option<Option<String>> {
    change.map(|id| id.as_ref().map(|id| id.as_str().to_owned()))
}

/// The change of the external id of an account.
pub(crate) fn external_id_change(old: &Account, new: &Account) -> Option<Change> {
    Change::of(
        "external_id",
        old.external_id.clone(),
        new.external_id.clone(),
    )
}

/// The column of the verification of an e-mail address after a change; `None` leaves it as it is. A new address counts as
/// verified unless `verified` says otherwise: an administrator knows whose it is.
#[expect(clippy::option_option, reason = "unchanged and removed are different")]
pub(crate) fn verified_column(
    old: &Account,
    email: Option<&Option<String>>,
    verified: Option<bool>,
    now: Timestamp,
) -> Option<Option<Timestamp>> {
    let new = email.unwrap_or(&old.email);
    let is_same = *new == old.email;
    let former = old.email_verified_at.filter(|_| is_same);
    let verified = verified.unwrap_or(!is_same || former.is_some());
    let at = (verified && new.is_some()).then(|| former.unwrap_or(now));
    (at != old.email_verified_at).then_some(at)
}

/// The change of whether the e-mail address of an account is verified.
pub(crate) fn verification_change(old: &Account, new: &Account) -> Option<Change> {
    let text = |account: &Account| account.email_verified().map(|it| it.to_string());
    Change::of("email_verified", text(old), text(new))
}

/// The change of the claims of an account.
pub(crate) fn claims_change(old: &Account, new: &Account) -> Option<Change> {
    let text = |account: &Account| Some(account.claims.as_ref()?.as_str().to_owned());
    Change::of("claims", text(old), text(new))
}

/// Checks a new password against the policy and hashes it.
///
/// # Errors
/// [`Error::Invalid`] if the password violates the policy, and [`Error::Overloaded`].
pub(crate) async fn checked_hash(
    services: &Services,
    password: Password,
    own_words: &[&str],
) -> Result<String, Error> {
    let login = &services.config.login;
    let policy = PasswordPolicy {
        min_length: login.min_password_length,
        site_names: &login.site_names,
    };
    let mut found = policy.check(&password, own_words);
    let passwords = &services.passwords;
    // The caller is authenticated, and takes the turn of the account that gets the password.
    let priority = || Priority::Account(own_words.join(" "));
    if found.is_empty() && passwords.is_breached(password.clone(), priority()).await? {
        found.push(Problem::BreachedPassword);
    }
    let mut problems = Problems::default();
    for problem in found {
        problems.add("password", problem);
    }
    if !problems.is_empty() {
        return Err(Error::Invalid(problems));
    }
    Ok(passwords.hash(password, priority()).await?)
}
