//! The hammer: clients, some of them ill-behaved, beside whatever may revoke their tokens, against one instance or two; and
//! a checker that holds the log of answers against the rules.
//!
//! `MUNJIGI_HAMMER_SECONDS` says how long each race goes on (2 by default), `MUNJIGI_HAMMER_SEED` by which numbers the
//! clients choose; both are printed.

mod bad_logs;
pub mod checker;
mod field;
mod guesses;
pub mod log;
mod players;
mod races;
