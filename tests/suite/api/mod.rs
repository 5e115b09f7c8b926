//! The JSON door, as the wire contract has it.

mod flow;
