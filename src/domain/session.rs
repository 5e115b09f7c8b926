//! A session (token family) and what belongs to it: its id, its tokens' ids, how it began and why it ended.

use std::{fmt, net::IpAddr};

use diesel::{deserialize::FromSqlRow, expression::AsExpression};
use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::{clock::Timestamp, domain::text_enum::text_enum};

/// Makes a type whose values are time-ordered UUIDs (version 7, RFC 9562 section 5.7), written as 32 hex digits.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, AsExpression, FromSqlRow)]
        #[diesel(sql_type = diesel::sql_types::Text)]
        pub struct $name(String);

        impl $name {
            /// A fresh id whose first bits are the time `now` in milliseconds, the rest random.
            #[must_use]
            pub fn new(now: Timestamp) -> Self {
                Self(new_v7(now))
            }

            /// The least id of the time `at`: every id made then or later is not below it.
            #[must_use]
            pub fn lower_bound(at: Timestamp) -> Self {
                let millis = u64::try_from(at.unix_micros() / 1_000).unwrap_or(0);
                Self(format!("{:012x}{:020x}", millis & 0xFFFF_FFFF_FFFF, 0))
            }

            /// Reads 32 lower-case hex digits.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
                (text.len() == 32 && text.bytes().all(hex)).then(|| Self(text.to_owned()))
            }

            /// When it was made, in milliseconds since the epoch.
            #[must_use]
            pub fn unix_millis(&self) -> u64 {
                // An id is made of 32 hex digits: what cannot be read is not there.
                self.0
                    .get(..12)
                    .and_then(|digits| u64::from_str_radix(digits, 16).ok())
                    .unwrap_or(0)
            }

            /// The 16 bytes that the digits stand for.
            #[must_use]
            pub fn bytes(&self) -> Option<[u8; 16]> {
                u128::from_str_radix(&self.0, 16).ok().map(u128::to_be_bytes)
            }

            /// The 32 hex digits.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

id! {
    /// The id of one token (`jti`, RFC 7519 section 4.1.7).
    Jti
}
id! {
    /// The id of a session, the `sid` of its tokens.
    SessionId
}
id! {
    /// The id of a one-time code's challenge.
    ChallengeId
}
id! {
    /// The id of a browser's session, by which it is listed and ended. The cookie holds another secret.
    BrowserSessionId
}
id! {
    /// The id of a job that runs in the background.
    JobId
}

fn new_v7(now: Timestamp) -> String {
    let micros = u64::try_from(now.unix_micros()).unwrap_or(0);
    let nanos = u32::try_from(micros % 1_000_000 * 1_000).unwrap_or(0);
    let time = uuid::Timestamp::from_unix(uuid::NoContext, micros / 1_000_000, nanos);
    Uuid::new_v7(time).simple().to_string()
}

text_enum! {
    /// How a session began.
    LoginMethod {
        /// By a password.
        Password = "password",
        /// By a one-time code.
        Otp = "otp",
    }
}

text_enum! {
    /// Why a refresh token was blacklisted, or a session ended.
    RevocationReason {
        /// The token was used and has a successor.
        Rotated = "rotated",
        /// Its owner logged out.
        Logout = "logout",
        /// Its owner ended all of his sessions.
        LogoutAll = "logout_all",
        /// The account was deactivated.
        Deactivated = "deactivated",
        /// The account was deleted.
        Deleted = "deleted",
        /// The account's password was changed.
        PasswordChanged = "password_changed",
        /// The account's role was changed.
        RoleChanged = "role_changed",
        /// An administrator ended it.
        Administrator = "administrator",
        /// A refresh token of it came again after it was used: it is in two hands.
        Reused = "reused",
        /// The account began more sessions than it may have.
        TooMany = "too_many",
    }
}

text_enum! {
    /// What has become of a refresh token.
    TokenState {
        /// It buys a new pair.
        Live = "live",
        /// It was used, and has a successor.
        Used = "used",
        /// It was refused for another reason.
        Blacklisted = "blacklisted",
        /// Its time passed, and nobody had used it.
        Expired = "expired",
    }
}

/// From where a session was begun, as far as it is known.
#[derive(Clone, Debug, Default)]
pub struct Device {
    /// The address, after trusted proxies are taken off.
    pub ip_address: Option<IpAddr>,
    /// The `User-Agent` header, cut to [`Device::USER_AGENT_MAX`] characters and without controls.
    pub user_agent: Option<String>,
}

impl Device {
    /// The most characters that are kept of a `User-Agent`.
    pub const USER_AGENT_MAX: usize = 256;

    /// A device by its address and what it calls itself.
    #[must_use]
    pub fn new(ip_address: Option<IpAddr>, user_agent: Option<&str>) -> Self {
        let cut = |text: &str| {
            text.chars()
                .filter(|c| !c.is_control())
                .take(Self::USER_AGENT_MAX)
                .collect::<String>()
        };
        Self {
            ip_address,
            user_agent: user_agent.map(cut).filter(|text| !text.is_empty()),
        }
    }
}
