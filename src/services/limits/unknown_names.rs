//! Events about login names that no account has. Each network gets one of each kind a minute, so that a flood of
//! invented names cannot fill the audit log.

use crate::clock::Timestamp;
use crate::domain::audit::{Action, Actor};
use crate::services::audit::refusal_throttle::RefusalThrottle;
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
