//! The panel as a browser meets it.

mod blacklist;
mod bulk;
mod door;
mod flush;
mod inspector;
mod jobs;
mod links;
mod setup;
mod tokens;
