//! Inputs that could not be read.

use crate::services::checklist::check::{Check, Level};
use crate::services::checklist::finding::Finding;
use crate::services::checklist::text::LocalizedText;

/// Why an input could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// There is no database yet. The value is its path or name.
    NoDatabase(String),
    /// The database has no tables yet.
    NoTables,
    /// There is no key yet. The value is its path.
    NoKey(String),
    /// It cannot be read. The value is the reason.
    Unreadable(String),
    /// It cannot be read, and the reason is in the server's log.
    Logged,
}

impl Unknown {
    /// A check that cannot be made is a problem (ASVS 16.5.3).
    pub(super) fn finding(&self, check: Check) -> Finding {
        let text = LocalizedText::new;
        let (found, advice) = match self {
            Self::NoDatabase(place) => (
                text("unknown.no_database").with("place", place),
                "unknown.no_database_advice",
            ),
            Self::NoTables => (text("unknown.no_tables"), "unknown.no_database_advice"),
            Self::NoKey(place) => (
                text("unknown.no_key").with("place", place),
                "unknown.no_key_advice",
            ),
            Self::Unreadable(reason) => (
                text("unknown.unreadable").with("reason", reason),
                "unknown.unreadable_advice",
            ),
            Self::Logged => (text("unknown.logged"), "unknown.logged_advice"),
        };
        Finding::new(check, Level::Problem, found, advice)
    }

    /// The finding about an input, if it could be read.
    pub(super) fn or<T>(
        check: Check,
        input: &Result<T, Self>,
        finding: impl FnOnce(&T) -> Finding,
    ) -> Finding {
        match input {
            Ok(input) => finding(input),
            Err(unknown) => unknown.finding(check),
        }
    }
}
