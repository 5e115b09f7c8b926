//! The panel as a browser meets it.

mod door;
mod setup;
