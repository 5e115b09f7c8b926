//! Keyed hashes of login names. A name that no account has may be a password typed into the wrong field: only its hash
//! is stored, and without the master key nobody can find out what was typed.

use std::fmt;

use aws_lc_rs::hmac;

use crate::domain::principal::UserType;
use crate::services::bootstrap::Services;

/// The purpose of the derived key.
const PURPOSE: &[u8] = b"unknown login names";

/// The first 48 bits of the HMAC of a normalised login name. Shown as `#` and hex digits, which is no valid login name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::services) struct NameHash([u8; Self::LENGTH]);

impl NameHash {
    /// The number of bytes.
    pub(in crate::services) const LENGTH: usize = 6;

    /// The hash of a name, whether or not an account has it.
    pub(in crate::services) fn of(services: &Services, user_type: UserType, name: &str) -> Self {
        let key = services.master_keys.derive(PURPOSE);
        let tag = hmac::sign(&key, format!("{user_type}\n{name}").as_bytes());
        let mut bytes = [0; Self::LENGTH];
        bytes.copy_from_slice(&tag.as_ref()[..Self::LENGTH]);
        Self(bytes)
    }

    pub(in crate::services) fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    pub(in crate::services) fn bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

impl fmt::Display for NameHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("#")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
