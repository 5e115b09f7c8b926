//! Bulk changes: activating, deactivating and deleting many accounts, and ending their sessions. A preview shows the accounts
//! concerned; then a job changes them in the background, a small batch in each transaction. Each account is changed and
//! recorded as if it were changed alone.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::config::RolesConfig;
use crate::domain::account::Account;
use crate::domain::audit::{Action, Actor};
use crate::domain::job::JobState;
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::services::account_lookup::find_account;
use crate::services::accounts::bulk_request::{Accounts, BulkRequest};
use crate::services::accounts::bulk_work::Bulk;
use crate::services::audit::log::Event;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::maintenance::job_report::BulkReport;
use crate::services::maintenance::job_runner::{self, Work};
use crate::services::maintenance::jobs::{self, Begun, Started};
use crate::store::account_list::AccountFilter;
use crate::store::account_pages::{count_exact, greatest_id, ids_after};
use crate::store::account_sessions::{self, SessionCount};
use crate::store::{Db, StoreError};

/// The maximum number of accounts that a preview names.
const NAMED: usize = 50;

/// What a bulk change would do now.
#[derive(Clone, Debug, Default)]
pub struct Preview {
    /// How many accounts would be changed.
    pub touched: u64,
    /// How many accounts need no change.
    pub already: u64,
    /// How many of the selected accounts no longer exist.
    pub gone: u64,
    /// Whether the requesting user's own account is among them and would be skipped.
    pub leaves_self_out: bool,
    /// Whether that account is also the last administrator.
    pub is_last_administrator: bool,
    /// The live sessions that would end.
    pub ending: SessionCount,
    /// The first accounts that would be changed.
    pub first: Vec<Account>,
}

impl Preview {
    /// How many of the accounts that would be changed are not named. The names are read after the count, so that there may
    /// be more of them by then.
    #[must_use]
    pub fn unnamed(&self) -> u64 {
        self.touched.saturating_sub(self.first.len() as u64)
    }
}

/// The greatest number of an account in a population.
///
/// # Errors
/// Errors of the store.
pub async fn greatest(services: &Services, user_type: UserType) -> Result<i64, Error> {
    Ok(services
        .store
        .read(move |connection| greatest_id(connection, user_type))
        .await?)
}

/// What a bulk change would do now, counted exactly.
///
/// # Errors
/// Errors of the store.
pub async fn preview(
    services: &Services,
    actor: &Actor,
    request: &BulkRequest,
) -> Result<Preview, Error> {
    let (own, request) = (actor.principal, request.clone());
    let now = services.clock.now();
    let roles = Arc::clone(&services.roles);
    let preview = services
        .store
        .read_list(move |connection| match &request.accounts {
            Accounts::Selected(ids) => {
                preview_selected(connection, &roles, &request, ids, own, now)
            }
            Accounts::Filtered { filter, up_to, .. } => {
                preview_filtered(connection, &roles, &request, filter, *up_to, own, now)
            }
        })
        .await?;
    Ok(preview)
}

fn preview_selected(
    connection: &mut Db,
    roles: &RolesConfig,
    request: &BulkRequest,
    ids: &[UserSeq],
    own: Option<Principal>,
    now: Timestamp,
) -> Result<Preview, StoreError> {
    let mut preview = Preview::default();
    let mut touched = Vec::new();
    for id in ids {
        let owner = Principal::new(request.user_type, *id);
        let Some(account) = find_account(connection, owner)? else {
            preview.gone += 1;
            continue;
        };
        if request.skips(*id, own) {
            preview.leaves_self_out = true;
        } else if request.active_state() == Some(account.is_active) {
            preview.already += 1;
        } else {
            preview.touched += 1;
            touched.push(*id);
            if preview.first.len() < NAMED {
                preview.first.push(account);
            }
        }
    }
    if request.active_state() != Some(true) {
        preview.ending = account_sessions::count_of(connection, request.user_type, &touched, now)?;
    }
    preview.is_last_administrator =
        preview.leaves_self_out && request.skips_last_administrator(connection, roles, own)?;
    Ok(preview)
}

