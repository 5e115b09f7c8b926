//! The inputs that more than one handler reads, or that belong to no noun of their own. An input of one noun alone, such as
//! the ordering of a list, is declared in that noun's file.

use crate::domain::account::{Email, ExternalId, Name, Phone, Role, Username};
use crate::domain::account_claims::AccountClaims;
use crate::domain::otp::OtpCode;
use crate::domain::paging::Page;
use crate::domain::password::Password;
use crate::domain::principal::UserType;
use crate::domain::problem::Problem;
use crate::domain::second_factor::SecondFactorMethod;
use crate::domain::service::Scopes;
use crate::domain::session::ChallengeId;
use crate::domain::text::clean;
use crate::http::api::input::{Kind, inputs};

/// The most characters of a name in a login.
const MAX_IDENTIFIER: usize = Email::MAX;
/// The most characters of a search.
const MAX_SEARCH: usize = 200;

const PASSWORD_KIND: Kind = Kind::Text {
    format: Some("password"),
    max: Some(Password::MAX),
};
/// Of a password that an account has already.
const PRESENTED_PASSWORD_KIND: Kind = Kind::Text {
    format: Some("password"),
    max: Some(Password::MAX_PRESENTED),
};
/// Of tokens.
pub(super) const TOKEN_KIND: Kind = Kind::Text {
    format: Some("jwt"),
    max: None,
};
const IDENTIFIER_KIND: Kind = Kind::Text {
    format: None,
    max: Some(MAX_IDENTIFIER),
};

/// The most characters of a parameter of OAuth 2.0 other than scopes and tokens.
const MAX_PARAMETER: usize = 200;
const PARAMETER_KIND: Kind = Kind::Text {
    format: None,
    max: Some(MAX_PARAMETER),
};
/// The most characters of requested scopes.
pub(super) const MAX_SCOPE: usize = (Scopes::MAX_LENGTH + 1) * Scopes::MAX;
const SCOPE_KIND: Kind = Kind::Text {
    format: None,
    max: Some(MAX_SCOPE),
};

inputs! {
    /// The page's number, from 1.
    PAGE: i64 = "page", Kind::Integer { min: 1, max: Page::MAX_NUMBER, default: 1 }, page_number;
    /// The entries of a page.
    PAGE_SIZE: i64 = "page_size",
        Kind::Integer { min: 1, max: Page::MAX_SIZE, default: Page::DEFAULT_SIZE }, page_size;
    /// A part of a name or an address.
    SEARCH: Option<String> = "search", Kind::Text { format: None, max: Some(MAX_SEARCH) }, search;
    /// The name to log in by: the username, or the e-mail address of a user.
    IDENTIFIER: String = "username", IDENTIFIER_KIND, identifier;
    /// The e-mail address to log in by, instead of `username`.
    EMAIL_IDENTIFIER: String = "email", IDENTIFIER_KIND, identifier;
    /// The population to log in to; `user` if missing.
    USER_TYPE: UserType = "user_type", Kind::OneOf(UserType::NAMES), user_type;
    /// An access or refresh token.
    TOKEN: String = "token", TOKEN_KIND, token;
    /// The kind of access that is requested: `client_credentials`.
    GRANT_TYPE: String = "grant_type", PARAMETER_KIND, parameter;
    /// The requested scopes with spaces in between; all of the service if missing.
    SCOPE: String = "scope", SCOPE_KIND, scope;
    /// The name of the service, unless it is in the header.
    CLIENT_ID: String = "client_id", PARAMETER_KIND, parameter;
    /// The secret of the service, unless it is in the header.
    CLIENT_SECRET: String = "client_secret", PARAMETER_KIND, parameter;
    /// What the token is thought to be; it changes nothing.
    TOKEN_TYPE_HINT: String = "token_type_hint", PARAMETER_KIND, parameter;
    /// Whether the session of this access token continues.
    KEEP_CURRENT: bool = "keep_current", Kind::Boolean, boolean;
    /// The id in the answer to the request of the code.
    CHALLENGE: Option<ChallengeId> = "challenge_id", Kind::Text { format: Some("uuid"), max: None }, challenge;
    /// The id of the challenge in the answer to the login.
    LOGIN_CHALLENGE: String = "challenge_id", Kind::Text { format: None, max: None }, any_text;
    /// How the second factor is proved.
    METHOD: SecondFactorMethod = "method", Kind::OneOf(SecondFactorMethod::NAMES), factor_method;
    /// A code of the authenticator app, or a recovery code; spaces and hyphens in it are ignored.
    FACTOR_CODE: OtpCode = "code", Kind::Text { format: Some("code"), max: Some(64) }, OtpCode::parse;
    /// The one-time code; spaces and hyphens in it are ignored.
    CODE: OtpCode = "code", Kind::Text { format: Some("code"), max: Some(64) }, OtpCode::parse;
    /// The password.
    PASSWORD: Password = "password", PASSWORD_KIND, Password::parse;
    /// The account's password.
    LOGIN_PASSWORD: Password = "password", PRESENTED_PASSWORD_KIND, Password::parse_presented;
    /// The account's password until now.
    CURRENT_PASSWORD: Password = "current_password", PRESENTED_PASSWORD_KIND, Password::parse_presented;
    /// The account's new password.
    NEW_PASSWORD: Password = "new_password", PASSWORD_KIND, Password::parse;
    /// The secret of a one-time link.
    LINK_TOKEN: String = "token", Kind::Text { format: None, max: None }, token;
    /// The new e-mail address.
    NEW_EMAIL: Email = "new_email", Kind::Text { format: Some("email"), max: Some(Email::MAX) }, Email::parse;
    /// The e-mail address.
    EMAIL: Email = "email", Kind::Text { format: Some("email"), max: Some(Email::MAX) }, Email::parse;
    /// Whether the e-mail address counts as verified; a new one does by default.
    EMAIL_VERIFIED: bool = "email_verified", Kind::Boolean, boolean;
    /// The unique name to log in by.
    USERNAME: Username = "username", Kind::Text { format: Some("username"), max: Some(Username::MAX) }, Username::parse;
    /// The unique id of the account in another system, one line.
    EXTERNAL_ID: ExternalId = "external_id", Kind::Text { format: Some("line"), max: Some(ExternalId::MAX) },
        ExternalId::parse;
    /// The display name, one line.
    NAME: Name = "name", Kind::Text { format: Some("line"), max: Some(Name::MAX) }, Name::parse;
    /// The telephone number.
    PHONE: Phone = "phone", Kind::Text { format: Some("phone"), max: Some(Phone::MAX) }, Phone::parse;
    /// The role of an internal user.
    ROLE: Role = "role", Kind::Role, Role::parse;
    /// The claims of the account's own, for its access tokens.
    CLAIMS: Option<AccountClaims> = "claims", Kind::Object, AccountClaims::parse;
    /// Whether the account is active.
    IS_ACTIVE: bool = "is_active", Kind::Boolean, boolean;
    /// Whether the owner is mailed a link to set the password, instead of `password`.
    INVITE: bool = "invite", Kind::Boolean, boolean;
}

