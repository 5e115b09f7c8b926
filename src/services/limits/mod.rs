//! Limits on failed attempts and on requests: counters, locks, and the rules for them.

pub mod addresses;
pub mod attempts;
pub mod counting;
pub mod device_tokens;
pub mod locked_addresses;
pub mod locks;
pub mod login_context;
pub mod login_name;
pub mod memory_counters;
pub mod name_hash;
pub mod networks;
pub mod pending_attempts;
pub mod quota;
pub mod refused_tokens;
pub mod requests;
pub mod rules;
pub mod state;
pub(in crate::services) mod test_mails;
pub mod unknown_names;
