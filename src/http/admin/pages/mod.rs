//! One file per noun: handlers, page structs and view structs.

pub mod account;
pub mod audit;
pub mod blacklist;
pub mod bulk;
pub mod client_users;
pub mod client_users_form;
pub mod client_users_person;
pub mod dashboard;
pub mod flush;
pub mod inspector;
pub mod jobs;
pub mod links;
pub mod locks;
pub mod login;
pub mod people_list;
pub mod person;
pub mod proof;
pub mod security;
pub mod setup;
pub mod tokens;
pub mod users;
pub mod users_form;
pub mod users_person;
