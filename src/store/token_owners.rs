//! Whose tokens are listed: what the lists of issued and of refused tokens have in common. A token names its account by
//! population and number, never by one of them alone, and has no foreign key: the account may be gone.

use crate::{
    domain::principal::{Principal, UserType},
    store::pagination::{
        filter::{Facet, Found, Walked},
        statement::{Bind, Conditions},
    },
};

/// The columns `login` and `name` of the account that a row of the table with this alias belongs to.
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

/// The most accounts that one typed name stands for in a filter.
pub const MAX_OWNERS: usize = 4;

/// What a list of tokens says of whose they are.
pub(super) struct Owned {
    /// All tokens with their sessions, and those of the list: `FROM …`.
    pub counted_in: &'static str,
    /// By the sessions of a population, `s` in `counted_in`.
    pub of_population: &'static str,
    /// By the sessions of [`MAX_OWNERS`] accounts.
    pub of_owners: &'static str,
    /// By the row's own population.
    pub population: &'static str,
    /// By the row's own accounts.
    pub owners: &'static str,
}

impl Owned {
    /// The facets of a population and of some accounts.
    pub(super) fn facets(
        &self,
        user_type: Option<UserType>,
        owners: Option<&[Principal]>,
    ) -> impl Iterator<Item = Facet> {
        let by_owners = owners.and_then(values).map(|values| Facet {
            found: Some(Found {
                counted_in: self.counted_in,
                counted_by: Conditions::one(OF_OWNERS, values.clone()),
                ..Found::of("", Conditions::one(self.of_owners, values.clone()), "")
            }),
            passing: Conditions::one(self.owners, values),
            walked: Walked::No,
        });
        // Whose accounts are known is found by them.
        let is_found = owners.is_none();
        let by_population = user_type.map(|user_type| {
            let word = || [Bind::from(user_type.as_str())];
            Facet {
                found: is_found.then(|| Found {
                    counted_in: self.counted_in,
                    counted_by: Conditions::one("s.user_type = ?", word()),
                    ..Found::of("", Conditions::one(self.of_population, word()), "")
                }),
                passing: Conditions::one(self.population, word()),
                walked: Walked::No,
            }
        });
        by_owners.into_iter().chain(by_population)
    }
}

const OF_OWNERS: &str = "(s.user_type = ? AND s.user_seq = ?) OR (s.user_type = ? AND s.user_seq = ?) \
    OR (s.user_type = ? AND s.user_seq = ?) OR (s.user_type = ? AND s.user_seq = ?)";

/// The accounts as values for four pairs of `?`; the first one stands in for those that are missing.
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
