//! The panel as a browser meets it.

mod blacklist;
mod door;
mod inspector;
mod links;
mod flush;
mod links;
mod inspector;
mod jobs;
mod setup;
mod tokens;
mod people_lists;
