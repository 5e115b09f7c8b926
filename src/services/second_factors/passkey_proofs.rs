//! Proving who one is by a passkey.

use crate::clock::Timestamp;
use crate::domain::account::Account;
use crate::domain::audit::{Action, Actor, Subject};
use crate::services::account_lookup::find_account;
use crate::services::audit::log::Event;
use crate::services::audit::recording;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::second_factors::passkey_challenges::{self, OpenChallenge, Purpose};
use crate::services::second_factors::passkeys::descriptor;
use crate::services::second_factors::webauthn::assertion::{Assertion, Verified};
use crate::services::second_factors::webauthn::options::RequestOptions;
use crate::services::second_factors::webauthn::relying_party::RelyingParty;
use crate::store::passkeys::{self as table, PasskeyRow};
use crate::store::{Db, StoreError};

/// An assertion that was verified. It counts once it is applied.
#[derive(Clone, Debug)]
pub(crate) struct PasskeyProof {
    /// The account of the passkey.
    pub(crate) account: Account,
    /// The name of the passkey.
    pub(crate) name: String,
    row: PasskeyRow,
    sign_count: i64,
    is_backed_up: bool,
    challenge: OpenChallenge,
}

/// An assertion that was refused.
#[derive(Clone, Debug)]
pub(crate) struct RefusedProof {
    /// Why, for the audit log.
    pub(crate) reason: String,
    /// The account of the passkey, if there is such a passkey.
    pub(crate) account: Option<Account>,
}

/// What a browser is asked for: one of these passkeys or, if there are none, any of this relying party.
///
/// # Errors
/// [`Error::Internal`] if the system's random generator fails.
pub(crate) fn options(
    services: &Services,
    party: &RelyingParty,
    purpose: Purpose<'_>,
    passkeys: Vec<PasskeyRow>,
) -> Result<RequestOptions, Error> {
    let challenge = passkey_challenges::issue(services, purpose)?;
    let passkeys = passkeys.into_iter().map(descriptor).collect();
    Ok(RequestOptions::new(party, challenge, passkeys))
}

/// Verifies an `AuthenticationResponseJSON`. A signature counter that did not increase is recorded: the passkey may have been
/// copied (level 2, section 6.1.1).
///
/// # Errors
/// The store's. A refusal is no error.
pub(crate) async fn verify(
    services: &Services,
    party: &RelyingParty,
    purpose: Purpose<'_>,
    actor: &Actor,
    json: &str,
) -> Result<Result<PasskeyProof, RefusedProof>, Error> {
    let refused = |reason: &dyn std::fmt::Display, account: Option<Account>| {
        Ok(Err(RefusedProof {
            reason: reason.to_string(),
            account,
        }))
    };
    let assertion = match Assertion::parse(json) {
        Ok(assertion) => assertion,
        Err(refusal) => return refused(&refusal, None),
    };
    let id = assertion.credential_id.clone();
    let found = services
        .store
        .read(move |connection| {
            let Some((row, handle)) = table::find_by_credential(connection, &id)? else {
                return Ok(None);
            };
            let account = find_account(connection, row.owner())?;
            Ok::<_, StoreError>(account.map(|account| (row, handle, account)))
        })
        .await?;
    let Some((row, handle, account)) = found else {
        return refused(&"there is no such passkey", None);
    };
    let is_required = matches!(purpose, Purpose::SignIn(_));
    let is_owner = match &assertion.user_handle {
        Some(given) => *given == handle,
        None => !is_required,
    };
    if !is_owner {
        return refused(&"its user handle is another one", Some(account));
    }
    let Verified {
        challenge,
        sign_count,
        is_backed_up,
    } = match assertion.verify(&row.public_key, party) {
        Ok(verified) => verified,
        Err(refusal) => return refused(&refusal, Some(account)),
    };
    let Some(challenge) = passkey_challenges::check(services, purpose, &challenge) else {
        return refused(&"its challenge is unknown or has expired", Some(account));
    };
    let sign_count = i64::from(sign_count);
    if (sign_count, row.sign_count) != (0, 0) && sign_count <= row.sign_count {
        record_counter(services, actor, &account, &row, sign_count).await?;
        return refused(&"its counter did not increase", Some(account));
    }
    Ok(Ok(PasskeyProof {
        account,
        name: row.name.clone(),
        row,
        sign_count,
        is_backed_up,
        challenge,
    }))
}

async fn record_counter(
    services: &Services,
    actor: &Actor,
    account: &Account,
    row: &PasskeyRow,
    sign_count: i64,
) -> Result<(), Error> {
    let event = Event::new(Action::PasskeyCounterRefused)
        .refused()
        .to(Subject::of(account))
        .with_detail("name", &row.name)
        .with_detail("stored_counter", row.sign_count)
        .with_detail("sent_counter", sign_count);
    recording::record(services, actor.clone(), event).await
}

impl PasskeyProof {
    /// Uses the proof; part of the transaction of what it proves. Returns `false` if it was used before, or if the passkey was
    /// removed or used otherwise meanwhile: the transaction must then be rolled back.
    pub(crate) fn apply(&self, connection: &mut Db, now: Timestamp) -> Result<bool, StoreError> {
        let counters = (self.row.sign_count, self.sign_count);
        Ok(self.challenge.mark_answered(connection)?
            && table::record_use(connection, &self.row.id, counters, self.is_backed_up, now)?)
    }
}
