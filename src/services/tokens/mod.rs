//! Refresh tokens as administrators see them: list, blacklist, inspector.

pub mod blacklist;
pub mod inspector;
pub mod refresh_tokens;
