//! Mails to the owner of an account whose password or e-mail address was changed, so that a change by someone else does not go
//! unnoticed (ASVS 5.0 6.3.7). A change of the address is mailed to the old address as well.

use crate::clock::Timestamp;
use crate::delivery::{AccountChange, ChangeNotice};
use crate::domain::account::Account;
use crate::domain::audit::Actor;
use crate::domain::language::Language;
use crate::services::account_lookup::find_language;
use crate::services::bootstrap::Services;
use crate::store::{Db, StoreError};

/// An account before and after a change that was committed.
pub(crate) struct Changed {
    old: Account,
    new: Account,
    /// Whether the password was set or removed.
    password: bool,
    /// The language of mails to the owner, if it is known.
    language: Option<Language>,
    at: Timestamp,
}

impl Changed {
    /// A change of a row; part of its transaction.
    pub(crate) fn new(
        connection: &mut Db,
        old: Account,
        new: Account,
        password: bool,
        at: Timestamp,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            language: find_language(connection, new.principal)?,
            old,
            new,
            password,
            at,
        })
    }

    /// A new password.
    pub(crate) fn password(account: &Account, language: Option<Language>, at: Timestamp) -> Self {
        Self {
            old: account.clone(),
            new: account.clone(),
            password: true,
            language,
            at,
        }
    }
}

/// Mails what was changed, if mail is configured and the account has an address.
pub(crate) fn send(services: &Services, actor: &Actor, changed: &Changed) {
    if !services.delivery.sends_mail() {
        return;
    }
    let Changed { old, new, .. } = changed;
    if changed.password {
        // If both were changed, the new address need not be the owner's.
        let address = old.email.as_ref().or(new.email.as_ref());
        send_to(services, actor, changed, address, AccountChange::Password);
    }
    if old.email != new.email {
        let change = AccountChange::of_email(new.email.as_deref());
        for address in [&old.email, &new.email] {
            send_to(services, actor, changed, address.as_ref(), change.clone());
        }
    }
}

/// Mails to the old address that a change to another one was requested.
pub(crate) fn send_request(
    services: &Services,
    actor: &Actor,
    account: &Account,
    new: &str,
    language: Language,
    at: Timestamp,
) {
    let changed = Changed {
        password: false,
        ..Changed::password(account, Some(language), at)
    };
    let address = account.email.as_ref().filter(|old| *old != new);
    let change = AccountChange::email_requested(new);
    send_to(services, actor, &changed, address, change);
}

fn send_to(
    services: &Services,
    actor: &Actor,
    changed: &Changed,
    address: Option<&String>,
    change: AccountChange,
) {
    let Some(email) = address else { return };
    services.delivery.send_change(ChangeNotice {
        owner: changed.new.principal,
        login: changed.new.login().to_owned(),
        email: email.clone(),
        change,
        happened_at: changed.at,
        ip_address: actor.ip_address.map(|address| address.to_string()),
        language: changed.language.unwrap_or(services.config.language.default),
        request_id: actor.request_id.clone().unwrap_or_default(),
    });
}
