//! `/auth/password`: the caller's own password.

use actix_web::{HttpRequest, web};

use crate::http::api::answer::Answer;
use crate::http::api::body::Fields;
use crate::http::api::callers::{Bearer, actor};
use crate::http::api::errors::{ApiError, renamed};
use crate::http::api::inputs::{CURRENT_PASSWORD, NEW_PASSWORD};
use crate::http::device_token::PresentedDevice;
use crate::services::Services;
use crate::services::accounts::own_account::{self, KeptSession};
use crate::services::accounts::reauthentication::require_factor;

/// `POST /auth/password`: changes the password of a caller who knows the current one. All other sessions of the account end.
///
/// **Permissions**: a bearer of either population. `200` `PASSWORD_CHANGED`; `400` `INVALID_REQUEST` (the current password is
/// wrong, or the new one breaks the policy), `401`, `403` `REAUTHENTICATION_REQUIRED` (the account has a second factor, and was not
/// proved lately), `429` (too many wrong ones), `503`.
pub(super) async fn change_password(
    services: web::Data<Services>,
    request: HttpRequest,
    caller: Bearer,
    device: PresentedDevice,
    mut fields: Fields,
) -> Result<Answer<()>, ApiError> {
    let current = fields.required(&CURRENT_PASSWORD);
    let new = fields.required(&NEW_PASSWORD);
    let (current, new) = fields.complete(current.zip(new))?;
    let owner = caller.0.account.principal;
    require_factor(&services, owner, &caller.0.session).await?;
    let login_context = device.login_context(actor(&caller.0, &request));
    let kept = KeptSession::Tokens(caller.0.session.clone());
    own_account::change_password(
        &services,
        &login_context,
        &caller.0.account,
        kept,
        current,
        new,
    )
    .await
    .map_err(|error| {
        renamed(
            error,
            &[
                ("current", CURRENT_PASSWORD.name),
                ("password", NEW_PASSWORD.name),
            ],
        )
    })?;
    Ok(Answer::done("PASSWORD_CHANGED"))
}
