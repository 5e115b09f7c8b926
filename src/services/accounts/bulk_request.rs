//! The request of a bulk change: what is to be done to which accounts.

use crate::config::RolesConfig;
use crate::domain::job::BulkAction;
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::store::account_list::AccountFilter;
use crate::store::{Db, StoreError, users};

/// The accounts of a bulk change.
#[derive(Clone, Debug)]
pub enum Accounts {
    /// These accounts.
    Selected(Vec<UserSeq>),
    /// All accounts that pass a filter.
    Filtered {
        /// The filter.
        filter: Box<AccountFilter>,
        /// The query string of the list, for the audit log.
        query: String,
        /// The greatest number among them. Accounts created later are not included.
        up_to: i64,
    },
}

/// A bulk change.
#[derive(Clone, Debug)]
pub struct BulkRequest {
    /// The population.
    pub user_type: UserType,
    /// The action.
    pub action: BulkAction,
    /// The accounts.
    pub accounts: Accounts,
}

impl BulkRequest {
    /// The state in which an account needs no change; `None` if that cannot be known before.
    pub(crate) fn active_state(&self) -> Option<bool> {
        match self.action {
            BulkAction::Activate => Some(true),
            BulkAction::Deactivate => Some(false),
            BulkAction::EndSessions | BulkAction::Delete => None,
        }
    }

    /// Whether this is the requesting user's own account, which is to be skipped.
    pub(crate) fn skips(&self, id: UserSeq, own: Option<Principal>) -> bool {
        self.action != BulkAction::Activate && own == Some(Principal::new(self.user_type, id))
    }

    /// Whether the requesting user is the last administrator, and the action takes rights away.
    pub(crate) fn skips_last_administrator(
        &self,
        connection: &mut Db,
        roles: &RolesConfig,
        own: Option<Principal>,
    ) -> Result<bool, StoreError> {
        let takes_rights = matches!(self.action, BulkAction::Deactivate | BulkAction::Delete);
        let Some(own) = own.filter(|_| takes_rights && self.user_type == UserType::User) else {
            return Ok(false);
        };
        users::is_only_active(connection, &roles.full(), own.user_seq)
    }
}
