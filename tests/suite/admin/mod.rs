//! The admin panel.

mod access;
mod account;
mod audit;
mod audit_chain;
mod blacklist;
mod bulk;
mod dashboard;
mod deliveries;
mod edit_conflict;
mod flush;
mod inspector;
mod jobs;
mod keys;
mod locks;
mod long_lists;
mod password_links;
mod people;
mod people_form;
mod people_list;
mod permissions;
mod security;
mod services;
mod setup;
mod step_up;
mod tokens;
mod zone_cookie;
