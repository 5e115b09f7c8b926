//! Sessions: ids of sessions and tokens, login method, revocation reason, device.

use std::{borrow::Cow, fmt, net::IpAddr};

use diesel::{deserialize::FromSqlRow, expression::AsExpression};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::domain::text_enum::text_enum;

/// Defines an id type: a time-ordered UUID (version 7, RFC 9562 section 5.7), written as 32 hex digits.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, AsExpression, FromSqlRow)]
        #[diesel(sql_type = diesel::sql_types::Text)]
        pub struct $name(String);

        impl $name {
            /// A new id: the time `now` in milliseconds, followed by random bits.
            #[must_use]
            pub fn new(now: Timestamp) -> Self {
                Self(new_v7(now))
            }

            /// An id of 16 bytes, which need not be a UUID.
            #[must_use]
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(format!("{:032x}", u128::from_be_bytes(bytes)))
            }

            /// A lower bound of all ids created at or after `at`.
            #[must_use]
            pub fn lower_bound(at: Timestamp) -> Self {
                let millis = u64::try_from(at.unix_micros() / 1_000).unwrap_or(0);
                Self(format!("{:012x}{:020x}", millis & 0xFFFF_FFFF_FFFF, 0))
            }

            /// Parses 32 lower-case hex digits.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
                (text.len() == 32 && text.bytes().all(hex)).then(|| Self(text.to_owned()))
            }

            /// The creation time in milliseconds since the epoch.
            #[must_use]
            pub fn unix_millis(&self) -> u64 {
                self.0
                    .get(..12)
                    .and_then(|digits| u64::from_str_radix(digits, 16).ok())
                    .unwrap_or(0)
            }

            /// The 16 bytes of the UUID.
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

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string", "pattern": "^[0-9a-f]{32}$", "examples": ["019c5c21cfae70dca2e2adad97cfb732"],
                })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id! {
    /// The id of a token (`jti`, RFC 7519 section 4.1.7).
    Jti
}
id! {
    /// The id of a session (claim `sid`).
    SessionId
}
id! {
    /// The id of a one-time code challenge. It is not ordered by time, and no UUID.
    ChallengeId
}
id! {
    /// The id of a browser session. It is not secret; the cookie contains a separate secret.
    BrowserSessionId
}
id! {
    /// The id of a passkey in this server. It is not its credential id.
    PasskeyId
}
id! {
    /// The id of a background job.
    JobId
}

pub(crate) fn new_v7(now: Timestamp) -> String {
    let micros = u64::try_from(now.unix_micros()).unwrap_or(0);
    let nanos = u32::try_from(micros % 1_000_000 * 1_000).unwrap_or(0);
    let time = uuid::Timestamp::from_unix(uuid::NoContext, micros / 1_000_000, nanos);
    let mut buffer = Uuid::encode_buffer();
    let text: &str = Uuid::new_v7(time).simple().encode_lower(&mut buffer);
    text.to_owned()
}

text_enum! {
    /// How the user logged in.
    LoginMethod {
        /// With a password.
        Password = "password",
        /// With a one-time code.
        Otp = "otp",
        /// With a token that Django had issued.
        Django = "django",
    }
}

text_enum! {
    /// Whether a session is live.
    SessionStatus {
        /// Neither ended nor expired.
        Live = "live",
        /// Ended or expired.
        Ended = "ended",
    }
}

text_enum! {
    /// Why a refresh token was blacklisted, or a session ended.
    RevocationReason {
        /// The token was rotated and has a successor.
        Rotated = "rotated",
        /// The user logged out.
        Logout = "logout",
        /// The user ended all of their sessions.
        LogoutAll = "logout_all",
        /// The account was deactivated.
        Deactivated = "deactivated",
        /// The account was deleted.
        Deleted = "deleted",
        /// The password was changed.
        PasswordChanged = "password_changed",
        /// The role was changed.
        RoleChanged = "role_changed",
        /// An administrator ended it.
        Administrator = "administrator",
        /// Reuse detection: a rotated refresh token was used again.
        Reused = "reused",
        /// The account exceeded the session limit.
        TooMany = "too_many",
        /// The signing key of its tokens was revoked.
        KeyRevoked = "key_revoked",
    }
}

text_enum! {
    /// The state of a refresh token.
    TokenState {
        /// Can be used.
        Live = "live",
        /// Rotated; it has a successor.
        Used = "used",
        /// Revoked for another reason.
        Blacklisted = "blacklisted",
        /// Expired without being used.
        Expired = "expired",
    }
}

/// The device of a login, as far as known.
#[derive(Clone, Debug, Default)]
pub struct Device {
    /// The client address, as sent by a trusted proxy if there is one.
    pub ip_address: Option<IpAddr>,
    /// The `User-Agent` header, truncated to [`Device::USER_AGENT_MAX`] characters, without control characters.
    pub user_agent: Option<String>,
}

impl Device {
    /// Maximum number of characters of `user_agent`.
    pub const USER_AGENT_MAX: usize = 256;

    /// Truncates and cleans the `User-Agent`.
    #[must_use]
    pub fn new(ip_address: Option<IpAddr>, user_agent: Option<&str>) -> Self {
        let clean = |text: &str| {
            text.chars()
                .filter(|c| !c.is_control())
                .take(Self::USER_AGENT_MAX)
                .collect::<String>()
        };
        Self {
            ip_address,
            user_agent: user_agent.map(clean).filter(|text| !text.is_empty()),
        }
    }
}
