//! The second step of the sign-in of an account that must have a second factor and has none: it sets up an authenticator app or
//! a passkey.

use actix_web::{HttpRequest, web::Query};
use askama::Template;

use crate::domain::otp::OtpCode;
use crate::domain::passkey::PasskeyName;
use crate::domain::problem::{Problem, Problems};
use crate::http::admin::pages::login::{Next, session_cookies, signed_in_response};
use crate::http::admin::pages::passkeys::{self, PasskeySite};
use crate::http::admin::pages::second_step::{challenge_of, expired, next_of};
use crate::http::admin::paths;
use crate::http::admin::redirect_targets::panel_path;
use crate::http::admin::web::cookies::{self, Name};
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::form::{FieldErrors, Form};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::page_context::PageContext;
use crate::http::device_token::PresentedDevice;
use crate::services::Error;
use crate::services::auth::panel_sign_in::{self, SignedIn};
use crate::services::limits::login_context::LoginContext;
use crate::services::second_factors::enrolment::NewTotp;
use crate::services::second_factors::passkeys::NewPasskeyAnswer;
use crate::services::second_factors::webauthn::relying_party::RelyingParty;

#[derive(Template)]
#[template(path = "admin/login/set_up.html")]
struct SetUpPage {
    l: Layout,
    errors: FieldErrors,
    totp: NewTotp,
    next: String,
    /// Where passkeys can be used; none if they cannot be.
    site: Option<PasskeySite>,
    /// The name of the passkey.
    name: String,
}

#[derive(Template)]
#[template(path = "admin/login/recovery_codes.html")]
struct CodesPage {
    l: Layout,
    codes: Vec<String>,
    next: String,
}

impl SetUpPage {
    fn new(context: &PageContext, totp: NewTotp, next: String) -> Self {
        Self {
            l: context.layout(),
            errors: FieldErrors::default(),
            totp,
            next,
            site: passkeys::site(context),
            name: String::new(),
        }
    }
}

