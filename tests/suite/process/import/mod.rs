//! `munjigi import` and `munjigi export`, from databases as Django makes them and from files.

mod beside_server;
mod file;
mod mapping;
mod repeated;
mod site;
mod sources;
mod stopped;
mod whole_site;
