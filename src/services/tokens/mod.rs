//! Administration of refresh tokens: list, blacklist, inspector.

pub mod blacklist;
pub mod inspector;
pub mod owner;
pub mod refresh_tokens;
