//! The audit log: writing audit events and listing them.

pub mod events;
pub mod log;
pub mod refused_access;
