//! Problems of input fields, with messages in each language.

use std::{borrow::Cow, collections::BTreeMap};

use rust_i18n::t;

use crate::domain::admin_scope::AdminScope;
use crate::domain::language::Language;

/// A problem of an input field. Never contains the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The field is missing.
    Required,
    /// The field is empty or contains only spaces.
    Blank,
    /// More characters than `max`.
    TooLong {
        /// Maximum number of characters.
        max: usize,
    },
    /// Fewer characters than `min`.
    TooShort {
        /// Minimum number of characters.
        min: usize,
    },
    /// Not a string.
    NotText,
    /// Not a boolean.
    NotBoolean,
    /// Not a whole number from `min` to `max`.
    NotNumber {
        /// Minimum value.
        min: i64,
        /// Maximum value.
        max: i64,
    },
    /// Contains a control character, such as NUL.
    ControlCharacter,
    /// Not an e-mail address.
    NotEmail,
    /// Not a username, see [`crate::domain::account::Username::parse`].
    NotUsername,
    /// Not a telephone number, see [`crate::domain::account::Phone::parse`].
    NotPhone,
    /// Not the name of a service, see [`crate::domain::service::ServiceName::parse`].
    NotServiceName,
    /// Not scopes, see [`crate::domain::service::Scopes::parse`].
    NotScopes,
    /// Not the address of an endpoint, see [`crate::domain::webhook::EndpointUrl::parse`].
    NotWebhookUrl,
    /// The address of an endpoint with `http`, to a host that is not allowed.
    NeedsHttps,
    /// The address of an endpoint in a network that is not public.
    NotPublic,
    /// A scope that begins as those of the admin API do, but is none.
    NotAdminScope,
    /// Not the claims of an account, see [`crate::domain::account_claims::AccountClaims::parse`].
    NotClaims,
    /// Claims of an account with a name that no claim may have.
    ReservedClaim,
    /// Not the name of a role, see [`crate::domain::account::Role::parse`].
    NotRole,
    /// Not one of the configured roles.
    UnknownRole(Vec<String>),
    /// Not one of these values.
    NotOneOf(&'static [&'static str]),
    /// Not the number that the page shows.
    OtherNumber,
    /// The request has no field with this name.
    UnknownField,
    /// The password is in the list of common passwords.
    CommonPassword,
    /// The password is in the list of breached passwords.
    BreachedPassword,
    /// The password contains the name, username or e-mail of the account.
    ContainsIdentifier,
    /// The password contains the name of the site.
    ContainsSiteName,
    /// Neither an e-mail address nor a username.
    NoLogin,
    /// Another account has this value.
    Taken,
    /// The body cannot be parsed as its content type.
    MalformedBody,
    /// The body is JSON, but not an object.
    NotObject,
    /// The request contains no field to change.
    NothingToChange,
    /// A refresh token in the body, although it is transported in a cookie.
    SentInCookie,
    /// Not a date.
    NotDate,
    /// Not a session id.
    NotSession,
    /// Not an account such as `user:1`.
    NotAccount,
    /// Not a time (RFC 3339) of the years 1970 to 9999.
    NotTime,
    /// Not a cursor of this list.
    NotCursor,
    /// Too many accounts contain the text.
    TooManyAccounts,
    /// Not a list of `1` to `max` objects.
    NotItems {
        /// Maximum number of objects.
        max: usize,
    },
    /// More objects of a list have a password than may.
    TooManyPasswords {
        /// Maximum number of passwords.
        max: usize,
    },
    /// More objects of a list have an invitation than may.
    TooManyInvitations {
        /// Maximum number of invitations.
        max: usize,
    },
    /// Not a key of `Idempotency-Key`.
    NotIdempotencyKey,
    /// Not a time zone of the IANA time zone database.
    NotTimeZone,
    /// The repeated password is different.
    PasswordMismatch,
    /// Not the current password of the account.
    WrongPassword,
    /// Not a code of the authenticator app that is being set up.
    WrongCode,
    /// Not a valid code of the account's second factor.
    WrongFactor,
    /// One's own password, where only those of others can be set.
    OwnPassword,
    /// An invitation, and a password.
    InviteOrPassword,
    /// An invitation without an e-mail address.
    InviteNeedsEmail,
    /// An invitation of an inactive account.
    InviteNeedsActive,
    /// An invitation without a mail server.
    InviteNeedsMailServer,
    /// An invitation without the public URL of the server.
    InviteNeedsUrl,
    /// Not a passkey that the browser registered, or one of an unsupported kind.
    NotPasskey,
    /// The challenge of the passkey was answered before, has expired or is another account's.
    ChallengeExpired,
    /// A passkey that was registered on the page of another origin.
    OtherOrigin,
    /// There are as many endpoints of webhooks as there may be.
    TooManyEndpoints {
        /// Maximum number of endpoints.
        max: i64,
    },
    /// The authenticator did not verify the user.
    UserNotVerified,
    /// The account has as many passkeys as it may have.
    TooManyPasskeys {
        /// Maximum number of passkeys.
        max: usize,
    },
}

