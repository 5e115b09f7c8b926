//! Periods of lists: a preset such as "yesterday", or days from and to, both inclusive, in the viewer's time zone.

use chrono::{Datelike, Days, NaiveDate, TimeZone};
use chrono_tz::Tz;

use crate::clock::Timestamp;
use crate::http::admin::web::filters::{Choice, PRESETS, overrules};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::lists::ListQuery;

/// The presets of the last login, which may be missing.
const LOGIN_PRESETS: &[&str] = &[
    "ever",
    "never",
    "today",
    "yesterday",
    "last_7_days",
    "last_month",
];

/// The parameters of a period.
pub(crate) struct Period {
    /// The parameter of the preset. A preset overrules the days.
    pub preset: &'static str,
    /// The parameters of the days.
    pub from: &'static str,
    pub to: &'static str,
    /// The values of the preset.
    pub words: &'static [&'static str],
}

/// The only period of a list.
pub(crate) const PERIOD: Period = Period {
    preset: "period",
    from: "from",
    to: "to",
    words: PRESETS,
};

/// The period of creation in the lists of accounts.
pub(crate) const CREATED: Period = Period {
    preset: "created",
    from: "created_from",
    to: "created_to",
    words: PRESETS,
};

/// The last login in the lists of accounts.
pub(crate) const LOGIN: Period = Period {
    preset: "login",
    from: "login_from",
    to: "login_to",
    words: LOGIN_PRESETS,
};

/// From the first time, included, to the second one, excluded.
pub(crate) type Bounds = (Option<Timestamp>, Option<Timestamp>);

impl Period {
    /// Reads the period of a query.
    pub(crate) fn read(&self, query: &mut ListQuery, zone: Tz, now: Timestamp) -> Bounds {
        let word = |word: &str| self.words.iter().find(|other| **other == word).copied();
        let preset = query.word(self.preset, self.words, word);
        let today = zone.from_utc_datetime(now.naive_utc()).date_naive();
        let Some((first, last)) = preset.and_then(|preset| days(preset, today)) else {
            let from = query.day(self.from, zone).map(|(begin, _)| begin);
            return (from, query.day(self.to, zone).map(|(_, end)| end));
        };
        query.mean(
            self.preset,
            [(self.from, first.to_string()), (self.to, last.to_string())],
        );
        let begin = ListQuery::bounds_of(first, zone).map(|(begin, _)| begin);
        (begin, ListQuery::bounds_of(last, zone).map(|(_, end)| end))
    }

    /// The options of the select.
    pub(crate) fn choices(&self, l: &Layout, query: &ListQuery) -> Vec<Choice> {
        let chosen = query.value(self.preset);
        let choice = |word: &&str| ((*word).to_owned(), l.word("period", word), *word == chosen);
        self.words.iter().map(choice).collect()
    }

    /// The value of one of the two days; empty where a preset overrules them, and where it is no day.
    pub(crate) fn day<'a>(&self, query: &'a ListQuery, name: &str) -> &'a str {
        let day = query.value(name);
        if overrules(query.value(self.preset)) || day.parse::<NaiveDate>().is_err() {
            ""
        } else {
            day
        }
    }
}

/// The first and the last day of a preset.
fn days(preset: &str, today: NaiveDate) -> Option<(NaiveDate, NaiveDate)> {
    let yesterday = today.pred_opt()?;
    Some(match preset {
        "today" => (today, today),
        "yesterday" => (yesterday, yesterday),
        "last_7_days" => (today.checked_sub_days(Days::new(6))?, today),
        "last_month" => {
            let last = today.with_day(1)?.pred_opt()?;
            (last.with_day(1)?, last)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_whole_days_and_months() {
        let date = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap();
        let today = date(2026, 3, 1);
        for (preset, first, last) in [
            ("today", today, today),
            ("yesterday", date(2026, 2, 28), date(2026, 2, 28)),
            ("last_7_days", date(2026, 2, 23), today),
            ("last_month", date(2026, 2, 1), date(2026, 2, 28)),
        ] {
            assert_eq!(days(preset, today), Some((first, last)), "{preset}");
        }
        assert_eq!(days("ever", today), None);
    }
}
