//!

pub mod chain;
pub mod checkpoint;
pub mod event_mac;
pub mod restart;
pub mod unchained;
pub mod verification;
pub mod verify;
