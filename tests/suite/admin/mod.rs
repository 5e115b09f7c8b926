//! The panel as a browser meets it.

mod blacklist;
mod door;
mod links;
mod inspector;
mod setup;
mod tokens;
