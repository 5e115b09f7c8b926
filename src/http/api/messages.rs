//! Messages of codes, in the language of the request. The texts are in `locales/`; a test checks that none is missing.

use std::borrow::Cow;

use rust_i18n::t;

use crate::domain::language::Language;

/// The message of a code.
pub(super) fn code_message(language: Language, code: &str) -> Cow<'static, str> {
    t!(format!("code.{code}"), locale = language.tag())
}

/// A message that differs from that of its code, by its key.
pub(super) fn sentence(language: Language, key: &'static str) -> Cow<'static, str> {
    t!(key, locale = language.tag())
}

/// The message of `RATE_LIMITED` with the seconds to wait.
pub(super) fn rate_limited(language: Language, seconds: u64) -> Cow<'static, str> {
    t!("code.RATE_LIMITED", locale = language.tag(), n = seconds)
}
