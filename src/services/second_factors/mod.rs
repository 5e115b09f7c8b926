//! Second factors: one-time passwords of an app, passkeys, recovery codes, and the challenges of the log-in in two steps.

pub(crate) mod passkey_challenges;
pub(crate) mod passkey_proofs;
pub mod passkeys;
pub mod webauthn;
