//! Accounts of one source that have the same value where it must be unique.

use crate::domain::import::ImportField;
use crate::services::import::candidate::{Candidate, Identity};
use crate::services::import::error::ImportError;
use crate::services::import::input::{Input, Message, Parsed};
use crate::store::StoreError;
use crate::store::imports::scratch::Scratch;

/// Reads a source, and sends everything without duplicates. `send` returns `false` when no more is wanted.
pub(super) fn read(
    input: &mut impl Input,
    mut send: impl FnMut(Message) -> bool,
) -> Result<(), ImportError> {
    let mut duplicates = Duplicates {
        taken: Scratch::open()?,
        rows: 0,
    };
    let mut left_out = Ok(());
    let read = input.read(&mut |message| match duplicates.leave_out(message) {
        Ok(message) => send(message),
        Err(error) => {
            left_out = Err(ImportError::Store(error));
            false
        }
    });
    left_out.and(read)
}

/// The values that were read so far.
struct Duplicates {
    taken: Scratch,
    /// How many accounts were read, to tell two with the same key apart.
    rows: usize,
}

impl Duplicates {
    /// Leaves out values that an account before has in the same source. An account that cannot be imported without them becomes
    /// its problems.
    fn leave_out(&mut self, message: Message) -> Result<Message, StoreError> {
        let Message::Accounts(user_type, mut accounts) = message else {
            return Ok(message);
        };
        let (values, places) = self.values_of(&accounts);
        self.rows += accounts.len();
        let others = self.taken.take(user_type, &values)?;
        for ((index, field), other) in places.into_iter().zip(others) {
            let Some(other) = other else { continue };
            let Some(Ok(candidate)) = accounts.get_mut(index) else {
                continue;
            };
            let problem = format!("{other} of the source has the same");
            if field == ImportField::Id || !candidate.leave_out(field, &problem) {
                if field == ImportField::Id {
                    candidate.refuse(field, problem);
                }
                let lines = std::mem::take(&mut candidate.lines);
                if let Some(account) = accounts.get_mut(index) {
                    *account = Err(lines);
                }
            }
        }
        Ok(Message::Accounts(user_type, accounts))
    }

    /// The values that must be unique, with the keys and numbers of their rows, and the indexes of their accounts.
    fn values_of(&self, accounts: &[Parsed]) -> (Vec<Taken>, Vec<(usize, ImportField)>) {
        let (mut values, mut places) = (Vec::new(), Vec::new());
        for (index, account) in accounts.iter().enumerate() {
            let Ok(candidate) = account else { continue };
            let row = i64::try_from(self.rows + index).unwrap_or(i64::MAX);
            for (field, value) in unique_values(candidate) {
                values.push((value, candidate.key.clone(), row));
                places.push((index, field));
            }
        }
        (values, places)
    }
}

/// A value, the key of its account, and the number of its row.
type Taken = (String, String, i64);

fn unique_values(candidate: &Candidate) -> impl Iterator<Item = (ImportField, String)> {
    let number = match candidate.identity {
        Identity::Number(number) => Some((ImportField::Id, format!("number {number}"))),
        Identity::External(_) | Identity::Login => None,
    };
    let external_id = candidate.external_id.as_ref();
    let external_id = external_id.map(|id| {
        let value = format!("external {}", id.as_str());
        (ImportField::ExternalId, value)
    });
    let logins = candidate.logins();
    let logins = logins.map(|(field, login)| (field, format!("login {login}")));
    number.into_iter().chain(external_id).chain(logins)
}
