//! What is done in a database that was put back from a backup: what was ended or used since then must not work again without
//! anybody knowing.

use crate::clock::Timestamp;
use crate::domain::audit::{Action, Actor};
use crate::services::accounts::all_sessions::{self, LiveCounts};
use crate::services::audit::log::Event;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::store::one_time_secrets;

/// What is known of the copy that was put back.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// When the database was as it is in the backup; `None` if it is not known.
    pub backup_of: Option<Timestamp>,
    /// The last link of the audit chain in the copy.
    pub last_link: String,
    /// The last link that was known on this machine before, if it is not in the copy.
    pub missing_link: Option<String>,
    /// How many violations of the audit log were accepted.
    pub violations: u64,
}

/// What was done.
#[derive(Clone, Copy, Debug)]
pub struct Settled {
    /// The sessions that were live.
    pub live: LiveCounts,
    /// Whether they go on.
    pub are_kept: bool,
    /// How many links, one-time codes and second steps of logins were withdrawn.
    pub withdrawn: usize,
}

/// Ends what may have been used or ended since the backup: links, one-time codes and second steps always, sessions unless
/// they are kept. An audit event records it, and marks where the chain of the copy ends.
///
/// # Errors
/// Errors of the store. It can be repeated.
pub async fn settle(
    services: &Services,
    origin: &Origin,
    keeps_sessions: bool,
) -> Result<Settled, Error> {
    let actor = Actor::operator();
    let now = services.clock.now();
    let withdrawn = services
        .store
        .write(move |connection| one_time_secrets::withdraw_all(connection, now))
        .await?;
    let live = if keeps_sessions {
        all_sessions::count_live(&services.store, now).await?
    } else {
        all_sessions::end(services, &actor).await?
    };
    let settled = Settled {
        live,
        are_kept: keeps_sessions,
        withdrawn,
    };
    let event = event(origin, &settled);
    services
        .write_as(&actor, move |connection, audit_context| {
            Ok(audit_context.record(connection, &event)?)
        })
        .await?;
    Ok(settled)
}

fn event(origin: &Origin, settled: &Settled) -> Event {
    let mut event = Event::new(Action::BackupRestored);
    if let Some(backup_of) = origin.backup_of {
        event = event.with_detail("backup_of", backup_of.whole_seconds());
    }
    event = event.with_detail("last_link", &origin.last_link);
    if let Some(missing) = &origin.missing_link {
        event = event.with_detail("missing_link", missing);
    }
    if origin.violations > 0 {
        event = event.with_detail("violations", origin.violations);
    }
    let sessions = if settled.are_kept {
        "sessions_kept"
    } else {
        "sessions_ended"
    };
    event
        .with_detail(sessions, settled.live.sessions)
        .with_detail("withdrawn", settled.withdrawn)
}
