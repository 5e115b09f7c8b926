//! The panel as a browser meets it.

mod blacklist;
mod door;
mod inspector;
mod links;
mod setup;
mod tokens;
