//! What an administrator or auditor does with his own account in the panel: his name, how the panel looks to him, and his
//! password.

use super::{
    Error, Services,
    audit::{Event, note, record},
    browser_sessions::Viewer,
    passwords::Verdict,
    users::{self, UserChanges, checked_hash},
};
use crate::{
    domain::{
        account::Name,
        audit::{Action, Actor, Change, Subject},
        password::Password,
        preferences::Preferences,
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
/// of API clients too; this one goes on.
///
/// # Errors
/// [`Error::Invalid`] when the old password is wrong (`current`) or the new one breaks the policy (`password`),
/// [`Error::Overloaded`], and the store's.
pub async fn change_password(
    services: &Services,
    actor: Actor,
    viewer: &Viewer,
    current: Password,
    new: Password,
) -> Result<(), Error> {
    let account = viewer.account.clone();
    let user_seq = account.principal.user_seq;
    let row = services
        .store
        .look_up(move |connection| table::find_by_id(connection, user_seq))
        .await?;
    let old = row.and_then(|row| row.password_hash);
    let wrong = || Error::Invalid(Problems::one("current", Problem::WrongPassword));
    let verdict = services.passwords.verify(current, old.clone()).await?;
    let (Verdict::Right { .. }, Some(old)) = (verdict, old) else {
        let event = Event::new(Action::PasswordChanged)
            .refused()
            .to(subject(viewer));
        note(services, actor, event).await?;
        return Err(wrong());
    };
    let email = account.email.as_deref().unwrap_or_default();
    let hash = checked_hash(services, new, &[email, &account.name]).await?;
    let (now, kept) = (services.clock.now(), viewer.session.clone());
    let event = Event::new(Action::PasswordChanged).to(subject(viewer));
    services
        .store
        .write(move |connection| {
            // The old one may have been changed meanwhile: then it is the current one no more.
            if !table::replace_hash(connection, user_seq, &old, &hash)? {
                return Err(wrong());
            }
            let reason = RevocationReason::PasswordChanged;
            let owner = account.principal;
            set_up_links::withdraw(connection, owner, now)?;
            sessions_table::end_all(connection, user_seq, Some(&kept), now, reason)?;
            super::logout::end_tokens(connection, owner, now, reason)?;
            record(connection, &actor, &event, now)?;
            Ok(())
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
