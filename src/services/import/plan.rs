//! What is to be done with the accounts of a batch. Deciding it reads only, so a dry run decides the same.

use std::collections::HashSet;

use crate::domain::account::ExternalId;
use crate::domain::import::ImportField;
use crate::domain::principal::UserSeq;
use crate::services::import::candidate::{Candidate, Identity};
use crate::services::import::existing::Existing;
use crate::services::import::fields::{FieldSet, Fields, compare};
use crate::services::import::report::{AccountCounts, Line};

/// An account of an earlier import that is to be changed.
pub(super) struct Update {
    pub(super) id: UserSeq,
    pub(super) candidate: Candidate,
    /// What is to be changed.
    pub(super) changed: FieldSet,
    /// The account before.
    pub(super) old: Fields,
}

/// A name that an account gives up.
pub(super) struct GivenUp {
    pub(super) id: UserSeq,
    pub(super) field: ImportField,
    pub(super) login: String,
}

/// The plan of a batch.
#[derive(Default)]
pub(super) struct Plan {
    /// New accounts.
    pub(super) inserts: Vec<Candidate>,
    /// Accounts to be changed.
    pub(super) updates: Vec<Update>,
    /// Accounts that stay the same, with their keys in the source.
    pub(super) unchanged: Vec<(String, UserSeq)>,
    /// Accounts whose name another account of the source has, which may give it up in a later batch.
    pub(super) deferred: Vec<Candidate>,
    /// Names that the changed accounts give up, if the deferred ones were decided.
    pub(super) given_up: Vec<GivenUp>,
    /// The problems.
    pub(super) lines: Vec<Line>,
    /// The numbers, without those of the roles.
    pub(super) counts: AccountCounts,
    /// How many accounts of an earlier import the source still has.
    pub(super) matched: u64,
}

/// Decides what is to be done with the accounts of a batch. Those whose names depend on other accounts of the source are
/// deferred.
pub(super) fn plan(existing: &Existing, candidates: Vec<Candidate>) -> Plan {
    let is_deferred = |candidate: &Candidate| {
        let found = existing.find(candidate);
        let mut owners = candidate
            .logins()
            .filter_map(|(_, login)| existing.owner_of(login));
        owners.any(|owner| {
            let here = existing.accounts.get(&owner);
            let source = here.and_then(|here| here.imported.as_ref());
            Some(owner) != found && source.is_some_and(|(source, _)| *source == *candidate.origin)
        })
    };
    let (deferred, candidates) = candidates.into_iter().partition(is_deferred);
    let plan = decide(existing, candidates, &HashSet::new());
    Plan { deferred, ..plan }
}

/// Decides what is to be done with the deferred accounts of all batches: one may take a name that another one gives up, as
/// when two have swapped their names.
pub(super) fn plan_deferred(existing: &Existing, candidates: &[Candidate]) -> Plan {
    let found = candidates
        .iter()
        .filter_map(|candidate| existing.accounts.get(&existing.find(candidate)?));
    let logins = found.flat_map(|here| &here.logins);
    let mut free: HashSet<String> = logins.map(|(_, login)| login.clone()).collect();
    // Who cannot take a name keeps its own: then others cannot take that.
    loop {
        let mut plan = decide(existing, candidates.to_vec(), &free);
        plan.given_up = given_up(existing, &plan.updates);
        let logins = plan.given_up.iter().map(|given_up| &given_up.login);
        let found: HashSet<String> = logins
            .filter(|login| free.contains(*login))
            .cloned()
            .collect();
        if found.len() == free.len() {
            return plan;
        }
        free = found;
    }
}

/// The names that the updates give up.
pub(super) fn given_up(existing: &Existing, updates: &[Update]) -> Vec<GivenUp> {
    let mut given_up = Vec::new();
    for Update {
        id,
        candidate,
        changed,
        ..
    } in updates
    {
        let logins = existing.accounts.get(id).map(|here| here.logins.as_slice());
        for (field, login) in logins.unwrap_or_default() {
            let keeps = candidate.logins().any(|(_, new)| new == login);
            if changed.contains(*field) && !keeps {
                given_up.push(GivenUp {
                    id: *id,
                    field: *field,
                    login: login.clone(),
                });
            }
        }
    }
    given_up
}

