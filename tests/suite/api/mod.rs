//! The JSON door, as the wire contract has it.

mod claims;
mod flow;
mod login;
mod logout;
mod races;
mod refresh;
