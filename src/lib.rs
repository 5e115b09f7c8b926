//! munjigi, the gatekeeper: a self-hosted JWT authentication server.
//!
//! The rooms of the house, in layer order. A file imports only from a room above it in this list, or from its own room:
//!
//! | Room | What it holds |
//! |---|---|
//! | [`clock`] | the only caller of "now" |
//! | [`worker_pool`] | threads with a bounded queue, for work that blocks |
//! | [`domain`] | values without I/O, built only by parsing |
//! | [`config`] | one struct per concern, strict and documented; the only reader of the environment |
//! | [`tokens`] | what a token is: claims, keys, how it is made and read; no database |
//! | [`store`] | the only room that knows SQL |
//! | [`delivery`] | sending a code; knows no store |
//! | [`services`] | the rules; transactions begin and end here |
//! | [`http`] | the server, the JSON door and the panel for browsers |
//! | [`cli`] | the command line, a third door to the same services |

rust_i18n::i18n!("locales", fallback = "en");

pub mod clock;
pub mod worker_pool;

pub mod domain;

pub mod config;

pub mod tokens;

pub mod delivery;
pub mod store;

pub mod services;

pub mod http;

pub mod cli;

#[cfg(any(test, fuzzing))]
pub mod fuzzing;
