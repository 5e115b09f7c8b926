//! The panel as a browser meets it.

mod door;
mod links;
mod setup;
