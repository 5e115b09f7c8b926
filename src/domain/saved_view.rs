//! Views of lists that an administrator saves in the panel: filters and an order under a name.

use serde::{Deserialize, Serialize};

use crate::domain::problem::Problem;
use crate::domain::text::clean;

/// A saved view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedView {
    /// The path of the list.
    pub list: String,
    /// The name, which is unique for the list.
    pub name: String,
    /// The query string.
    pub query: String,
}

impl SavedView {
    /// The maximum length of a name, in characters.
    pub const MAX_NAME: usize = 60;
    /// The maximum length of a query string, in bytes.
    pub const MAX_QUERY: usize = 1_500;
    /// The most views of one administrator.
    pub const MAX: usize = 50;

    /// Parses a name.
    pub fn parse_name(typed: &str) -> Result<String, Problem> {
        let name = clean(typed);
        if name.is_empty() {
            Err(Problem::Required)
        } else if name.chars().any(char::is_control) {
            Err(Problem::ControlCharacter)
        } else if name.chars().count() > Self::MAX_NAME {
            let max = Self::MAX_NAME;
            Err(Problem::TooLong { max })
        } else {
            Ok(name)
        }
    }
}
