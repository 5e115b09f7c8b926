//! The panel as a browser meets it.

mod blacklist;
mod door;
mod setup;
mod inspector;
mod tokens;
