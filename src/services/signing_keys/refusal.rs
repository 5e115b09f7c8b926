//! Why a change of the signing keys is refused.

use crate::clock::Timestamp;
use crate::domain::signing_key::KeyState;

/// Why a change of the signing keys is refused. The text is the CLI's; the panel has its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// There is no such key.
    #[error("there is no signing key {0}: `munjigi keys list` shows them")]
    NotFound(String),
    /// Services that check tokens may not know the key yet.
    #[error(
        "the key may sign from {0} on: until then, services that check tokens may not have fetched it. Wait, or promote it \
         with --now if no service fetches /.well-known/jwks.json"
    )]
    TooEarly(Timestamp),
    /// Only a key that is to sign can be promoted.
    #[error("the key is {0}: only a key in the state next can be promoted")]
    NotNext(KeyState),
    /// The active key cannot be retired by itself.
    #[error(
        "the key is active: promote another key, which retires this one. `munjigi keys generate` makes one"
    )]
    Active,
    /// The key is retired or revoked already.
    #[error("the key is {0} already")]
    Already(KeyState),
    /// The keys were changed meanwhile.
    #[error("the signing keys were changed meanwhile: look at them, and try again")]
    Changed,
    /// The keys are given as files.
    #[error(
        "the signing keys are the files in tokens.keys: change that list, and restart the servers"
    )]
    Files,
    /// No other master key is configured.
    #[error(
        "no other master key is known: name the old one in server.previous_master_key_files or \
         server.previous_master_keys"
    )]
    NoOtherMasterKey,
    /// A key is encrypted under a master key that is not known here, or was changed.
    #[error("{0}")]
    NotOpened(String),
    /// The audit log cannot be verified.
    #[error(
        "the audit log is not intact, and a new master key would cover that up: see `munjigi audit verify`, and \
         `munjigi audit restart` if you accept the log as it is"
    )]
    AuditLog,
}
