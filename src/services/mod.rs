//! The rules. A transaction begins and ends here; the API, the admin panel and the CLI make one call and shape one answer.
//!
//! Row structs of the store stop here or are turned into views without secrets. Every refusal and failure is one [`Error`].

pub mod account_lookup;
pub mod accounts;
pub mod attention;
pub mod audit;
pub mod audit_chain;
pub mod auth;
pub mod backup;
pub mod bootstrap;
pub mod checklist;
pub mod dashboard;
pub mod deliveries;
pub mod error;
pub mod idempotency;
pub mod ignored_proxies;
pub mod import;
pub mod limits;
pub mod maintenance;
pub mod metrics;
pub mod mutex;
pub mod passwords;
pub mod revocation_statement;
pub mod revocations;
pub mod saved_views;
pub mod search;
pub mod second_factors;
pub mod secret;
pub mod service;
pub mod signing_keys;
pub mod status_lists;
pub mod test_mail;
pub mod tokens;
pub mod webhooks;

pub use bootstrap::Services;
pub use error::Error;
