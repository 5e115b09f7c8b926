//! The documents: their console examples are run, their links, commands and configuration keys exist, and they keep their
//! size.

mod console;
mod document;
mod references;
mod size;
