//! The audit log: recorded events, detection of tampering, and retention.

mod chain;
mod events;
mod forgery;
mod retention;
