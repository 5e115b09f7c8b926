//! One file per noun: handlers, page structs and view structs.

pub mod account;
pub mod audit;
pub mod audit_chain;
pub mod blacklist;
pub mod dashboard;
pub mod flush;
pub mod inspector;
pub mod jobs;
pub mod locks;
pub mod login;
pub mod password_links;
pub mod people;
pub mod security;
pub mod setup;
pub mod tokens;
