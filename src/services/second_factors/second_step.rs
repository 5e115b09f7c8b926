//! The second step of a login, in both interfaces: finding the challenge, and proving or setting up the second factor.

use crate::clock::Timestamp;
use crate::delivery::{AccountChange, ChangeNotice};
use crate::domain::account::Account;
use crate::domain::audit::{Action, Subject};
use crate::domain::limits::LimitKind;
use crate::domain::principal::UserType;
use crate::domain::second_factor::{ChallengePurpose, SecondFactorMethod};
use crate::services::account_lookup::find_account;
use crate::services::accounts::change_notices::{self, ChangeMails};
use crate::services::accounts::changes::lock_account;
use crate::services::audit::log::{AuditContext, Event};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::addresses;
use crate::services::limits::login_context::LoginContext;
use crate::services::limits::login_name::LoginName;
use crate::services::second_factors::challenges::{self, take_attempt};
use crate::services::second_factors::enrolment::Confirmation;
use crate::services::second_factors::factors::methods_of;
use crate::services::second_factors::passkeys::Registration;
use crate::services::second_factors::proof::FactorProof;
use crate::store::second_factor_challenges::{self as table, ChallengeRow};
use crate::store::{Transaction, client_users, recovery_codes, users};
use crate::tokens::MasterKeys;

/// The open challenge of an account.
pub(crate) struct OpenChallenge {
    pub(crate) row: ChallengeRow,
    /// The account by its row when the challenge was found.
    pub(crate) account: Account,
    pub(crate) login_name: LoginName,
}

impl OpenChallenge {
    /// The event of a refused second step.
    pub(crate) fn refusal(&self, action: Action, factor: SecondFactorMethod) -> Event {
        let event = Event::new(action);
        let event = match self.row.purpose {
            ChallengePurpose::Login => event
                .with_detail("user_type", self.row.user_type)
                .with_detail("method", self.row.method),
            ChallengePurpose::Panel => event,
        };
        event.with_detail("second_factor", factor)
    }
}

/// Finds the challenge of a second step. A secret that no challenge has is counted for its address.
///
/// # Errors
/// [`Error::InvalidSecondFactor`] if there is none, [`Error::RateLimited`] for an address with too many failures, and the
/// store's.
pub(crate) async fn open(
    services: &Services,
    challenge_id: &str,
    (purpose, is_set_up): (ChallengePurpose, bool),
    login_context: &LoginContext,
) -> Result<OpenChallenge, Error> {
    let row = challenges::find(services, challenge_id, purpose, is_set_up).await?;
    if let Some(row) = row {
        let owner = row.owner();
        let account = services
            .store
            .read(move |connection| find_account(connection, owner))
            .await?;
        if let Some(account) = account.filter(|account| account.is_active) {
            let login_name = LoginName::of(services, &account, login_context).await?;
            return Ok(OpenChallenge {
                row,
                account,
                login_name,
            });
        }
    }
    let (kind, actor) = (LimitKind::Login, &login_context.actor);
    addresses::admit(services, kind, actor.ip_address).await?;
    let left = addresses::record_failure(services, kind, actor).await?;
    login_context.quota.note(left);
    Err(Error::InvalidSecondFactor)
}

/// What a second step does.
#[derive(Clone)]
enum Means {
    Proof(FactorProof),
    SetUpApp(Confirmation),
    SetUpPasskey(Box<Registration>),
}

/// The second step of a login.
#[derive(Clone)]
pub(crate) struct SecondStep {
    challenge: ChallengeRow,
    keys: MasterKeys,
    last_login_at: Option<Timestamp>,
    mails: ChangeMails,
    means: Means,
}

/// A second step that was taken.
pub(crate) struct Proved {
    /// The account by its locked row.
    pub(crate) account: Account,
    /// New recovery codes, if the factor was set up.
    pub(crate) recovery_codes: Vec<String>,
    /// The mail to the owner about it.
    mail: Option<ChangeNotice>,
}

impl SecondStep {
    /// Proves the second factor.
    pub(crate) fn proof(services: &Services, challenge: ChallengeRow, proof: FactorProof) -> Self {
        Self::new(services, challenge, Means::Proof(proof))
    }

    /// Sets an authenticator app up.
    pub(crate) fn set_up(
        services: &Services,
        challenge: ChallengeRow,
        confirmation: Confirmation,
    ) -> Self {
        Self::new(services, challenge, Means::SetUpApp(confirmation))
    }

