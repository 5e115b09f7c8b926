//! Points in time as people read them: in the viewer's zone and language, the exact one beside it.

use chrono::{Datelike, TimeZone};
use chrono_tz::Tz;

use crate::{clock::Timestamp, domain::language::Language};

/// A point in time in its three forms.
pub(crate) struct DisplayTime {
    /// For programs: RFC 3339 in UTC.
    pub iso: String,
    /// For a table's cell: without the year when it is this year's.
    pub short: String,
    /// To the second, with its zone.
    pub exact: String,
}

impl DisplayTime {
    /// The forms of `at` in a zone, told at the time `now`.
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
    fn a_moment_is_told_in_the_viewers_zone_and_language() {
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
