//! Paths of the pages of accounts: the list of a population, and the page of an account with what is below it.

use std::{fmt, ops::Deref};

/// The list of a population.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeoplePath(&'static str);

/// The page of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonPath(String);

impl PeoplePath {
    /// The list at this path.
    pub(crate) const fn new(path: &'static str) -> Self {
        Self(path)
    }

    /// The form of a new account.
    #[must_use]
    pub fn new_form(&self) -> String {
        format!("{self}/new")
    }

    /// The list as a CSV file.
    #[must_use]
    pub fn export(&self) -> String {
        format!("{self}/export.csv")
    }

    /// Bulk actions.
    #[must_use]
    pub fn actions(&self) -> String {
        format!("{self}/actions")
    }

    /// The page of one account.
    pub fn person(&self, seq: impl fmt::Display) -> PersonPath {
        PersonPath(format!("{self}/{seq}"))
    }
}

impl PersonPath {
    /// The form that changes the account.
    #[must_use]
    pub fn edit(&self) -> String {
        format!("{self}/edit")
    }

    /// The confirmation before a deletion, and the deletion.
    #[must_use]
    pub fn delete(&self) -> String {
        format!("{self}/delete")
    }

    /// The confirmation before an administrator is activated, and the activation.
    #[must_use]
    pub fn activate(&self) -> String {
        format!("{self}/activate")
    }

    /// Deactivate the account.
    #[must_use]
    pub fn deactivate(&self) -> String {
        format!("{self}/deactivate")
    }

    /// Issue a password link.
    #[must_use]
    pub fn password_link(&self) -> String {
        format!("{self}/link")
    }

    /// The link that was issued, shown once.
    #[must_use]
    pub fn shown_link(&self) -> String {
        format!("{self}/link/shown")
    }

    /// Withdraw the password link.
    #[must_use]
    pub fn withdraw_link(&self) -> String {
        format!("{self}/link/withdraw")
    }

    /// The confirmation before the second factor is removed, and the removal.
    #[must_use]
    pub fn second_factor(&self) -> String {
        format!("{self}/second-factor")
    }

    /// Lift all locks of the account.
    #[must_use]
    pub fn unlock(&self) -> String {
        format!("{self}/unlock")
    }

    /// End all sessions of the account.
    #[must_use]
    pub fn end_sessions(&self) -> String {
        format!("{self}/sessions/end")
    }

    /// End one API session of the account.
    pub fn end_session(&self, id: impl fmt::Display) -> String {
        format!("{self}/sessions/{id}/end")
    }

    /// End one panel session of the account.
    pub fn end_browser_session(&self, id: impl fmt::Display) -> String {
        format!("{self}/browser-sessions/{id}/end")
    }
}

impl Deref for PeoplePath {
    type Target = str;

    fn deref(&self) -> &str {
        self.0
    }
}

impl fmt::Display for PeoplePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Deref for PersonPath {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PersonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