fn preview_filtered(
    connection: &mut Db,
    roles: &RolesConfig,
    request: &BulkRequest,
    filter: &AccountFilter,
    up_to: i64,
    own: Option<Principal>,
    now: Timestamp,
) -> Result<Preview, StoreError> {
    let count = |connection: &mut Db, filter: &AccountFilter| {
        count_exact(connection, filter, up_to).map(|rows| u64::try_from(rows).unwrap_or(0))
    };
    // The accounts that would be changed: those that pass the filter and are in the other state.
    let other_state = request.active_state().map(|state| !state);
    let total = count(connection, filter)?;
    let mut changing = filter.clone();
    let mut touched = match (other_state, filter.is_active) {
        (Some(state), Some(is_active)) if state != is_active => 0,
        (Some(_), None) => {
            changing.is_active = other_state;
            count(connection, &changing)?
        }
        _ => total,
    };
    // Accounts may have been created between the two counts.
    let already = total.saturating_sub(touched);
    let mut leaves_self_out = false;
    if let Some(own) = own.filter(|own| request.skips(own.user_seq, Some(*own))) {
        let id = own.user_seq;
        let found = ids_after(connection, &changing, id.get() - 1, id.get().min(up_to), 1)?;
        leaves_self_out = touched > 0 && found == [id];
    }
    let mut first = Vec::new();
    if touched > 0 {
        // One more, in case one is skipped.
        let limit = i64::try_from(NAMED).unwrap_or(i64::MAX) + 1;
        for id in ids_after(connection, &changing, 0, up_to, limit)? {
            if !request.skips(id, own) && first.len() < NAMED {
                let owner = Principal::new(request.user_type, id);
                first.extend(find_account(connection, owner)?);
            }
        }
    }
    touched = touched.saturating_sub(u64::from(leaves_self_out));
    let skipped = own.filter(|_| leaves_self_out).map(|own| own.user_seq);
    let ending = match request.active_state() {
        Some(true) => SessionCount::default(),
        _ => ending_of_filtered(connection, &changing, up_to, skipped, now)?,
    };
    Ok(Preview {
        touched,
        already,
        gone: 0,
        leaves_self_out,
        is_last_administrator: leaves_self_out
            && request.skips_last_administrator(connection, roles, own)?,
        ending,
        first,
    })
}

/// The live sessions of the matching accounts without those of one.
fn ending_of_filtered(
    connection: &mut Db,
    filter: &AccountFilter,
    up_to: i64,
    without: Option<UserSeq>,
    now: Timestamp,
) -> Result<SessionCount, StoreError> {
    let all = account_sessions::count_matching(connection, filter, up_to, now)?;
    let left_out =
        account_sessions::count_of(connection, filter.user_type, without.as_slice(), now)?;
    Ok(SessionCount {
        sessions: all.sessions - left_out.sessions,
        accounts: all.accounts - left_out.accounts,
    })
}

/// Starts a bulk change in the background.
///
/// # Errors
/// Errors of the store.
pub async fn start(
    services: &Services,
    actor: &Actor,
    request: BulkRequest,
) -> Result<Started, Error> {
    let (event, work) = prepared(services, actor, request).await?;
    jobs::start(services, actor, event, work).await
}

/// Does a bulk change to its end, and returns what was done.
///
/// # Errors
/// Errors of the store, and [`Error::Unavailable`] if an administrator has stopped the job.
pub async fn run(
    services: &Services,
    actor: &Actor,
    request: BulkRequest,
) -> Result<BulkReport, Error> {
    let (event, mut work) = prepared(services, actor, request).await?;
    let (store, clock) = (&services.store, &services.clock);
    let by = (&services.audit_log, actor);
    let (Begun::New(id) | Begun::Running(id)) =
        jobs::begin(store, clock, by, work.report(), Some(event)).await?;
    let stopping = services.jobs.stopping();
    let run = job_runner::run(store, clock, &id, &mut work, stopping, |_, _| ());
    match Box::pin(run).await? {
        JobState::Done => Ok(work.into_report()),
        state => Err(Error::Unavailable(format!(
            "the job {id} is {state}: not all accounts were changed"
        ))),
    }
}

/// The event and the work of a bulk change.
async fn prepared(
    services: &Services,
    actor: &Actor,
    request: BulkRequest,
) -> Result<(Event, Bulk), Error> {
    let preview = preview(services, actor, &request).await?;
    let event = Event::new(Action::BulkStarted)
        .with_detail("user_type", request.user_type)
        .with_detail("action", request.action)
        .with_detail("accounts", preview.touched);
    let event = match &request.accounts {
        Accounts::Selected(_) => event,
        Accounts::Filtered { query, .. } => event.with_detail("filter", query),
    };
    let work = Bulk::new(
        services.audit_log.clone(),
        Arc::clone(&services.roles),
        actor.clone(),
        request,
    );
    Ok((event, work))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::Role;

    #[test]
    fn an_account_created_between_the_count_and_the_names_is_no_wrapped_number() {
        let user = |seq: i64| {
            let seq = UserSeq::new(seq).unwrap();
            Account {
                principal: Principal::user(seq),
                email: Some("ann@example.org".to_owned()),
                username: None,
                external_id: None,
                name: "Ann".to_owned(),
                role: Some(Role::STAFF),
                is_active: true,
                claims: None,
                email_verified_at: None,
            }
        };
        let preview = |touched| Preview {
            touched,
            first: vec![user(1), user(2)],
            ..Preview::default()
        };
        assert_eq!(preview(1).unnamed(), 0);
        assert_eq!(preview(2).unnamed(), 0);
        assert_eq!(preview(5).unnamed(), 3);
    }
}
