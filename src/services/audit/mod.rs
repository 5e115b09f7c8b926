//!

pub mod events;
pub mod log;
pub mod refused_access;
