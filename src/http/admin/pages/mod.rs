//! One file per noun: handlers, page structs and view structs.

pub mod account;
pub mod api_docs;
pub mod attention;
pub mod audit;
pub mod audit_chain;
pub mod blacklist;
pub mod dashboard;
pub mod flush;
pub mod inspector;
pub mod jobs;
pub mod keys;
pub mod locks;
pub mod login;
pub mod password_links;
pub mod people;
pub mod security;
pub mod services;
pub mod setup;
pub mod tokens;
