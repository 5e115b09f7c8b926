//! Sessions in the admin panel: the account of a browser's session cookie, and signing out.

use std::time::Duration;

use crate::config::{PanelAccess, Rights};
use crate::domain::account::Account;
use crate::domain::audit::{Action, Actor, Subject};
use crate::domain::preferences::Preferences;
use crate::domain::principal::UserSeq;
use crate::domain::second_factor::SecondFactorMethod;
use crate::domain::session::{BrowserSessionId, RevocationReason};
use crate::services::audit::log::Event;
use crate::services::auth::ended_sessions::panel_device;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::second_factors::factors::methods_of;
use crate::services::secret;
use crate::store::browser_sessions::BrowserSessionRow;
use crate::store::{browser_sessions as table, panel_preferences};

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
    /// What changes that need a recent proof ask for.
    pub step_up: StepUp,
}

/// What the owner of a session in the panel must prove before a change that needs a recent proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepUp {
    /// Nothing: the last proof is recent.
    Recent,
    /// The password.
    Password,
    /// The second factor, which the account has.
    Factor {
        /// Whether it can be a passkey.
        passkey: bool,
    },
}

impl Viewer {
    /// Whether the account may change anything.
    #[must_use]
    pub fn may_write(&self) -> bool {
        self.rights.panel == PanelAccess::Write
    }
}

/// How recent a proof must be.
const RECENT: Duration = Duration::from_mins(10);
/// The interval at which the use of a session is recorded, so that not every page view writes.
const TOUCH_EVERY: Duration = Duration::from_mins(1);

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
    let owner = live.account.principal;
    let step_up = if now.since(live.authenticated_at) < RECENT {
        StepUp::Recent
    } else {
        let methods = services
            .store
            .read(move |connection| methods_of(connection, owner))
            .await?;
        if methods.is_empty() {
            StepUp::Password
        } else {
            StepUp::Factor {
                passkey: methods.contains(&SecondFactorMethod::Passkey),
            }
        }
    };
    Ok(Some(Viewer {
        session: live.id,
        step_up,
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
