//! The links from a page of a list to the others, and to other numbers of rows.

use rust_i18n::t;

use crate::domain::paging::{Cursor, Seek, Slice};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::lists::{ListQuery, SIZES};

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
    /// The selectable numbers of rows, each with its address and whether it is the current one; empty for a short list.
    pub sizes: Vec<(i64, String, bool)>,
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
        sizes: sizes(query, slice),
    }
}

/// The numbers of rows, where the list has more rows than the smallest of them.
fn sizes<T>(query: &ListQuery, slice: &Slice<T>) -> Vec<(i64, String, bool)> {
    let rows = i64::try_from(slice.items.len()).unwrap_or(i64::MAX);
    let is_long = slice.has_previous || slice.has_next || rows > SIZES[0];
    let size = |size: &i64| {
        let url = query.url(&["size"], &[("size", &size.to_string())]);
        (*size, url, *size == query.size())
    };
    SIZES.iter().filter(|_| is_long).map(size).collect()
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
