//! What somebody does with his own account: an administrator or auditor with his name, how the panel looks to him, and his
//! sessions; and everybody with his password.

use crate::{
    clock::Timestamp,
    domain::{
        account::{Account, Name},
        audit::{Action, Actor, Change, Subject},
        limits::LimitKind,
        password::Password,
        preferences::Preferences,
        principal::{Principal, UserType},
        problem::{Problem, Problems},
        session::{BrowserSessionId, RevocationReason, SessionId},
    },
    services::{
        accounts::{
            user_changes,
            users::{UserChanges, checked_hash},
        },
        audit::log::{Event, note},
        auth::{
            browser_sessions::Viewer,
            device_tokens::login_of,
            logout::{end_all_except, end_tokens},
        },
        bootstrap::Services,
        error::Error,
        limits::{
            attempts::{self, CounterReset, LoginContext},
            locks,
            rules::LoginName,
        },
        passwords::PasswordCheck,
    },
    store::{
        Db, StoreError, browser_sessions as sessions_table, client_users, panel_preferences,
        set_up_links, users as table,
    },
};

/// Gives the viewer another name.
///
/// # Errors
/// The store's.
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

/// Keeps how the viewer wants the panel to look.
///
/// # Errors
/// The store's.
pub async fn prefer(
    services: &Services,
    actor: Actor,
    viewer: &Viewer,
    wanted: Preferences,
) -> Result<(), Error> {
    let (audit_context, principal, old) = (
        services.audit_context(&actor),
        viewer.account.principal,
        viewer.preferences,
    );
    let language = |wishes: &Preferences| wishes.language.map(|language| language.tag().to_owned());
    let zone = |wishes: &Preferences| wishes.time_zone.map(|zone| zone.name().to_owned());
    let theme = |wishes: &Preferences| Some(wishes.theme.to_string());
    let changes: Vec<Change> = [
        Change::of("language", language(&old), language(&wanted)),
        Change::of("theme", theme(&old), theme(&wanted)),
        Change::of("time_zone", zone(&old), zone(&wanted)),
    ]
    .into_iter()
    .flatten()
    .collect();
    if changes.is_empty() {
        return Ok(());
    }
    let event = Event::new(Action::PreferencesChanged)
        .to(subject(&viewer.account))
        .changing(changes);
    services
        .store
        .write(move |connection| {
            panel_preferences::put(connection, principal.user_seq, &wanted)?;
            Ok(audit_context.record(connection, &event)?)
        })
        .await
}

/// The session that a change of the password leaves alive: the one it came from.
#[derive(Clone, Debug)]
pub enum Kept {
    /// One in the panel.
    Browser(BrowserSessionId),
    /// One of tokens.
    Tokens(SessionId),
}

/// Sets another password of an account whose owner shows that he knows the old one. All its other sessions end with it,
/// those in the panel as those of tokens. An account without a password cannot get its first one here: there is no old one
/// to know, and the answer is that of a wrong one, in its time. A wrong old password counts as a failed log-in.
///
/// # Errors
/// [`Error::Invalid`] when the old password is wrong (`current`) or the new one breaks the policy (`password`),
/// [`Error::RateLimited`] after too many wrong ones, [`Error::Overloaded`], and the store's.
pub async fn change_password(
    services: &Services,
    login_context: &LoginContext,
    account: &Account,
    kept: Kept,
    current: Password,
    new: Password,
) -> Result<(), Error> {
    let name = login_of(account);
    let named = LoginName {
        user_type: account.principal.user_type,
        name: &name,
    };
    let pass = attempts::begin(services, LimitKind::Login, named, login_context).await?;
    let old = match known_hash(services, account.principal, current).await {
        Ok(Some(old)) => old,
        Ok(None) => {
            pass.wrong().await;
            let event = Event::new(Action::PasswordChanged)
                .refused()
                .to(subject(account));
            note(services, login_context.actor.clone(), event).await?;
            return Err(wrong_password());
        }
        // Nothing was guessed: the try is given back.
        Err(error) => return pass.conclude(Err(error)).await,
    };
    let change = Replacement {
        actor: login_context.actor.clone(),
        account: account.clone(),
        kept,
        old,
        forgiveness: pass.forgiveness(),
    };
    let replaced = replace(services, change, new).await;
    pass.conclude(replaced).await
}

/// The stored hash, for whoever knows the password it was made of. Every guess at a current password passes here, of either
/// population and from either door.
async fn known_hash(
    services: &Services,
    owner: Principal,
    current: Password,
) -> Result<Option<String>, Error> {
    let old = services
        .store
        .read(move |connection| stored_hash(connection, owner))
        .await?;
    let verdict = services.passwords.verify(current, old.clone()).await?;
    Ok(old.filter(|_| matches!(verdict, PasswordCheck::Right { .. })))
}

