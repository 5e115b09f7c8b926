//! Codes in the caller's language. The words are in `locales/`; a test sees to it that none is missing.

use std::borrow::Cow;

use rust_i18n::t;

use crate::domain::language::Language;

/// The sentence that goes with a code.
pub(super) fn code_message(language: Language, code: &str) -> Cow<'static, str> {
    t!(format!("code.{code}"), locale = language.tag())
}

/// A sentence by its key.
pub(super) fn sentence(language: Language, key: &'static str) -> Cow<'static, str> {
    t!(key, locale = language.tag())
}

/// The sentence of [`code_message`] for `RATE_LIMITED`, with the seconds to wait.
pub(super) fn rate_limited(language: Language, seconds: u64) -> Cow<'static, str> {
    t!("code.RATE_LIMITED", locale = language.tag(), n = seconds)
}
