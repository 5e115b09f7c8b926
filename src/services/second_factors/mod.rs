//! The second factor of accounts: authenticator apps, passkeys, recovery codes, and logins in two steps.

pub mod challenges;
pub mod enrolment;
pub mod factors;
pub mod lost_apps;
pub mod passkey_challenges;
pub mod passkey_proofs;
pub mod passkeys;
pub mod proof;
pub mod recovery_codes;
pub(crate) mod second_step;
pub mod totp;
pub mod webauthn;
