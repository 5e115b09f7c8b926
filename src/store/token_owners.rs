//! The accounts of tokens: what the lists of issued and of blacklisted tokens have in common. A token refers to its
//! account by user type and id. There is no foreign key: the account may be deleted.

use crate::domain::principal::{Principal, UserType};
use crate::store::pagination::filter::{Filter, IndexLookup, ScanCondition};
use crate::store::pagination::statement::{Bind, Conditions};

/// The columns `login` and `name` of the account of a row. The argument is the alias of the row's table.
macro_rules! owner_columns {
    ($table:literal) => {
        concat!(
            "CASE ",
            $table,
            ".user_type WHEN 'user' THEN (SELECT email FROM users WHERE id = ",
            $table,
            ".user_seq) ELSE (SELECT username FROM client_users WHERE id = ",
            $table,
            ".user_seq) END AS login, CASE ",
            $table,
            ".user_type WHEN 'user' THEN (SELECT name FROM users WHERE id = ",
            $table,
            ".user_seq) ELSE (SELECT name FROM client_users WHERE id = ",
            $table,
            ".user_seq) END AS name"
        )
    };
}
pub(super) use owner_columns;

/// The maximum number of accounts in a filter: several accounts can match one typed name.
pub const MAX_OWNERS: usize = 4;

/// The conditions by which a list of tokens is filtered by account.
pub(super) struct OwnerConditions {
    /// The tokens of the list joined with their sessions `s`: `FROM …`.
    pub count_from: &'static str,
    /// Tokens whose session has a user type.
    pub by_session_user_type: &'static str,
    /// Tokens whose session belongs to one of [`MAX_OWNERS`] accounts.
    pub by_session_owners: &'static str,
    /// The same by the row's own user type.
    pub by_user_type: &'static str,
    /// The same by the row's own account.
    pub by_owners: &'static str,
}

impl OwnerConditions {
    /// The filters by user type and by accounts.
    pub(super) fn filters(
        &self,
        user_type: Option<UserType>,
        owners: Option<&[Principal]>,
    ) -> impl Iterator<Item = Filter> {
        let owner_filter = owners.and_then(values).map(|values| Filter {
            index: Some(IndexLookup {
                count_from: self.count_from,
                count_conditions: Conditions::one(OF_OWNERS, values.clone()),
                ..IndexLookup::new(
                    "",
                    Conditions::one(self.by_session_owners, values.clone()),
                    "",
                )
            }),
            residual: Conditions::one(self.by_owners, values),
            scan: ScanCondition::Residual,
        });
        // Accounts are more selective than their user type.
        let uses_index = owners.is_none();
        let user_type_filter = user_type.map(|user_type| {
            let word = || [Bind::from(user_type.as_str())];
            Filter {
                index: uses_index.then(|| IndexLookup {
                    count_from: self.count_from,
                    count_conditions: Conditions::one("s.user_type = ?", word()),
                    ..IndexLookup::new("", Conditions::one(self.by_session_user_type, word()), "")
                }),
                residual: Conditions::one(self.by_user_type, word()),
                scan: ScanCondition::Residual,
            }
        });
        owner_filter.into_iter().chain(user_type_filter)
    }
}

const OF_OWNERS: &str = "(s.user_type = ? AND s.user_seq = ?) OR (s.user_type = ? AND s.user_seq = ?) \
    OR (s.user_type = ? AND s.user_seq = ?) OR (s.user_type = ? AND s.user_seq = ?)";

/// The accounts as values for four pairs of `?`. The first account is repeated for missing ones.
fn values(owners: &[Principal]) -> Option<[Bind; 2 * MAX_OWNERS]> {
    let first = owners.first()?;
    let pair = |at: usize| {
        let owner = owners.get(at).unwrap_or(first);
        [
            Bind::from(owner.user_type.as_str()),
            Bind::from(owner.user_seq.get()),
        ]
    };
    let ([type_0, seq_0], [type_1, seq_1], [type_2, seq_2], [type_3, seq_3]) =
        (pair(0), pair(1), pair(2), pair(3));
    Some([type_0, seq_0, type_1, seq_1, type_2, seq_2, type_3, seq_3])
}