/// What takes the place of a password that was shown to be known.
struct Replacement {
    actor: Actor,
    account: Account,
    kept: Kept,
    /// The hash of the password until now.
    old: String,
    forgiveness: CounterReset,
}

async fn replace(services: &Services, change: Replacement, new: Password) -> Result<(), Error> {
    let Replacement {
        actor,
        account,
        kept,
        old,
        forgiveness,
    } = change;
    let owner = account.principal;
    let hash = checked_hash(services, new, &account.own_words()).await?;
    let audit_context = services.audit_context(&actor);
    let now = audit_context.now;
    let event = Event::new(Action::PasswordChanged).to(subject(&account));
    services
        .store
        .write(move |connection| {
            // The old one may have been changed meanwhile: then it is the current one no more.
            if !replace_hash(connection, owner, &old, &hash)? {
                return Err(wrong_password());
            }
            set_up_links::revoke(connection, owner, now)?;
            end_all_but(connection, owner, &kept, now)?;
            audit_context.record(connection, &event)?;
            forgiveness.forget(connection)?;
            locks::lift_by_password(connection, &audit_context, owner)
        })
        .await
}

fn wrong_password() -> Error {
    Error::Invalid(Problems::one("current", Problem::WrongPassword))
}

fn stored_hash(connection: &mut Db, owner: Principal) -> Result<Option<String>, StoreError> {
    let seq = owner.user_seq;
    Ok(match owner.user_type {
        UserType::User => table::find_by_id(connection, seq)?.and_then(|row| row.password_hash),
        UserType::Client => {
            client_users::find_by_id(connection, seq)?.and_then(|row| row.password_hash)
        }
    })
}

fn replace_hash(
    connection: &mut Db,
    owner: Principal,
    old: &str,
    new: &str,
) -> Result<bool, StoreError> {
    match owner.user_type {
        UserType::User => table::replace_hash(connection, owner.user_seq, old, new),
        UserType::Client => client_users::replace_hash(connection, owner.user_seq, old, new),
    }
}

fn end_all_but(
    connection: &mut Db,
    owner: Principal,
    kept: &Kept,
    now: Timestamp,
) -> Result<(), StoreError> {
    let reason = RevocationReason::PasswordChanged;
    match kept {
        Kept::Browser(kept) => {
            sessions_table::end_all(connection, owner.user_seq, Some(kept), now, reason)?;
            end_tokens(connection, owner, now, reason)?;
        }
        Kept::Tokens(kept) => {
            end_all_except(connection, owner, kept, now, reason)?;
        }
    }
    Ok(())
}

/// Ends all of the viewer's sessions of tokens; his sessions in the panel go on. How many.
///
/// # Errors
/// The store's.
pub async fn end_token_sessions(
    services: &Services,
    actor: Actor,
    viewer: &Viewer,
) -> Result<usize, Error> {
    let (audit_context, owner) = (services.audit_context(&actor), viewer.account.principal);
    let now = audit_context.now;
    let event = Event::new(Action::SessionsEnded).to(subject(&viewer.account));
    services
        .store
        .write(move |connection| {
            let ended = end_tokens(connection, owner, now, RevocationReason::LogoutAll)?;
            if ended > 0 {
                let event = event.clone().noting("sessions", ended);
                audit_context.record(connection, &event)?;
            }
            Ok(ended)
        })
        .await
}

/// Ends all of the viewer's sessions in the panel but this one; how many.
///
/// # Errors
/// The store's.
pub async fn end_other_sessions(
    services: &Services,
    actor: Actor,
    viewer: &Viewer,
) -> Result<usize, Error> {
    let (audit_context, kept) = (services.audit_context(&actor), viewer.session.clone());
    let now = audit_context.now;
    let user_seq = viewer.account.principal.user_seq;
    let event = Event::new(Action::BrowserSessionEnded).to(subject(&viewer.account));
    services
        .store
        .write(move |connection| {
            let reason = RevocationReason::LogoutAll;
            let ended = sessions_table::end_all(connection, user_seq, Some(&kept), now, reason)?;
            if ended > 0 {
                let event = event.clone().noting("sessions", ended);
                audit_context.record(connection, &event)?;
            }
            Ok(ended)
        })
        .await
}

fn subject(account: &Account) -> Subject {
    Subject::account(account.principal, account.login())
}
