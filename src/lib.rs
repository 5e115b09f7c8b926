//! munjigi: a self-hosted JWT authentication server.
//!
//! The layers, lowest first. A file may use its own layer and those above it in this list, never one below it; two layers in the
//! same row do not use each other.
//!
//! | Layer | Contents |
//! |---|---|
//! | [`clock`] | the only caller of "now" |
//! | [`log_writer`] | the log on its way to standard output |
//! | [`histogram`] | counts of values, for metrics |
//! | [`worker_pool`] | threads with a bounded queue, for work that blocks |
//! | [`traces`] | spans of requests, sent to a collector |
//! | [`domain`] | values without I/O, created only by parsing |
//! | [`config`] | one struct for each section, strict and documented; the only reader of the environment |
//! | [`tokens`] | what a token is: claims, keys, signing, verification; no database |
//! | [`store`], [`delivery`] | the only layer that knows SQL; sending codes and notices |
//! | [`services`] | the rules; transactions begin and end here |
//! | [`http`] | the HTTP server, the JSON API and the admin panel |
//! | [`cli`] | the command line |

#[cfg(not(unix))]
compile_error!("munjigi runs on Linux and other Unix systems only");

rust_i18n::i18n!("locales", fallback = "en");

pub mod clock;
pub mod histogram;
pub mod log_writer;

pub mod traces;
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
