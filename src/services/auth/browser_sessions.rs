//! Sessions in the panel: signing in and out, and who a browser's cookie stands for.

use std::time::Duration;

use crate::{
    clock::Timestamp,
    domain::{
        account::{Account, Role},
        audit::{Action, Actor, Subject},
        limits::LimitKind,
        password::Password,
        preferences::Preferences,
        principal::{UserSeq, UserType},
        session::{BrowserSessionId, Device, RevocationReason},
        text::normalised,
    },
    services::{
        audit::log::Event,
        auth::device_tokens,
        bootstrap::Services,
        error::Error,
        limits::{
            attempts::{self, CounterReset, LoginContext, find_account},
            rules::LoginName,
        },
        passwords::PasswordCheck,
        secret,
    },
    store::{
        browser_sessions as table,
        browser_sessions::{BrowserSessionRow, NewBrowserSession},
        panel_preferences, users,
    },
};

/// An administrator or auditor who is signed in.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// The session.
    pub session: BrowserSessionId,
    /// The account as its row is now.
    pub account: Account,
    /// How he wants the panel to look.
    pub preferences: Preferences,
}

impl Viewer {
    /// Whether he may change anything: an auditor may not.
    #[must_use]
    pub fn may_write(&self) -> bool {
        self.account.role == Some(Role::Admin)
    }
}

/// A session that has just begun, and the secret of its cookie.
pub struct SignedIn {
    /// What the cookie holds. It is stored nowhere.
    pub secret: String,
    /// How long the cookie is kept.
    pub lifetime: Duration,
    /// How the administrator wants the panel to look.
    pub preferences: Preferences,
    /// By which the browser is known the next time.
    pub device_token: String,
}

/// What somebody has shown to know, when his session begins.
pub(crate) struct LoginProof {
    /// The hash of his password.
    hash: String,
    /// What is forgotten because of it.
    forgiveness: CounterReset,
}

/// A session in the panel as its owner's page lists it.
#[derive(Clone, Debug)]
pub struct BrowserSession {
    /// Its id.
    pub id: BrowserSessionId,
    /// From which address it began.
    pub ip_address: Option<String>,
    /// From which browser.
    pub user_agent: Option<String>,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Timestamp,
}

impl From<BrowserSessionRow> for BrowserSession {
    fn from(row: BrowserSessionRow) -> Self {
        Self {
            id: row.id,
            ip_address: row.ip_address,
            user_agent: row.user_agent,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
        }
    }
}

/// How long a session goes on before its use is noted again: a page is no reason to write.
const TOUCH_EVERY: Duration = Duration::from_mins(1);

/// Lets an administrator or auditor in by e-mail and password, and begins a session with a secret of its own: what the
/// browser held before is worth nothing.
///
/// # Errors
/// [`Error::InvalidCredentials`] (unknown, wrong and inactive are one answer in one time), [`Error::RateLimited`] after too
/// many of them at either door, [`Error::Forbidden`] for a right password whose role does not open the panel,
/// [`Error::Overloaded`], and the store's.
pub async fn sign_in(
    services: &Services,
    login_context: LoginContext,
    email: &str,
    password: Password,
) -> Result<SignedIn, Error> {
    let typed = normalised(email);
    let account = LoginName {
        user_type: UserType::User,
        name: &typed,
    };
    let pass = attempts::begin(services, LimitKind::Login, account, &login_context).await?;
    let judged = judge(
        services,
        login_context.actor,
        &typed,
        password,
        pass.forgiveness(),
    )
    .await;
    pass.conclude(judged).await
}

async fn judge(
    services: &Services,
    actor: Actor,
    typed: &str,
    password: Password,
    forgiveness: CounterReset,
) -> Result<SignedIn, Error> {
    let searched = typed.to_owned();
    let row = services
        .store
        .read(move |connection| users::find_by_email(connection, &searched))
        .await?;
    let candidate = row.filter(|row| row.is_active);
    let hash = candidate.as_ref().and_then(|row| row.password_hash.clone());
    let verdict = services.passwords.verify(password, hash.clone()).await?;
    let (Some(row), PasswordCheck::Right { .. }, Some(hash)) = (candidate, verdict, hash) else {
        return refuse(services, actor, typed, Error::InvalidCredentials).await;
    };
    if !row.role.opens_the_panel() {
        return refuse(services, actor, typed, Error::Forbidden).await;
    }
    let proof = LoginProof { hash, forgiveness };
    begin(services, actor, row.account(), Some(proof)).await
}

