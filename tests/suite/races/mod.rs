//! Race tests: clients refresh, call and replay tokens at the same time as requests that revoke them, on one or two
//! instances. A checker compares the log of all responses with the rules.
//!
//! `MUNJIGI_RACE_SECONDS` is the duration of each race (2 by default), `MUNJIGI_RACE_SEED` the seed of the
//! random numbers. Both are printed.

pub mod checker;
mod checker_tests;
mod clients;
pub mod log;
mod password_guesses;
mod run;
mod scenarios;
