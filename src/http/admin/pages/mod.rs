//! One file per noun: handlers, page structs and view structs.

pub mod account;
pub mod api_docs;
pub mod audit;
pub mod audit_chain;
pub mod blacklist;
pub mod dashboard;
pub mod email_links;
pub mod flush;
pub mod forgot;
pub mod inspector;
pub mod jobs;
pub mod keys;
pub mod locks;
pub mod login;
pub mod passkey_login;
pub mod passkeys;
pub mod password_links;
pub mod people;
pub mod second_factor;
pub mod second_step;
pub mod security;
pub mod services;
pub mod setup;
pub mod tokens;