fn factor_method(text: &str) -> Result<SecondFactorMethod, Problem> {
    SecondFactorMethod::from_word(text).ok_or(Problem::NotOneOf(SecondFactorMethod::NAMES))
}

/// A secret is compared with the hashes of the stored ones: any text may be sent.
#[expect(clippy::unnecessary_wraps, reason = "the signature of parsers")]
fn any_text(text: &str) -> Result<String, Problem> {
    Ok(text.to_owned())
}

fn page_number(text: &str) -> Result<i64, Problem> {
    whole_number(text, 1, Page::MAX_NUMBER)
}

fn page_size(text: &str) -> Result<i64, Problem> {
    whole_number(text, 1, Page::MAX_SIZE)
}

fn whole_number(text: &str, min: i64, max: i64) -> Result<i64, Problem> {
    let number = text
        .parse()
        .ok()
        .filter(|number| (min..=max).contains(number));
    number.ok_or(Problem::NotNumber { min, max })
}

/// Without a visible character nothing is searched for.
fn search(text: &str) -> Result<Option<String>, Problem> {
    let text = plain(text, MAX_SEARCH)?;
    Ok(Some(text).filter(|text| !clean(text).is_empty()))
}

/// A name is compared with the stored ones: only what no name can be is refused.
fn identifier(text: &str) -> Result<String, Problem> {
    if clean(text).is_empty() {
        Err(Problem::Blank)
    } else {
        plain(text, MAX_IDENTIFIER)
    }
}

/// At most `max` characters, none of which is a control character.
pub(super) fn plain(text: &str, max: usize) -> Result<String, Problem> {
    if text.chars().count() > max {
        Err(Problem::TooLong { max })
    } else if text.contains(char::is_control) {
        Err(Problem::ControlCharacter)
    } else {
        Ok(text.to_owned())
    }
}

fn parameter(text: &str) -> Result<String, Problem> {
    plain(text, MAX_PARAMETER)
}

/// Whether the scopes exist is checked later: the standard has an error of its own for scopes.
fn scope(text: &str) -> Result<String, Problem> {
    plain(text, MAX_SCOPE)
}

fn user_type(text: &str) -> Result<UserType, Problem> {
    UserType::from_word(text).ok_or(Problem::NotOneOf(UserType::NAMES))
}

/// A text that may be a token. The services verify it.
pub(super) fn token(text: &str) -> Result<String, Problem> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        Err(Problem::Blank)
    } else {
        Ok(trimmed.to_owned())
    }
}

/// A text that is not an id counts as an unknown challenge, not as a wrong field.
#[expect(clippy::unnecessary_wraps, reason = "the signature of all parsers")]
fn challenge(text: &str) -> Result<Option<ChallengeId>, Problem> {
    Ok(ChallengeId::parse(text.trim()))
}

fn boolean(text: &str) -> Result<bool, Problem> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Problem::NotBoolean),
    }
}
