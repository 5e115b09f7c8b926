//! Webhooks for events: the types of events, the endpoints that they are sent to, and the states of deliveries.

use std::fmt;

use diesel::{deserialize::FromSqlRow, expression::AsExpression};
use url::{Host, Url};

use crate::domain::audit::Action;
use crate::domain::problem::Problem;
use crate::domain::text::line;
use crate::domain::text_enum::text_enum;

text_enum! {
    /// What became of an event for an endpoint.
    WebhookState {
        /// It is to be sent, for the first time or again.
        Waiting = "waiting",
        /// The endpoint accepted it.
        Delivered = "delivered",
        /// The endpoint did not accept it for a day. It is not sent again by itself.
        Dead = "dead",
    }
}

/// Defines the types of events, with a sentence for each, the actions of audit events that they are made from, and the
/// details of those that they contain.
macro_rules! event_types {
    ($($variant:ident = $word:literal, $sentence:literal, [$($action:ident),*], [$($detail:literal),*];)+) => {
        text_enum! {
            /// The type of an event.
            EventType {
                $(#[doc = $sentence] $variant = $word,)+
            }
        }

        impl EventType {
            /// What has happened, as a sentence.
            #[must_use]
            pub fn sentence(self) -> &'static str {
                match self {
                    $(Self::$variant => $sentence,)+
                }
            }

            /// The details of the audit event that the webhook contains.
            #[must_use]
            pub fn details(self) -> &'static [&'static str] {
                match self {
                    $(Self::$variant => &[$($detail),*],)+
                }
            }

            /// The type that is made from an audit event; `None` if there is none.
            #[must_use]
            pub fn of(action: Action) -> Option<Self> {
                match action {
                    $($(Action::$action => Some(Self::$variant),)*)+
                    _ => None,
                }
            }
        }
    };
}

event_types! {
    AccountCreated = "account.created", "An account was created.",
        [AccountCreated, FirstAdministratorCreated], [];
    AccountUpdated = "account.updated", "Fields of an account were changed.", [AccountUpdated], [];
    AccountActivated = "account.activated", "An account was activated.", [AccountActivated], [];
    AccountDeactivated = "account.deactivated", "An account was deactivated, and its sessions ended.",
        [AccountDeactivated], ["sessions"];
    AccountDeleted = "account.deleted", "An account was deleted, and its sessions ended.",
        [AccountDeleted], ["sessions"];
    AccountPasswordChanged = "account.password_changed",
        "The password of an account was changed, and its other sessions ended.", [PasswordChanged], ["sessions"];
    LoginLocked = "login.locked", "An account or an address was locked after too many failures.",
        [Locked], ["limit", "user_type", "tries", "until"];
    LoginUnlocked = "login.unlocked", "A lock was removed before its time.", [LockLifted], ["limit"];
    AccountsImported = "accounts.imported", "Accounts were imported. There are no events for each of them.",
        [AccountsImported],
        ["source", "users_created", "users_updated", "clients_created", "clients_updated", "failed"];
    SessionBegan = "session.began", "A session began with a login.", [LoggedIn], ["method", "second_factor"];
    SessionEnded = "session.ended", "A session ended by a logout, by an administrator, or by a newer session.",
        [LoggedOut, SessionEnded], ["reason"];
    SessionsEnded = "sessions.ended", "The sessions of an account were ended, all or all but the one in use.",
        [SessionsEnded], ["sessions"];
    SessionReuseDetected = "session.reuse_detected",
        "A used refresh token was presented again, and its session was ended.", [RefreshTokenReused], [];
    PanelSignedIn = "panel.signed_in", "A user signed in to the admin panel.", [SignedIn], ["second_factor"];
    PanelSignedOut = "panel.signed_out", "A session in the admin panel ended.",
        [SignedOut, BrowserSessionEnded], [];
    SecondFactorAdded = "second_factor.added", "A second factor of an account was set up.",
        [SecondFactorAdded], ["second_factor"];
    SecondFactorRemoved = "second_factor.removed",
        "The second factors of an account were removed, or one of them.",
        [SecondFactorRemoved], ["second_factor"];
    RecoveryCodesCreated = "second_factor.recovery_codes_created",
        "An account got new recovery codes, and the former ones ended.", [RecoveryCodesCreated], [];
    RecoveryCodeUsed = "second_factor.recovery_code_used", "A recovery code was used.",
        [RecoveryCodeUsed], ["left"];
    PasskeyAdded = "passkey.added", "A passkey was added to an account.", [PasskeyAdded], [];
    PasskeyRemoved = "passkey.removed", "A passkey of an account was removed.", [PasskeyRemoved], [];
    PasskeyRefused = "passkey.refused",
        "A passkey was refused because its counter did not increase: it may have been copied.",
        [PasskeyCounterRefused], [];
    ServiceCreated = "service.created", "A service was created.", [ServiceCreated], ["scopes"];
    ServiceUpdated = "service.updated", "The description or the scopes of a service were changed.",
        [ServiceUpdated], [];
    ServiceSecretRotated = "service.secret_rotated",
        "A service got a new secret, and its access tokens were revoked.", [ServiceSecretRotated], [];
    ServiceActivated = "service.activated", "A service was activated.", [ServiceActivated], [];
    ServiceDeactivated = "service.deactivated",
        "A service was deactivated, and its access tokens were revoked.", [ServiceDeactivated], [];
    ServiceDeleted = "service.deleted", "A service was deleted, and its access tokens were revoked.",
        [ServiceDeleted], [];
    SigningKeyCreated = "signing_key.created", "A signing key was made.", [SigningKeyCreated], ["kid", "algorithm"];
    SigningKeyPromoted = "signing_key.promoted",
        "A signing key began to sign, and the one before was retired.",
        [SigningKeyPromoted], ["kid", "algorithm", "old_key"];
    SigningKeyRetired = "signing_key.retired", "A signing key that was to sign was withdrawn.",
        [SigningKeyRetired], ["kid", "algorithm"];
    SigningKeyRevoked = "signing_key.revoked", "A signing key was revoked: its tokens are refused.",
        [SigningKeyRevoked], ["kid", "algorithm", "key"];
    MasterKeyChanged = "master_key.changed", "The master key was changed.", [MasterKeyChanged], ["old_key", "key"];
    MailFailed = "mail.failed", "A mail to the owner of an account was not sent.", [MailFailed], ["mail"];
    FlushFailed = "flush.failed", "A flush of expired rows failed, or its process was killed.", [FlushFailed], ["failure"];
    Test = "webhook.test", "An administrator or the operator sent a test event to one endpoint.", [], [];
}

