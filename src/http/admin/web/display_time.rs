//! Timestamps for display, in the viewer's time zone and language.

use chrono::{Datelike, TimeZone};
use chrono_tz::Tz;

use crate::clock::Timestamp;
use crate::domain::language::Language;
use crate::http::admin::web::texts::{tr, tr_count};

/// A timestamp in several formats.
pub(crate) struct DisplayTime {
    /// RFC 3339 in UTC.
    pub iso: String,
    /// For tables: without the year if it is the current one.
    pub short: String,
    /// As `short`, with seconds.
    pub seconds: String,
    /// How long ago it is or will be, such as `3 minutes ago`; empty for more than a month.
    pub relative: String,
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
        let exact = if zone == Tz::UTC {
            "%Y-%m-%d %H:%M:%S UTC"
        } else {
            "%Y-%m-%d %H:%M:%S %Z (UTC%:z)"
        };
        Self {
            iso: at.to_string(),
            short: local.format(short).to_string(),
            seconds: local.format(&format!("{short}:%S")).to_string(),
            relative: relative(at, now, language),
            exact: local.format(exact).to_string(),
        }
    }
}

/// The distance between a time and now in its largest unit.
fn relative(at: Timestamp, now: Timestamp, language: Language) -> String {
    let (is_past, distance) = if at <= now {
        (true, now.since(at))
    } else {
        (false, at.since(now))
    };
    let seconds = distance.as_secs();
    let (unit, n) = match seconds {
        0..45 if is_past => return tr(language, "ago.now"),
        // Rounded up: what expires in 30 seconds does so in a minute.
        0..3_600 => ("minutes", seconds.div_ceil(60).max(1)),
        3_600..86_400 => ("hours", seconds / 3_600),
        86_400..2_592_000 => ("days", seconds / 86_400),
        _ => return String::new(),
    };
    let family = if is_past { "ago." } else { "ahead." };
    tr_count(language, &format!("{family}{unit}"), n)
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
        assert_eq!(seoul.seconds, "2월 14일 21:30:45");
        let utc = DisplayTime::new(at, later, chrono_tz::UTC, Language::En);
        assert_eq!(utc.short, "Feb 14, 2026, 12:30");
        assert_eq!(utc.exact, "2026-02-14 12:30:45 UTC");
        assert_eq!(utc.relative, "");
    }

    #[test]
    fn a_distance_is_shown_in_its_largest_unit() {
        let now = Timestamp::from_unix_micros(1_771_072_245_678_901);
        let relative = |at| DisplayTime::new(at, now, chrono_tz::UTC, Language::En).relative;
        let before = |seconds: i64| {
            relative(Timestamp::from_unix_micros(
                now.unix_micros() - seconds * 1_000_000,
            ))
        };
        assert_eq!(before(0), "just now");
        assert_eq!(before(60), "1 minute ago");
        assert_eq!(before(3_599), "60 minutes ago");
        assert_eq!(before(7_300), "2 hours ago");
        assert_eq!(before(86_400 * 3), "3 days ago");
        assert_eq!(before(86_400 * 31), "");
        let minutes = std::time::Duration::from_mins(24);
        assert_eq!(relative(now + minutes), "in 24 minutes");
    }
}
