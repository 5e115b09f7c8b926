//! Which role an imported user gets.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::{RoleConfig, RolesConfig};
use crate::domain::account::Role;
use crate::domain::import::{ImportField, SourceAccount};
use crate::services::import::fields::FieldSet;
use crate::services::import::values::truth;

/// The word for users with all permissions in Django.
pub const SUPERUSER: &str = "superuser";
/// The word for users of Django's admin site.
pub const STAFF: &str = "staff";

/// The roles of the words of a source.
#[derive(Clone, Debug)]
pub struct RoleRules {
    /// The roles that were named for words.
    pub named: BTreeMap<String, Role>,
    /// The role of everybody else.
    pub default: Role,
    /// The configured roles.
    pub configured: Arc<RolesConfig>,
}

/// A role, and what is to be said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) role: Role,
    /// A word that is no configured role.
    pub(super) unknown: Option<String>,
    /// Whether the rules and the source decide it: a role that is only the default is not given to an account that was
    /// imported before.
    pub(super) is_decided: bool,
    /// A role that may write, or the flag of superusers, that was not named.
    pub(super) withheld: Option<String>,
    /// A word that cannot be the name of a role.
    pub(super) unusable: Option<String>,
}

impl RoleRules {
    /// The role of a user. `superuser` and `staff` are given to those whom Django flags, if they were named; a word of the
    /// source is the role of this name, unless another was named for it. No user gets a role that may write and was not
    /// named.
    pub(super) fn role_of(&self, row: &SourceAccount, columns: FieldSet) -> Given {
        let flag = |field| row.get(field).and_then(truth) == Some(true);
        let named = |word: &str| self.named.get(word).cloned();
        let word = row.get(ImportField::Role).map(str::trim);
        let of_flag = |field, name| if flag(field) { named(name) } else { None };
        let is_unnamed = |field, name: &str| flag(field) && !self.named.contains_key(name);
        let is_withheld = is_unnamed(ImportField::IsSuperuser, SUPERUSER);
        let given = |role| Given {
            role,
            is_decided: !is_withheld,
            unknown: None,
            withheld: is_withheld.then(|| SUPERUSER.to_owned()),
            unusable: None,
        };
        if let Some(role) = of_flag(ImportField::IsSuperuser, SUPERUSER) {
            return given(role);
        }
        if let Some(word) = word {
            return match named(word) {
                Some(role) => given(role),
                None => self.of_word(word, given(self.default.clone())),
            };
        }
        if let Some(role) = of_flag(ImportField::IsStaff, STAFF) {
            return given(role);
        }
        let mut given = given(self.default.clone());
        let has_role = columns.contains(ImportField::Role)
            || [
                (ImportField::IsSuperuser, SUPERUSER),
                (ImportField::IsStaff, STAFF),
            ]
            .iter()
            .any(|(field, name)| columns.contains(*field) && self.named.contains_key(*name));
        given.is_decided &= has_role && !is_unnamed(ImportField::IsStaff, STAFF);
        given
    }

    fn of_word(&self, word: &str, mut given: Given) -> Given {
        match Role::parse(word) {
            Err(_) => {
                given.is_decided = false;
                given.unusable = Some(word.to_owned());
            }
            Ok(role) if !self.configured.contains(&role) => {
                // A role that is not configured gives no rights.
                given.role = role;
                given.unknown = Some(word.to_owned());
            }
            Ok(role) if self.configured.rights(&role).can_write() => {
                given.is_decided = false;
                given.withheld = Some(word.to_owned());
            }
            Ok(role) => given.role = role,
        }
        given
    }
}

/// The section of the configuration with the configured roles, and with these, without rights.
#[must_use]
pub fn suggestion<'a>(configured: &RolesConfig, words: impl Iterator<Item = &'a String>) -> String {
    let settings = |role: &RoleConfig| {
        let table = toml::Table::try_from(role).unwrap_or_default();
        let settings = table.iter().map(|(key, value)| format!("{key} = {value}"));
        settings.collect::<Vec<_>>().join(", ")
    };
    let configured = configured.iter();
    let configured =
        configured.map(|(name, role)| format!("\"{name}\" = {{ {} }}\n", settings(role)));
    let none = settings(&RoleConfig::default());
    let new = words.map(|word| format!("\"{word}\" = {{ {none} }}\n"));
    format!("[roles]\n{}", configured.chain(new).collect::<String>())
}
