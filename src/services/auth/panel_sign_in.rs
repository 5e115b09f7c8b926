//! Signing in to the admin panel, in one step or in two.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::config::PanelAccess;
use crate::domain::account::Account;
use crate::domain::audit::{Action, Actor, RefusalCause, Subject};
use crate::domain::limits::LimitKind;
use crate::domain::otp::OtpCode;
use crate::domain::password::Password;
use crate::domain::preferences::Preferences;
use crate::domain::principal::{UserSeq, UserType};
use crate::domain::second_factor::{ChallengePurpose, SecondFactorMethod};
use crate::domain::session::{BrowserSessionId, Device, LoginMethod};
use crate::services::audit::log::Event;
use crate::services::auth::panel_proof::{Checked, LoginProof, Step};
use crate::services::auth::password_check::{self, MAX_CHECKS};
use crate::services::auth::refused_login;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::attempts;
use crate::services::limits::counting::CounterReset;
use crate::services::limits::device_tokens::NewToken;
use crate::services::limits::login_context::LoginContext;
use crate::services::limits::login_name::LoginName;
use crate::services::second_factors::challenges::{self, FirstStep};
use crate::services::second_factors::enrolment::{self, Confirmation, NewTotp};
use crate::services::second_factors::factors::methods_of;
use crate::services::second_factors::passkeys::{self, NewPasskeyAnswer, Registration};
use crate::services::second_factors::proof::FactorProof;
use crate::services::second_factors::second_step::{OpenChallenge, SecondStep, open};
use crate::services::second_factors::webauthn::options::CreationOptions;
use crate::services::second_factors::webauthn::relying_party::RelyingParty;
use crate::services::secret;
use crate::store::browser_sessions::BrowserSessionRow;
use crate::store::{browser_sessions as table, panel_preferences};

/// A session that has just started, and the secret of its cookie.
pub struct SignedIn {
    /// The value of the session cookie. Only its hash is stored.
    pub secret: String,
    /// The lifetime of the cookie.
    pub lifetime: Duration,
    /// The display preferences.
    pub preferences: Preferences,
    /// The device token for the next login with this browser.
    pub device_token: String,
    /// New recovery codes, which are shown once, if the sign-in has set a second factor up.
    pub recovery_codes: Vec<String>,
}

/// Signs a user in by e-mail address or username and password, and starts a session with a new secret. The session
/// of a cookie that the browser had before (`former`) ends (ASVS 5.0 7.2.4), whatever account it belongs to.
///
/// # Errors
/// [`Error::InvalidCredentials`] (the same for unknown, wrong and inactive, after the same time),
/// [`Error::RateLimited`] after too many failures in the admin panel and the API together, [`Error::Forbidden`] for a
/// correct password of an account without a panel role, [`Error::SecondFactorRequired`], [`Error::Overloaded`], and the
/// store's.
pub async fn sign_in(
    services: &Services,
    login_context: LoginContext,
    email: &str,
    password: Password,
    former: Option<String>,
) -> Result<SignedIn, Error> {
    let (kind, user_type) = (LimitKind::Login, UserType::User);
    let login_name = LoginName::find(services, user_type, email, &login_context).await?;
    let actor = login_context.actor;
    let attempt = attempts::begin(services, kind, &login_name, &actor).await?;
    let reset = attempt.counter_reset();
    let former = former.map(|secret| secret::hash(&secret));
    let result = verify_password(services, &actor, &login_name, password, reset, former).await;
    if matches!(result, Err(Error::InvalidCredentials | Error::Forbidden)) {
        let mut event = Event::new(Action::SignInRefused);
        if matches!(result, Err(Error::Forbidden)) {
            event = event.with_detail("cause", RefusalCause::NoPanelAccess);
        }
        refused_login::record(services, &actor, kind, &login_name, event).await?;
    }
    attempt.finish(result).await
}

async fn verify_password(
    services: &Services,
    actor: &Actor,
    login_name: &LoginName,
    password: Password,
    reset: CounterReset,
    former: Option<String>,
) -> Result<SignedIn, Error> {
    for _ in 0..MAX_CHECKS {
        let right = password_check::check(services, login_name, actor, &password).await?;
        let right = right.ok_or(Error::InvalidCredentials)?;
        if services.roles.rights_of(&right.account).panel == PanelAccess::None {
            return Err(Error::Forbidden);
        }
        let proof = LoginProof {
            step: Step::Password(
                right.hash.clone(),
                FirstStep::new(services, ChallengePurpose::Panel, LoginMethod::Password)?,
            ),
            reset: reset.clone(),
            device: login_name.device.clone(),
            former: former.clone(),
        };
        let account = right.account.clone();
        match begin(services, actor.clone(), account, Some(proof)).await {
            // The account is not active any more, or its hash has changed: another login may have hashed it again.
            Err(Error::InvalidCredentials) => {}
            Err(error @ Error::SecondFactorRequired(_)) => {
                right.rehash_later(services);
                return Err(error);
            }
            Err(error) => return Err(error),
            Ok(signed_in) => {
                right.rehash_later(services);
                return Ok(signed_in);
            }
        }
    }
    Err(Error::InvalidCredentials)
}

