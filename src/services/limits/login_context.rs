//! The origin of a login attempt.

use crate::domain::audit::Actor;
use crate::domain::session::Device;
use crate::services::limits::quota::NotedQuota;

/// The request that a login attempt comes from.
#[derive(Clone, Debug)]
pub struct LoginContext {
    /// Interface, address, program and request id.
    pub actor: Actor,
    /// The device token that was presented, not verified yet.
    pub device_token: Option<String>,
    /// What the answer shows of the limits.
    pub quota: NotedQuota,
}

impl LoginContext {
    /// The device that a session starts from.
    #[must_use]
    pub fn device(&self) -> Device {
        Device::new(self.actor.ip_address, self.actor.user_agent.as_deref())
    }
}
