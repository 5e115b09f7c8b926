//! The accounts of tokens: what the lists of issued and of blacklisted tokens have in common. A token refers to its
//! account by user type and id. There is no foreign key: the account may be deleted.

use crate::domain::principal::{Principal, UserType};
use crate::store::pagination::filter::{Filter, IndexLookup, ScanCondition, of_accounts};
use crate::store::pagination::statement::{Bind, Conditions};

/// The columns `login` and `name` of the account of a row. `table` is the alias of the row's table.
pub(super) fn owner_columns(table: &str) -> String {
    const COLUMNS: &str = "\
        CASE {}.user_type WHEN 'user' THEN (SELECT COALESCE(email, username) FROM users WHERE id = {}.user_seq) \
        ELSE (SELECT username FROM client_users WHERE id = {}.user_seq) END AS login, \
        CASE {}.user_type WHEN 'user' THEN (SELECT name FROM users WHERE id = {}.user_seq) \
        ELSE (SELECT name FROM client_users WHERE id = {}.user_seq) END AS name";
    COLUMNS.replace("{}", table)
}

/// How a list of tokens is filtered by account.
pub(super) struct OwnerConditions {
    /// The tokens of the list joined with their sessions `s`: `FROM …`.
    pub count_from: &'static str,
    /// Tokens whose session `s` meets the condition that is inserted for `{}`.
    pub by_session: &'static str,
    /// The alias of the table with the row's own user type and id.
    pub alias: &'static str,
}

impl OwnerConditions {
    /// The filters by user type and by accounts. Accounts are more selective than their user type. If the scanned index
    /// of the blacklist `b` contains the user type, a scan for a user type alone skips no rows.
    pub(super) fn filters(
        &self,
        user_type: Option<UserType>,
        owners: Option<&[Principal]>,
        is_scanned: bool,
    ) -> impl Iterator<Item = Filter> {
        let alias = self.alias;
        let by_owners = owners.filter(|owners| !owners.is_empty()).map(|owners| {
            let (in_session, values) = of_accounts("s.user_type", "s.user_seq", owners);
            let (own_type, own_seq) = (format!("{alias}.user_type"), format!("{alias}.user_seq"));
            let (residual, _) = of_accounts(&own_type, &own_seq, owners);
            Filter {
                index: Some(self.lookup(&in_session, &values)),
                residual: Conditions::one(residual, values),
                scan: ScanCondition::Residual,
            }
        });
        let by_user_type = user_type.map(|user_type| {
            let values = vec![Bind::from(user_type.as_str())];
            let has_index = owners.is_none();
            let scan = if has_index && is_scanned {
                ScanCondition::Index(Conditions::one("b.user_type = ?", values.clone()))
            } else {
                ScanCondition::Residual
            };
            Filter {
                index: has_index.then(|| self.lookup("s.user_type = ?", &values)),
                residual: Conditions::one(format!("{alias}.user_type || '' = ?"), values),
                scan,
            }
        });
        by_owners.into_iter().chain(by_user_type)
    }

    fn lookup(&self, in_session: &str, values: &[Bind]) -> IndexLookup {
        let conditions = |text: String| Conditions::one(text, values.iter().cloned());
        IndexLookup {
            count_from: self.count_from,
            count_conditions: conditions(in_session.to_owned()),
            ..IndexLookup::new("", conditions(self.by_session.replace("{}", in_session)))
        }
    }
}
