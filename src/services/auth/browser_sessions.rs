//! Sessions in the admin panel: signing in and out, and the account of a browser's session cookie.

use std::time::Duration;

use crate::config::{PanelAccess, Rights};
use crate::domain::account::Account;
use crate::domain::audit::{Action, Actor, RefusalCause, Subject};
use crate::domain::limits::LimitKind;
use crate::domain::password::Password;
use crate::domain::preferences::Preferences;
use crate::domain::principal::{UserSeq, UserType};
use crate::domain::session::{BrowserSessionId, Device, RevocationReason};
use crate::services::audit::log::{AuditContext, Event};
use crate::services::auth::ended_sessions::panel_device;
use crate::services::auth::password_check::{self, MAX_CHECKS};
use crate::services::auth::refused_login;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::attempts;
use crate::services::limits::counting::CounterReset;
use crate::services::limits::device_tokens::NewToken;
use crate::services::limits::login_context::LoginContext;
use crate::services::limits::login_name::LoginName;
use crate::services::secret;
use crate::store::browser_sessions::BrowserSessionRow;
use crate::store::{StoreError, Transaction, browser_sessions as table, panel_preferences, users};

/// A user who is signed in: its role has access to the panel.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// The id of the session.
    pub session: BrowserSessionId,
    /// The account by its current row.
    pub account: Account,
    /// The rights of its role.
    pub rights: Rights,
    /// The display preferences.
    pub preferences: Preferences,
}

impl Viewer {
    /// Whether the account may change anything.
    #[must_use]
    pub fn may_write(&self) -> bool {
        self.rights.panel == PanelAccess::Write
    }
}

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
}

/// Proof of a verified password, with which a session starts.
pub(crate) struct LoginProof {
    /// The hash that was verified.
    hash: String,
    reset: CounterReset,
    /// The known device.
    device: Option<String>,
    /// The hash of the session cookie that the browser had before.
    former: Option<String>,
}

/// The interval at which the use of a session is recorded, so that not every page view writes.
const TOUCH_EVERY: Duration = Duration::from_mins(1);

/// Signs a user in by e-mail address or username and password, and starts a session with a new secret. The session
/// of a cookie that the browser had before (`former`) ends (ASVS 5.0 7.2.4), whatever account it belongs to.
///
/// # Errors
/// [`Error::InvalidCredentials`] (the same for unknown, wrong and inactive, after the same time),
/// [`Error::RateLimited`] after too many failures in the admin panel and the API together, [`Error::Forbidden`] for a
/// correct password of an account without a panel role, [`Error::Overloaded`], and the store's.
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
            hash: right.hash.clone(),
            reset: reset.clone(),
            device: login_name.device.clone(),
            former: former.clone(),
        };
        let account = right.account.clone();
        match begin(services, actor.clone(), account, Some(proof)).await {
            // The account is not active any more, or its hash has changed: another login may have hashed it again.
            Err(Error::InvalidCredentials) => {}
            Err(error) => return Err(error),
            Ok(signed_in) => {
                right.rehash_later(services);
                return Ok(signed_in);
            }
        }
    }
    Err(Error::InvalidCredentials)
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
    let (owner, settings) = (account.principal, &services.config.admin);
    let user_seq = owner.user_seq;
    let lifetime = settings.session_absolute.get();
    let absolute = now + lifetime;
    let new = BrowserSessionRow {
        id: BrowserSessionId::new(now),
        token_hash: secret::hash(&secret),
        user_seq,
        ip_address: actor.ip_address.map(|address| address.to_string()),
        user_agent: Device::new(None, actor.user_agent.as_deref()).user_agent,
        created_at: now,
        last_used_at: now,
        expires_at: (now + settings.session_idle.get()).min(absolute),
        absolute_expires_at: absolute,
    };
    let actor = actor.known_as(&account);
    let event = Event::new(Action::SignedIn).to(Subject::of(&account));
    let audit_context = services.audit_log.audit_context(&actor, now);
    let last_login_at = services.tokens.settings().update_last_login.then_some(now);
    let preferences = services
        .store
        .write(move |connection| {
            // Verifying the hash takes long: the account is checked again, and locked, before the session starts.
            if let Some(LoginProof {
                hash,
                reset,
                former,
                ..
            }) = &proof
            {
                if !users::record_login(connection, user_seq, Some(hash), last_login_at)? {
                    return Err(Error::InvalidCredentials);
                }
                reset.apply(connection)?;
                end_former(connection, &audit_context, former.as_deref())?;
            }
            new_token.insert(connection, owner)?;
            table::insert(connection, &new)?;
            audit_context.record(connection, &event)?;
            Ok::<_, Error>(panel_preferences::find(connection, user_seq)?)
        })
        .await?;
    Ok(SignedIn {
        secret,
        lifetime,
        preferences,
        device_token,
    })
}

