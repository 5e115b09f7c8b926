//! What is limited so that nobody guesses it.

use crate::domain::text_enum::text_enum;

text_enum! {
    /// What somebody has to wait with after too many tries.
    LimitKind {
        /// Logging in by a password, at either door.
        Login = "login",
        /// Logging in by a one-time code.
        Code = "code",
        /// Asking for one-time codes.
        CodeRequest = "code_request",
        /// Refreshing, with texts that are no tokens of ours.
        Refresh = "refresh",
        /// Opening one-time links that there are not.
        Link = "link",
    }
}
