//! Passkeys: verification, the API, and the panel.

mod api;
mod panel;
mod second_factor;
mod set_up;
mod verification;
