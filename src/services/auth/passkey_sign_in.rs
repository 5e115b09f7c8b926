//! Signing in to the admin panel with a passkey, without a password: the passkey and the verified user are two factors.

use crate::config::PanelAccess;
use crate::domain::account::Account;
use crate::domain::audit::{Action, Actor, Subject};
use crate::domain::limits::LimitKind;
use crate::domain::principal::UserType;
use crate::domain::second_factor::{ChallengePurpose, SecondFactorMethod};
use crate::services::audit::log::Event;
use crate::services::audit::recording;
use crate::services::auth::panel_proof::LoginProof;
use crate::services::auth::panel_sign_in::{SignedIn, begin};
use crate::services::auth::refused_login;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::addresses;
use crate::services::limits::login_context::LoginContext;
use crate::services::limits::login_name::LoginName;
use crate::services::second_factors::challenges;
use crate::services::second_factors::passkey_challenges::Purpose;
use crate::services::second_factors::passkey_proofs::{self, PasskeyAnswer};
use crate::services::second_factors::passkeys;
use crate::services::second_factors::webauthn::options::RequestOptions;
use crate::services::second_factors::webauthn::relying_party::RelyingParty;
use crate::services::secret;

/// What a browser with this secret is asked for.
///
/// # Errors
/// [`Error::Internal`] if the system's random generator fails.
pub fn options(
    services: &Services,
    party: &RelyingParty,
    secret: &str,
) -> Result<RequestOptions, Error> {
    let (keys, now) = (&services.master_keys, services.clock.now());
    let purpose = Purpose::SignIn(secret.to_owned());
    passkey_proofs::options(keys, now, party, &purpose, Vec::new())
}

/// What a browser is asked for in the second step of a sign-in; none if the challenge is not open.
///
/// # Errors
/// The store's.
pub async fn step_options(
    services: &Services,
    party: &RelyingParty,
    challenge_id: &str,
) -> Result<Option<RequestOptions>, Error> {
    let found = challenges::find(services, challenge_id, ChallengePurpose::Panel, false).await?;
    let Some(challenge) = found else {
        return Ok(None);
    };
    let purpose = Purpose::SecondFactor(challenge_id.to_owned());
    let owner = challenge.owner();
    let options = passkeys::proof_options(services, party, owner, &purpose).await?;
    Ok(Some(options))
}

/// What a browser presents to sign in.
pub struct Presented<'a> {
    /// The relying party of the panel.
    pub party: RelyingParty,
    /// The secret of the browser, which the challenge was issued for.
    pub secret: String,
    /// The `AuthenticationResponseJSON`.
    pub answer: &'a str,
    /// The secret of the session that the browser had before, which ends.
    pub former: Option<String>,
}

/// Signs a user in by a passkey, and starts a session with a new secret. A refused passkey counts for its address alone: it
/// cannot be guessed, and nobody can lock an account by sending wrong ones.
///
/// # Errors
/// [`Error::InvalidCredentials`] (refused, or the account is inactive), [`Error::Forbidden`] for a right passkey of an account
/// without a panel role, [`Error::RateLimited`] for an address with too many failures, and the store's.
pub async fn sign_in(
    services: &Services,
    login_context: LoginContext,
    presented: Presented<'_>,
) -> Result<SignedIn, Error> {
    let (kind, actor) = (LimitKind::Login, &login_context.actor);
    addresses::admit(services, kind, actor.ip_address).await?;
    let purpose = Purpose::SignIn(presented.secret);
    let answer = PasskeyAnswer::parse(presented.party, purpose, presented.answer);
    let result = match answer {
        Ok(answer) => verify(services, &login_context, answer, presented.former).await,
        Err(_) => Err(Refused::Passkey(None, "it is malformed".into())),
    };
    match result {
        Ok(signed_in) => Ok(signed_in),
        Err(Refused::Error(error)) => Err(error),
        Err(Refused::Role(account)) => {
            let reason = "its account has no access to the panel";
            record(services, actor, Some(&account), reason).await?;
            Err(Error::Forbidden)
        }
        Err(Refused::Passkey(account, reason)) => {
            record(services, actor, account.as_ref(), &reason).await?;
            addresses::record_failure(services, kind, actor).await?;
            Err(Error::InvalidCredentials)
        }
    }
}

/// Why nobody is signed in.
enum Refused {
    /// The passkey is wrong, or its account inactive: the account if it is known, and the reason for the audit log.
    Passkey(Option<Account>, String),
    /// The account has no panel role.
    Role(Account),
    Error(Error),
}

impl<E: Into<Error>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

async fn verify(
    services: &Services,
    login_context: &LoginContext,
    answer: PasskeyAnswer,
    former: Option<String>,
) -> Result<SignedIn, Refused> {
    let looked_up = answer.clone();
    let is_known = services
        .store
        .read(move |connection| looked_up.is_of_known_passkey(connection))
        .await?;
    if !is_known {
        let reason = "there is no such passkey";
        return Err(Refused::Passkey(None, reason.into()));
    }
    let (actor, keys) = (&login_context.actor, services.master_keys.clone());
    let proved = services
        .write_as(actor, move |connection, audit_context| {
            Ok(answer.apply(connection, &keys, audit_context)?)
        })
        .await?;
    let account = proved.map_err(|refused| Refused::Passkey(refused.account, refused.reason))?;
    if account.principal.user_type != UserType::User {
        return Err(Refused::Role(account));
    }
    if services.roles.rights_of(&account).panel == PanelAccess::None {
        return Err(Refused::Role(account));
    }
    let device = LoginName::of(services, &account, login_context)
        .await?
        .device;
    let former = former.map(|secret| secret::hash(&secret));
    let proof = LoginProof::by_passkey(device, former);
    match begin(services, actor.clone(), account.clone(), Some(proof)).await {
        Err(Error::InvalidCredentials) => {
            let reason = "its account is inactive";
            Err(Refused::Passkey(Some(account), reason.into()))
        }
        result => Ok(result?),
    }
}

async fn record(
    services: &Services,
    actor: &Actor,
    account: Option<&Account>,
    reason: &str,
) -> Result<(), Error> {
    let event = Event::new(Action::SignInRefused)
        .with_detail("second_factor", SecondFactorMethod::Passkey)
        .with_detail("reason", reason);
    match account {
        Some(account) => {
            let event = event.refused().to(Subject::of(account));
            recording::record(services, actor.clone(), event).await
        }
        None => refused_login::record_invented(services, actor, event).await,
    }
}
