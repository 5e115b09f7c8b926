//! Display preferences of the admin panel.

use chrono_tz::Tz;

use crate::domain::language::Language;
use crate::domain::problem::Problem;
use crate::domain::text_enum::text_enum;

text_enum! {
    /// The color theme.
    #[derive(Default)]
    Theme {
        /// As set in the operating system.
        #[default]
        System = "system",
        /// Light colors.
        Light = "light",
        /// Dark colors.
        Dark = "dark",
    }
}

/// Parses a name of the IANA time zone database, such as `Asia/Seoul`.
pub fn parse_time_zone(name: &str) -> Result<Tz, Problem> {
    name.parse().map_err(|_| Problem::NotTimeZone)
}

/// The preferences of an administrator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preferences {
    /// `None`: as requested by the browser.
    pub language: Option<Language>,
    /// The color theme.
    pub theme: Theme,
    /// `None`: the time zone of the browser.
    pub time_zone: Option<Tz>,
}