/// A sign-in whose account has a second factor.
const SIGN_IN: (ChallengePurpose, bool) = (ChallengePurpose::Panel, false);
/// A sign-in whose account must set one up.
const SET_UP: (ChallengePurpose, bool) = (ChallengePurpose::Panel, true);

/// Proves the second factor of a sign-in, and starts its session.
///
/// # Errors
/// [`Error::InvalidSecondFactor`], [`Error::Forbidden`] if the account has no panel role any more, [`Error::RateLimited`] after
/// too many failures, of passwords too, and the store's.
pub async fn continue_sign_in(
    services: &Services,
    login_context: LoginContext,
    challenge_id: &str,
    proof: FactorProof,
    former: Option<String>,
) -> Result<SignedIn, Error> {
    let challenge = open(services, challenge_id, SIGN_IN, &login_context).await?;
    let step = SecondStep::proof(services, challenge.row.clone(), proof);
    Box::pin(complete(services, challenge, step, login_context, former)).await
}

/// How the second factor of a sign-in can be proved; empty if the challenge is not open.
///
/// # Errors
/// The store's.
pub async fn methods(
    services: &Services,
    challenge_id: &str,
) -> Result<Vec<SecondFactorMethod>, Error> {
    let found = challenges::find(services, challenge_id, SIGN_IN.0, SIGN_IN.1).await?;
    let Some(challenge) = found else {
        return Ok(Vec::new());
    };
    let owner = challenge.owner();
    services
        .store
        .read(move |connection| Ok(methods_of(connection, owner)?))
        .await
}

/// Makes a secret for the authenticator app of an account that must have one to sign in.
///
/// # Errors
/// As [`continue_sign_in`], and those of [`enrolment::begin_totp`].
pub async fn begin_totp(
    services: &Services,
    challenge_id: &str,
    login_context: &LoginContext,
) -> Result<NewTotp, Error> {
    let challenge = open(services, challenge_id, SET_UP, login_context).await?;
    enrolment::begin_totp(services, &challenge.account).await
}

/// The secret that was made for this sign-in, to show it again with the form.
///
/// # Errors
/// As [`begin_totp`], and [`Error::SecondFactorNotFound`] if none was made.
pub async fn shown_totp(
    services: &Services,
    challenge_id: &str,
    login_context: &LoginContext,
) -> Result<NewTotp, Error> {
    let challenge = open(services, challenge_id, SET_UP, login_context).await?;
    enrolment::shown_totp(services, &challenge.account).await
}

/// Confirms the authenticator app by one of its codes, and starts the session of the sign-in.
///
/// # Errors
/// As [`continue_sign_in`], and [`Error::Invalid`] if the code is wrong (`code`).
pub async fn set_up(
    services: &Services,
    login_context: LoginContext,
    challenge_id: &str,
    code: OtpCode,
    former: Option<String>,
) -> Result<SignedIn, Error> {
    let challenge = open(services, challenge_id, SET_UP, &login_context).await?;
    let confirmation = Confirmation::new(services, code)?;
    let step = SecondStep::set_up(services, challenge.row.clone(), confirmation);
    Box::pin(complete(services, challenge, step, login_context, former)).await
}

/// What a browser is asked to register for an account that must have a second factor to sign in.
///
/// # Errors
/// As [`continue_sign_in`], and those of [`passkeys::begin`].
pub async fn begin_passkey(
    services: &Services,
    party: &RelyingParty,
    challenge_id: &str,
    login_context: &LoginContext,
) -> Result<CreationOptions, Error> {
    let challenge = open(services, challenge_id, SET_UP, login_context).await?;
    passkeys::begin(services, party, &challenge.account).await
}

