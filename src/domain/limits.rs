//! The kinds of rate-limited attempts.

use crate::domain::text_enum::text_enum;

text_enum! {
    /// A kind of attempt that is limited after too many failures.
    LimitKind {
        /// Login with a password, in the API and the admin panel.
        Login = "login",
        /// Login with a one-time code.
        Code = "code",
        /// Request for a one-time code.
        CodeRequest = "code_request",
        /// Request for a link that resets a password.
        ResetRequest = "reset_request",
        /// Refresh with a token that has no valid signature.
        Refresh = "refresh",
        /// Opening a one-time link that does not exist.
        Link = "link",
        /// Authentication of a service with a wrong secret.
        ServiceSecret = "service_secret",
    }
}
