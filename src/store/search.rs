//! Searching text columns by a part, alike on both databases.

use diesel::{
    define_sql_function,
    sql_types::{Nullable, Text},
};

use crate::domain::text::normalised;

define_sql_function! {
    /// The text, or `fallback` where there is none.
    #[sql_name = "coalesce"]
    fn or_empty(text: Nullable<Text>, fallback: Text) -> Text;
}

/// The escape character of [`pattern`].
pub(super) const ESCAPE: char = '\\';

/// A LIKE pattern for "contains these words as typed", in the normalised form, with LIKE's own signs escaped.
pub(super) fn pattern(typed: &str) -> String {
    let mut pattern = String::from("%");
    for c in normalised(typed).chars() {
        if matches!(c, '%' | '_' | ESCAPE) {
            pattern.push(ESCAPE);
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
