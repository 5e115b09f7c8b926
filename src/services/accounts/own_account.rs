//! Changes of the caller's own account: the password; and in the panel the name, the preferences and the sessions.

use crate::delivery::ChangeNotice;
use crate::domain::account::{Account, Name};
use crate::domain::audit::{Action, Actor, Change, Subject};
use crate::domain::password::Password;
use crate::domain::preferences::Preferences;
use crate::domain::session::{BrowserSessionId, RevocationReason, SessionId};
use crate::services::accounts::change_notices::{self, ChangeMails};
use crate::services::accounts::changes::{checked_hash, end_issued, replace_hash};
use crate::services::accounts::current_password::{self, Verified, wrong_password};
use crate::services::accounts::user_changes;
use crate::services::accounts::users::UserChanges;
use crate::services::audit::log::{AuditContext, Event};
use crate::services::auth::browser_sessions::Viewer;
use crate::services::auth::logout;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::counting::CounterReset;
use crate::services::limits::locks;
use crate::services::limits::login_context::LoginContext;
use crate::store::{Transaction, browser_sessions as sessions_table, panel_preferences};

/// Changes the viewer's name.
///
/// # Errors
/// Errors of the store.
pub async fn rename(
    services: &Services,
    actor: &Actor,
    viewer: &Viewer,
    name: Name,
) -> Result<(), Error> {
    let changes = UserChanges {
        name: Some(name),
        ..UserChanges::default()
    };
    user_changes::update(services, actor, viewer.account.principal.user_seq, changes).await?;
    Ok(())
}

/// Sets the viewer's preferences of the panel.
///
/// # Errors
/// Errors of the store.
pub async fn prefer(
    services: &Services,
    actor: Actor,
    viewer: &Viewer,
    new: Preferences,
) -> Result<(), Error> {
    let (principal, old) = (viewer.account.principal, viewer.preferences);
    let language = |of: &Preferences| of.language.map(|language| language.tag().to_owned());
    let zone = |of: &Preferences| of.time_zone.map(|zone| zone.name().to_owned());
    let theme = |of: &Preferences| Some(of.theme.to_string());
    let changes: Vec<Change> = [
        Change::of("language", language(&old), language(&new)),
        Change::of("theme", theme(&old), theme(&new)),
        Change::of("time_zone", zone(&old), zone(&new)),
    ]
    .into_iter()
    .flatten()
    .collect();
    if changes.is_empty() {
        return Ok(());
    }
    let event = Event::new(Action::PreferencesChanged)
        .to(Subject::of(&viewer.account))
        .changing(changes);
    services
        .write_as(&actor, move |connection, audit_context| {
            panel_preferences::put(connection, principal.user_seq, &new)?;
            Ok(audit_context.record(connection, &event)?)
        })
        .await
}

/// The session that a change of the password does not end: the caller's.
#[derive(Clone, Debug)]
pub enum KeptSession {
    /// A session in the panel.
    Browser(BrowserSessionId),
    /// A session of the API.
    Tokens(SessionId),
}

/// Changes the password of an account, given the current one. All other sessions of the account end, in the panel and of the
/// API. An account without a password cannot set its first one here: the response and its timing are those of a wrong
/// password. A wrong password counts as a failed login.
///
/// # Errors
/// [`Error::Invalid`] if the current password is wrong (`current`) or the new one violates the policy (`password`),
/// [`Error::RateLimited`] after too many wrong ones, [`Error::Overloaded`], and errors of the store.
pub async fn change_password(
    services: &Services,
    login_context: &LoginContext,
    account: &Account,
    kept: KeptSession,
    current: Password,
    new: Password,
) -> Result<(), Error> {
    let changed = Action::PasswordChanged;
    let verified =
        current_password::verify(services, login_context, account, current.clone(), changed);
    let Verified {
        attempt,
        hash,
        device,
    } = Box::pin(verified).await?;
    let change = PasswordChange {
        account: account.clone(),
        kept,
        device,
        reset: attempt.counter_reset(),
    };
    let replaced = replace(services, &login_context.actor, change, hash, current, new).await;
    attempt.finish(replaced).await
}

/// Whose password is changed, and what comes with it.
#[derive(Clone)]
struct PasswordChange {
    account: Account,
    kept: KeptSession,
    /// The known device, which stays known.
    device: Option<String>,
    reset: CounterReset,
}

