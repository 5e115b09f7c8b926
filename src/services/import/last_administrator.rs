//! The last active user with all rights keeps them.

use std::collections::HashSet;

use crate::config::RolesConfig;
use crate::domain::import::ImportField;
use crate::domain::principal::{UserSeq, UserType};
use crate::services::import::candidate::{Candidate, Identity};
use crate::services::import::fields::FieldSet;
use crate::services::import::plan::{Plan, Update};
use crate::services::import::report::{Consequence, Line};
use crate::store::{Db, StoreError, users};

/// The field by whose change an active user with all rights loses them.
pub(super) fn lost_rights(
    roles: &RolesConfig,
    new: &Candidate,
    changed: FieldSet,
) -> Option<ImportField> {
    if changed.contains(ImportField::IsActive) && !new.is_active {
        return Some(ImportField::IsActive);
    }
    let is_demoted = changed.contains(ImportField::Role) && !has_full_role(roles, new);
    is_demoted.then_some(ImportField::Role)
}

fn has_full_role(roles: &RolesConfig, new: &Candidate) -> bool {
    let role = new.role.as_ref().map(|given| &given.role);
    role.is_some_and(|role| roles.full().contains(role))
}

/// The problem of a last one.
pub(super) fn problem(new: &Candidate, field: ImportField) -> Line {
    Line {
        user_type: new.user_type,
        id: new.key.clone(),
        field,
        problem: "the last active user with all rights keeps them".to_owned(),
        consequence: Consequence::LeftOut,
    }
}

/// The active users with all rights, as they would be after the batches of a dry run.
#[derive(Default)]
pub(super) struct Administrators {
    known: HashSet<UserSeq>,
    /// New ones that would get a number.
    without_number: u64,
}

impl Administrators {
    pub(super) fn read(connection: &mut Db, roles: &RolesConfig) -> Result<Self, StoreError> {
        let known = users::list_active(connection, &roles.full())?;
        Ok(Self {
            known: known.into_iter().collect(),
            without_number: 0,
        })
    }

    /// Follows a batch. Adds the problems that a run would find when it writes.
    pub(super) fn follow(&mut self, roles: &RolesConfig, user_type: UserType, plan: &mut Plan) {
        if user_type != UserType::User {
            return;
        }
        for new in &plan.inserts {
            if new.is_active && has_full_role(roles, new) {
                match new.identity {
                    Identity::Number(number) => _ = self.known.insert(number),
                    Identity::External(_) | Identity::Login => self.without_number += 1,
                }
            }
        }
        for update in &plan.updates {
            plan.lines.extend(self.follow_update(roles, update));
        }
    }

    fn follow_update(&mut self, roles: &RolesConfig, update: &Update) -> Option<Line> {
        let (id, new, changed) = (update.id, &update.candidate, update.changed);
        if !self.known.contains(&id) {
            if is_full_after(roles, update) {
                self.known.insert(id);
            }
            return None;
        }
        let field = lost_rights(roles, new, changed)?;
        if self.known.len() == 1 && self.without_number == 0 {
            return Some(problem(new, field));
        }
        self.known.remove(&id);
        None
    }
}

/// Whether an account is active and has all rights after its update.
fn is_full_after(roles: &RolesConfig, update: &Update) -> bool {
    let Update {
        candidate,
        changed,
        old,
        ..
    } = update;
    let was_full = || {
        let full = roles.full();
        let mut names = full.iter().map(ToString::to_string);
        names.any(|name| old.role.as_ref() == Some(&name))
    };
    let is_active = if changed.contains(ImportField::IsActive) {
        candidate.is_active
    } else {
        old.is_active.as_deref() == Some("true")
    };
    is_active
        && if changed.contains(ImportField::Role) {
            has_full_role(roles, candidate)
        } else {
            was_full()
        }
}
