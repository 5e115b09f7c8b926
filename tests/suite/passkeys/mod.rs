//! Passkeys: verification, the API, and the panel.

mod api;
mod panel;
mod verification;
