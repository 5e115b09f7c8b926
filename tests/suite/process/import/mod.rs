//! `munjigi import` and `munjigi export`, from databases as Django makes them and from files.

mod beside_server;
mod file;
mod mapping;
mod repeated;
mod site;
mod sliding;
mod sources;
mod stopped;
mod swapped;
mod terminal;
mod whole_site;
