//! Recording of accesses that were refused because of the account's role, or because the object belongs to another account
//! (ASVS 5.0 16.3.2).

use crate::domain::audit::{Action, Actor};
use crate::domain::principal::Principal;
use crate::services::account_lookup::subject;
use crate::services::audit::log::Event;
use crate::services::bootstrap::Services;
use crate::services::error::Error;

/// Records that an account was refused a request. `request` is the method and the route. The same request is recorded
/// once a minute.
///
/// # Errors
/// Errors of the store.
pub async fn record_access_refused(
    services: &Services,
    mut actor: Actor,
    principal: Principal,
    request: String,
) -> Result<(), Error> {
    let throttle = &services.refusal_throttle;
    if !throttle.admit(format!("{principal} {request}"), services.clock.now()) {
        return Ok(());
    }
    actor.principal = Some(principal);
    services
        .write_as(&actor, move |connection, audit_context| {
            let subject = subject(connection, principal)?;
            let mut audit_context = audit_context.clone();
            audit_context.actor.name.clone_from(&subject.name);
            let event = Event::new(Action::AccessRefused)
                .refused()
                .to(subject)
                .with_detail("request", &request);
            Ok(audit_context.record(connection, &event)?)
        })
        .await
}
