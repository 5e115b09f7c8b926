//! Proving who one is by a passkey.

use std::{fmt, sync::Arc};

use serde_json::Value;

use crate::clock::Timestamp;
use crate::domain::account::Account;
use crate::domain::audit::{Action, Subject};
use crate::domain::principal::Principal;
use crate::domain::second_factor::ChallengePurpose;
use crate::services::account_lookup::find_account;
use crate::services::audit::log::{AuditContext, Event};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::second_factors::passkey_challenges::{self, Purpose};
use crate::services::second_factors::webauthn::assertion::{Assertion, Verified};
use crate::services::second_factors::webauthn::options::{Descriptor, RequestOptions};
use crate::services::second_factors::webauthn::refusal::Refusal;
use crate::services::second_factors::webauthn::relying_party::RelyingParty;
use crate::store::passkeys::{self as table, PasskeyRow};
use crate::store::{Db, StoreError, Transaction};
use crate::tokens::MasterKeys;

/// What a browser answers when it is asked for a passkey. Nothing of it is verified yet.
#[derive(Clone)]
pub struct PasskeyAnswer {
    assertion: Arc<Assertion>,
    party: RelyingParty,
    purpose: Purpose,
}

/// Omits everything: the purpose contains secrets.
impl fmt::Debug for PasskeyAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasskeyAnswer").finish_non_exhaustive()
    }
}

/// An answer that was refused.
#[derive(Clone, Debug)]
pub(crate) struct RefusedPasskey {
    /// Why, for the audit log.
    pub(crate) reason: String,
    /// The account of the passkey, if there is such a passkey.
    pub(crate) account: Option<Account>,
}

impl RefusedPasskey {
    fn new(reason: &dyn fmt::Display, account: Option<Account>) -> Self {
        Self {
            reason: reason.to_string(),
            account,
        }
    }
}

/// What a browser is asked for: one of these passkeys or, if there are none, any of this relying party.
///
/// # Errors
/// [`Error::Internal`] if the system's random generator fails.
pub(crate) fn options(
    keys: &MasterKeys,
    now: Timestamp,
    party: &RelyingParty,
    purpose: &Purpose,
    passkeys: Vec<PasskeyRow>,
) -> Result<RequestOptions, Error> {
    let challenge = passkey_challenges::issue(keys, now, purpose)?;
    let passkeys = passkeys.into_iter().map(descriptor).collect();
    Ok(RequestOptions::new(party, challenge, passkeys))
}

/// What asks for the passkeys of an account in one interface.
#[derive(Clone)]
pub(crate) struct PasskeyRequest {
    keys: MasterKeys,
    now: Timestamp,
    /// None if passkeys cannot be used.
    party: Option<RelyingParty>,
}

impl PasskeyRequest {
    pub(crate) fn new(services: &Services, interface: ChallengePurpose) -> Self {
        let server = &services.current.load().server;
        Self {
            keys: services.master_keys.clone(),
            now: services.clock.now(),
            party: match interface {
                ChallengePurpose::Login => RelyingParty::of_api(server),
                ChallengePurpose::Panel => RelyingParty::of_panel(server),
            },
        }
    }

    /// Whether passkeys can be used.
    pub(crate) fn is_available(&self) -> bool {
        self.party.is_some()
    }

    /// What a browser is asked for, as JSON.
    ///
    /// # Errors
    /// [`Error::Internal`] if the system's random generator fails, and the store's.
    pub(crate) fn options(
        &self,
        connection: &mut Db,
        owner: Principal,
        purpose: &Purpose,
    ) -> Result<Option<Value>, Error> {
        let Some(party) = &self.party else {
            return Ok(None);
        };
        let passkeys = table::list(connection, owner)?;
        let options = options(&self.keys, self.now, party, purpose, passkeys)?;
        let options = serde_json::to_value(options);
        options
            .map(Some)
            .map_err(|error| Error::Internal(error.to_string()))
    }
}

/// A passkey in options.
pub(crate) fn descriptor(row: PasskeyRow) -> Descriptor {
    Descriptor::new(row.credential_id, &row.transports)
}

impl PasskeyAnswer {
    /// Reads an `AuthenticationResponseJSON`.
    ///
    /// # Errors
    /// [`Refusal::Malformed`].
    pub fn parse(party: RelyingParty, purpose: Purpose, json: &str) -> Result<Self, Refusal> {
        Ok(Self {
            assertion: Arc::new(Assertion::parse(json)?),
            party,
            purpose,
        })
    }

