//! Which part of a list is asked for, and in which order.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::{clock::Timestamp, domain::problem::Problem};

/// A page of a list: its number from 1 on, and how many entries it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    number: i64,
    size: i64,
}

impl Page {
    /// The highest page number that is read; with [`Page::MAX_SIZE`] it stays far from overflow.
    pub const MAX_NUMBER: i64 = 1_000_000_000;
    /// The entries of a page when none are asked for.
    pub const DEFAULT_SIZE: i64 = 20;
    /// The most entries of a page.
    pub const MAX_SIZE: i64 = 100;

    /// A page; the bounds are `1..=MAX_NUMBER` and `1..=MAX_SIZE`, and a value outside is moved to the nearest.
    #[must_use]
    pub fn new(number: i64, size: i64) -> Self {
        Self {
            number: number.clamp(1, Self::MAX_NUMBER),
            size: size.clamp(1, Self::MAX_SIZE),
        }
    }

    /// The page's number, from 1 on.
    #[must_use]
    pub fn number(self) -> i64 {
        self.number
    }

    /// How many entries a page holds.
    #[must_use]
    pub fn size(self) -> i64 {
        self.size
    }

    /// How many entries stand before this page.
    #[must_use]
    pub fn offset(self) -> i64 {
        (self.number - 1) * self.size
    }

    /// How many pages `total` entries fill; at least one.
    #[must_use]
    pub fn pages(self, total: i64) -> i64 {
        (total.max(0) + self.size - 1).div_euclid(self.size).max(1)
    }
}

/// A column to order by, and in which direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order<C> {
    /// The column.
    pub column: C,
    /// Greatest first.
    pub descending: bool,
}

/// Reads `-created_at,email`: column names with an optional minus for descending, separated by commas.
///
/// `names` are the columns that may be ordered by. An empty text gives an empty order.
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

/// One page of entries, and how many there are in all.
#[derive(Clone, Debug)]
pub struct Paged<T> {
    /// The page that was asked for.
    pub page: Page,
    /// Its entries.
    pub items: Vec<T>,
    /// How many entries the whole list has.
    pub total: i64,
}

/// Which part of a long list is asked for, by the place of a row in it and not by a number of rows before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seek<P> {
    /// The beginning.
    First,
    /// The end.
    Last,
    /// What comes after this place.
    After(P),
    /// What comes before this place.
    Before(P),
}

impl<P> Seek<P> {
    /// The same with another form of the place, if it has one.
    pub fn try_map<Q>(self, f: impl FnOnce(P) -> Option<Q>) -> Option<Seek<Q>> {
        Some(match self {
            Self::First => Seek::First,
            Self::Last => Seek::Last,
            Self::After(place) => Seek::After(f(place)?),
            Self::Before(place) => Seek::Before(f(place)?),
        })
    }
}

/// The place of a row in a list, as an address carries it: the value that the list is ordered by, and the row's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The value of the ordering column, as text.
    pub value: String,
    /// The row's id, as text.
    pub id: String,
}

impl Cursor {
    /// The longest place that is read, in characters: longer than any name that a row can hold.
    const MAX: usize = 4_096;

    /// The place of a row in a list that is ordered by a time.
    #[must_use]
    pub fn at_time(at: Timestamp, id: &impl ToString) -> Self {
        Self {
            value: at.unix_micros().to_string(),
            id: id.to_string(),
        }
    }

    /// The time by which the list is ordered; nothing where it is none of the years 1970 to 9999: what lies beyond is no
    /// place that a row had, and not every database knows it.
    #[must_use]
    pub fn time(&self) -> Option<Timestamp> {
        let micros: i64 = self.value.parse().ok()?;
        let is_known = (0..253_402_300_800_000_000).contains(&micros);
        is_known.then(|| Timestamp::from_unix_micros(micros))
    }

    /// One word of letters, digits, `-` and `_`.
    #[must_use]
    pub fn encoded(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(format!("{}\n{}", self.id, self.value))
    }

    /// Reads what [`Cursor::encoded`] gave; nothing where it is none.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        if text.len() > Self::MAX {
            return None;
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let decoded = String::from_utf8(bytes).ok()?;
        let (id, value) = decoded.split_once('\n')?;
        // Postgres stores no NUL, so no row stands there.
        (!decoded.contains('\0')).then(|| Self {
            value: value.to_owned(),
            id: id.to_owned(),
        })
    }
}

/// How many rows a list has, counted up to a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// So many; at most the bound.
    pub rows: i64,
    /// There are more than that.
    pub more: bool,
}

/// A part of a long list.
#[derive(Clone, Debug)]
pub struct Slice<T> {
    /// Its entries.
    pub items: Vec<T>,
    /// Whether there is something before them.
    pub has_previous: bool,
    /// Whether there is something after them.
    pub has_next: bool,
    /// The row at which the search stopped before the part was full: what comes behind it, in the direction of reading,
    /// was not looked at. None where the part is full, or there is nothing more.
    pub edge: Option<Cursor>,
    /// How many entries the whole list has.
    pub count: Count,
}

impl<T> Slice<T> {
    /// The same with other entries.
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
