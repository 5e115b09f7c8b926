//! `[roles]`: the roles of internal users, and what each may do. Only the file can set them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::error::Checks;
use crate::domain::account::{Account, Role};
use crate::domain::language::Language;
use crate::domain::problem::Problem;

/// What a role may do in the admin panel. Each includes the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PanelAccess {
    /// No access.
    #[default]
    None,
    /// See everything.
    Read,
    /// Change everything.
    Write,
}

/// What a role may do with the accounts at `/api`. Each includes the one before. Every account may use its own data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApiAccess {
    /// No access.
    #[default]
    None,
    /// List accounts without their contacts.
    List,
    /// See everything of the accounts.
    Read,
    /// Change accounts.
    Write,
}

/// The rights of a role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// In the admin panel.
    pub panel: PanelAccess,
    /// At `/api`.
    pub api: ApiAccess,
}

impl Rights {
    /// All rights: those of an administrator.
    pub const ALL: Self = Self {
        panel: PanelAccess::Write,
        api: ApiAccess::Write,
    };

    /// Whether the role may change accounts, in the panel or at `/api`.
    #[must_use]
    pub fn can_write(self) -> bool {
        self.panel == PanelAccess::Write || self.api == ApiAccess::Write
    }

    /// Whether a role with these rights may do all that one with the others may do.
    #[must_use]
    pub fn covers(self, others: Self) -> bool {
        self.panel >= others.panel && self.api >= others.api
    }
}

/// A role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RoleConfig {
    /// What it may do in the admin panel.
    pub panel: PanelAccess,
    /// What it may do at `/api`.
    pub api: ApiAccess,
    /// Its name in English; the name in tokens if it is not set.
    pub label_en: Option<String>,
    /// Its name in Korean; the name in tokens if it is not set.
    pub label_ko: Option<String>,
}

impl RoleConfig {
    fn rights(&self) -> Rights {
        Rights {
            panel: self.panel,
            api: self.api,
        }
    }
}

/// The roles of internal users, by their names in tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RolesConfig(BTreeMap<String, RoleConfig>);

impl Default for RolesConfig {
    fn default() -> Self {
        let role = |role: Role, panel, api, label_en: &str, label_ko: &str| {
            let config = RoleConfig {
                panel,
                api,
                label_en: Some(label_en.to_owned()),
                label_ko: Some(label_ko.to_owned()),
            };
            (role.as_str().to_owned(), config)
        };
        Self(BTreeMap::from([
            role(
                Role::ADMIN,
                PanelAccess::Write,
                ApiAccess::Write,
                "Administrator",
                "관리자",
            ),
            role(
                Role::AUDITOR,
                PanelAccess::Read,
                ApiAccess::Read,
                "Auditor",
                "감사자",
            ),
            role(
                Role::STAFF,
                PanelAccess::None,
                ApiAccess::List,
                "Staff",
                "직원",
            ),
        ]))
    }
}

impl RolesConfig {
    /// The maximum number of characters of a label.
    const MAX_LABEL: usize = 50;

    pub(super) fn check(&self, checks: &mut Checks) {
        for (name, role) in &self.0 {
            let key = format!("roles.{name}");
            if Role::parse(name).is_err() {
                checks.refuse(
                    &key,
                    "not the name of a role: give 1 to 50 of the characters A-Z a-z 0-9 _ - .",
                );
            }
            for (field, label) in [("label_en", &role.label_en), ("label_ko", &role.label_ko)] {
                let is_line = |text: &String| {
                    !text.trim().is_empty()
                        && text.chars().count() <= Self::MAX_LABEL
                        && !text.contains(char::is_control)
                };
                if !label.as_ref().is_none_or(is_line) {
                    let key = format!("{key}.{field}");
                    checks.refuse(&key, "not a label: give 1 to 50 characters on one line");
                }
            }
        }
        if self.full().is_empty() {
            checks.refuse(
                "roles",
                "no role has all rights, so nobody could manage accounts: give one of them \
                 `panel = \"write\"` and `api = \"write\"`",
            );
        }
    }

    /// The roles with their settings, those with the most rights first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RoleConfig)> {
        let mut roles: Vec<_> = self.0.iter().collect();
        // Stable: by name where the rights are equal.
        roles.sort_by_key(|(_, role)| std::cmp::Reverse((role.panel, role.api)));
        roles.into_iter().map(|(name, role)| (name.as_str(), role))
    }

    /// The names in the order of [`RolesConfig::iter`].
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.iter().map(|(name, _)| name).collect()
    }

    /// Whether there is this role.
    #[must_use]
    pub fn contains(&self, role: &Role) -> bool {
        self.0.contains_key(role.as_str())
    }

    /// Parses the name of a configured role.
    pub fn parse(&self, name: &str) -> Result<Role, Problem> {
        let role = Role::parse(name)?;
        self.check_role(&role).map(|()| role)
    }

    /// Refuses a role that is not configured.
    pub fn check_role(&self, role: &Role) -> Result<(), Problem> {
        if self.contains(role) {
            return Ok(());
        }
        let names = self.names().into_iter().map(str::to_owned);
        Err(Problem::UnknownRole(names.collect()))
    }

    /// The rights of a role; none for one that is not configured.
    #[must_use]
    pub fn rights(&self, role: &Role) -> Rights {
        let role = self.0.get(role.as_str());
        role.map(RoleConfig::rights).unwrap_or_default()
    }

    /// The rights of an account by its role; a client has none.
    #[must_use]
    pub fn rights_of(&self, account: &Account) -> Rights {
        let role = account.role.as_ref();
        role.map(|role| self.rights(role)).unwrap_or_default()
    }

    /// The roles that may enter the admin panel.
    #[must_use]
    pub fn of_panel(&self) -> Vec<Role> {
        let roles = self.0.iter();
        roles
            .filter(|(_, role)| role.panel != PanelAccess::None)
            .filter_map(|(name, _)| Role::parse(name).ok())
            .collect()
    }

    /// The label of a role; `None` for one that is not configured.
    #[must_use]
    pub fn label(&self, role: &str, language: Language) -> Option<&str> {
        let (name, role) = self.0.get_key_value(role)?;
        let label = match language {
            Language::En => role.label_en.as_deref(),
            Language::Ko => role.label_ko.as_deref(),
        };
        Some(label.unwrap_or(name))
    }

    /// The roles with all rights: those of administrators. A valid configuration has at least one.
    #[must_use]
    pub fn full(&self) -> Vec<Role> {
        let full = self.iter().filter(|(_, role)| role.rights() == Rights::ALL);
        full.filter_map(|(name, _)| Role::parse(name).ok())
            .collect()
    }

    /// The role of the first administrator.
    #[must_use]
    pub fn administrator(&self) -> Role {
        self.full().into_iter().next().unwrap_or(Role::ADMIN)
    }

    /// The role of a new user if none is given: `staff`, or the one with the fewest rights if there is no such role.
    #[must_use]
    pub fn default_role(&self) -> Role {
        let fewest = || {
            self.iter()
                .last()
                .and_then(|(name, _)| Role::parse(name).ok())
        };
        Some(Role::STAFF)
            .filter(|staff| self.contains(staff))
            .or_else(fewest)
            .unwrap_or(Role::STAFF)
    }
}
