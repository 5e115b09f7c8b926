//! What every page knows besides its own subject: language, theme, who looks, and the words. The field `l` of a page.

use std::fmt::Display;

use chrono_tz::Tz;
use rust_i18n::t;

use crate::{
    clock::Timestamp,
    domain::{language::Language, preferences::Theme},
    http::admin::web::{agent, assets, display_time::DisplayTime, notice::Notice},
};

/// The frame of a page. Its methods are what templates call.
pub(crate) struct Layout {
    /// The language's tag.
    pub language: &'static str,
    /// `system`, `light` or `dark`.
    pub theme: &'static str,
    /// The token of the page's forms; empty where there can be none.
    pub csrf: String,
    /// The part of the panel that the page belongs to, by its name in the navigation.
    pub section: &'static str,
    /// Whether the viewer may change anything.
    pub writes: bool,
    /// What the viewer is called; empty for a visitor, as the next two.
    pub me_name: String,
    /// The viewer's address.
    pub me_email: String,
    /// The viewer's role, in his language.
    pub me_role: String,
    /// What the last action has to say.
    pub notices: Vec<Notice>,
    /// The program's version.
    pub version: &'static str,
    /// The page's own path and query.
    pub path: String,
    /// The zone that times are told in.
    pub zone: Tz,
    pub(crate) now: Timestamp,
    pub(crate) spoken: Language,
}

impl Layout {
    /// The frame for whoever is not signed in.
    pub(crate) fn plain(language: Language, theme: Theme, zone: Tz, now: Timestamp) -> Self {
        Self {
            language: language.tag(),
            theme: theme.as_str(),
            csrf: String::new(),
            section: "",
            writes: false,
            me_name: String::new(),
            me_email: String::new(),
            me_role: String::new(),
            notices: Vec::new(),
            version: env!("CARGO_PKG_VERSION"),
            path: String::new(),
            zone,
            now,
            spoken: language,
        }
    }

    /// A text of `locales/admin`, by its key without the leading `admin.`.
    pub(crate) fn t(&self, key: &str) -> String {
        words(self.spoken, key)
    }

    /// The text of a word that the house keeps, such as a role or a reason, by its family in `locales/admin`.
    pub(crate) fn word(&self, family: &str, word: impl Display) -> String {
        words(self.spoken, &format!("{family}.{word}"))
    }

    /// The same with a value for `%{value}`.
    pub(crate) fn t1(&self, key: &str, value: impl Display) -> String {
        words_with(self.spoken, key, value)
    }

    /// The same with a number for `%{n}`, its thousands parted.
    pub(crate) fn tn(&self, key: &str, n: impl Display) -> String {
        words_counted(self.spoken, key, n)
    }

    /// The address of a static file.
    #[expect(
        clippy::unused_self,
        reason = "templates ask their layout for everything"
    )]
    pub(crate) fn asset(&self, name: &str) -> String {
        assets::url(name)
    }

    /// A point in time.
    pub(crate) fn time(&self, at: &Timestamp) -> DisplayTime {
        DisplayTime::new(*at, self.now, self.zone, self.spoken)
    }

    /// A browser or program in words, from what it calls itself.
    #[expect(
        clippy::unused_self,
        reason = "templates ask their layout for everything"
    )]
    pub(crate) fn agent(&self, user_agent: &str) -> String {
        agent::name(user_agent)
    }

    /// A number with its thousands parted.
    #[expect(
        clippy::unused_self,
        reason = "templates ask their layout for everything"
    )]
    pub(crate) fn number(&self, n: impl Display) -> String {
        grouped(&n.to_string())
    }
}

/// A text of `locales/admin` in a language.
pub(crate) fn words(language: Language, key: &str) -> String {
    t!(format!("admin.{key}"), locale = language.tag()).into_owned()
}

/// The same with a value for `%{value}`.
pub(crate) fn words_with(language: Language, key: &str, value: impl Display) -> String {
    let value = value.to_string();
    t!(
        format!("admin.{key}"),
        locale = language.tag(),
        value = value
    )
    .into_owned()
}

/// The same with a number for `%{n}`. Where there is one thing only, the text of the key with `_one` behind it is taken,
/// if there is such a text.
pub(crate) fn words_counted(language: Language, key: &str, n: impl Display) -> String {
    let n = n.to_string();
    if n == "1" {
        let one = format!("admin.{key}_one");
        let text = t!(&one, locale = language.tag(), n = n);
        if text != one && !text.ends_with(&one) {
            return text.into_owned();
        }
    }
    let n = grouped(&n);
    t!(format!("admin.{key}"), locale = language.tag(), n = n).into_owned()
}

/// `1234567` as `1,234,567`; a text that is no number stays as it is.
fn grouped(digits: &str) -> String {
    if digits.len() < 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return digits.to_owned();
    }
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_parted() {
        for (digits, read) in [
            ("7", "7"),
            ("999", "999"),
            ("1000", "1,000"),
            ("1234567", "1,234,567"),
            ("10,000+", "10,000+"),
        ] {
            assert_eq!(grouped(digits), read);
        }
    }
}
