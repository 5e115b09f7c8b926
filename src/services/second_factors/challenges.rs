//! Logins in two steps. The first step, such as a right password, begins a challenge if the account has a second factor or must
//! have one. The second step is proved with the secret of the challenge, which is valid for five minutes and five attempts.
//!
//! The first step neither counts as a failure nor ends the count of failures: only a complete login does. So nobody who knows the
//! password gets further attempts at the second factor by starting again.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::domain::account::Account;
use crate::domain::audit::{Action, Subject};
use crate::domain::second_factor::{ChallengePurpose, PendingLogin, SecondFactorMethod};
use crate::domain::session::LoginMethod;
use crate::services::audit::log::{AuditContext, Event};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::second_factors::factors::{Duty, methods_of};
use crate::services::second_factors::passkey_challenges::Purpose;
use crate::services::second_factors::passkey_proofs::PasskeyRequest;
use crate::services::secret;
use crate::store::second_factor_challenges::{self as table, ChallengeRow};
use crate::store::{Db, StoreError, Transaction};

/// How long a challenge is valid.
pub(crate) const LIFETIME: Duration = Duration::from_mins(5);
/// The attempts of a challenge.
pub(crate) const MAX_ATTEMPTS: i64 = 5;

/// The first step of a login.
#[derive(Clone)]
pub(crate) struct FirstStep {
    purpose: ChallengePurpose,
    method: LoginMethod,
    challenge_id: String,
    duty: Duty,
    passkeys: PasskeyRequest,
}

impl FirstStep {
    /// # Errors
    /// [`Error::Internal`] if the system's random generator fails.
    pub(crate) fn new(
        services: &Services,
        purpose: ChallengePurpose,
        method: LoginMethod,
    ) -> Result<Self, Error> {
        Ok(Self {
            purpose,
            method,
            challenge_id: secret::generate()?,
            duty: Duty::new(services),
            passkeys: PasskeyRequest::new(services, purpose),
        })
    }

    /// What the account must still prove or set up; `None` if the login is complete. Part of the transaction of the login.
    pub(crate) fn pending(
        &self,
        connection: &mut Db,
        account: &Account,
    ) -> Result<Option<PendingLogin>, Error> {
        let methods = methods_of(connection, account.principal)?;
        let is_set_up = methods.is_empty();
        if is_set_up && !self.duty.applies(account, self.method) {
            return Ok(None);
        }
        let passkey = if methods.contains(&SecondFactorMethod::Passkey) {
            let purpose = Purpose::SecondFactor(self.challenge_id.clone());
            self.passkeys
                .options(connection, account.principal, &purpose)?
        } else {
            None
        };
        Ok(Some(PendingLogin {
            passkey,
            challenge_id: self.challenge_id.clone(),
            methods: if is_set_up {
                self.set_up_methods()
            } else {
                methods
            },
            expires_in: LIFETIME,
            is_set_up,
        }))
    }

    /// What an account that has no second factor can set up.
    fn set_up_methods(&self) -> Vec<SecondFactorMethod> {
        let mut methods = vec![SecondFactorMethod::Totp];
        if self.passkeys.is_available() {
            methods.push(SecondFactorMethod::Passkey);
        }
        methods
    }

    /// Begins the challenge of a pending login; part of the same transaction.
    pub(crate) fn begin(
        &self,
        connection: &mut Transaction<'_>,
        audit_context: &AuditContext,
        account: &Account,
        pending: &PendingLogin,
    ) -> Result<(), StoreError> {
        let (owner, now) = (account.principal, audit_context.now);
        let row = ChallengeRow {
            id_hash: secret::hash(&pending.challenge_id),
            user_type: owner.user_type,
            user_seq: owner.user_seq,
            purpose: self.purpose,
            is_set_up: pending.is_set_up,
            method: self.method,
            attempts: 0,
            created_at: now,
            expires_at: now + pending.expires_in,
        };
        table::insert(connection, &row)?;
        let event = Event::new(Action::SecondFactorRequired)
            .to(Subject::of(account))
            .with_detail("method", self.method);
        audit_context.known_as(account).record(connection, &event)
    }
}

/// The open challenge with this secret.
///
/// # Errors
/// The store's.
pub(crate) async fn find(
    services: &Services,
    challenge_id: &str,
    purpose: ChallengePurpose,
    is_set_up: bool,
) -> Result<Option<ChallengeRow>, Error> {
    if !secret::is_well_formed(challenge_id) {
        return Ok(None);
    }
    let (id_hash, now) = (secret::hash(challenge_id), services.clock.now());
    let found = services
        .store
        .read(move |connection| table::find(connection, &id_hash, now))
        .await?;
    Ok(found.filter(|row| row.purpose == purpose && row.is_set_up == is_set_up))
}

/// Uses one of the attempts of a challenge; part of the transaction that verifies it. Returns `false` if none is left.
pub(crate) fn take_attempt(
    connection: &mut Db,
    challenge: &ChallengeRow,
    now: Timestamp,
) -> Result<bool, StoreError> {
    table::take_attempt(connection, &challenge.id_hash, MAX_ATTEMPTS, now)
}
