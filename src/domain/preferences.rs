//! How somebody wants the panel to look.

use chrono_tz::Tz;

use crate::domain::{language::Language, problem::Problem, text_enum::text_enum};

text_enum! {
    /// The colours of the panel.
    Theme {
        /// As the browser's system has it.
        System = "system",
        /// Light.
        Light = "light",
        /// Dark.
        Dark = "dark",
    }
}

/// Reads the name of a time zone (IANA time zone database), such as `Asia/Seoul`.
pub fn parse_time_zone(name: &str) -> Result<Tz, Problem> {
    name.parse().map_err(|_| Problem::NotTimeZone)
}

/// The wishes of one administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preferences {
    /// The language; none: as the browser asks.
    pub language: Option<Language>,
    /// The colours.
    pub theme: Theme,
    /// The time zone; none: the browser's.
    pub time_zone: Option<Tz>,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            language: None,
            theme: Theme::System,
            time_zone: None,
        }
    }
}
