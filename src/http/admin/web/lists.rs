//! The query string of a list: filters, order and cursor. The address has the whole state of the list, so that it can be
//! bookmarked. Invalid values are reported above the list and ignored.

use std::{collections::HashMap, future::Ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use chrono::{Days, NaiveDate, TimeZone};
use chrono_tz::Tz;
use rust_i18n::t;

use crate::clock::Timestamp;
use crate::domain::language::Language;
use crate::domain::paging::{Cursor, Seek, Slice};
use crate::domain::problem::{Problem, Problems};
use crate::domain::session::SessionId;
use crate::http::admin::web::error::AdminError;
use crate::http::admin::web::form::FieldErrors;
use crate::http::admin::web::layout::Layout;

/// The maximum length of a search, in characters.
const MAX_SEARCH: usize = 200;
/// The selectable page sizes.
pub(crate) const SIZES: &[i64] = &[25, 50, 100, 200];
/// The default page size.
const DEFAULT_SIZE: i64 = 50;
/// The parameters of the position in the list.
const POSITION: &[&str] = &["after", "before", "last", "at"];

/// The query string of a list's page.
pub(crate) struct ListQuery {
    path: String,
    /// In the order of the query; each name once.
    pairs: Vec<(String, String)>,
    problems: Problems,
    sorted_by: (String, bool),
}

impl FromRequest for ListQuery {
    type Error = AdminError;
    type Future = Ready<Result<Self, AdminError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(Ok(Self::new(request.path(), request.query_string())))
    }
}

/// The header of a sortable column.
pub(crate) struct SortLink {
    /// The list in this order, or in the opposite direction.
    pub url: String,
    /// `ascending`, `descending`, or empty where the list is not in this order.
    pub direction: &'static str,
}

/// The links to the other pages of a list.
pub(crate) struct Pager {
    /// The first page; none where this is the first, likewise for the others.
    pub first: Option<String>,
    pub previous: Option<String>,
    pub next: Option<String>,
    pub last: Option<String>,
    /// Where a search continues whose scan budget ended before this page was full.
    pub further: Option<String>,
    /// The range of rows, and the total.
    pub text: String,
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
        }
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
            let next = day.checked_add_days(Days::new(1));
            let bounds = start_of(day, zone).zip(next.and_then(|next| start_of(next, zone)));
            bounds.ok_or(Problem::NotDate)
        })
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
        size.filter(|size| SIZES.contains(size))
            .unwrap_or(DEFAULT_SIZE)
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
        let natural = matches!(name, "created" | "last_login");
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

    /// The filters and the order, as a query string without `?`; empty where there are none.
    pub(crate) fn query_string(&self) -> String {
        let url = self.url(&["size"], &[]);
        url.split_once('?')
            .map(|(_, query)| query.to_owned())
            .unwrap_or_default()
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

/// The start of a day in a time zone; where a clock change skips midnight, the first hour after it.
fn start_of(day: NaiveDate, zone: Tz) -> Option<Timestamp> {
    (0..4).find_map(|hour| {
        let local = zone.from_local_datetime(&day.and_hms_opt(hour, 0, 0)?);
        let utc = local.earliest()?.naive_utc();
        Some(Timestamp::from_naive_utc(utc))
    })
}

impl Pager {
    /// Whether this is the only page.
    pub(crate) fn is_all(&self) -> bool {
        self.previous.is_none() && self.next.is_none()
    }
}

/// The links to the other pages, and the range of rows.
pub(crate) fn pager<T>(
    query: &ListQuery,
    l: &Layout,
    slice: &Slice<T>,
    cursor_of: impl Fn(&T) -> Cursor,
) -> Pager {
    let rows = i64::try_from(slice.items.len()).unwrap_or(i64::MAX);
    let from = first_row(query, slice, rows);
    let step = |name: &str, cursor: Option<Cursor>, at: Option<i64>| {
        let cursor = cursor?.encoded();
        let at = at.map(|at| at.to_string());
        let mut and = vec![(name, cursor.as_str())];
        and.extend(at.as_deref().map(|at| ("at", at)));
        Some(query.url(&[], &and))
    };
    let backwards = matches!(query.seek(), Seek::Before(_) | Seek::Last);
    // A stopped search continues at its edge. A page without rows also leads back from there.
    let edge = |is_ahead: bool| {
        let continues = is_ahead != backwards;
        let edge = slice.edge.clone();
        edge.filter(|_| continues || slice.items.is_empty())
    };
    let previous = slice.has_previous.then(|| {
        let cursor = edge(false).or_else(|| slice.items.first().map(&cursor_of));
        let at = from.map(|from| (from - query.size()).max(1));
        step("before", cursor, at).unwrap_or_else(|| query.url(&[], &[("last", "1")]))
    });
    let next = slice.has_next.then(|| {
        let cursor = edge(true).or_else(|| slice.items.last().map(&cursor_of));
        let at = from.map(|from| from + rows);
        step("after", cursor, at).unwrap_or_else(|| query.url(&[], &[]))
    });
    let further = slice.edge.as_ref().and_then(|_| {
        let link = if backwards { &previous } else { &next };
        link.clone()
    });
    Pager {
        first: slice.has_previous.then(|| query.url(&[], &[])),
        last: next.as_ref().map(|_| query.url(&[], &[("last", "1")])),
        previous,
        next,
        further,
        text: range(l, slice, from, rows),
    }
}

/// The number of the page's first row, where it is known: links pass it from page to page.
fn first_row<T>(query: &ListQuery, slice: &Slice<T>, rows: i64) -> Option<i64> {
    match query.seek() {
        Seek::First => Some(1),
        Seek::Last => (!slice.count.more).then(|| (slice.count.rows - rows + 1).max(1)),
        // A page that is not full begins later than a full one.
        Seek::Before(_) if slice.edge.is_some() => None,
        Seek::After(_) | Seek::Before(_) if !slice.has_previous => Some(1),
        Seek::After(_) | Seek::Before(_) => query
            .value("at")
            .parse()
            .ok()
            .filter(|at| (1..1_000_000_000).contains(at)),
    }
}

fn range<T>(l: &Layout, slice: &Slice<T>, from: Option<i64>, rows: i64) -> String {
    let shown = from
        .filter(|_| rows > 0)
        .map(|from| (from, from + rows - 1));
    let counted = slice.count.rows;
    let total = if slice.count.more {
        // Beyond the limit of the count, at least the rows up to here exist.
        format!(
            "{}+",
            l.number(shown.map_or(counted, |(_, to)| counted.max(to)))
        )
    } else {
        l.number(counted)
    };
    match shown {
        Some((from, to)) => t!(
            "admin.pager.range",
            locale = l.language,
            from = l.number(from),
            to = l.number(to),
            total = total
        )
        .into_owned(),
        None if counted == 0 && slice.count.more => String::new(),
        None => l.tr_with("pager.total", total),
    }
}
