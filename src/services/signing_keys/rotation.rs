//! The rotation by `tokens.rotate_keys_every`: the next key is made and published in time, signs when the active one has
//! reached its age, and the active one is retired. Any number of instances may run it; one of them makes each change.

use crate::clock::Timestamp;
use crate::config::TokensConfig;
use crate::domain::audit::Actor;
use crate::domain::signing_key::KeyState;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::signing_keys::changes::{insert, lead, locked, new_row, next, replace_active};
use crate::store::signing_keys::{self as table, SigningKeyRow};

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Publish,
    Promote,
}

/// Makes the next change if one is due; returns whether it did.
///
/// # Errors
/// Errors of the store.
pub async fn rotate(services: &Services) -> Result<bool, Error> {
    let (settings, lifetimes) = (services.config.tokens.clone(), services.config.lifetimes());
    if settings.rotate_keys_every.get().is_zero() || !settings.keys.is_empty() {
        return Ok(false);
    }
    let now = services.clock.now();
    let rows = services.store.read(table::list).await?;
    let new = match due(&rows, &settings, now) {
        None => return Ok(false),
        Some(Step::Promote) => None,
        Some(Step::Publish) => Some(new_row(services, settings.algorithm, KeyState::Next).await?),
    };
    services
        .write_as(&Actor::server(), move |transaction, audit_context| {
            let Some((active, rows)) = locked(transaction)? else {
                return Ok(false);
            };
            match (due(&rows, &settings, audit_context.now), &new) {
                (Some(Step::Publish), Some(new)) => insert(transaction, audit_context, new)?,
                (Some(Step::Promote), _) => {
                    let Some(next) = next(&rows) else {
                        return Ok(false);
                    };
                    replace_active(transaction, audit_context, &lifetimes, &active, next)?;
                }
                // Another instance was faster.
                _ => return Ok(false),
            }
            Ok(true)
        })
        .await
}

fn due(rows: &[SigningKeyRow], settings: &TokensConfig, now: Timestamp) -> Option<Step> {
    let active = rows.iter().find(|row| row.state == KeyState::Active)?;
    let ends_at = active.activated_at? + settings.rotate_keys_every.get();
    match next(rows) {
        Some(next) => {
            let is_known = now >= next.published_at + lead(settings);
            (now >= ends_at && is_known).then_some(Step::Promote)
        }
        None => (now + lead(settings) >= ends_at).then_some(Step::Publish),
    }
}
