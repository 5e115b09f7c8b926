//! The second step of the sign-in: the code of the second factor, or a passkey.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Query};
use askama::Template;

use crate::domain::otp::OtpCode;
use crate::domain::second_factor::SecondFactorMethod;
use crate::http::admin::pages::login::{Next, signed_in_response, wait, with_limit};
use crate::http::admin::pages::passkeys::{self, PasskeySite};
use crate::http::admin::paths;
use crate::http::admin::redirect_targets::panel_path;
use crate::http::admin::web::cookies::{self, Name};
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::form::{FieldErrors, Form};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::notice::Notice;
use crate::http::admin::web::page_context::PageContext;
use crate::http::device_token::PresentedDevice;
use crate::services::Error;
use crate::services::auth::panel_sign_in;
use crate::services::auth::passkey_sign_in;
use crate::services::limits::login_context::LoginContext;
use crate::services::second_factors::passkey_challenges::Purpose;
use crate::services::second_factors::passkey_proofs::PasskeyAnswer;
use crate::services::second_factors::proof::FactorProof;
use crate::services::second_factors::webauthn::relying_party::RelyingParty;

#[derive(Template)]
#[template(path = "admin/login/second_factor.html")]
struct CodePage {
    l: Layout,
    errors: FieldErrors,
    /// Why the sign-in is refused; empty where it is not.
    refusal: String,
    next: String,
    /// Where passkeys can be used, if the account has one.
    site: Option<PasskeySite>,
}

impl CodePage {
    fn new(
        context: &PageContext,
        methods: &[SecondFactorMethod],
        refusal: String,
        errors: FieldErrors,
        next: String,
    ) -> Self {
        let has_passkey = methods.contains(&SecondFactorMethod::Passkey);
        Self {
            l: context.layout(),
            errors,
            refusal,
            next,
            site: passkeys::site(context).filter(|_| has_passkey),
        }
    }
}

pub(super) fn challenge_of(context: &PageContext, request: &HttpRequest) -> String {
    cookies::read(request, Name::Challenge, context.server()).unwrap_or_default()
}

pub(super) fn next_of(query: Option<Query<Next>>) -> String {
    let next = query.map_or_else(String::new, |query| query.into_inner().next);
    panel_path(&next).unwrap_or_default().to_owned()
}

/// Back to the first step, because the challenge is over.
pub(super) fn expired(context: &PageContext, next: &str) -> HttpResponse {
    let notice = Notice::warn(context.t("second_factor.expired"));
    let to = paths::with_next(paths::LOGIN, next);
    context
        .redirect_builder(&to, Some(&notice))
        .cookie(cookies::remove(Name::Challenge, context.server()))
        .finish()
}

/// `GET /admin/login/second-factor`. **Permissions**: anyone who has taken the first step. 200, 303 (the first step is too long
/// ago).
pub(crate) async fn code_form(
    context: PageContext,
    request: HttpRequest,
    query: Option<Query<Next>>,
) -> PageResult {
    let (challenge, next) = (challenge_of(&context, &request), next_of(query));
    let methods = panel_sign_in::methods(context.services(), &challenge).await?;
    if methods.is_empty() {
        return Ok(expired(&context, &next));
    }
    let errors = FieldErrors::default();
    let page = CodePage::new(&context, &methods, String::new(), errors, next);
    context.page(&page)
}

/// `POST /admin/login/second-factor`. **Permissions**: anyone who has taken the first step. 303 (also where the first step is too
/// long ago), 422 (the code is wrong), 429.
pub(in crate::http) async fn prove(
    mut form: Form<PageContext>,
    shown: PresentedDevice,
    request: HttpRequest,
) -> PageResult {
    let next = panel_path(form.text("next")).unwrap_or_default().to_owned();
    let code = form.required("code", OtpCode::parse);
    let challenge = challenge_of(&form.panel, &request);
    let Some(code) = code else {
        let methods = panel_sign_in::methods(form.panel.services(), &challenge).await?;
        if methods.is_empty() {
            return Ok(expired(&form.panel, &next));
        }
        let page = CodePage::new(&form.panel, &methods, String::new(), form.errors(), next);
        return form.panel.invalid(&page);
    };
    let login_context = shown.login_context(form.panel.anonymous());
    let proof = FactorProof::of_code(code);
    complete(&form, &request, login_context, proof).await
}

/// `POST /admin/login/second-factor/passkey/options`: JSON for `passkeys.js`. **Permissions**: anyone who has taken the first step.
/// 200, 404 (the first step is too long ago, or passkeys cannot be used).
pub(crate) async fn passkey_options(form: Form<PageContext>, request: HttpRequest) -> PageResult {
    let context = &form.panel;
    let challenge = challenge_of(context, &request);
    let party = RelyingParty::of_panel(context.server()).ok_or(Error::PasskeysUnavailable)?;
    let options = passkey_sign_in::step_options(context.services(), &party, &challenge).await?;
    context.json(&options.ok_or(AdminError::NotFound)?)
}

/// `GET /admin/login/second-factor/passkey`, the address of a refused form. **Permissions**: anyone. 303 to the second step.
pub(crate) async fn to_code_form(context: PageContext) -> PageResult {
    context.redirect(paths::SECOND_STEP)
}

/// `POST /admin/login/second-factor/passkey`. **Permissions**: anyone who has taken the first step. 303 (also where the first step is
/// too long ago), 404 (passkeys cannot be used), 422 (the passkey is refused), 429.
pub(in crate::http) async fn prove_passkey(
    form: Form<PageContext>,
    shown: PresentedDevice,
    request: HttpRequest,
) -> PageResult {
    let context = &form.panel;
    let purpose = Purpose::SecondFactor(challenge_of(context, &request));
    let party = RelyingParty::of_panel(context.server()).ok_or(Error::PasskeysUnavailable)?;
    let Ok(answer) = PasskeyAnswer::parse(party, purpose, form.text("credential")) else {
        return Err(AdminError::Malformed);
    };
    let login_context = shown.login_context(context.anonymous());
    complete(&form, &request, login_context, FactorProof::Passkey(answer)).await
}

/// Proves the second factor, and answers with the session or with the form again.
async fn complete(
    form: &Form<PageContext>,
    request: &HttpRequest,
    login_context: LoginContext,
    proof: FactorProof,
) -> PageResult {
    let (context, services) = (&form.panel, form.panel.services());
    let next = panel_path(form.text("next")).unwrap_or_default().to_owned();
    let challenge = challenge_of(context, request);
    let former = cookies::read(request, Name::Session, context.server());
    let proved =
        panel_sign_in::continue_sign_in(services, login_context, &challenge, proof, former);
    let error = match Box::pin(proved).await {
        Ok(signed_in) => return Ok(signed_in_response(context, &signed_in, &next)),
        Err(error @ (Error::InvalidSecondFactor | Error::RateLimited { .. })) => error,
        Err(error) => return Err(error.into()),
    };
    let methods = panel_sign_in::methods(services, &challenge).await?;
    let page = |refusal| {
        let errors = FieldErrors::default();
        CodePage::new(context, &methods, refusal, errors, next.clone())
    };
    if let Error::RateLimited {
        retry_after,
        policy,
    } = error
    {
        let page = page(wait(context, retry_after));
        let answer = context.page_with(StatusCode::TOO_MANY_REQUESTS, &page)?;
        return Ok(with_limit(answer, retry_after, policy));
    }
    if methods.is_empty() {
        return Ok(expired(context, &next));
    }
    context.invalid(&page(context.t("second_factor.wrong")))
}
