//! The panel as a browser meets it.

mod blacklist;
mod bulk;
mod door;
mod flush;
mod inspector;
mod jobs;
mod links;
mod people;
mod people_lists;
mod person_forms;
mod setup;
mod tokens;
