//! The query string of a list: filters, order and cursor. The address has the whole state of the list, so that it can be
//! bookmarked. Invalid values are reported above the list and ignored.

use std::{collections::HashMap, future::Ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use chrono::{Days, NaiveDate, TimeZone};
use chrono_tz::Tz;

use crate::clock::Timestamp;
use crate::domain::language::Language;
use crate::domain::paging::{Cursor, Seek};
use crate::domain::problem::{Problem, Problems};
use crate::domain::saved_view::SavedView;
use crate::domain::session::SessionId;
use crate::http::admin::web::cookies::{self, Name};
use crate::http::admin::web::error::AdminError;
use crate::http::admin::web::form::FieldErrors;
use crate::http::middleware::context::services_of;

/// The maximum length of a search, in characters.
const MAX_SEARCH: usize = 200;
/// The selectable page sizes.
pub(crate) const SIZES: &[i64] = &[25, 50, 100, 200];
/// The default page size.
const DEFAULT_SIZE: i64 = 50;
/// The parameters of the position in the list.
const POSITION: &[&str] = &["after", "before", "last", "at"];
/// The parameters that may have several values.
const REPEATED: &[&str] = &["action", "reason"];

/// The query string of a list's page.
pub(crate) struct ListQuery {
    path: String,
    /// In the order of the query; each name once.
    pairs: Vec<(String, String)>,
    problems: Problems,
    sorted_by: (String, bool),
    /// The number of rows that was chosen last in any list.
    chosen_size: i64,
    /// Parameters that mean other ones at another time, such as the period "today", and these.
    exact: Vec<(&'static str, [(&'static str, String); 2])>,
}

impl FromRequest for ListQuery {
    type Error = AdminError;
    type Future = Ready<Result<Self, AdminError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let chosen = services_of(request)
            .ok()
            .and_then(|services| cookies::read(request, Name::Rows, &services.config.server))
            .and_then(|rows| rows.parse().ok());
        std::future::ready(Ok(Self {
            chosen_size: chosen.filter(is_size).unwrap_or(DEFAULT_SIZE),
            ..Self::new(request.path(), request.query_string())
        }))
    }
}

/// The header of a sortable column.
pub(crate) struct SortLink {
    /// The list in this order, or in the opposite direction.
    pub url: String,
    /// `ascending`, `descending`, or empty where the list is not in this order.
    pub direction: &'static str,
}

