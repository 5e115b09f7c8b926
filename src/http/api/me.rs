//! `/api/me`: the caller's account.

use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::account::{Account, Role};
use crate::domain::principal::{UserSeq, UserType};
use crate::http::api::answer::Answer;
use crate::http::api::callers::Bearer;
use crate::http::api::errors::ApiError;

/// An account in an answer to its owner.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Account")]
pub(super) struct AccountView {
    /// The population.
    user_type: UserType,
    /// The number within the population.
    user_seq: UserSeq,
    /// Absent for a user without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// The name.
    #[schemars(example = &"Kim Minji")]
    name: String,
    /// The e-mail address; `null` without one.
    #[schemars(example = &"minji@example.org")]
    email: Option<String>,
    /// Whether the e-mail address is verified, so that links and codes are sent to it; `null` without one.
    email_verified: Option<bool>,
    /// Of internal users only.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
}

impl From<&Account> for AccountView {
    fn from(account: &Account) -> Self {
        Self {
            user_type: account.principal.user_type,
            user_seq: account.principal.user_seq,
            username: account.username.clone(),
            name: account.name.clone(),
            email: account.email.clone(),
            email_verified: account.email_verified(),
            role: account.role.clone(),
        }
    }
}

/// `GET /api/me`: the caller's own account.
///
/// **Permissions**: a bearer of either population. `200` `ME`; `401`, `503`.
pub(super) async fn show(caller: Bearer) -> Result<Answer<AccountView>, ApiError> {
    Ok(Answer::ok("ME", caller.0.account.as_ref().into()))
}