/// Ends the session that the browser had before.
fn end_former(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    former: Option<&str>,
) -> Result<(), StoreError> {
    let Some(hash) = former else {
        return Ok(());
    };
    let now = audit_context.now;
    let Some(live) = table::find_live(connection, hash, now)? else {
        return Ok(());
    };
    let (owner, reason) = (&live.account, RevocationReason::Logout);
    if table::end(connection, owner.principal.user_seq, &live.id, now, reason)? {
        let event = Event::new(Action::BrowserSessionEnded).to(Subject::of(owner));
        audit_context.record(connection, &event)?;
    }
    Ok(())
}

/// The session of a cookie's secret; `None` if it has ended, or its account is inactive or has no panel role any more.
///
/// # Errors
/// The store's: an unavailable database must not sign anyone out.
pub async fn find(services: &Services, secret: &str) -> Result<Option<Viewer>, Error> {
    let (hash, now) = (secret::hash(secret), services.clock.now());
    let live = services
        .store
        .read(move |connection| table::find_live(connection, &hash, now))
        .await?;
    let Some(live) = live.filter(|live| live.account.is_active) else {
        return Ok(None);
    };
    let rights = services.roles.rights_of(&live.account);
    if rights.panel == PanelAccess::None {
        return Ok(None);
    }
    if now.since(live.last_used_at) >= TOUCH_EVERY {
        let idle_end = now + services.config.admin.session_idle.get();
        let (id, expires_at) = (live.id.clone(), idle_end.min(live.absolute_expires_at));
        services
            .store
            .write(move |connection| table::touch(connection, &id, now, expires_at))
            .await?;
    }
    Ok(Some(Viewer {
        session: live.id,
        rights,
        account: live.account,
        preferences: panel_preferences::read(live.preferences),
    }))
}

/// Ends the viewer's session.
///
/// # Errors
/// The store's.
pub async fn sign_out(services: &Services, actor: Actor, viewer: &Viewer) -> Result<(), Error> {
    let (user_seq, id) = (viewer.account.principal.user_seq, viewer.session.clone());
    let (reason, event) = (RevocationReason::Logout, Event::new(Action::SignedOut));
    end_with(services, actor, user_seq, id, reason, event).await?;
    Ok(())
}

/// Ends a session in the admin panel, the actor's own or another one. Returns `false` if there is no such live session.
///
/// # Errors
/// The store's.
pub async fn end(
    services: &Services,
    actor: Actor,
    owner: &Account,
    id: BrowserSessionId,
) -> Result<bool, Error> {
    let reason = if actor.is(owner.principal) {
        RevocationReason::Logout
    } else {
        RevocationReason::Administrator
    };
    let event = Event::new(Action::BrowserSessionEnded).to(Subject::of(owner));
    end_with(services, actor, owner.principal.user_seq, id, reason, event).await
}

async fn end_with(
    services: &Services,
    actor: Actor,
    user_seq: UserSeq,
    id: BrowserSessionId,
    reason: RevocationReason,
    event: Event,
) -> Result<bool, Error> {
    services
        .write_as(&actor, move |connection, audit_context| {
            let live = table::list_live(connection, user_seq, audit_context.now)?;
            let ended = table::end(connection, user_seq, &id, audit_context.now, reason)?;
            if ended {
                let row = live.into_iter().find(|row| row.id == id);
                let device = row
                    .map(|row| panel_device(row.ip_address.as_deref(), row.user_agent.as_deref()));
                let event = event.clone().with_changes(device);
                audit_context.record(connection, &event)?;
            }
            Ok(ended)
        })
        .await
}

/// The user's live sessions in the admin panel.
///
/// # Errors
/// The store's.
pub async fn list(services: &Services, user_seq: UserSeq) -> Result<Vec<BrowserSessionRow>, Error> {
    let now = services.clock.now();
    let live = services
        .store
        .read(move |connection| table::list_live(connection, user_seq, now))
        .await?;
    Ok(live)
}
