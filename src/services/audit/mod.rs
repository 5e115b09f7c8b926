//! The audit log: writing audit events and listing them.

pub mod events;
pub mod log;
pub mod outbox;
pub mod recording;
pub mod refusal_throttle;
pub mod refused_access;
