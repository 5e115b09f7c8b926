//! A change of many accounts: activating, deactivating, ending sessions, deleting. First it is told whom it will touch;
//! then it goes on in the background, a small batch of accounts in each transaction. Each account is changed as by the
//! pages of one account, so that each change is recorded, and what must end with it ends in the same transaction.

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        audit::{Action, Actor},
        job::BulkAction,
        principal::{Principal, UserSeq, UserType},
    },
    services::{
        accounts::bulk_work,
        audit::log::Event,
        bootstrap::Services,
        error::Error,
        maintenance::jobs::{self, Begun, Report, Started},
    },
    store::{
        Db, StoreError,
        account_list::AccountFilter,
        account_pages::{count_exact, greatest_id, ids_after},
        client_users, users,
    },
};

/// How many of the accounts are named before anything is done.
const NAMED: usize = 50;

/// Which accounts are meant.
#[derive(Clone, Debug)]
pub enum Accounts {
    /// These, chosen one by one.
    Selected(Vec<UserSeq>),
    /// All who fit a filter and were there when they were counted.
    Fitting {
        /// The filter.
        filter: Box<AccountFilter>,
        /// The filter as the list's address has it, for the record.
        query: String,
        /// The greatest number among them: who is made later is not meant.
        up_to: i64,
    },
}

/// What is to be done to whom.
#[derive(Clone, Debug)]
pub struct BulkRequest {
    /// The population.
    pub user_type: UserType,
    /// What is to be done.
    pub action: BulkAction,
    /// To whom.
    pub accounts: Accounts,
}

/// An account by its name and by what it logs in by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedAccount {
    /// The name.
    pub name: String,
    /// The e-mail address, or the username.
    pub login: String,
}

/// What a wish would do now.
#[derive(Clone, Debug)]
pub struct Preview {
    /// How many accounts it would touch.
    pub touched: u64,
    /// How many are so already.
    pub already: u64,
    /// How many of the selected ones are gone.
    pub gone: u64,
    /// Whether whoever wishes it is among them and would be left out.
    pub leaves_self_out: bool,
    /// Whether he is the last administrator, too.
    pub is_last_administrator: bool,
    /// The first ones it would touch.
    pub first: Vec<NamedAccount>,
}

/// What became of many accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkReport {
    /// Of which population.
    pub user_type: UserType,
    /// What was done to them.
    pub action: BulkAction,
    /// How many were changed.
    pub changed: u64,
    /// How many were so already.
    pub unchanged: u64,
    /// How many were gone when it was their turn.
    pub gone: u64,
    /// Whether whoever began it was left out.
    pub skipped_self: bool,
    /// The last administrator, who was left out.
    pub skipped_last_administrator: Option<String>,
}

impl BulkReport {
    pub(crate) fn new(wish: &BulkRequest) -> Self {
        Self {
            user_type: wish.user_type,
            action: wish.action,
            changed: 0,
            unchanged: 0,
            gone: 0,
            skipped_self: false,
            skipped_last_administrator: None,
        }
    }
}

/// The greatest number that a population has given so far.
///
/// # Errors
/// The store's.
pub async fn greatest(services: &Services, user_type: UserType) -> Result<i64, Error> {
    Ok(services
        .store
        .read(move |connection| greatest_id(connection, user_type))
        .await?)
}

/// Whom a wish would touch now, counted to the last one.
///
/// # Errors
/// The store's.
pub async fn preview(
    services: &Services,
    actor: &Actor,
    wish: &BulkRequest,
) -> Result<Preview, Error> {
    let (own, wish) = (actor.principal, wish.clone());
    let preview = services
        .store
        .read_list(move |connection| match &wish.accounts {
            Accounts::Selected(ids) => preview_selected(connection, &wish, ids, own),
            Accounts::Fitting { filter, up_to, .. } => {
                preview_fitting(connection, &wish, filter, *up_to, own)
            }
        })
        .await?;
    Ok(preview)
}

impl BulkRequest {
    /// The state in which an account needs no change; none where that is not known beforehand.
    fn is_so_when_active(&self) -> Option<bool> {
        match self.action {
            BulkAction::Activate => Some(true),
            BulkAction::Deactivate => Some(false),
            BulkAction::EndSessions | BulkAction::Delete => None,
        }
    }

    /// Whether this account is whoever wishes it, and would be left out.
    fn spares(&self, id: UserSeq, own: Option<Principal>) -> bool {
        self.action != BulkAction::Activate
            && own
                == Some(Principal {
                    user_type: self.user_type,
                    user_seq: id,
                })
    }

    fn is_last(&self, connection: &mut Db, own: Option<Principal>) -> Result<bool, StoreError> {
        let takes_rights = matches!(self.action, BulkAction::Deactivate | BulkAction::Delete);
        let Some(own) = own.filter(|_| takes_rights && self.user_type == UserType::User) else {
            return Ok(false);
        };
        users::is_only_active_admin(connection, own.user_seq)
    }
}

