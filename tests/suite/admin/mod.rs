//! The panel as a browser meets it.

mod account;
mod audit;
mod blacklist;
mod dashboard;
mod door;
mod inspector;
mod links;
mod flush;
mod inspector;
mod jobs;
mod links;
mod people;
mod people_lists;
mod person_forms;
mod setup;
mod tokens;
