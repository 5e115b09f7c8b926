//!

pub mod blacklist;
pub mod inspector;
pub mod refresh_tokens;