/// `GET /admin/login/set-up`. **Permissions**: anyone who has taken the first step. 200, 303 (the first step is too long ago).
pub(in crate::http) async fn show(
    context: PageContext,
    device: PresentedDevice,
    request: HttpRequest,
    query: Option<Query<Next>>,
) -> PageResult {
    let (challenge, next) = (challenge_of(&context, &request), next_of(query));
    let login_context = device.login_context(context.anonymous());
    match panel_sign_in::shown_totp(context.services(), &challenge, &login_context).await {
        Ok(totp) => context.page(&SetUpPage::new(&context, totp, next)),
        Err(Error::InvalidSecondFactor | Error::SecondFactorNotFound) => {
            Ok(expired(&context, &next))
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /admin/login/set-up`. **Permissions**: anyone who has taken the first step. 200 (recovery codes, shown once), 303 (the
/// first step is too long ago), 422 (the code is wrong), 429.
pub(in crate::http) async fn confirm_totp(
    mut form: Form<PageContext>,
    device: PresentedDevice,
    request: HttpRequest,
) -> PageResult {
    let code = form.required("code", OtpCode::parse);
    let step = Step::new(&form.panel, device, &request);
    let set_up = match code {
        Some(code) => {
            let (services, context) = (form.panel.services(), step.login_context.clone());
            let former = step.former.clone();
            let set_up = panel_sign_in::set_up(services, context, &step.challenge, code, former);
            Box::pin(set_up).await
        }
        None => Err(Error::Invalid(Problems::default())),
    };
    answer(form, &step, set_up).await
}

/// `GET /admin/login/set-up/passkey`, the address of a refused form. **Permissions**: anyone. 303 to the second step.
pub(crate) async fn to_form(context: PageContext) -> PageResult {
    context.redirect(paths::SET_UP_STEP)
}

/// `POST /admin/login/set-up/passkey/options`: JSON for `passkeys.js`. **Permissions**: anyone who has taken the first step. 200,
/// 404 (the first step is too long ago, or passkeys cannot be used), 429.
pub(in crate::http) async fn passkey_options(
    form: Form<PageContext>,
    device: PresentedDevice,
    request: HttpRequest,
) -> PageResult {
    let context = &form.panel;
    let party = RelyingParty::of_panel(context.server()).ok_or(Error::PasskeysUnavailable)?;
    let step = Step::new(context, device, &request);
    let (services, of) = (context.services(), &step.login_context);
    match panel_sign_in::begin_passkey(services, &party, &step.challenge, of).await {
        Ok(options) => context.json(&options),
        Err(Error::InvalidSecondFactor) => Err(AdminError::NotFound),
        Err(error) => Err(error.into()),
    }
}

/// `POST /admin/login/set-up/passkey`. **Permissions**: anyone who has taken the first step. 200 (recovery codes, shown once), 303
/// (the first step is too long ago), 404 (passkeys cannot be used), 422 (the name is missing, or the passkey is refused), 429.
pub(in crate::http) async fn add_passkey(
    mut form: Form<PageContext>,
    device: PresentedDevice,
    request: HttpRequest,
) -> PageResult {
    let party = RelyingParty::of_panel(form.panel.server()).ok_or(Error::PasskeysUnavailable)?;
    let name = form.required("name", PasskeyName::parse);
    if form.text("credential").is_empty() {
        // Without JavaScript.
        form.problem("credential", Problem::NotPasskey);
    }
    let step = Step::new(&form.panel, device, &request);
    let set_up = match name.filter(|_| !form.has_problems()) {
        Some(name) => {
            let (services, context) = (form.panel.services(), step.login_context.clone());
            let (party, json) = (&party, form.text("credential"));
            let new = NewPasskeyAnswer { party, name, json };
            let former = step.former.clone();
            let set_up =
                panel_sign_in::set_up_passkey(services, context, &step.challenge, new, former);
            Box::pin(set_up).await
        }
        None => Err(Error::Invalid(Problems::default())),
    };
    answer(form, &step, set_up).await
}

/// The step that a browser takes.
struct Step {
    challenge: String,
    login_context: LoginContext,
    /// The secret of the session that the browser had before, which ends.
    former: Option<String>,
}

impl Step {
    fn new(context: &PageContext, device: PresentedDevice, request: &HttpRequest) -> Self {
        Self {
            challenge: challenge_of(context, request),
            login_context: device.login_context(context.anonymous()),
            former: cookies::read(request, Name::Session, context.server()),
        }
    }
}

/// The recovery codes, or the form again with what is wrong.
async fn answer(
    mut form: Form<PageContext>,
    step: &Step,
    set_up: Result<SignedIn, Error>,
) -> PageResult {
    let next = panel_path(form.text("next")).unwrap_or_default().to_owned();
    match set_up {
        Ok(signed_in) => codes_page(&form.panel, signed_in, next),
        Err(error @ Error::Invalid(_)) => {
            form.take(error)?;
            let (context, of) = (&form.panel, &step.login_context);
            let shown = panel_sign_in::shown_totp(context.services(), &step.challenge, of);
            let Ok(totp) = shown.await else {
                return Ok(expired(context, &next));
            };
            context.invalid(&SetUpPage {
                errors: form.errors(),
                name: form.text("name").chars().take(PasskeyName::MAX).collect(),
                ..SetUpPage::new(context, totp, next)
            })
        }
        Err(
            Error::InvalidSecondFactor | Error::SecondFactorNotFound | Error::SecondFactorExists,
        ) => Ok(expired(&form.panel, &next)),
        Err(error) => Err(error.into()),
    }
}

/// The recovery codes, with the cookies of the session.
fn codes_page(context: &PageContext, signed_in: SignedIn, next: String) -> PageResult {
    if signed_in.recovery_codes.is_empty() {
        return Ok(signed_in_response(context, &signed_in, &next));
    }
    let cookies = session_cookies(context, &signed_in);
    let mut answer = context.page(&CodesPage {
        l: context.layout(),
        codes: signed_in.recovery_codes,
        next: if next.is_empty() {
            paths::DASHBOARD.to_owned()
        } else {
            next
        },
    })?;
    for cookie in &cookies {
        let added = answer.add_cookie(cookie);
        added.map_err(|error| AdminError::Internal(error.to_string()))?;
    }
    Ok(answer)
}
