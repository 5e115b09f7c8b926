//! Sign-in with a passkey, without a password.

use actix_web::{HttpRequest, http::StatusCode};

use crate::http::admin::pages::login::{again, signed_in_response, wait, with_limit};
use crate::http::admin::paths;
use crate::http::admin::web::cookies::{self, Name};
use crate::http::admin::web::error::PageResult;
use crate::http::admin::web::form::Form;
use crate::http::admin::web::page_context::PageContext;
use crate::http::device_token::PresentedDevice;
use crate::services::Error;
use crate::services::auth::passkey_sign_in::{self, Presented};
use crate::services::second_factors::webauthn::relying_party::RelyingParty;

/// `POST /admin/login/passkey/options`: JSON for `passkeys.js`. **Permissions**: anyone. 200, 404 (passkeys cannot be used), 429.
pub(crate) async fn options(form: Form<PageContext>) -> PageResult {
    let context = &form.panel;
    let party = RelyingParty::of_panel(context.server()).ok_or(Error::PasskeysUnavailable)?;
    let options = passkey_sign_in::options(context.services(), &party, &context.secret)?;
    context.json(&options)
}

/// `GET /admin/login/passkey`, the address of a refused form. **Permissions**: anyone. 303 to the sign-in.
pub(crate) async fn to_login(context: PageContext) -> PageResult {
    context.redirect(paths::LOGIN)
}

/// `POST /admin/login/passkey`. **Permissions**: anyone. 303, 403 (the role has no access to the panel), 404 (passkeys cannot be
/// used), 422 (refused), 429 (too many refused ones from the address).
pub(in crate::http) async fn sign_in(
    form: Form<PageContext>,
    shown: PresentedDevice,
    request: HttpRequest,
) -> PageResult {
    let context = &form.panel;
    let services = context.services();
    let party = RelyingParty::of_panel(context.server()).ok_or(Error::PasskeysUnavailable)?;
    let login_context = shown.login_context(context.anonymous());
    let former = cookies::read(&request, Name::Session, &services.config.server);
    let presented = Presented {
        party,
        secret: context.secret.clone(),
        answer: form.text("credential"),
        former,
    };
    match passkey_sign_in::sign_in(services, login_context, presented).await {
        Ok(signed_in) => Ok(signed_in_response(context, &signed_in, form.text("next"))),
        Err(Error::InvalidCredentials) => {
            let refusal = context.t("passkeys.refused");
            again(&form, StatusCode::UNPROCESSABLE_ENTITY, refusal)
        }
        Err(Error::Forbidden) => {
            let refusal = context.t("login.no_entry");
            again(&form, StatusCode::FORBIDDEN, refusal)
        }
        Err(Error::RateLimited {
            retry_after,
            policy,
        }) => {
            let refusal = wait(context, retry_after);
            let answer = again(&form, StatusCode::TOO_MANY_REQUESTS, refusal)?;
            Ok(with_limit(answer, retry_after, policy))
        }
        Err(error) => Err(error.into()),
    }
}
