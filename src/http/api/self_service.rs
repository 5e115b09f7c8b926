//! `/auth/password/forgot`, `/auth/password/reset`, `/auth/email`: what people do without an administrator.

use std::sync::Arc;

use actix_web::{HttpRequest, web};

use crate::domain::principal::UserType;
use crate::http::api::answer::Answer;
use crate::http::api::body::Fields;
use crate::http::api::callers::{Anonymous, Bearer, actor, anonymous_actor};
use crate::http::api::errors::{ApiError, renamed};
use crate::http::api::inputs::{
    CURRENT_PASSWORD, EMAIL_IDENTIFIER, IDENTIFIER, LINK_TOKEN, NEW_EMAIL, NEW_PASSWORD,
};
use crate::http::device_token::PresentedDevice;
use crate::http::middleware::context::RequestContext;
use crate::http::self_service;
use crate::services::accounts::email_change::{self, EmailRequest};
use crate::services::accounts::password_links;
use crate::services::accounts::reauthentication::require_owner;
use crate::services::accounts::reset_request::{self, ResetRequest};
use crate::services::{Error, Services};

/// `POST /auth/password/forgot`: mails a link that resets the password of an internal user (by `email`) or a client (by
/// `username`). The answer is the same whether or not there is such an account.
///
/// **Permissions**: anyone. `202` `RESET_SENT`; `400`, `404` `SELF_SERVICE_DISABLED`, `429` `RATE_LIMITED`, `503`.
pub(super) async fn forgot(
    services: web::Data<Services>,
    context: web::ReqData<Arc<RequestContext>>,
    caller: Anonymous,
    mut fields: Fields,
) -> Result<Answer<()>, ApiError> {
    let by_username = fields.has(&IDENTIFIER);
    let (user_type, name) = if fields.has(&EMAIL_IDENTIFIER) && !by_username {
        (UserType::User, fields.required(&EMAIL_IDENTIFIER))
    } else {
        (UserType::Client, fields.required(&IDENTIFIER))
    };
    let name = fields.complete(name)?;
    let url_of = self_service::reset_link(&services)?;
    let request = ResetRequest {
        user_type,
        name,
        login_context: caller.0,
        language: context.language,
    };
    reset_request::request(&services, request, url_of).await?;
    Ok(Answer::accepted("RESET_SENT"))
}

/// `POST /auth/password/reset`: sets a new password by a link, which is then used up. All sessions of the account end.
///
/// **Permissions**: anyone with the link. `200` `PASSWORD_CHANGED`; `400` `INVALID_REQUEST` (the password breaks the policy; the
/// link stays valid), `400` `INVALID_LINK`, `429` (too many invalid links), `503`.
pub(super) async fn reset(
    services: web::Data<Services>,
    request: HttpRequest,
    mut fields: Fields,
) -> Result<Answer<()>, ApiError> {
    let token = fields.required(&LINK_TOKEN);
    let password = fields.required(&NEW_PASSWORD);
    let (token, password) = fields.complete(token.zip(password))?;
    let actor = anonymous_actor(&request);
    let set = password_links::set_password(&services, actor, &token, password).await;
    let set = set.map_err(|error| renamed(error, &[("password", NEW_PASSWORD.name)]))?;
    set.ok_or(Error::InvalidLink)?;
    Ok(Answer::done("PASSWORD_CHANGED"))
}

/// `POST /auth/email`: mails a link that changes the e-mail address of the caller to the new address, and a notice to the old
/// one.
///
/// **Permissions**: a bearer of either population. `202` `CONFIRMATION_SENT`; `400` `INVALID_REQUEST` (the current password is
/// missing or wrong), `401`, `403` `REAUTHENTICATION_REQUIRED` (the account has a second factor or no password, and was not proved
/// lately), `404` `SELF_SERVICE_DISABLED`, `429` (too many wrong passwords or requests), `503`.
pub(super) async fn change_email(
    services: web::Data<Services>,
    context: web::ReqData<Arc<RequestContext>>,
    request: HttpRequest,
    caller: Bearer,
    device: PresentedDevice,
    mut fields: Fields,
) -> Result<Answer<()>, ApiError> {
    let new = fields.required(&NEW_EMAIL);
    let current = fields.optional(&CURRENT_PASSWORD);
    let new = fields.complete(new)?;
    let url_of = self_service::confirmation_link(&services)?;
    let (account, session) = (&caller.0.account, &caller.0.session);
    require_owner(&services, account.principal, session, current.is_some())
        .await
        .map_err(of_current)?;
    let login_context = device.login_context(actor(&caller.0, &request));
    let wanted = EmailRequest {
        new,
        current,
        language: context.language,
    };
    let sent = email_change::request(&services, &login_context, account, wanted, url_of);
    Box::pin(sent).await.map_err(of_current)?;
    Ok(Answer::accepted("CONFIRMATION_SENT"))
}

fn of_current(error: Error) -> Error {
    renamed(error, &[("current", CURRENT_PASSWORD.name)])
}

/// `POST /auth/email/confirm`: changes the e-mail address by a link, which is then used up.
///
/// **Permissions**: anyone with the link. `200` `EMAIL_CHANGED`; `400` `INVALID_LINK`, `409` `ALREADY_EXISTS` (another user has
/// the address; the link stays valid), `429` (too many invalid links), `503`.
pub(super) async fn confirm_email(
    services: web::Data<Services>,
    request: HttpRequest,
    mut fields: Fields,
) -> Result<Answer<()>, ApiError> {
    let token = fields.required(&LINK_TOKEN);
    let token = fields.complete(token)?;
    let confirmed = email_change::confirm(&services, anonymous_actor(&request), &token).await?;
    confirmed.ok_or(Error::InvalidLink)?;
    Ok(Answer::done("EMAIL_CHANGED"))
}
