//! Accounts of one source that have the same value where it must be unique.

use crate::domain::import::ImportField;
use crate::domain::principal::UserType;
use crate::services::import::candidate::{Candidate, Identity};
use crate::services::import::report::Line;
use crate::store::StoreError;
use crate::store::imports::scratch::Scratch;

/// Leaves out values that an account before has in the same source. `first` is the number of accounts that were read before.
/// Returns the accounts that can be imported, and the problems of each of the others.
pub(super) fn leave_out(
    scratch: &mut Scratch,
    first: usize,
    user_type: UserType,
    candidates: Vec<Candidate>,
) -> Result<(Vec<Candidate>, Vec<Vec<Line>>), StoreError> {
    let mut values = Vec::new();
    let mut places = Vec::new();
    for (index, candidate) in candidates.iter().enumerate() {
        let mut add = |field: ImportField, value: String| {
            let row = i64::try_from(first + index).unwrap_or(i64::MAX);
            values.push((value, candidate.key.clone(), row));
            places.push((index, field));
        };
        if let Identity::Number(number) = candidate.identity {
            add(ImportField::Id, format!("number {number}"));
        }
        if let Some(id) = &candidate.external_id {
            add(ImportField::ExternalId, format!("external {}", id.as_str()));
        }
        for (field, login) in candidate.logins() {
            add(field, format!("login {login}"));
        }
    }
    let others = scratch.take(user_type, &values)?;
    let mut refused = Vec::new();
    let mut candidates: Vec<Option<Candidate>> = candidates.into_iter().map(Some).collect();
    for ((index, field), other) in places.into_iter().zip(others) {
        let (Some(other), Some(slot)) = (other, candidates.get_mut(index)) else {
            continue;
        };
        let Some(candidate) = slot else { continue };
        let problem = format!("{other} of the source has the same");
        if field == ImportField::Id || !candidate.leave_out(field, &problem) {
            if field == ImportField::Id {
                candidate.refuse(field, problem);
            }
            refused.push(std::mem::take(&mut candidate.lines));
            *slot = None;
        }
    }
    Ok((candidates.into_iter().flatten().collect(), refused))
}