/// Sets the new password. `old` is the hash of the current one, which was right.
async fn replace(
    services: &Services,
    actor: &Actor,
    change: PasswordChange,
    old: String,
    current: Password,
    new: Password,
) -> Result<(), Error> {
    let account = &change.account;
    let owner = account.principal;
    let hash = checked_hash(services, new, &account.identifiers()).await?;
    let first = change.clone().write(services, actor, old, hash.clone());
    let mails = if let Some(mails) = Box::pin(first).await? {
        mails
    } else {
        // The hash has changed meanwhile. If a login has hashed the same password again, it is still right.
        let old = current_password::known_hash(services, owner, current).await?;
        let old = old.ok_or_else(wrong_password)?;
        let second = change.clone().write(services, actor, old, hash);
        Box::pin(second).await?.ok_or_else(wrong_password)?
    };
    change_notices::send(services, mails);
    Ok(())
}

impl PasswordChange {
    /// Replaces the hash, and ends what the change ends. Returns the mails about it; `None` if the stored hash is not `old` any
    /// more.
    async fn write(
        self,
        services: &Services,
        actor: &Actor,
        old: String,
        hash: String,
    ) -> Result<Option<Vec<ChangeNotice>>, Error> {
        let (owner, mails) = (self.account.principal, ChangeMails::new(services));
        let event = Event::new(Action::PasswordChanged).to(Subject::of(&self.account));
        services
            .write_as(actor, move |connection, audit_context| {
                if !replace_hash(connection, owner, &old, &hash)? {
                    return Ok(None);
                }
                let (now, reason) = (audit_context.now, RevocationReason::PasswordChanged);
                end_issued(connection, owner, self.device.as_deref(), now)?;
                match &self.kept {
                    KeptSession::Browser(kept) => {
                        let user_seq = owner.user_seq;
                        sessions_table::end_all(connection, &[user_seq], Some(kept), now, reason)?;
                        logout::end_token_sessions(connection, owner, now, reason)?;
                    }
                    KeptSession::Tokens(kept) => {
                        logout::end_all_except(connection, owner, kept, now, reason)?;
                    }
                }
                audit_context.record(connection, &event)?;
                self.reset.apply(connection)?;
                locks::lift_all(connection, audit_context, owner)?;
                let accounts = (&self.account, &self.account);
                let mails = mails.changed(connection, audit_context, accounts, true)?;
                Ok(Some(mails))
            })
            .await
    }
}

/// Ends the viewer's sessions of the API, but not those in the panel, and returns how many.
///
/// # Errors
/// Errors of the store.
pub async fn end_token_sessions(
    services: &Services,
    actor: Actor,
    viewer: &Viewer,
) -> Result<usize, Error> {
    let owner = viewer.account.principal;
    let event = Event::new(Action::SessionsEnded).to(Subject::of(&viewer.account));
    services
        .write_as(&actor, move |connection, audit_context| {
            let (now, reason) = (audit_context.now, RevocationReason::LogoutAll);
            let ended = logout::end_token_sessions(connection, owner, now, reason)?;
            record_ended(connection, audit_context, &event, ended)
        })
        .await
}

/// Ends the viewer's sessions in the panel except this one, and returns how many.
///
/// # Errors
/// Errors of the store.
pub async fn end_other_sessions(
    services: &Services,
    actor: Actor,
    viewer: &Viewer,
) -> Result<usize, Error> {
    let (user_seq, kept) = (viewer.account.principal.user_seq, viewer.session.clone());
    let event = Event::new(Action::BrowserSessionEnded).to(Subject::of(&viewer.account));
    services
        .write_as(&actor, move |connection, audit_context| {
            let (now, reason) = (audit_context.now, RevocationReason::LogoutAll);
            let ended = sessions_table::end_all(connection, &[user_seq], Some(&kept), now, reason)?;
            record_ended(connection, audit_context, &event, ended)
        })
        .await
}

/// Records how many sessions ended, if any did.
fn record_ended(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    event: &Event,
    ended: usize,
) -> Result<usize, Error> {
    if ended > 0 {
        let event = event.clone().with_detail("sessions", ended);
        audit_context.record(connection, &event)?;
    }
    Ok(ended)
}