    /// Whether there is a passkey with the answer's credential id.
    pub(crate) fn is_of_known_passkey(&self, connection: &mut Db) -> Result<bool, StoreError> {
        Ok(self.find(connection)?.is_some())
    }

    /// Whether the answer proves a passkey of this account. It is used by this: it is not accepted again. Part of the
    /// transaction of what it is for.
    pub(crate) fn proves(
        &self,
        connection: &mut Transaction<'_>,
        keys: &MasterKeys,
        audit_context: &AuditContext,
        owner: Principal,
    ) -> Result<bool, StoreError> {
        let found = self.find(connection)?;
        let Some((row, handle)) = found.filter(|(row, _)| row.owner() == owner) else {
            return Ok(false);
        };
        let proved = self.apply_with(connection, keys, audit_context, &row, &handle)?;
        Ok(proved.is_ok())
    }

    /// The passkey that the answer names, and the user handle of its account.
    fn find(&self, connection: &mut Db) -> Result<Option<(PasskeyRow, String)>, StoreError> {
        table::find_by_credential(connection, &self.assertion.credential_id)
    }

    /// Verifies the answer and uses it: it is not accepted again. Returns the account of the passkey. Part of the transaction
    /// of what it is for.
    pub(crate) fn apply(
        &self,
        connection: &mut Transaction<'_>,
        keys: &MasterKeys,
        audit_context: &AuditContext,
    ) -> Result<Result<Account, RefusedPasskey>, StoreError> {
        let Some((row, handle)) = self.find(connection)? else {
            return Ok(Err(RefusedPasskey::new(&"there is no such passkey", None)));
        };
        self.apply_with(connection, keys, audit_context, &row, &handle)
    }

    /// Verifies the answer with the passkey that it names. A challenge is used up by an accepted answer only.
    ///
    /// A signature counter that did not increase is refused and recorded: the passkey may have been copied (level 2,
    /// section 6.1.1).
    fn apply_with(
        &self,
        connection: &mut Transaction<'_>,
        keys: &MasterKeys,
        audit_context: &AuditContext,
        row: &PasskeyRow,
        handle: &str,
    ) -> Result<Result<Account, RefusedPasskey>, StoreError> {
        let refused = |reason: &dyn fmt::Display, account| {
            Ok(Err(RefusedPasskey::new(reason, Some(account))))
        };
        let Some(account) = find_account(connection, row.owner())? else {
            return Ok(Err(RefusedPasskey::new(&"there is no such account", None)));
        };
        let (verified, now) = (self.verify(row, handle), audit_context.now);
        let Verified {
            challenge,
            sign_count,
            is_backed_up,
        } = match verified {
            Ok(verified) => verified,
            Err(refusal) => return refused(&refusal, account),
        };
        let open = passkey_challenges::check(keys, now, &self.purpose, &challenge);
        let Some(open) = open else {
            return refused(&Refusal::Challenge, account);
        };
        if !open.mark_answered(connection)? {
            return refused(&"its challenge was answered before", account);
        }
        let (old, new) = (row.sign_count, i64::from(sign_count));
        let is_increased = new > old || (new, old) == (0, 0);
        if is_increased && table::record_use(connection, &row.id, (old, new), is_backed_up, now)? {
            return Ok(Ok(account));
        }
        open.unmark_answered(connection)?;
        let event = Event::new(Action::PasskeyCounterRefused)
            .refused()
            .to(Subject::of(&account))
            .with_detail("name", &row.name)
            .with_detail("stored_counter", old)
            .with_detail("sent_counter", new);
        audit_context.record(connection, &event)?;
        refused(&"its counter did not increase", account)
    }

    /// Verifies everything but the challenge and the counter.
    fn verify(&self, row: &PasskeyRow, handle: &str) -> Result<Verified, Refusal> {
        let is_owner = match &self.assertion.user_handle {
            Some(given) => given == handle,
            // Without a password, only the handle says whose passkey the authenticator chose.
            None => !matches!(self.purpose, Purpose::SignIn(_)),
        };
        if !is_owner {
            return Err(Refusal::UserHandle);
        }
        self.assertion.verify(&row.public_key, &self.party)
    }
}
