//! What can be wrong with an input, field by field, before anybody has put it into a language.

use std::{borrow::Cow, collections::BTreeMap};

use rust_i18n::t;

use crate::domain::language::Language;

/// One thing that is wrong with one field. The doors translate it; it never carries what was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The field is missing.
    Required,
    /// The field is there and empty, or holds only spaces.
    Blank,
    /// More characters than `max`.
    TooLong {
        /// The most characters allowed.
        max: usize,
    },
    /// Fewer characters than `min`.
    TooShort {
        /// The fewest characters allowed.
        min: usize,
    },
    /// Not a text.
    NotText,
    /// Neither true nor false.
    NotBoolean,
    /// Not a whole number between the bounds.
    NotNumber {
        /// The least value allowed.
        min: i64,
        /// The greatest value allowed.
        max: i64,
    },
    /// Holds a NUL or another control character.
    ControlCharacter,
    /// Not an e-mail address.
    NotEmail,
    /// Not a username: a letter or digit first, then letters, digits and `. _ - @ +`.
    NotUsername,
    /// Not a telephone number: `+`, digits, spaces, hyphens and brackets, with 4 to 15 digits.
    NotPhone,
    /// Not one of the values that exist.
    NotOneOf(&'static [&'static str]),
    /// No field of this name exists here.
    UnknownField,
    /// The password stands among the commonest.
    CommonPassword,
    /// The password is the account's own name or address.
    OwnWords,
    /// Another account has this value already.
    Taken,
    /// The body is not the JSON or the form that its content type says.
    MalformedBody,
    /// The body is JSON, but no object.
    NotObject,
    /// Nothing to change was sent.
    NothingToChange,
    /// A refresh token, where it travels in a cookie.
    TravelsInCookie,
    /// Not a day of the calendar.
    NotDate,
    /// Not the id of a session.
    NotSession,
    /// Not a time zone of the IANA database.
    NotTimeZone,
    /// Not what was typed in the field before.
    NotRepeated,
    /// Not the password of the account.
    WrongPassword,
}

impl Problem {
    /// What is wrong, as a sentence. The words are in `locales/`.
    #[must_use]
    pub fn sentence(&self, language: Language) -> Cow<'static, str> {
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
            Self::NotOneOf(values) => t!(
                "problem.not_one_of",
                locale = locale,
                values = values.join(", ")
            ),
            Self::UnknownField => t!("problem.unknown_field", locale = locale),
            Self::CommonPassword => t!("problem.common_password", locale = locale),
            Self::OwnWords => t!("problem.own_words", locale = locale),
            Self::Taken => t!("problem.taken", locale = locale),
            Self::MalformedBody => t!("problem.malformed_body", locale = locale),
            Self::NotObject => t!("problem.not_object", locale = locale),
            Self::NothingToChange => t!("problem.nothing_to_change", locale = locale),
            Self::TravelsInCookie => t!("problem.travels_in_cookie", locale = locale),
            Self::NotDate => t!("problem.not_date", locale = locale),
            Self::NotSession => t!("problem.not_session", locale = locale),
            Self::NotTimeZone => t!("problem.not_time_zone", locale = locale),
            Self::NotRepeated => t!("problem.not_repeated", locale = locale),
            Self::WrongPassword => t!("problem.wrong_password", locale = locale),
        }
    }
}

/// The problems of an input by field name; empty when all is well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(BTreeMap<String, Vec<Problem>>);

impl Problems {
    /// The problems of one field.
    #[must_use]
    pub fn one(field: impl Into<String>, problem: Problem) -> Self {
        let mut problems = Self::default();
        problems.add(field, problem);
        problems
    }

    /// Notes a problem of a field.
    pub fn add(&mut self, field: impl Into<String>, problem: Problem) {
        self.0.entry(field.into()).or_default().push(problem);
    }

    /// The same problems, of fields that are called otherwise at another door: pairs of the old name and the new one.
    #[must_use]
    pub fn renamed(self, names: &[(&str, &str)]) -> Self {
        let new_name = |old: &str| names.iter().find(|(name, _)| *name == old);
        let renamed = self.0.into_iter().map(|(field, problems)| {
            let field = new_name(&field).map_or(field, |(_, new)| (*new).to_owned());
            (field, problems)
        });
        Self(renamed.collect())
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each field with its problems, by field name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Problem])> {
        self.0
            .iter()
            .map(|(field, problems)| (field.as_str(), problems.as_slice()))
    }
}
