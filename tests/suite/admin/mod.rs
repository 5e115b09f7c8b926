//! The panel as a browser meets it.

mod door;
mod people;
mod person_forms;
