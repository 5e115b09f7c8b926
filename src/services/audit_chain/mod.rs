//! Tamper evidence of the audit log: chain links, the checkpoint, and their verification.

pub mod chain;
pub mod checkpoint;
pub mod link;
pub mod linking;
pub mod pruning;
pub mod report;
pub mod restart;
pub mod state;
pub mod unchained;
pub mod verification;
pub mod verify;
pub mod walk;
