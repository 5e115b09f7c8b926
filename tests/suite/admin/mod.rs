//! The panel as a browser meets it.

mod blacklist;
mod door;
mod inspector;
mod setup;
mod tokens;
