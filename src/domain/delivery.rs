//! Messages to the owners of accounts: their kinds, and what became of them.

use crate::domain::text_enum::text_enum;

text_enum! {
    /// A kind of message.
    DeliveryKind {
        /// A one-time code.
        Code = "code",
        /// A link that sets the password.
        PasswordLink = "password_link",
        /// A link that confirms a new e-mail address.
        EmailConfirmation = "email_confirmation",
        /// A notice: the password was changed.
        PasswordChanged = "password_changed",
        /// A notice: the e-mail address was changed or removed.
        EmailChanged = "email_changed",
        /// A notice: a change of the e-mail address was requested.
        EmailChangeRequested = "email_change_requested",
        /// A notice: a second factor was set up, used up or removed.
        SecondFactorChanged = "second_factor_changed",
        /// A notice: a refresh token was reused.
        TokenReused = "token_reused",
    }
}

text_enum! {
    /// A mail that has templates; its name is the beginning of their file names.
    MailTemplate {
        /// A one-time code.
        Otp = "otp",
        /// A link to set the password.
        Link = "link",
        /// A link to confirm a new e-mail address.
        Confirm = "confirm",
        /// A notice of a changed password or e-mail address.
        Change = "change",
        /// A notice of a reused refresh token.
        Reuse = "reuse",
        /// The test mail.
        Test = "test",
    }
}

text_enum! {
    /// What became of a message.
    DeliveryState {
        /// It is in the queue, or being sent.
        Queued = "queued",
        /// The mail server or webhook accepted it, or it was printed.
        Sent = "sent",
        /// It was not sent.
        Failed = "failed",
    }
}
