//! The second factor of an account, and what a session knows about the authentication of its owner.

use std::{fmt, time::Duration};

use serde_json::Value;

use crate::clock::Timestamp;
use crate::domain::session::LoginMethod;
use crate::domain::text_enum::text_enum;

text_enum! {
    /// A way to prove a second factor.
    SecondFactorMethod {
        /// A code of an authenticator app (RFC 6238).
        Totp = "totp",
        /// A passkey (`WebAuthn`).
        Passkey = "passkey",
        /// A recovery code.
        RecoveryCode = "recovery_code",
    }
}

text_enum! {
    /// What begins when the second factor is proved.
    ChallengePurpose {
        /// A session of the API.
        Login = "login",
        /// A session in the admin panel.
        Panel = "panel",
    }
}

/// A login whose first step succeeded, and which waits for the second factor.
#[derive(Clone, PartialEq, Eq)]
pub struct PendingLogin {
    /// The secret that continues the login.
    pub challenge_id: String,
    /// How the second factor can be proved; if the account must set one up first, which ones it can set up.
    pub methods: Vec<SecondFactorMethod>,
    /// How long the secret is valid.
    pub expires_in: Duration,
    /// Whether the account has no second factor yet and must set one up to continue.
    pub is_set_up: bool,
    /// What a browser is asked for if the account has a passkey: `PublicKeyCredentialRequestOptionsJSON`.
    pub passkey: Option<Value>,
}

/// How the owner of a session can prove again who they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MissingProof {
    /// By which second factors.
    pub methods: Vec<SecondFactorMethod>,
    /// Whether by the password: the account has one, and no second factor. Without either it must log in again.
    pub password: bool,
    /// What a browser is asked for if the account has a passkey: `PublicKeyCredentialRequestOptionsJSON`.
    pub passkey: Option<Value>,
}

impl fmt::Debug for PendingLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingLogin")
            .field("methods", &self.methods)
            .field("is_set_up", &self.is_set_up)
            .finish_non_exhaustive()
    }
}

/// When and how the owner of a session proved who they are: the claims `auth_time` (`OpenID` Connect Core) and `amr` (RFC 8176).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authentication {
    /// The time of the last proof.
    pub at: Timestamp,
    amr: String,
}

impl Authentication {
    /// By a login method, and by a second factor if one was proved.
    #[must_use]
    pub fn new(at: Timestamp, method: LoginMethod, factor: Option<SecondFactorMethod>) -> Self {
        let amr = match method {
            LoginMethod::Password => "pwd",
            LoginMethod::Otp => "otp",
            LoginMethod::Django => "",
        };
        let first = Self {
            at,
            amr: amr.to_owned(),
        };
        match factor {
            Some(factor) => first.with_factor(at, factor),
            None => first,
        }
    }

    /// The same after it was proved again by the same methods.
    #[must_use]
    pub fn at(self, at: Timestamp) -> Self {
        Self { at, ..self }
    }

    /// The same after a second factor was proved.
    #[must_use]
    pub fn with_factor(&self, at: Timestamp, factor: SecondFactorMethod) -> Self {
        let word = match factor {
            // RFC 8176 has no word for a recovery code, which is a password that is valid once.
            SecondFactorMethod::Totp | SecondFactorMethod::RecoveryCode => "otp",
            SecondFactorMethod::Passkey => "hwk",
        };
        let mut amr: Vec<&str> = self.methods().collect();
        for word in [word, "mfa"] {
            if !amr.contains(&word) {
                amr.push(word);
            }
        }
        Self {
            at,
            amr: amr.join(" "),
        }
    }

    /// Reads the stored form.
    #[must_use]
    pub fn from_stored(at: Option<Timestamp>, amr: Option<String>) -> Option<Self> {
        Some(Self { at: at?, amr: amr? })
    }

    /// The stored form of the methods: words with spaces in between.
    #[must_use]
    pub fn amr(&self) -> &str {
        &self.amr
    }

    /// The methods.
    pub fn methods(&self) -> impl Iterator<Item = &str> {
        self.amr.split_ascii_whitespace()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_words_of_rfc_8176() {
        let amr = |method, factor| {
            let authentication = Authentication::new(Timestamp::EPOCH, method, factor);
            authentication.amr().to_owned()
        };
        assert_eq!(amr(LoginMethod::Password, None), "pwd");
        let totp = Some(SecondFactorMethod::Totp);
        assert_eq!(amr(LoginMethod::Password, totp), "pwd otp mfa");
        assert_eq!(amr(LoginMethod::Otp, totp), "otp mfa");
    }

    #[test]
    fn debug_output_omits_the_secret() {
        let pending = PendingLogin {
            challenge_id: "secret".into(),
            methods: vec![SecondFactorMethod::Totp],
            expires_in: Duration::from_mins(5),
            is_set_up: false,
            passkey: None,
        };
        assert!(!format!("{pending:?}").contains("secret"));
    }
}
