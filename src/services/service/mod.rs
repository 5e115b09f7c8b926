//! Services: programs with a secret of their own, which check tokens and call each other. They are no accounts: they log in
//! nowhere, and have no sessions, roles or passwords.

pub mod access;
pub mod by_service;
pub mod changes;
pub mod credentials;
pub mod last_use;
pub mod view;
