//! `/auth/password`: the caller's own password.

use actix_web::{HttpRequest, web};

use crate::{
    http::{
        api::{
            answer::Answer,
            body::{Fields, password},
            callers::Bearer,
            errors::ApiError,
        },
        device_token::ShownDevice,
    },
    services::{
        Error, Services,
        accounts::own_account::{self, Kept},
    },
};

/// `POST /auth/password`: sets another password for whoever shows that he knows the current one. All his other sessions end.
///
/// **Permissions**: a bearer of either population. `200` `PASSWORD_CHANGED`; `400` `INVALID_REQUEST` (the current password is
/// wrong, or the new one breaks the policy), `401`, `429` (after too many wrong ones), `503`.
pub(super) async fn change_password(
    services: web::Data<Services>,
    request: HttpRequest,
    caller: Bearer,
    shown: ShownDevice,
    mut fields: Fields,
) -> Result<Answer<()>, ApiError> {
    let current = fields.required("current_password", password);
    let new = fields.required("new_password", password);
    let (current, new) = fields.complete(current.zip(new))?;
    let login_context = shown.login_context(caller.actor(&request));
    let kept = Kept::Tokens(caller.0.session.clone());
    own_account::change_password(
        &services,
        &login_context,
        &caller.0.account,
        kept,
        current,
        new,
    )
    .await
    .map_err(as_named_here)?;
    Ok(Answer::done("PASSWORD_CHANGED"))
}

/// The services call the fields as the panel's form does.
fn as_named_here(error: Error) -> Error {
    match error {
        Error::Invalid(problems) => Error::Invalid(problems.renamed(&[
            ("current", "current_password"),
            ("password", "new_password"),
        ])),
        error => error,
    }
}