/// Decides what is to be done. The names that are `free` are given up by their accounts.
fn decide(existing: &Existing, candidates: Vec<Candidate>, free: &HashSet<String>) -> Plan {
    let mut plan = Plan::default();
    for mut candidate in candidates {
        let found = existing.find(&candidate);
        match existing.source_of_deleted(&candidate) {
            Some(source) if source == &*candidate.origin => {
                // It does not come back.
                plan.matched += 1;
                plan.counts.kept += 1;
                continue;
            }
            Some(_) => {
                let problem = "a deleted account from another source had it".to_owned();
                candidate.refuse(ImportField::Id, problem);
                plan.counts.refused += 1;
                plan.lines.append(&mut candidate.lines);
                continue;
            }
            None => {}
        }
        if is_possible(existing, found, free, &mut candidate) {
            plan.add(existing, found, candidate);
        } else {
            plan.counts.refused += 1;
            plan.lines.append(&mut candidate.lines);
        }
    }
    plan
}

impl Plan {
    /// The numbers of the accounts by their keys, for a dry run: a new account that would get a number has none yet.
    pub(super) fn numbers(&self) -> Vec<(String, UserSeq)> {
        let any = UserSeq::new(1);
        let new = self.inserts.iter().filter_map(|candidate| {
            let number = match candidate.identity {
                Identity::Number(number) => Some(number),
                Identity::External(_) | Identity::Login => any,
            };
            Some((candidate.key.clone(), number?))
        });
        let updated = self.updates.iter();
        let updated = updated.map(|update| (update.candidate.key.clone(), update.id));
        new.chain(updated)
            .chain(self.unchanged.iter().cloned())
            .collect()
    }

    fn add(&mut self, existing: &Existing, found: Option<UserSeq>, mut candidate: Candidate) {
        let known = found.and_then(|id| Some((id, existing.accounts.get(&id)?)));
        let Some((id, here)) = known else {
            self.lines.append(&mut candidate.lines);
            self.counts.created += 1;
            self.inserts.push(candidate);
            return;
        };
        self.matched += 1;
        let last = here.imported.clone().unwrap_or_default().1;
        let now = candidate.fields().keeping(candidate.skipped, &last);
        let differences = compare(&now, &last, &here.fields);
        if differences.keeps_login {
            let problem = "the account here has no other name to log in by: it is kept";
            candidate.report(ImportField::Email, problem.to_owned(), true);
        }
        self.lines.append(&mut candidate.lines);
        if !differences.kept.is_empty() {
            self.counts.kept += 1;
        }
        let is_changed = !differences.changed.is_empty();
        if is_changed {
            self.counts.updated += 1;
        } else {
            self.counts.unchanged += 1;
        }
        // A later login is no change of the account, but is taken over with it.
        let logged_in = candidate.last_login_at > here.last_login_at;
        if is_changed || now != last || logged_in {
            let (changed, old) = (differences.changed, here.fields.clone());
            self.updates.push(Update {
                id,
                candidate,
                changed,
                old,
            });
        } else {
            self.unchanged.push((candidate.key, id));
        }
    }
}

/// Whether the candidate can be imported; values that other accounts have are left out.
fn is_possible(
    existing: &Existing,
    found: Option<UserSeq>,
    free: &HashSet<String>,
    candidate: &mut Candidate,
) -> bool {
    let here = found.and_then(|id| Some((id, existing.accounts.get(&id)?)));
    let is_of_source = |(source, _): &(String, _)| *source == *candidate.origin;
    if let Some((id, here)) =
        here.filter(|(_, here)| !here.imported.as_ref().is_some_and(is_of_source))
    {
        let field = match candidate.identity {
            Identity::Number(_) => ImportField::Id,
            Identity::External(_) => ImportField::ExternalId,
            Identity::Login => ImportField::Username,
        };
        let origin = match &here.imported {
            Some((source, _)) => format!("which came from the source {source}"),
            None => "which was not imported".to_owned(),
        };
        candidate.refuse(field, format!("account {id}, {origin}, has it already"));
        return false;
    }
    let taken: Vec<(ImportField, UserSeq)> = candidate
        .logins()
        .filter(|(_, login)| !free.contains(*login))
        .filter_map(|(field, login)| Some((field, existing.owner_of(login)?)))
        .collect();
    let external_id = candidate.external_id.as_ref().map(ExternalId::as_str);
    let external_id = external_id.and_then(|id| existing.owner_of_external_id(id));
    let taken = taken
        .into_iter()
        .chain(external_id.map(|owner| (ImportField::ExternalId, owner)));
    let is_found = taken
        .filter(|(_, owner)| Some(*owner) != found)
        .all(|(field, owner)| {
            let problem = format!("account {owner} has the same already");
            candidate.leave_out(field, &problem)
        });
    let has_login = candidate.name.is_some() && candidate.logins().next().is_some();
    if !is_found || found.is_some() || has_login {
        return is_found;
    }
    if candidate.logins().next().is_some() {
        candidate.refuse(ImportField::Name, "cannot be made of the login".to_owned());
    }
    candidate.refuse_without_login();
    false
}
