//! The inputs that more than one handler reads, or that belong to no noun of their own. An input of one noun alone, such as
//! the ordering of a list, is declared in that noun's file.

use crate::domain::account::{Email, Name, Phone, Role, Username};
use crate::domain::otp::OtpCode;
use crate::domain::paging::Page;
use crate::domain::password::Password;
use crate::domain::principal::UserType;
use crate::domain::problem::Problem;
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
/// Of tokens.
pub(super) const TOKEN_KIND: Kind = Kind::Text {
    format: Some("jwt"),
    max: None,
};
const IDENTIFIER_KIND: Kind = Kind::Text {
    format: None,
    max: Some(MAX_IDENTIFIER),
};

inputs! {
    /// The page's number, from 1.
    PAGE: i64 = "page", Kind::Integer { min: 1, max: Page::MAX_NUMBER, default: 1 }, page_number;
    /// The entries of a page.
    PAGE_SIZE: i64 = "page_size",
        Kind::Integer { min: 1, max: Page::MAX_SIZE, default: Page::DEFAULT_SIZE }, page_size;
    /// A part of a name or an address.
    SEARCH: Option<String> = "search", Kind::Text { format: None, max: Some(MAX_SEARCH) }, search;
    /// The name to log in by: a client's username or a user's e-mail address.
    IDENTIFIER: String = "username", IDENTIFIER_KIND, identifier;
    /// The e-mail address to log in by, instead of `username`.
    EMAIL_IDENTIFIER: String = "email", IDENTIFIER_KIND, identifier;
    /// The population to log in to; `user` if missing.
    USER_TYPE: UserType = "user_type", Kind::OneOf(UserType::NAMES), user_type;
    /// An access or refresh token.
    TOKEN: String = "token", TOKEN_KIND, token;
    /// Whether the session of this access token continues.
    KEEP_CURRENT: bool = "keep_current", Kind::Boolean, boolean;
    /// The id in the answer to the request of the code.
    CHALLENGE: Option<ChallengeId> = "challenge_id", Kind::Text { format: Some("uuid"), max: None }, challenge;
    /// The one-time code; spaces and hyphens in it are ignored.
    CODE: OtpCode = "code", Kind::Text { format: Some("code"), max: Some(64) }, OtpCode::parse;
    /// The password.
    PASSWORD: Password = "password", PASSWORD_KIND, Password::parse;
    /// The account's password until now.
    CURRENT_PASSWORD: Password = "current_password", PASSWORD_KIND, Password::parse;
    /// The account's new password.
    NEW_PASSWORD: Password = "new_password", PASSWORD_KIND, Password::parse;
    /// The e-mail address.
    EMAIL: Email = "email", Kind::Text { format: Some("email"), max: Some(Email::MAX) }, Email::parse;
    /// The client's unique name.
    USERNAME: Username = "username", Kind::Text { format: Some("username"), max: Some(Username::MAX) }, Username::parse;
    /// The display name, one line.
    NAME: Name = "name", Kind::Text { format: Some("line"), max: Some(Name::MAX) }, Name::parse;
    /// The telephone number.
    PHONE: Phone = "phone", Kind::Text { format: Some("phone"), max: Some(Phone::MAX) }, Phone::parse;
    /// The role of an internal user.
    ROLE: Role = "role", Kind::OneOf(Role::NAMES), Role::parse;
    /// Whether the account is active.
    IS_ACTIVE: bool = "is_active", Kind::Boolean, boolean;
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

fn plain(text: &str, max: usize) -> Result<String, Problem> {
    if text.chars().count() > max {
        Err(Problem::TooLong { max })
    } else if text.contains(char::is_control) {
        Err(Problem::ControlCharacter)
    } else {
        Ok(text.to_owned())
    }
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