impl Problem {
    /// The message from `locales/`, a sentence.
    #[must_use]
    pub fn message(&self, language: Language) -> Cow<'static, str> {
        let locale = language.tag();
        match self {
            Self::Required => t!("problem.required", locale = locale),
            Self::Blank => t!("problem.blank", locale = locale),
            Self::TooLong { max } => t!("problem.too_long", locale = locale, max = max),
            Self::TooShort { min } => t!("problem.too_short", locale = locale, min = min),
            Self::NotText => t!("problem.not_text", locale = locale),
            Self::NotBoolean => t!("problem.not_boolean", locale = locale),
            Self::NotNumber { min, max } => {
                t!("problem.not_number", locale = locale, min = min, max = max)
            }
            Self::ControlCharacter => t!("problem.control_character", locale = locale),
            Self::NotEmail => t!("problem.not_email", locale = locale),
            Self::NotUsername => t!("problem.not_username", locale = locale),
            Self::NotPhone => t!("problem.not_phone", locale = locale),
            Self::NotServiceName => t!("problem.not_service_name", locale = locale),
            Self::NotScopes => t!("problem.not_scopes", locale = locale),
            Self::NotWebhookUrl => t!("problem.not_webhook_url", locale = locale),
            Self::NeedsHttps => t!("problem.needs_https", locale = locale),
            Self::NotPublic => t!("problem.not_public", locale = locale),
            Self::NotAdminScope => t!(
                "problem.not_admin_scope",
                locale = locale,
                values = AdminScope::NAMES.join(", ")
            ),
            Self::NotClaims => t!("problem.not_claims", locale = locale),
            Self::ReservedClaim => t!("problem.reserved_claim", locale = locale),
            Self::NotRole => t!("problem.not_role", locale = locale),
            Self::UnknownRole(roles) => {
                t!(
                    "problem.not_one_of",
                    locale = locale,
                    values = roles.join(", ")
                )
            }
            Self::NotOneOf(values) => t!(
                "problem.not_one_of",
                locale = locale,
                values = values.join(", ")
            ),
            Self::OtherNumber => t!("problem.other_number", locale = locale),
            Self::UnknownField => t!("problem.unknown_field", locale = locale),
            Self::CommonPassword => t!("problem.common_password", locale = locale),
            Self::BreachedPassword => t!("problem.breached_password", locale = locale),
            Self::ContainsIdentifier => t!("problem.contains_identifier", locale = locale),
            Self::ContainsSiteName => t!("problem.contains_site_name", locale = locale),
            Self::NoLogin => t!("problem.no_login", locale = locale),
            Self::Taken => t!("problem.taken", locale = locale),
            Self::MalformedBody => t!("problem.malformed_body", locale = locale),
            Self::NotObject => t!("problem.not_object", locale = locale),
            Self::NothingToChange => t!("problem.nothing_to_change", locale = locale),
            Self::SentInCookie => t!("problem.sent_in_cookie", locale = locale),
            Self::NotDate => t!("problem.not_date", locale = locale),
            Self::NotSession => t!("problem.not_session", locale = locale),
            Self::NotAccount => t!("problem.not_account", locale = locale),
            Self::NotTime => t!("problem.not_time", locale = locale),
            Self::NotCursor => t!("problem.not_cursor", locale = locale),
            Self::TooManyAccounts => t!("problem.too_many_accounts", locale = locale),
            Self::NotItems { max } => t!("problem.not_items", locale = locale, max = max),
            Self::TooManyPasswords { max } => {
                t!("problem.too_many_passwords", locale = locale, max = max)
            }
            Self::TooManyInvitations { max } => {
                t!("problem.too_many_invitations", locale = locale, max = max)
            }
            Self::NotIdempotencyKey => t!("problem.not_idempotency_key", locale = locale),
            Self::NotTimeZone => t!("problem.not_time_zone", locale = locale),
            Self::PasswordMismatch => t!("problem.password_mismatch", locale = locale),
            Self::WrongPassword => t!("problem.wrong_password", locale = locale),
            Self::WrongCode => t!("problem.wrong_code", locale = locale),
            Self::WrongFactor => t!("problem.wrong_factor", locale = locale),
            Self::OwnPassword => t!("problem.own_password", locale = locale),
            Self::InviteOrPassword => t!("problem.invite_or_password", locale = locale),
            Self::InviteNeedsEmail => t!("problem.invite_needs_email", locale = locale),
            Self::InviteNeedsActive => t!("problem.invite_needs_active", locale = locale),
            Self::InviteNeedsMailServer => t!("problem.invite_needs_mail_server", locale = locale),
            Self::InviteNeedsUrl => t!("problem.invite_needs_url", locale = locale),
            Self::NotPasskey => t!("problem.not_passkey", locale = locale),
            Self::ChallengeExpired => t!("problem.challenge_expired", locale = locale),
            Self::OtherOrigin => t!("problem.other_origin", locale = locale),
            Self::UserNotVerified => t!("problem.user_not_verified", locale = locale),
            Self::TooManyEndpoints { max } => {
                t!("problem.too_many_endpoints", locale = locale, max = max)
            }
            Self::TooManyPasskeys { max } => {
                t!("problem.too_many_passkeys", locale = locale, max = max)
            }
        }
    }
}

/// The problems of an input, by field name. Empty if the input is valid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(BTreeMap<String, Vec<Problem>>);

impl Problems {
    /// One problem of one field.
    #[must_use]
    pub fn one(field: impl Into<String>, problem: Problem) -> Self {
        let mut problems = Self::default();
        problems.add(field, problem);
        problems
    }

    /// Adds a problem of a field.
    pub fn add(&mut self, field: impl Into<String>, problem: Problem) {
        self.0.entry(field.into()).or_default().push(problem);
    }

    /// Renames fields that have another name in another interface. `names` are pairs of old and new name.
    #[must_use]
    pub fn renamed(self, names: &[(&str, &str)]) -> Self {
        let new_name = |old: &str| names.iter().find(|(name, _)| *name == old);
        let renamed = self.0.into_iter().map(|(field, problems)| {
            let field = new_name(&field).map_or(field, |(_, new)| (*new).to_owned());
            (field, problems)
        });
        Self(renamed.collect())
    }

    /// Whether the input is valid.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields with their problems, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Problem])> {
        self.0
            .iter()
            .map(|(field, problems)| (field.as_str(), problems.as_slice()))
    }
}
