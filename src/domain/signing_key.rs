//! The states of a signing key.

use crate::domain::text_enum::text_enum;

text_enum! {
    /// The state of a signing key.
    KeyState {
        /// It is published, so that services that check tokens know it before it signs. It verifies.
        Next = "next",
        /// It signs and verifies.
        Active = "active",
        /// It verifies until the last token that it signed has expired.
        Retired = "retired",
        /// Its tokens are refused.
        Revoked = "revoked",
    }
}
