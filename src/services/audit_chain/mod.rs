//! Tamper evidence of the audit log: event MACs, chain links, the checkpoint, and their verification.

pub mod chain;
pub mod checkpoint;
pub mod event_mac;
pub mod restart;
pub mod unchained;
pub mod verification;
pub mod verify;