impl EventType {
    /// Those that an endpoint can ask for: all but the test, which is sent to one endpoint.
    pub fn selectable() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|kind| *kind != Self::Test)
    }

    /// The part of the name before the dot, which groups the types.
    #[must_use]
    pub fn group(self) -> &'static str {
        self.as_str().split('.').next().unwrap_or_default()
    }
}

/// The types of events that an endpoint gets, in their order. Stored as words with one space in between.
#[derive(Clone, Debug, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = diesel::sql_types::Text)]
pub struct EventTypes(String);

impl EventTypes {
    /// Parses the names of at least one type.
    ///
    /// # Errors
    /// [`Problem::Required`] without a name, and [`Problem::NotOneOf`] for another name.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, Problem> {
        let mut chosen = Vec::new();
        for name in names {
            let known = EventType::from_word(name).filter(|kind| *kind != EventType::Test);
            chosen.push(known.ok_or(Problem::NotOneOf(EventType::NAMES))?);
        }
        if chosen.is_empty() {
            return Err(Problem::Required);
        }
        let wanted = EventType::selectable().filter(|kind| chosen.contains(kind));
        let words: Vec<&str> = wanted.map(EventType::as_str).collect();
        Ok(Self(words.join(" ")))
    }

    /// Every type.
    #[must_use]
    pub fn all() -> Self {
        let words: Vec<&str> = EventType::selectable().map(EventType::as_str).collect();
        Self(words.join(" "))
    }

    /// Those of a column. Names that only another version knows are kept.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        Some(Self(text.to_owned()))
    }

    /// The names with one space in between.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a type is among them.
    #[must_use]
    pub fn contains(&self, kind: EventType) -> bool {
        self.iter().any(|name| name == kind.as_str())
    }

    /// The names.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split_ascii_whitespace()
    }
}

impl fmt::Display for EventTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The address of an endpoint: `https` or `http`, with a host, without user name, password and fragment. Whether the
/// server may call it is checked elsewhere.
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointUrl(Url);

impl EndpointUrl {
    /// Maximum number of characters.
    pub const MAX: usize = 500;

    /// Parses an address.
    ///
    /// # Errors
    /// [`Problem::NotWebhookUrl`], and the problems of a line of text.
    pub fn parse(typed: &str) -> Result<Self, Problem> {
        let text = line(typed, Self::MAX)?;
        let url = Url::parse(&text).map_err(|_| Problem::NotWebhookUrl)?;
        let is_plain = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none();
        if is_plain {
            Ok(Self(url))
        } else {
            Err(Problem::NotWebhookUrl)
        }
    }

    /// The whole address. Its path and query may contain a key of the receiver.
    #[must_use]
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// Scheme, host and port: the part that contains no key.
    #[must_use]
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// The host: a name in ASCII, or an address.
    #[must_use]
    pub fn host(&self) -> Option<Host<&str>> {
        self.0.host()
    }

    /// Whether requests are not encrypted.
    #[must_use]
    pub fn is_http(&self) -> bool {
        self.0.scheme() == "http"
    }
}

impl fmt::Debug for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_types_are_sorted_and_known() {
        let parsed = EventTypes::parse(["session.began", "account.created", "session.began"]);
        assert_eq!(parsed.unwrap().as_str(), "account.created session.began");
        assert_eq!(EventTypes::parse([]), Err(Problem::Required));
        for unknown in ["webhook.test", "account", "account.created "] {
            assert!(EventTypes::parse([unknown]).is_err(), "{unknown}");
        }
        assert!(!EventTypes::all().contains(EventType::Test));
        assert!(EventTypes::all().contains(EventType::FlushFailed));
    }

    #[test]
    fn an_endpoint_has_a_plain_address() {
        let url = EndpointUrl::parse("https://hooks.example.org:8443/munjigi?key=k").unwrap();
        assert_eq!(url.origin(), "https://hooks.example.org:8443");
        for odd in [
            "hooks.example.org",
            "ftp://x.org/",
            "https://a:b@x.org/",
            "https://x.org/#a",
            "https:///",
        ] {
            assert_eq!(
                EndpointUrl::parse(odd).err(),
                Some(Problem::NotWebhookUrl),
                "{odd}"
            );
        }
    }
}