impl ListQuery {
    /// The query of the list at `path`.
    pub(crate) fn new(path: &str, query: &str) -> Self {
        let mut seen = HashMap::new();
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if value.is_empty() {
                continue;
            }
            let pair = (name.clone().into_owned(), value.clone().into_owned());
            if REPEATED.contains(&&*name) {
                if !pairs.contains(&pair) {
                    pairs.push(pair);
                }
                continue;
            }
            let at = *seen.entry(name.clone().into_owned()).or_insert(pairs.len());
            if at == pairs.len() {
                pairs.push((name.into_owned(), value.into_owned()));
            } else {
                // A form's fields come after the parameters of its address: the last one counts.
                pairs[at].1 = value.into_owned();
            }
        }
        Self {
            path: path.to_owned(),
            pairs,
            problems: Problems::default(),
            sorted_by: (String::new(), false),
            chosen_size: DEFAULT_SIZE,
            exact: Vec::new(),
        }
    }

    /// The values of a parameter that may have several.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let pairs = self.pairs.iter().filter(|(other, _)| other == name);
        pairs.map(|(_, value)| value.as_str()).collect()
    }

    /// The value of a parameter; empty if it is missing.
    pub(crate) fn value(&self, name: &str) -> &str {
        let mut pairs = self.pairs.iter();
        pairs
            .find(|(other, _)| other == name)
            .map_or("", |(_, value)| value.as_str())
    }

    /// The value of a search field: what was typed, up to the length of a search.
    pub(crate) fn typed(&self, name: &str) -> String {
        self.value(name).chars().take(MAX_SEARCH).collect()
    }

    /// A parsed parameter; none if it is missing, empty or invalid.
    pub(crate) fn optional<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Option<T> {
        let value = self.value(name);
        if value.is_empty() {
            return None;
        }
        parse(value)
            .map_err(|problem| self.problems.add(name, problem))
            .ok()
    }

    /// A search text.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        self.optional(name, |text| {
            if text.chars().count() > MAX_SEARCH {
                Err(Problem::TooLong { max: MAX_SEARCH })
            } else if text.contains(char::is_control) {
                Err(Problem::ControlCharacter)
            } else {
                Ok(text.trim().to_owned())
            }
        })
        .filter(|text| !text.is_empty())
    }

    /// One of several words.
    pub(crate) fn word<T>(
        &mut self,
        name: &str,
        names: &'static [&'static str],
        from_word: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        self.optional(name, |word| from_word(word).ok_or(Problem::NotOneOf(names)))
    }

    /// Some of several words.
    pub(crate) fn words<T>(
        &mut self,
        name: &str,
        names: &'static [&'static str],
        from_word: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let found: Vec<Option<T>> = self.values(name).into_iter().map(from_word).collect();
        if found.iter().any(Option::is_none) {
            self.problems.add(name, Problem::NotOneOf(names));
        }
        found.into_iter().flatten().collect()
    }

    /// Notes that a parameter means these two days.
    pub(crate) fn mean(&mut self, name: &'static str, days: [(&'static str, String); 2]) {
        self.exact.push((name, days));
    }

    /// The id of a session.
    pub(crate) fn session(&mut self, name: &str) -> Option<SessionId> {
        self.optional(name, |text| {
            SessionId::parse(text).ok_or(Problem::NotSession)
        })
    }

    /// A day in the viewer's time zone: its start, and the start of the next day.
    pub(crate) fn day(&mut self, name: &str, zone: Tz) -> Option<(Timestamp, Timestamp)> {
        self.optional(name, |text| {
            let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| Problem::NotDate)?;
            Self::bounds_of(day, zone).ok_or(Problem::NotDate)
        })
    }

    /// The start of a day in a time zone, and the start of the next day.
    pub(crate) fn bounds_of(day: NaiveDate, zone: Tz) -> Option<(Timestamp, Timestamp)> {
        let next = day.checked_add_days(Days::new(1))?;
        start_of(day, zone).zip(start_of(next, zone))
    }

    /// The position of the page. An invalid cursor is the beginning.
    pub(crate) fn seek(&self) -> Seek<Cursor> {
        let cursor = |name| Cursor::decode(self.value(name));
        if let Some(cursor) = cursor("after") {
            Seek::After(cursor)
        } else if let Some(cursor) = cursor("before") {
            Seek::Before(cursor)
        } else if self.value("last") == "1" {
            Seek::Last
        } else {
            Seek::First
        }
    }

    /// The page size.
    pub(crate) fn size(&self) -> i64 {
        let size = self.value("size").parse().ok();
        size.filter(is_size).unwrap_or(self.chosen_size)
    }

    /// Whether the query itself has the page size.
    pub(crate) fn has_size(&self) -> bool {
        self.value("size")
            .parse()
            .ok()
            .is_some_and(|size| is_size(&size))
    }

    /// The path and the query, without the position in the list.
    pub(crate) fn address(&self) -> String {
        self.url(&[], &[])
    }

    /// The path of the list.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The query, without the position in the list; empty for none.
    pub(crate) fn query(&self) -> String {
        let address = self.address();
        let query = address.split_once('?');
        query.map_or_else(String::new, |(_, query)| query.to_owned())
    }

    /// The address of a saved view of this list.
    pub(crate) fn of_view(&self, view: &SavedView) -> String {
        Self::new(&self.path, &view.query).address()
    }

    /// The list without filters, in the same order.
    pub(crate) fn without_filters(&self) -> String {
        match self.value("sort") {
            "" => self.path.clone(),
            sort => format!(
                "{}?{}",
                self.path,
                form_urlencoded::Serializer::new(String::new())
                    .append_pair("sort", sort)
                    .finish()
            ),
        }
    }

    /// The column to sort by, and whether descending: `?sort=-created`. `default` is the name of a column and a direction.
    pub(crate) fn sort<C: Copy>(
        &mut self,
        columns: &[(&'static str, C)],
        default: (&'static str, bool),
    ) -> (C, bool) {
        let value = self.value("sort").to_owned();
        let (name, descending) = match value.strip_prefix('-') {
            Some(name) => (name, true),
            None => (value.as_str(), false),
        };
        let find = |name: &str| columns.iter().find(|(other, _)| *other == name);
        let (column, descending) = match find(name) {
            Some(column) => (column, descending),
            None => (find(default.0).unwrap_or(&columns[0]), default.1),
        };
        self.sorted_by = (column.0.to_owned(), descending);
        (column.1, descending)
    }

    /// The header of a column: first in its natural direction, then in the opposite one. [`ListQuery::sort`] must be called
    /// before.
    pub(crate) fn sort_link(&self, name: &str) -> SortLink {
        let (sorted_by, descending) = &self.sorted_by;
        let is_this = sorted_by == name;
        let direction = match (is_this, descending) {
            (false, _) => "",
            (true, false) => "ascending",
            (true, true) => "descending",
        };
        // Times are sorted newest first.
        let natural = matches!(name, "created" | "last_login" | "status");
        let down = if is_this { !descending } else { natural };
        let value = if down {
            format!("-{name}")
        } else {
            name.to_owned()
        };
        SortLink {
            url: self.url(&["sort"], &[("sort", &value)]),
            direction,
        }
    }

    /// The filters and the order, as a query string without `?`; empty where there are none. Periods such as "today" are
    /// written as days: the text means the same tomorrow.
    pub(crate) fn query_string(&self) -> String {
        let mut without = vec!["size"];
        let mut and = Vec::new();
        for (name, days) in &self.exact {
            without.extend([*name, days[0].0, days[1].0]);
            and.extend(days.iter().map(|(name, day)| (*name, day.as_str())));
        }
        let url = self.url(&without, &and);
        url.split_once('?')
            .map(|(_, query)| query.to_owned())
            .unwrap_or_default()
    }

    /// The first page of the list without one value of a parameter.
    pub(crate) fn url_without(&self, name: &str, value: &str) -> String {
        let mut other = Self::new(&self.path, "");
        let is_other = |pair: &&(String, String)| pair.0 != name || pair.1 != value;
        other.pairs = self.pairs.iter().filter(is_other).cloned().collect();
        other.address()
    }

    /// The first page of the list without some of the parameters, and with others.
    pub(crate) fn url(&self, without: &[&str], and: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.pairs {
            if !without.contains(&name.as_str()) && !POSITION.contains(&name.as_str()) {
                query.append_pair(name, value);
            }
        }
        for (name, value) in and {
            query.append_pair(name, value);
        }
        match query.finish().as_str() {
            "" => self.path.clone(),
            query => format!("{}?{query}", self.path),
        }
    }

    /// The invalid values, for the page.
    pub(crate) fn problems(&self, language: Language) -> FieldErrors {
        FieldErrors::new(&self.problems, language)
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "a predicate of Option::filter"
)]
fn is_size(size: &i64) -> bool {
    SIZES.contains(size)
}

/// The start of a day in a time zone; where a clock change skips midnight, the first hour after it.
fn start_of(day: NaiveDate, zone: Tz) -> Option<Timestamp> {
    (0..4).find_map(|hour| {
        let local = zone.from_local_datetime(&day.and_hms_opt(hour, 0, 0)?);
        let utc = local.earliest()?.naive_utc();
        Some(Timestamp::from_naive_utc(utc))
    })
}
