//! Searching text columns by a part, alike on both databases.

use diesel::{
    define_sql_function,
    sql_types::{Nullable, Text},
};

use crate::domain::text::{normalised, searchable};

define_sql_function! {
    /// The text, or `fallback` where there is none.
    #[sql_name = "coalesce"]
    fn or_empty(text: Nullable<Text>, fallback: Text) -> Text;
}

/// The escape character of [`pattern`].
pub(crate) const ESCAPE: char = '\\';

/// A LIKE pattern for "contains these words as typed", in the normalised form, with LIKE's own signs escaped.
pub(crate) fn pattern(typed: &str) -> String {
    escaped(&normalised(typed))
}

/// The same for a column that holds a `search_text`.
pub(crate) fn text_pattern(typed: &str) -> String {
    escaped(&searchable(&[typed]))
}

/// The phrase by which SQLite's trigram index finds a part of a `search_text`; none where the part is too short for it.
pub(crate) fn phrase(typed: &str) -> Option<String> {
    let part = searchable(&[typed]);
    (part.chars().count() >= 3).then(|| format!("\"{}\"", part.replace('"', "\"\"")))
}

/// Whether Postgres' trigram index finds a part of a `search_text`: it knows runs of letters and digits only.
pub(crate) fn has_trigrams(typed: &str) -> bool {
    let part = searchable(&[typed]);
    let mut runs = part.split(|c: char| !c.is_alphanumeric());
    runs.any(|run| run.chars().count() >= 3)
}

fn escaped(part: &str) -> String {
    let mut pattern = String::from("%");
    for c in part.chars() {
        if matches!(c, '%' | '_' | ESCAPE) {
            pattern.push(ESCAPE);
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
