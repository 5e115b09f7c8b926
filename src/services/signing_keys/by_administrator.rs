//! Changes of the signing keys in the panel: an administrator enters the current password again.

use crate::config::Algorithm;
use crate::services::accounts::step_up::{Requester, confirm};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::signing_keys::changes::{self, Revoked};

/// A change of a key.
#[derive(Clone, Debug)]
pub enum KeyChange {
    /// See [`changes::generate`].
    Generate(Algorithm),
    /// See [`changes::promote`].
    Promote {
        /// The key.
        kid: String,
        /// Even if it was published only recently.
        at_once: bool,
    },
    /// See [`changes::retire`].
    Retire(String),
    /// See [`changes::revoke`].
    Revoke(String),
}

/// Makes a change. Returns what a revocation did, `None` for other changes.
///
/// # Errors
/// Those of the change; [`Error::CurrentPasswordRequired`], [`Error::Invalid`] if the current password is wrong (`current`),
/// and [`Error::RateLimited`] after too many wrong ones.
pub async fn change(
    services: &Services,
    by: &Requester<'_>,
    change: KeyChange,
) -> Result<Option<Revoked>, Error> {
    confirm(services, by).await?;
    let actor = &by.login_context.actor;
    match change {
        KeyChange::Generate(algorithm) => {
            changes::generate(services, actor, algorithm).await?;
        }
        KeyChange::Promote { kid, at_once } => {
            changes::promote(services, actor, &kid, at_once).await?;
        }
        KeyChange::Retire(kid) => changes::retire(services, actor, &kid).await?,
        KeyChange::Revoke(kid) => {
            return changes::revoke(services, actor, &kid).await.map(Some);
        }
    }
    Ok(None)
}
