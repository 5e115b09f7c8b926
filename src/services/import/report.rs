//! What an import has done, and what it could not take over.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::import::ImportField;
use crate::domain::principal::UserType;
use crate::services::import::roles::Given;

/// How many different words for roles are counted, each for itself.
const MAX_WORDS: usize = 100;

/// What becomes of a value with a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Consequence {
    /// The account is imported without this value.
    LeftOut,
    /// The account is not imported.
    NotImported,
}

impl Consequence {
    /// What becomes of the value: the account `stays` in the import, or not.
    pub(super) fn of(stays: bool) -> Self {
        if stays {
            Self::LeftOut
        } else {
            Self::NotImported
        }
    }
}

/// A problem of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The user type.
    pub user_type: UserType,
    /// The key of the account in the source, or the line of a file.
    pub id: String,
    /// The field.
    pub field: ImportField,
    /// What is wrong, a sentence.
    pub problem: String,
    /// What becomes of it.
    pub consequence: Consequence,
}

/// Numbers of accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AccountCounts {
    /// Accounts of the source that were read.
    pub read: u64,
    /// New accounts.
    pub created: u64,
    /// Accounts that the source has changed since the last import.
    pub updated: u64,
    /// Accounts that were imported before and are the same.
    pub unchanged: u64,
    /// Accounts with a field that was changed both in the source and here: the one here is kept.
    pub kept: u64,
    /// Accounts that are not imported.
    pub refused: u64,
    /// Accounts of an earlier import that the source does not have any more: they stay.
    pub missing: u64,
    /// Users of the source by the role that they have after the import.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<String, u64>,
}

/// Numbers of tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TokenCounts {
    /// Tokens of the source that have not expired.
    pub read: u64,
    /// New tokens that can be exchanged.
    pub live: u64,
    /// New tokens that are blacklisted.
    pub blacklisted: u64,
    /// Tokens of an earlier import that the source has blacklisted since.
    pub newly_blacklisted: u64,
    /// Tokens that were imported before.
    pub unchanged: u64,
    /// Tokens whose account was deleted or is not imported.
    pub without_account: u64,
    /// Tokens whose id is empty or whose times cannot be read.
    pub unreadable: u64,
}

/// What an import has done, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Internal users.
    pub users: AccountCounts,
    /// Clients.
    pub clients: AccountCounts,
    /// Refresh tokens and sliding tokens.
    pub tokens: TokenCounts,
    /// The number of problems.
    #[serde(rename = "problem_count")]
    pub problems: u64,
    /// Roles of the source that the configuration does not have, with the number of users.
    pub unknown_roles: BTreeMap<String, u64>,
    /// Roles that may write, and `superuser`, that were not given because they were not named, with the number of users.
    pub withheld_roles: BTreeMap<String, u64>,
    /// Words for roles that cannot be the name of a role, with the number of users.
    pub unusable_roles: BTreeMap<String, u64>,
    /// Whether it was stopped before its end.
    pub stopped: bool,
}

impl Report {
    /// The numbers of a user type.
    pub fn of(&mut self, user_type: UserType) -> &mut AccountCounts {
        match user_type {
            UserType::User => &mut self.users,
            UserType::Client => &mut self.clients,
        }
    }

    /// Counts the role of a user, and what is to be said about it.
    pub(super) fn count_role(&mut self, given: Option<&Given>) {
        let Some(given) = given else { return };
        let count = |of: &mut BTreeMap<String, u64>, word: &str| {
            let is_full = of.len() >= MAX_WORDS && !of.contains_key(word);
            let word = if is_full { "others" } else { word };
            *of.entry(word.to_owned()).or_default() += 1;
        };
        count(&mut self.users.roles, &given.role.to_string());
        for (words, word) in [
            (&mut self.unknown_roles, &given.unknown),
            (&mut self.withheld_roles, &given.withheld),
            (&mut self.unusable_roles, &given.unusable),
        ] {
            if let Some(word) = word {
                count(words, word);
            }
        }
    }

    /// Whether everything was taken over.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let roles = [
            &self.unknown_roles,
            &self.withheld_roles,
            &self.unusable_roles,
        ];
        let roles = roles.iter().all(|words| words.is_empty());
        self.problems == 0 && self.tokens.unreadable == 0 && roles && !self.stopped
    }
}
