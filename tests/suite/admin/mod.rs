//! The panel as a browser meets it.

mod account;
mod audit;
mod blacklist;
mod bulk;
mod dashboard;
mod door;
mod flush;
mod inspector;
mod jobs;
mod links;
mod locks;
mod long_lists;
mod meanwhile;
mod otp_deliveries;
mod people;
mod people_lists;
mod permissions;
mod person_forms;
mod proof;
mod security;
mod setup;
mod tokens;
