//! Events about login names that no account has. Each network gets one of each kind a minute, so that a flood of
//! invented names cannot fill the audit log.

use crate::clock::Timestamp;
use crate::domain::audit::{Action, Actor};
use crate::services::audit::log::Event;
use crate::services::audit::refusal_throttle::RefusalThrottle;
use crate::services::bootstrap::Services;
use crate::services::limits::login_name::LoginName;
use crate::services::limits::networks::widest_network;

/// Whether an event about an unknown name is to be recorded.
pub(in crate::services) fn is_recorded(
    throttle: &RefusalThrottle,
    action: Action,
    actor: &Actor,
    now: Timestamp,
) -> bool {
    let network = widest_network(actor.ip_address);
    throttle.admit(format!("{action} {network}"), now)
}

/// Records a refused request for a name that no account has, once a minute for each network, in the background.
pub(in crate::services) fn record(
    services: &Services,
    action: Action,
    actor: &Actor,
    login_name: &LoginName,
) {
    let (throttle, now) = (&services.unknown_name_throttle, services.clock.now());
    if !is_recorded(throttle, action, actor, now) {
        return;
    }
    let event = Event::new(action).refused().to(login_name.subject());
    let (store, audit_context) = (services.store.clone(), services.audit_context(actor));
    tokio::spawn(async move {
        let recorded = store
            .write(move |connection| audit_context.record(connection, &event))
            .await;
        if let Err(error) = recorded {
            tracing::warn!(%error, "the audit event of a request with an unknown name was not written");
        }
    });
}
