//! Events of refused logins. One about a name that no account has is recorded once a minute for each network; otherwise the
//! same is written without an event, so that the response takes the same time.

use crate::domain::audit::{Actor, RefusalCause};
use crate::domain::limits::LimitKind;
use crate::services::audit::log::Event;
use crate::services::audit::recording;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::login_name::LoginName;
use crate::services::limits::rules::account_rule;
use crate::services::limits::unknown_names::is_recorded;
use crate::store::rate_limits;

/// Records a refused login. Its attempt was counted before.
///
/// # Errors
/// The store's.
pub(super) async fn record(
    services: &Services,
    actor: &Actor,
    kind: LimitKind,
    login_name: &LoginName,
    event: Event,
) -> Result<(), Error> {
    let (throttle, now) = (&services.unknown_name_throttle, services.clock.now());
    let is_recorded =
        login_name.principal.is_some() || is_recorded(throttle, event.action(), actor, now);
    let event = with_cause(event, kind, login_name);
    let event = event.refused().to(login_name.subject());
    let counter = account_rule(services, kind, login_name).bucket.name;
    services
        .write_as(actor, move |connection, audit_context| {
            Ok(if is_recorded {
                audit_context.record(connection, &event)
            } else {
                rate_limits::touch(connection, &counter)
            }?)
        })
        .await
}

/// Adds why it was refused, if it names an account and the caller has not added it.
fn with_cause(event: Event, kind: LimitKind, login_name: &LoginName) -> Event {
    if login_name.principal.is_none() || event.has_detail("cause") {
        return event;
    }
    let cause = match kind {
        _ if login_name.is_inactive => RefusalCause::Inactive,
        LimitKind::Code => RefusalCause::WrongCode,
        _ => RefusalCause::WrongPassword,
    };
    event.with_detail("cause", cause)
}

/// Records a refused login that names no account and was not counted for a name.
///
/// # Errors
/// The store's.
pub(super) async fn record_invented(
    services: &Services,
    actor: &Actor,
    event: Event,
) -> Result<(), Error> {
    let (throttle, now) = (&services.unknown_name_throttle, services.clock.now());
    if !is_recorded(throttle, event.action(), actor, now) {
        return Ok(());
    }
    recording::record(services, actor.clone(), event.refused()).await
}
