//! What an administrator or auditor does with his own account in the panel: his name, how the panel looks to him, and his
//! password.

use super::{
    Error, Services,
    audit::{Event, note, record},
    browser_sessions::Viewer,
    device_tokens::login_of,
    limits::{self, Account as Named, Claimant, Forgiveness},
    locks,
    passwords::Verdict,
    users::{self, UserChanges, checked_hash},
};
use crate::{
    domain::{
        account::Name,
        audit::{Action, Actor, Change, Subject},
        limits::LimitKind,
        password::Password,
        preferences::Preferences,
        principal::UserSeq,
        problem::{Problem, Problems},
        session::RevocationReason,
    },
    store::{browser_sessions as sessions_table, panel_preferences, set_up_links, users as table},
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
    users::update(services, actor, viewer.account.principal.user_seq, changes).await?;
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
    let (now, principal, old) = (
        services.clock.now(),
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
        .to(subject(viewer))
        .changing(changes);
    services
        .store
        .write(move |connection| {
            panel_preferences::put(connection, principal.user_seq, &wanted)?;
            Ok(record(connection, &actor, &event, now)?)
        })
        .await
}

/// Sets another password of the viewer's, who shows that he knows the old one. All his other sessions end with it, those
/// of API clients too; this one goes on. A wrong old password counts as a failed log-in.
///
/// # Errors
/// [`Error::Invalid`] when the old password is wrong (`current`) or the new one breaks the policy (`password`),
/// [`Error::RateLimited`] after too many wrong ones, [`Error::Overloaded`], and the store's.
pub async fn change_password(
    services: &Services,
    claimant: &Claimant,
    viewer: &Viewer,
    current: Password,
    new: Password,
) -> Result<(), Error> {
    let (user_seq, name) = (viewer.account.principal.user_seq, login_of(&viewer.account));
    let account = Named {
        user_type: viewer.account.principal.user_type,
        name: &name,
    };
    let pass = limits::begin(services, LimitKind::Login, account, claimant).await?;
    let old = match current_hash(services, user_seq, current).await {
        Ok(Some(old)) => old,
        Ok(None) => {
            pass.wrong().await;
            let event = Event::new(Action::PasswordChanged)
                .refused()
                .to(subject(viewer));
            note(services, claimant.actor.clone(), event).await?;
            return Err(wrong());
        }
        // Nothing was guessed: the try is given back.
        Err(error) => return pass.conclude(Err(error)).await,
    };
    let forgiveness = pass.forgiveness();
    let replaced = replace(
        services,
        claimant.actor.clone(),
        viewer,
        old,
        new,
        forgiveness,
    )
    .await;
    pass.conclude(replaced).await
}

/// The hash of the password that an account has, if it is this one.
async fn current_hash(
    services: &Services,
    user_seq: UserSeq,
    password: Password,
) -> Result<Option<String>, Error> {
    let row = services
        .store
        .look_up(move |connection| table::find_by_id(connection, user_seq))
        .await?;
    let hash = row.and_then(|row| row.password_hash);
    let verdict = services.passwords.verify(password, hash.clone()).await?;
    Ok(hash.filter(|_| matches!(verdict, Verdict::Right { .. })))
}

fn wrong() -> Error {
    Error::Invalid(Problems::one("current", Problem::WrongPassword))
}

/// Puts the new password in the place of the one with this hash.
async fn replace(
    services: &Services,
    actor: Actor,
    viewer: &Viewer,
    old: String,
    new: Password,
    forgiveness: Forgiveness,
) -> Result<(), Error> {
    let account = viewer.account.clone();
    let (owner, email) = (
        account.principal,
        account.email.as_deref().unwrap_or_default(),
    );
    let hash = checked_hash(services, new, &[email, &account.name]).await?;
    let (now, kept) = (services.clock.now(), viewer.session.clone());
    let event = Event::new(Action::PasswordChanged).to(subject(viewer));
    services
        .store
        .write(move |connection| {
            // The old one may have been changed meanwhile: then it is the current one no more.
            if !table::replace_hash(connection, owner.user_seq, &old, &hash)? {
                return Err(wrong());
            }
            let reason = RevocationReason::PasswordChanged;
            set_up_links::withdraw(connection, owner, now)?;
            sessions_table::end_all(connection, owner.user_seq, Some(&kept), now, reason)?;
            super::logout::end_tokens(connection, owner, now, reason)?;
            record(connection, &actor, &event, now)?;
            forgiveness.forget(connection)?;
            locks::lift_by_password(connection, &actor, owner, now)
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
    let (now, kept) = (services.clock.now(), viewer.session.clone());
    let user_seq = viewer.account.principal.user_seq;
    let event = Event::new(Action::BrowserSessionEnded).to(subject(viewer));
    services
        .store
        .write(move |connection| {
            let reason = RevocationReason::LogoutAll;
            let ended = sessions_table::end_all(connection, user_seq, Some(&kept), now, reason)?;
            if ended > 0 {
                let event = event.clone().noting("sessions", ended);
                record(connection, &actor, &event, now)?;
            }
            Ok(ended)
        })
        .await
}

fn subject(viewer: &Viewer) -> Subject {
    let name = viewer.account.email.clone().unwrap_or_default();
    Subject::account(viewer.account.principal, name)
}
