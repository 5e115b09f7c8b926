//! munjigi, the gatekeeper: a self-hosted JWT authentication server.
//!
//! The rooms of the house, in layer order. A file imports only from a room above it in this list, or from its own room:
//!
//! | Room | What it holds |
//! |---|---|
//! | [`clock`] | the only caller of "now" |
//! | [`domain`] | values without I/O, built only by parsing |
//! | [`config`] | one struct per concern, strict and documented; the only reader of the environment |
pub mod clock;
pub mod domain;
pub mod store;
