//! What an administrator or auditor does with his own account: how the panel looks to him, his password, his sessions.

use super::{
    Error, Services,
    audit::{Event, note, record},
    browser_sessions::Viewer,
    logout::end_all_but,
    passwords::Verdict,
    users::{checked_hash, put_hash},
};
use crate::{
    domain::{
        audit::{Action, Actor, Change, Subject},
        password::Password,
        preferences::Preferences,
        problem::{Problem, Problems},
        session::RevocationReason,
    },
    store::{browser_sessions, panel_preferences, set_up_links, users as table},
};

fn subject(viewer: &Viewer) -> Subject {
    let account = &viewer.account;
    Subject::account(account.principal, account.email.clone().unwrap_or_default())
}

/// Stores how the panel is to look to the viewer.
///
/// # Errors
/// The store's.
pub async fn put_preferences(
    services: &Services,
    actor: Actor,
    viewer: &Viewer,
    wanted: Preferences,
) -> Result<(), Error> {
    let (user_seq, now) = (viewer.account.principal.user_seq, services.clock.now());
    let subject = subject(viewer);
    services
        .store
        .write(move |connection| {
            let old = panel_preferences::find(connection, user_seq)?;
            if old == wanted {
                return Ok(());
            }
            panel_preferences::put(connection, user_seq, &wanted)?;
            let event = Event::new(Action::PreferencesChanged)
                .to(subject.clone())
                .changing(changes(&old, &wanted));
            Ok::<_, Error>(record(connection, &actor, &event, now)?)
        })
        .await
}

fn changes(old: &Preferences, new: &Preferences) -> Vec<Change> {
    let language = |of: &Preferences| of.language.map(|language| language.tag().to_owned());
    let zone = |of: &Preferences| of.time_zone.map(|zone| zone.name().to_owned());
    let theme = |of: &Preferences| Some(of.theme.to_string());
    let fields = [
        Change::of("language", language(old), language(new)),
        Change::of("theme", theme(old), theme(new)),
        Change::of("time_zone", zone(old), zone(new)),
    ];
    fields.into_iter().flatten().collect()
}

/// Changes the viewer's password, and ends all of his sessions but the one in which he does it.
///
/// # Errors
/// [`Error::Invalid`] when `current` is not his password (field `current`) or the new one breaks the policy (field
/// `password`), [`Error::Overloaded`], and the store's.
pub async fn change_password(
    services: &Services,
    actor: Actor,
    viewer: &Viewer,
    current: Password,
    new: Password,
) -> Result<(), Error> {
    let user_seq = viewer.account.principal.user_seq;
    let row = services
        .store
        .look_up(move |connection| table::find_by_id(connection, user_seq))
        .await?;
    let old_hash = row.and_then(|row| row.password_hash);
    let verdict = services.passwords.verify(current, old_hash.clone()).await?;
    if verdict == Verdict::Wrong {
        let event = Event::new(Action::PasswordChanged)
            .refused()
            .to(subject(viewer));
        note(services, actor, event).await?;
        return Err(wrong_password());
    }
    let email = viewer.account.email.as_deref().unwrap_or_default();
    let hash = checked_hash(services, new, &[email, &viewer.account.name]).await?;
    let (principal, session) = (viewer.account.principal, viewer.session.clone());
    let (event, now) = (
        Event::new(Action::PasswordChanged).to(subject(viewer)),
        services.clock.now(),
    );
    services
        .store
        .write(move |connection| {
            // The hashes took their time: it is looked again whether the password is still the one that was given.
            let row = table::lock(connection, user_seq)?;
            if row.is_none_or(|row| row.password_hash != old_hash) {
                return Err(wrong_password());
            }
            put_hash(connection, user_seq, &hash, now)?;
            set_up_links::withdraw(connection, principal, now)?;
            let reason = RevocationReason::PasswordChanged;
            end_all_but(connection, principal, Some(&session), now, reason)?;
            Ok(record(connection, &actor, &event, now)?)
        })
        .await
}

fn wrong_password() -> Error {
    let mut problems = Problems::default();
    problems.add("current", Problem::WrongPassword);
    Error::Invalid(problems)
}

/// Ends all sessions of the viewer in the panel but the one he is in; whether there was any.
///
/// # Errors
/// The store's.
pub async fn end_others(services: &Services, actor: Actor, viewer: &Viewer) -> Result<bool, Error> {
    let (user_seq, own) = (viewer.account.principal.user_seq, viewer.session.clone());
    let (subject, now) = (subject(viewer), services.clock.now());
    services
        .store
        .write(move |connection| {
            let reason = RevocationReason::Logout;
            let live = browser_sessions::list_live(connection, user_seq, now)?;
            let others = live.iter().filter(|session| session.id != own).count();
            browser_sessions::end_all(connection, user_seq, Some(&own), now, reason)?;
            if others > 0 {
                let event = Event::new(Action::BrowserSessionEnded)
                    .to(subject.clone())
                    .noting("sessions", others);
                record(connection, &actor, &event, now)?;
            }
            Ok::<_, Error>(others > 0)
        })
        .await
}
