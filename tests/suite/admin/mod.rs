//! The panel as a browser meets it.

mod account;
mod audit;
mod blacklist;
mod dashboard;
mod door;
mod inspector;
mod links;
mod setup;
mod tokens;
