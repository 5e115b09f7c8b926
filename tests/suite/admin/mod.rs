//! The panel as a browser meets it.

mod blacklist;
mod door;
mod flush;
mod inspector;
mod jobs;
mod links;
mod people_lists;
mod setup;
mod tokens;
mod people;
mod person_forms;