/// Adds the passkey that a browser registered, and starts the session of the sign-in.
///
/// # Errors
/// As [`continue_sign_in`], and [`Error::Invalid`] if the passkey is refused (`credential`).
pub async fn set_up_passkey(
    services: &Services,
    login_context: LoginContext,
    challenge_id: &str,
    new: NewPasskeyAnswer<'_>,
    former: Option<String>,
) -> Result<SignedIn, Error> {
    let challenge = open(services, challenge_id, SET_UP, &login_context).await?;
    let registration = Registration::verify(services, challenge.row.owner(), new)?;
    let step = SecondStep::set_up_passkey(services, challenge.row.clone(), registration);
    Box::pin(complete(services, challenge, step, login_context, former)).await
}

async fn complete(
    services: &Services,
    challenge: OpenChallenge,
    step: SecondStep,
    login_context: LoginContext,
    former: Option<String>,
) -> Result<SignedIn, Error> {
    let (kind, actor) = (LimitKind::Login, login_context.actor);
    let login_name = &challenge.login_name;
    if services.roles.rights_of(&challenge.account).panel == PanelAccess::None {
        return Err(Error::Forbidden);
    }
    let attempt = attempts::begin(services, kind, login_name, &actor).await?;
    let factor = step.factor();
    let proof = LoginProof {
        step: Step::SecondFactor(step),
        reset: attempt.counter_reset(),
        device: login_name.device.clone(),
        former: former.map(|secret| secret::hash(&secret)),
    };
    let account = challenge.account.clone();
    let result = begin(services, actor.clone(), account, Some(proof)).await;
    if matches!(result, Err(Error::InvalidSecondFactor)) {
        let event = challenge.refusal(Action::SignInRefused, factor);
        refused_login::record(services, &actor, kind, login_name, event).await?;
    }
    attempt.finish(result).await
}

/// Starts a session of an account. With a `proof` it fails if the password was changed after it was verified.
pub(crate) async fn begin(
    services: &Services,
    actor: Actor,
    account: Account,
    proof: Option<LoginProof>,
) -> Result<SignedIn, Error> {
    let now = services.clock.now();
    let secret = secret::generate()?;
    let known_device = proof.as_ref().and_then(|proof| proof.device.as_deref());
    let new_token = NewToken::new(services, known_device, now)?;
    let device_token = new_token.text(services, &account);
    let owner = account.principal;
    let user_seq = owner.user_seq;
    let lifetime = services.config.admin.session_absolute.get();
    let new = new_session(services, &actor, user_seq, &secret, now);
    let actor = actor.known_as(&account);
    let mut event = Event::new(Action::SignedIn).to(Subject::of(&account));
    if let Some(factor) = proof.as_ref().and_then(LoginProof::factor) {
        event = event.with_detail("second_factor", factor);
    }

    let audit_context = services.audit_log.audit_context(&actor, now);
    let last_login_at = services.tokens.settings().update_last_login.then_some(now);
    let started = services
        .store
        .write(move |connection| {
            let mut proved = None;
            if let Some(proof) = &proof {
                proved = match proof.check(connection, &audit_context, &account, last_login_at)? {
                    Checked::Complete(proved) => proved.map(|proved| *proved),
                    Checked::Pending(pending) => {
                        return Ok(Err(Error::SecondFactorRequired(pending)));
                    }
                    Checked::Wrong => return Ok(Err(Error::InvalidSecondFactor)),
                };
            }
            new_token.insert(connection, owner)?;
            table::insert(connection, &new)?;
            audit_context.record(connection, &event)?;
            let preferences = panel_preferences::find(connection, user_seq)?;
            Ok::<_, Error>(Ok((preferences, proved)))
        })
        .await?;
    // The inner error is that of a transaction that was committed.
    let (preferences, proved) = started?;
    let mut recovery_codes = Vec::new();
    if let Some(proved) = proved {
        proved.notify(services);
        recovery_codes = proved.recovery_codes;
    }
    Ok(SignedIn {
        secret,
        lifetime,
        preferences,
        device_token,
        recovery_codes,
    })
}

/// The row of a session that starts now.
fn new_session(
    services: &Services,
    actor: &Actor,
    user_seq: UserSeq,
    secret: &str,
    now: Timestamp,
) -> BrowserSessionRow {
    let settings = &services.config.admin;
    let absolute = now + settings.session_absolute.get();
    BrowserSessionRow {
        id: BrowserSessionId::new(now),
        token_hash: secret::hash(secret),
        user_seq,
        ip_address: actor.ip_address.map(|address| address.to_string()),
        user_agent: Device::new(None, actor.user_agent.as_deref()).user_agent,
        created_at: now,
        last_used_at: now,
        expires_at: (now + settings.session_idle.get()).min(absolute),
        absolute_expires_at: absolute,
        authenticated_at: Some(now),
    }
}