async fn refuse(
    services: &Services,
    actor: Actor,
    typed: &str,
    error: Error,
) -> Result<SignedIn, Error> {
    // What was typed may be a password in the wrong field: only what looks like an address is kept.
    let name = crate::domain::account::Email::parse(typed)
        .ok()
        .map(|email| email.as_typed().to_owned());
    let audit_context = services.audit_context(&actor);
    services
        .store
        .write(move |connection| {
            // Whether there is such an account or not, it is looked up.
            let wanted = name.as_deref().unwrap_or_default();
            let principal = find_account(connection, UserType::User, &normalised(wanted))?;
            let event = Event::new(Action::SignInRefused).refused().to(Subject {
                principal,
                name: name.clone(),
            });
            Ok::<_, Error>(audit_context.record(connection, &event)?)
        })
        .await?;
    Err(error)
}

/// Begins a session of an account; with a `proof` only if its password is still the one of that hash.
pub(crate) async fn begin(
    services: &Services,
    actor: Actor,
    account: Account,
    proof: Option<LoginProof>,
) -> Result<SignedIn, Error> {
    let now = services.clock.now();
    let secret = secret::fresh()?;
    let device_token = device_tokens::issue(services, &account)?;
    let (user_seq, settings) = (account.principal.user_seq, &services.config.admin);
    let lifetime = settings.session_absolute.get();
    let absolute = now + lifetime;
    let new = NewBrowserSession {
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
    let name = account.email.clone().unwrap_or_default();
    let event = Event::new(Action::SignedIn).to(Subject::account(account.principal, name));
    let audit_context = services.audit_log.audit_context(&actor, now);
    let last_login_at = services.tokens.settings().update_last_login.then_some(now);
    let preferences = services
        .store
        .write(move |connection| {
            // The hash took its time: the account is looked at again, and locked, before a session begins.
            if let Some(LoginProof { hash, forgiveness }) = &proof {
                if !users::record_login(connection, user_seq, hash, last_login_at)? {
                    return Err(Error::InvalidCredentials);
                }
                forgiveness.forget(connection)?;
            }
            table::insert(connection, &new)?;
            audit_context.record(connection, &event)?;
            let live = table::find_live(connection, &new.token_hash, now)?;
            Ok::<_, Error>(panel_preferences::read(
                live.and_then(|live| live.preferences),
            ))
        })
        .await?;
    Ok(SignedIn {
        secret,
        lifetime,
        preferences,
        device_token,
    })
}

/// Whose session the secret of a cookie stands for; none when it has ended, or its account may not enter any more.
///
/// # Errors
/// The store's: a database that is away is no reason to sign anybody out.
pub async fn find(services: &Services, secret: &str) -> Result<Option<Viewer>, Error> {
    // Longer than any secret of ours: it need not be hashed to be unknown.
    if secret.len() > 64 {
        return Ok(None);
    }
    let (hash, now) = (secret::hash(secret), services.clock.now());
    let live = services
        .store
        .read(move |connection| table::find_live(connection, &hash, now))
        .await?;
    let Some(live) = live.filter(|live| {
        live.account.is_active && live.account.role.is_some_and(Role::opens_the_panel)
    }) else {
        return Ok(None);
    };
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
    let event = Event::new(Action::SignedOut);
    end_with(
        services,
        actor,
        user_seq,
        id,
        RevocationReason::Logout,
        event,
    )
    .await?;
    Ok(())
}

/// Ends a session in the panel, one's own or another's; whether there was such a live one.
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
    let name = owner.email.clone().unwrap_or_default();
    let event = Event::new(Action::BrowserSessionEnded).to(Subject::account(owner.principal, name));
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
    let audit_context = services.audit_context(&actor);
    let now = audit_context.now;
    services
        .store
        .write(move |connection| {
            let ended = table::end(connection, user_seq, &id, now, reason)?;
            if ended {
                audit_context.record(connection, &event)?;
            }
            Ok(ended)
        })
        .await
}

/// The live sessions of a user in the panel.
///
/// # Errors
/// The store's.
pub async fn list(services: &Services, user_seq: UserSeq) -> Result<Vec<BrowserSession>, Error> {
    let now: Timestamp = services.clock.now();
    let rows = services
        .store
        .read(move |connection| table::list_live(connection, user_seq, now))
        .await?;
    Ok(rows.into_iter().map(BrowserSession::from).collect())
}
