//! `/api/me`: the caller's account.

use serde::Serialize;

use crate::domain::account::{Account, Role};
use crate::domain::principal::{UserSeq, UserType};
use crate::http::api::answer::Answer;
use crate::http::api::callers::Bearer;
use crate::http::api::errors::ApiError;

/// An account in an answer to its owner.
#[derive(Serialize)]
pub(super) struct AccountView {
    user_type: UserType,
    user_seq: UserSeq,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    name: String,
    email: Option<String>,
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
            role: account.role,
        }
    }
}

/// `GET /api/me`: the caller's own account.
///
/// **Permissions**: a bearer of either population. `200` `ME`; `401`, `503`.
pub(super) async fn show(caller: Bearer) -> Result<Answer<AccountView>, ApiError> {
    Ok(Answer::ok("ME", caller.0.account.as_ref().into()))
}
