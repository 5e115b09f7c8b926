//! Why the answer of an authenticator is refused.

/// Why the answer of an authenticator is refused. The text is for the log; it contains no input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not the JSON, the CBOR or the bytes of the specification.
    #[error("its {0} is malformed")]
    Malformed(&'static str),
    /// Client data of the other ceremony.
    #[error("its client data is of another type")]
    Type,
    /// Not the challenge of this ceremony.
    #[error("its challenge is another one")]
    Challenge,
    /// Made on the page of another origin, or in a frame.
    #[error("its page is not of an accepted origin")]
    Origin,
    /// Made for another relying party.
    #[error("it is for another relying party")]
    RelyingParty,
    /// Nobody was present.
    #[error("no user was present")]
    UserPresence,
    /// The user was not verified by the authenticator.
    #[error("the authenticator did not verify the user")]
    UserVerification,
    /// A public key of a kind that was not asked for.
    #[error("its public key is of an unsupported kind")]
    Algorithm,
    /// The signature is not that of the stored public key.
    #[error("its signature is wrong")]
    Signature,
    /// The user handle is not that of the account.
    #[error("its user handle is another one")]
    UserHandle,
}
