//! Passkeys: verification, the API, and the panel.

mod api;
mod verification;
