//! Parameters and results of lists: page, order, cursor, count.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::clock::Timestamp;
use crate::domain::problem::Problem;

/// A page of a list: its number, counted from 1, and its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    number: i64,
    size: i64,
}

impl Page {
    /// Maximum page number; multiplied by [`Page::MAX_SIZE`] it does not overflow.
    pub const MAX_NUMBER: i64 = 1_000_000_000;
    /// Default number of entries per page.
    pub const DEFAULT_SIZE: i64 = 20;
    /// Maximum number of entries per page.
    pub const MAX_SIZE: i64 = 100;

    /// Clamps the values to `1..=MAX_NUMBER` and `1..=MAX_SIZE`.
    #[must_use]
    pub fn new(number: i64, size: i64) -> Self {
        Self {
            number: number.clamp(1, Self::MAX_NUMBER),
            size: size.clamp(1, Self::MAX_SIZE),
        }
    }

    /// The page number, counted from 1.
    #[must_use]
    pub fn number(self) -> i64 {
        self.number
    }

    /// The number of entries per page.
    #[must_use]
    pub fn size(self) -> i64 {
        self.size
    }

    /// The number of entries before this page.
    #[must_use]
    pub fn offset(self) -> i64 {
        (self.number - 1) * self.size
    }

    /// The number of pages for `total` entries; at least one.
    #[must_use]
    pub fn pages(self, total: i64) -> i64 {
        (total.max(0) + self.size - 1).div_euclid(self.size).max(1)
    }
}

/// A column to sort by, and the direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order<C> {
    /// The column.
    pub column: C,
    /// Whether the greatest value is first.
    pub descending: bool,
}

/// Parses `-created_at,email`: column names separated by commas, with a minus for descending.
///
/// `names` are the columns that can be sorted by. An empty text gives an empty order.
pub fn parse_ordering<C: Copy>(
    text: &str,
    names: &[(&'static str, C)],
    allowed: &'static [&'static str],
) -> Result<Vec<Order<C>>, Problem> {
    let mut order = Vec::new();
    for part in text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        let (word, descending) = part
            .strip_prefix('-')
            .map_or((part, false), |word| (word, true));
        let column = names
            .iter()
            .find(|(name, _)| *name == word)
            .ok_or(Problem::NotOneOf(allowed))?
            .1;
        if order.len() == names.len() {
            return Err(Problem::NotOneOf(allowed));
        }
        order.push(Order { column, descending });
    }
    Ok(order)
}

/// One page of a list, and the total.
#[derive(Clone, Debug)]
pub struct Paged<T> {
    /// The requested page.
    pub page: Page,
    /// Its entries.
    pub items: Vec<T>,
    /// Number of entries in the whole list.
    pub total: i64,
}

impl<T> Paged<T> {
    /// The same page with each entry converted.
    #[must_use]
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Paged<U> {
        Paged {
            page: self.page,
            items: self.items.into_iter().map(convert).collect(),
            total: self.total,
        }
    }
}

/// The requested part of a list with keyset pagination. `C` is the type of a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seek<C> {
    /// The beginning of the list.
    First,
    /// The end of the list.
    Last,
    /// The entries after this cursor.
    After(C),
    /// The entries before this cursor.
    Before(C),
}

impl<C> Seek<C> {
    /// Converts the cursor; the beginning of the list if `f` returns `None`.
    #[must_use]
    pub fn filter_map<D>(self, f: impl FnOnce(C) -> Option<D>) -> Seek<D> {
        match self {
            Self::First => Seek::First,
            Self::Last => Seek::Last,
            Self::After(cursor) => f(cursor).map_or(Seek::First, Seek::After),
            Self::Before(cursor) => f(cursor).map_or(Seek::First, Seek::Before),
        }
    }
}

/// The position of a row in a sorted list, as used in URLs: the value of the sort column and the id of the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The value of the sort column, as text.
    pub value: String,
    /// The id of the row, as text.
    pub id: String,
}

impl Cursor {
    /// Maximum length of an encoded cursor: longer than any value of a row.
    pub const MAX: usize = 4_096;

    /// A cursor in a list that is sorted by time.
    #[must_use]
    pub fn at_time(at: Timestamp, id: &impl ToString) -> Self {
        Self {
            value: at.unix_micros().to_string(),
            id: id.to_string(),
        }
    }

    /// The value as a time. `None` unless it is in the years 1970 to 9999, which both databases support.
    #[must_use]
    pub fn time(&self) -> Option<Timestamp> {
        let micros: i64 = self.value.parse().ok()?;
        let is_known = (0..253_402_300_800_000_000).contains(&micros);
        is_known.then(|| Timestamp::from_unix_micros(micros))
    }

    /// Encodes the cursor with letters, digits, `-` and `_`.
    #[must_use]
    pub fn encoded(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(format!("{}\n{}", self.id, self.value))
    }

    /// Decodes the result of [`Cursor::encoded`]; `None` if it is invalid.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        if text.len() > Self::MAX {
            return None;
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let decoded = String::from_utf8(bytes).ok()?;
        let (id, value) = decoded.split_once('\n')?;
        // Postgres cannot store NUL, so no row has this value.
        (!decoded.contains('\0')).then(|| Self {
            value: value.to_owned(),
            id: id.to_owned(),
        })
    }
}

/// The number of rows of a list, counted up to a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// The number of rows, at most the limit.
    pub rows: i64,
    /// Whether there are more rows.
    pub more: bool,
}

/// A part of a list with keyset pagination.
#[derive(Clone, Debug)]
pub struct Slice<T> {
    /// Its entries.
    pub items: Vec<T>,
    /// Whether there are entries before these.
    pub has_previous: bool,
    /// Whether there are entries after these.
    pub has_next: bool,
    /// The last row examined, if the scan budget was used up before the part was full: rows beyond it were not examined.
    pub edge: Option<Cursor>,
    /// The number of entries in the whole list.
    pub count: Count,
}

impl<T> Slice<T> {
    /// A list without entries.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            items: Vec::new(),
            has_previous: false,
            has_next: false,
            edge: None,
            count: Count {
                rows: 0,
                more: false,
            },
        }
    }

    /// Converts the entries.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Slice<U> {
        Slice {
            items: self.items.into_iter().map(f).collect(),
            has_previous: self.has_previous,
            has_next: self.has_next,
            edge: self.edge,
            count: self.count,
        }
    }
}
