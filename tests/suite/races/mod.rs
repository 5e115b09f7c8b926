//! Races: clients, some of them misbehaving, run at the same time as everything that can revoke their tokens, against one
//! instance or two; and a checker compares the log of all answers with the rules.
//!
//! `MUNJIGI_RACE_SECONDS` is the duration of each race (2 by default), `MUNJIGI_RACE_SEED` the seed of the clients' random
//! numbers; both are printed.

pub mod checker;
mod checker_tests;
mod clients;
pub mod log;
mod password_guesses;
mod races;
mod run;
