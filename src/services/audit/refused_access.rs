//! Recording of accesses that were refused because of the account's role, or because the object belongs to another account
//! (ASVS 5.0 16.3.2).

use crate::domain::audit::{Action, Actor, Subject};
use crate::domain::principal::TokenOwner;
use crate::services::account_lookup::subject;
use crate::services::audit::log::Event;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::store::services as service_table;

/// Records that an account or a service was refused a request. `request` is the method and the route. The same request is recorded
/// once a minute.
///
/// # Errors
/// Errors of the store.
pub async fn record_access_refused(
    services: &Services,
    mut actor: Actor,
    caller: TokenOwner,
    request: String,
) -> Result<(), Error> {
    let throttle = &services.refusal_throttle;
    if !throttle.admit(format!("{caller} {request}"), services.clock.now()) {
        return Ok(());
    }
    if let TokenOwner::Account(principal) = caller {
        actor.principal = Some(principal);
    }
    services
        .write_as(&actor, move |connection, audit_context| {
            let subject = match caller {
                TokenOwner::Account(principal) => subject(connection, principal)?,
                TokenOwner::Service(number) => Subject {
                    principal: None,
                    name: service_table::find_by_id(connection, number)?
                        .map(|service| service.name),
                },
            };
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
