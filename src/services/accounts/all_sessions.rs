//! Ending the sessions of all accounts, at the request of the operator or after a backup was restored.

use crate::clock::Timestamp;
use crate::domain::audit::Actor;
use crate::domain::job::BulkAction;
use crate::domain::principal::UserType;
use crate::services::accounts::bulk;
use crate::services::accounts::bulk_request::{Accounts, BulkRequest};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::store::account_list::AccountFilter;
use crate::store::{Db, Store, StoreError, totals};

/// How many sessions are live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveCounts {
    /// Sessions of tokens.
    pub sessions: u64,
    /// Sessions in the admin panel.
    pub panel_sessions: u64,
}

/// Counts the sessions that are live at this time.
///
/// # Errors
/// Errors of the store.
pub async fn count_live(store: &Store, now: Timestamp) -> Result<LiveCounts, Error> {
    let number = |rows: i64| u64::try_from(rows).unwrap_or(0);
    let read = move |connection: &mut Db| {
        Ok::<_, StoreError>(LiveCounts {
            sessions: number(totals::live_sessions(connection, now)?),
            panel_sessions: number(totals::live_panel_sessions(connection, now)?),
        })
    };
    Ok(store.read_list(read).await?)
}

/// Ends all sessions of all accounts, including sessions in the admin panel: one job for each population. Refresh tokens of
/// Django that were not exchanged yet are refused too. Returns how many sessions were live before.
///
/// # Errors
/// Errors of the store. Sessions that were ended before stay ended.
pub async fn end(services: &Services, actor: &Actor) -> Result<LiveCounts, Error> {
    let live = count_live(&services.store, services.clock.now()).await?;
    for user_type in [UserType::User, UserType::Client] {
        let accounts = Accounts::Filtered {
            filter: Box::new(AccountFilter::all(user_type)),
            query: String::new(),
            up_to: bulk::greatest(services, user_type).await?,
        };
        let request = BulkRequest {
            user_type,
            action: BulkAction::EndSessions,
            accounts,
        };
        bulk::run(services, actor, request).await?;
    }
    Ok(live)
}
