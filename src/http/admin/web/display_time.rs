//! Timestamps for display, in the viewer's time zone and language.

use chrono::{Datelike, TimeZone};
use chrono_tz::Tz;

use crate::clock::Timestamp;
use crate::domain::language::Language;

/// A timestamp in three formats.
pub(crate) struct DisplayTime {
    /// RFC 3339 in UTC.
    pub iso: String,
    /// For tables: without the year if it is the current one.
    pub short: String,
    /// To the second, with the time zone.
    pub exact: String,
}

impl DisplayTime {
    /// Formats `at`; `now` decides whether the year is shown.
    pub(crate) fn new(at: Timestamp, now: Timestamp, zone: Tz, language: Language) -> Self {
        let local = zone.from_utc_datetime(at.naive_utc());
        let this_year = zone.from_utc_datetime(now.naive_utc()).year() == local.year();
        let short = match (language, this_year) {
            (Language::En, true) => "%b %-d, %H:%M",
            (Language::En, false) => "%b %-d, %Y, %H:%M",
            (Language::Ko, true) => "%-m월 %-d일 %H:%M",
            (Language::Ko, false) => "%Y년 %-m월 %-d일 %H:%M",
        };
        Self {
            iso: at.to_string(),
            short: local.format(short).to_string(),
            exact: local.format("%Y-%m-%d %H:%M:%S %Z (UTC%:z)").to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_in_the_viewers_zone_and_language() {
        let at = Timestamp::from_unix_micros(1_771_072_245_678_901);
        let later = at + std::time::Duration::from_hours(24 * 400);
        let seoul = DisplayTime::new(at, at, chrono_tz::Asia::Seoul, Language::Ko);
        assert_eq!(seoul.short, "2월 14일 21:30");
        assert_eq!(seoul.exact, "2026-02-14 21:30:45 KST (UTC+09:00)");
        assert_eq!(seoul.iso, "2026-02-14T12:30:45+00:00");
        let utc = DisplayTime::new(at, later, chrono_tz::UTC, Language::En);
        assert_eq!(utc.short, "Feb 14, 2026, 12:30");
    }
}
