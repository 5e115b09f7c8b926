//! The suite.
mod process;