    /// Adds a passkey.
    pub(crate) fn set_up_passkey(
        services: &Services,
        challenge: ChallengeRow,
        registration: Registration,
    ) -> Self {
        let means = Means::SetUpPasskey(Box::new(registration));
        Self::new(services, challenge, means)
    }

    fn new(services: &Services, challenge: ChallengeRow, means: Means) -> Self {
        let now = services.clock.now();
        Self {
            challenge,
            keys: services.master_keys.clone(),
            last_login_at: services.tokens.settings().update_last_login.then_some(now),
            mails: ChangeMails::new(services),
            means,
        }
    }

    /// The method of the second factor.
    pub(crate) fn factor(&self) -> SecondFactorMethod {
        match &self.means {
            Means::Proof(proof) => proof.method(),
            Means::SetUpApp(_) => SecondFactorMethod::Totp,
            Means::SetUpPasskey(_) => SecondFactorMethod::Passkey,
        }
    }

    /// Whether the step sets a factor up, which an account without one may do by the first step alone.
    fn sets_up(&self) -> bool {
        match &self.means {
            Means::Proof(_) => false,
            Means::SetUpApp(_) | Means::SetUpPasskey(_) => true,
        }
    }

    /// Takes the step and ends the challenge; part of the transaction of the login. `None` if the proof is wrong or the challenge
    /// has no attempts left: the attempt stays counted.
    ///
    /// # Errors
    /// [`Error::SecondFactorExists`] if a factor is to be set up and the account has one meanwhile, those of
    /// [`Confirmation::apply`] and [`Registration::apply`], and the store's.
    pub(crate) fn take(
        &self,
        connection: &mut Transaction<'_>,
        audit_context: &AuditContext,
    ) -> Result<Option<Proved>, Error> {
        let (owner, now) = (self.challenge.owner(), audit_context.now);
        let account = lock_account(connection, owner)?;
        let audit_context = audit_context.known_as(&account);
        if !take_attempt(connection, &self.challenge, now)? {
            return Ok(None);
        }
        if self.sets_up() && !methods_of(connection, owner)?.is_empty() {
            return Err(Error::SecondFactorExists);
        }
        let (mut codes, mut change) = (Vec::new(), None);
        match &self.means {
            Means::Proof(proof) => {
                if !proof.verify(connection, &self.keys, &audit_context, owner)? {
                    return Ok(None);
                }
                if proof.method() == SecondFactorMethod::RecoveryCode {
                    let left = recovery_codes::count_unused(connection, owner)?;
                    record_recovery_code(connection, &audit_context, &account, left)?;
                    change = Some(AccountChange::RecoveryCodeUsed(left));
                }
            }
            Means::SetUpApp(confirmation) => {
                codes = confirmation.apply(connection, &audit_context, &account)?;
                change = Some(AccountChange::SecondFactorAdded);
            }
            Means::SetUpPasskey(registration) => {
                codes = registration.apply(connection, &audit_context, &account)?;
                change = Some(registration.change());
            }
        }
        let id = owner.user_seq;
        let is_active = match owner.user_type {
            UserType::User => users::record_login(connection, id, None, self.last_login_at)?,
            UserType::Client => {
                client_users::record_login(connection, id, None, self.last_login_at)?
            }
        };
        if !is_active || !table::delete(connection, &self.challenge.id_hash)? {
            return Ok(None);
        }
        let mail = match change {
            Some(change) => {
                let (mails, audit_context) = (&self.mails, &audit_context);
                mails.queue(connection, audit_context, &account, change)?
            }
            None => None,
        };
        Ok(Some(Proved {
            account,
            recovery_codes: codes,
            mail,
        }))
    }
}

/// Records the use of a recovery code; part of its transaction.
pub(crate) fn record_recovery_code(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    account: &Account,
    left: i64,
) -> Result<(), Error> {
    let event = Event::new(Action::RecoveryCodeUsed)
        .to(Subject::of(account))
        .with_detail("left", left);
    Ok(audit_context.record(connection, &event)?)
}

impl Proved {
    /// Mails the owner what the owner must know, once the step is committed.
    pub(crate) fn notify(&self, services: &Services) {
        change_notices::send(services, self.mail.clone());
    }
}
