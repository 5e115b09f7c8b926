//! Mails to the owner of an account whose password, e-mail address or second factor was changed, so that a change by someone else
//! does not go unnoticed (ASVS 5.0 6.3.7). A change of the address is mailed to the old address as well.
//!
//! The row of a mail is part of the transaction of the change: after a crash it tells that the mail was not sent.

use crate::delivery::{AccountChange, ChangeNotice, DeliveryOutcome};
use crate::domain::account::Account;
use crate::domain::language::Language;
use crate::domain::session::new_v7;
use crate::services::account_lookup::find_language;
use crate::services::audit::log::AuditContext;
use crate::services::bootstrap::Services;
use crate::services::deliveries::row;
use crate::store::{Db, StoreError, deliveries};

/// What queues mails about changes.
#[derive(Clone)]
pub(crate) struct ChangeMails {
    /// Whether mail is configured.
    sends_mail: bool,
    /// The language for owners who have chosen none.
    language: Language,
}

impl ChangeMails {
    pub(crate) fn new(services: &Services) -> Self {
        Self {
            sends_mail: services.delivery.sends_mail(),
            language: services.config.language.default,
        }
    }

    /// The same with this language for owners who have chosen none.
    pub(crate) fn in_language(self, language: Language) -> Self {
        Self { language, ..self }
    }

    /// Queues mails about a change of an account; part of its transaction. They are sent by [`send`].
    pub(crate) fn changed(
        &self,
        connection: &mut Db,
        audit_context: &AuditContext,
        (old, new): (&Account, &Account),
        password: bool,
    ) -> Result<Vec<ChangeNotice>, StoreError> {
        let mut changes = Vec::new();
        if password {
            // If both were changed, the new address need not be the owner's.
            let address = old.email.as_ref().or(new.email.as_ref());
            changes.push((address, AccountChange::Password));
        }
        if old.email != new.email {
            let change = AccountChange::of_email(new.email.as_deref());
            for address in [&old.email, &new.email] {
                changes.push((address.as_ref(), change.clone()));
            }
        }
        let mut mails = Vec::new();
        for (address, change) in changes {
            mails.extend(self.queue_to(connection, audit_context, new, address, change)?);
        }
        Ok(mails)
    }

    /// Queues a mail to the old address that a change to another one was requested; part of the transaction of the request.
    pub(crate) fn requested(
        &self,
        connection: &mut Db,
        audit_context: &AuditContext,
        account: &Account,
        new: &str,
    ) -> Result<Option<ChangeNotice>, StoreError> {
        let address = account.email.as_ref().filter(|old| *old != new);
        let change = AccountChange::email_requested(new);
        self.queue_to(connection, audit_context, account, address, change)
    }

    /// Queues a mail about another change to the address of the account; part of the transaction of the change.
    pub(crate) fn queue(
        &self,
        connection: &mut Db,
        audit_context: &AuditContext,
        account: &Account,
        change: AccountChange,
    ) -> Result<Option<ChangeNotice>, StoreError> {
        let address = account.email.as_ref();
        self.queue_to(connection, audit_context, account, address, change)
    }

    fn queue_to(
        &self,
        connection: &mut Db,
        audit_context: &AuditContext,
        account: &Account,
        address: Option<&String>,
        change: AccountChange,
    ) -> Result<Option<ChangeNotice>, StoreError> {
        let Some(email) = address.filter(|_| self.sends_mail) else {
            return Ok(None);
        };
        let (actor, now, owner) = (&audit_context.actor, audit_context.now, account.principal);
        let notice = ChangeNotice {
            id: new_v7(now),
            owner,
            login: account.login().to_owned(),
            email: email.clone(),
            change,
            happened_at: now,
            ip_address: actor.ip_address.map(|address| address.to_string()),
            language: find_language(connection, owner)?.unwrap_or(self.language),
            request_id: actor.request_id.clone().unwrap_or_default(),
        };
        deliveries::insert(connection, &row(&DeliveryOutcome::of_change(&notice), now))?;
        Ok(Some(notice))
    }
}

/// Sends mails whose rows are committed. A mail that cannot be sent does not undo the change.
pub(crate) fn send(services: &Services, mails: impl IntoIterator<Item = ChangeNotice>) {
    for mail in mails {
        services.delivery.send_change(mail);
    }
}