fn look(
    connection: &mut Db,
    user_type: UserType,
    id: UserSeq,
) -> Result<Option<(NamedAccount, bool)>, StoreError> {
    Ok(match user_type {
        UserType::User => users::find_by_id(connection, id)?.map(|row| {
            let (name, login) = (row.name, row.email);
            (NamedAccount { name, login }, row.is_active)
        }),
        UserType::Client => client_users::find_by_id(connection, id)?.map(|row| {
            let (name, login) = (row.name, row.username);
            (NamedAccount { name, login }, row.is_active)
        }),
    })
}

fn preview_selected(
    connection: &mut Db,
    wish: &BulkRequest,
    ids: &[UserSeq],
    own: Option<Principal>,
) -> Result<Preview, StoreError> {
    let mut preview = Preview {
        touched: 0,
        already: 0,
        gone: 0,
        leaves_self_out: false,
        is_last_administrator: false,
        first: Vec::new(),
    };
    for id in ids {
        let Some((named, is_active)) = look(connection, wish.user_type, *id)? else {
            preview.gone += 1;
            continue;
        };
        if wish.spares(*id, own) {
            preview.leaves_self_out = true;
        } else if wish.is_so_when_active() == Some(is_active) {
            preview.already += 1;
        } else {
            preview.touched += 1;
            if preview.first.len() < NAMED {
                preview.first.push(named);
            }
        }
    }
    preview.is_last_administrator = preview.leaves_self_out && wish.is_last(connection, own)?;
    Ok(preview)
}

fn preview_fitting(
    connection: &mut Db,
    wish: &BulkRequest,
    filter: &AccountFilter,
    up_to: i64,
    own: Option<Principal>,
) -> Result<Preview, StoreError> {
    let counted = |connection: &mut Db, filter: &AccountFilter| {
        count_exact(connection, filter, up_to).map(|rows| u64::try_from(rows).unwrap_or(0))
    };
    // Who would be changed: those who fit and are not so already.
    let wanted = wish.is_so_when_active().map(|is_so| !is_so);
    let total = counted(connection, filter)?;
    let mut changing = filter.clone();
    let mut touched = match (wanted, filter.is_active) {
        (Some(wanted), Some(is_active)) if wanted != is_active => 0,
        (Some(_), None) => {
            changing.is_active = wanted;
            counted(connection, &changing)?
        }
        _ => total,
    };
    let already = total - touched;
    let mut leaves_self_out = false;
    if let Some(own) = own.filter(|own| wish.spares(own.user_seq, Some(*own))) {
        let id = own.user_seq;
        let found = ids_after(connection, &changing, id.get() - 1, id.get().min(up_to), 1)?;
        leaves_self_out = touched > 0 && found == [id];
    }
    let mut first = Vec::new();
    if touched > 0 {
        // One more, in case one of them is left out.
        let limit = i64::try_from(NAMED).unwrap_or(i64::MAX) + 1;
        for id in ids_after(connection, &changing, 0, up_to, limit)? {
            if !wish.spares(id, own) && first.len() < NAMED {
                first.extend(look(connection, wish.user_type, id)?.map(|(named, _)| named));
            }
        }
    }
    touched -= u64::from(leaves_self_out);
    Ok(Preview {
        touched,
        already,
        gone: 0,
        leaves_self_out,
        is_last_administrator: leaves_self_out && wish.is_last(connection, own)?,
        first,
    })
}

/// Begins to do what is wished, in the background.
///
/// # Errors
/// The store's.
pub async fn start(
    services: &Services,
    actor: &Actor,
    wish: BulkRequest,
) -> Result<Started, Error> {
    let (store, clock) = (&services.store, &services.clock);
    let preview = preview(services, actor, &wish).await?;
    let event = Event::new(Action::BulkStarted)
        .noting("user_type", wish.user_type)
        .noting("action", wish.action)
        .noting("accounts", preview.touched);
    let event = match &wish.accounts {
        Accounts::Selected(_) => event,
        Accounts::Fitting { query, .. } => event.noting("filter", query),
    };
    let report = BulkReport::new(&wish);
    let begun = jobs::begin(
        store,
        clock,
        (&services.audit_log, actor),
        Report::Bulk(report),
        Some(event),
    )
    .await?;
    let id = match begun {
        Begun::New(id) => id,
        // Flushes alone are kept apart.
        Begun::Running(id) => return Ok(Started::already(id)),
    };
    let work = bulk_work::Bulk::new(services.audit_log.clone(), actor.clone(), wish);
    let (store, clock) = (store.clone(), clock.clone());
    let running = services.jobs.spawn(store, clock, id.clone(), work);
    Ok(Started::running(id, running))
}
