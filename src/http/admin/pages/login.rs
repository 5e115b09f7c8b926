//! Sign-in and sign-out.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, cookie::Cookie, http::StatusCode, web::Query};
use askama::Template;
use serde::Deserialize;

use crate::domain::account::Email;
use crate::domain::password::Password;
use crate::domain::problem::Problem;
use crate::domain::second_factor::PendingLogin;
use crate::http::admin::pages::passkeys::{self, PasskeySite};
use crate::http::admin::paths;
use crate::http::admin::redirect_targets::panel_path;
use crate::http::admin::web::cookies::{self, Name};
use crate::http::admin::web::error::PageResult;
use crate::http::admin::web::form::{FieldErrors, Form};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::notice::Notice;
use crate::http::admin::web::page_context::{PageContext, notice_cookie};
use crate::http::admin::web::panel::Panel;
use crate::http::device_token::{self, PresentedDevice};
use crate::http::middleware::headers::{used_up, whole_seconds};
use crate::http::self_service;
use crate::services::accounts::users;
use crate::services::auth::{browser_sessions, panel_sign_in};
use crate::services::limits::login_context::LoginContext;
use crate::services::limits::quota::Policy;
use crate::services::{Error, secret};

#[derive(Template)]
#[template(path = "admin/login/form.html")]
struct LoginPage {
    l: Layout,
    errors: FieldErrors,
    /// Why the sign-in is refused; empty where it is not.
    refusal: String,
    email: String,
    next: String,
    /// Where passkeys can be used; none if they cannot be.
    site: Option<PasskeySite>,
    /// The page to request a password link; none where links cannot be mailed.
    forgot: Option<String>,
    /// Whether a form was not saved because the session had ended.
    is_ended: bool,
    /// Whether there is no administrator who could log in.
    has_no_administrator: bool,
}

/// The page to lead to after the login.
#[derive(Default, Deserialize)]
pub(crate) struct Next {
    #[serde(default)]
    pub(super) next: String,
    #[serde(default)]
    ended: String,
}

/// `GET /admin/login`. **Permissions**: anyone. 200, 303 (already signed in).
pub(crate) async fn new_form(
    context: PageContext,
    signed_in: Option<Panel>,
    query: Option<Query<Next>>,
) -> PageResult {
    let query = query.map(Query::into_inner).unwrap_or_default();
    let next = panel_path(&query.next).unwrap_or_default();
    if let Some(panel) = signed_in {
        return panel.redirect(if next.is_empty() {
            paths::DASHBOARD
        } else {
            next
        });
    }
    context.page(&LoginPage {
        l: context.layout(),
        errors: FieldErrors::default(),
        refusal: String::new(),
        email: String::new(),
        next: next.to_owned(),
        site: passkeys::site(&context),
        forgot: self_service::forgot_page(context.services()),
        is_ended: query.ended == "1",
        has_no_administrator: !users::any_administrator(context.services()).await?,
    })
}

/// `POST /admin/login`. **Permissions**: anyone. 303 (also to the second step), 403 (the role has no access to the panel), 422 (unknown account, wrong
/// password and inactive account are one response), 429 (too many failures).
pub(in crate::http) async fn sign_in(
    mut form: Form<PageContext>,
    shown: PresentedDevice,
    request: HttpRequest,
) -> PageResult {
    let email = form.required("email", |typed| Ok(typed.to_owned()));
    let password = form.required("password", Password::parse_presented);
    let (Some(email), Some(password)) = (email, password) else {
        return again(&form, StatusCode::UNPROCESSABLE_ENTITY, String::new());
    };
    if email.chars().count() > Email::MAX || email.contains(char::is_control) {
        let problem = if email.contains(char::is_control) {
            Problem::ControlCharacter
        } else {
            Problem::TooLong { max: Email::MAX }
        };
        form.problem("email", problem);
        return again(&form, StatusCode::UNPROCESSABLE_ENTITY, String::new());
    }
    let context = &form.panel;
    let login_context = shown.login_context(context.anonymous());
    let services = context.services();
    let former = cookies::read(&request, Name::Session, &services.config.server);
    let signed_in = Box::pin(panel_sign_in::sign_in(
        services,
        login_context.clone(),
        &email,
        password,
        former,
    ))
    .await;
    match signed_in {
        Ok(signed_in) => Ok(signed_in_response(context, &signed_in, form.text("next"))),
        Err(Error::SecondFactorRequired(pending)) => {
            begin_second_step(context, &login_context, pending, form.text("next")).await
        }
        Err(Error::InvalidCredentials) => {
            let refusal = context.t("login.refused");
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
            let answer = again(
                &form,
                StatusCode::TOO_MANY_REQUESTS,
                wait(context, retry_after),
            )?;
            Ok(with_limit(answer, retry_after, policy))
        }
        Err(error) => Err(error.into()),
    }
}

/// The time to wait, as a sentence.
pub(super) fn wait(context: &PageContext, retry_after: Duration) -> String {
    let minutes = whole_seconds(retry_after).div_ceil(60);
    context.tr_count("login.wait", minutes)
}

/// The same answer with the headers of a limit that is used up.
pub(super) fn with_limit(
    mut answer: HttpResponse,
    retry_after: Duration,
    policy: Policy,
) -> HttpResponse {
    let headers = answer.headers_mut();
    for (name, value) in used_up(retry_after, policy) {
        headers.insert(name, value);
    }
    answer
}

/// To the page of the second step, with the secret of the challenge in a cookie.
async fn begin_second_step(
    context: &PageContext,
    login_context: &LoginContext,
    pending: PendingLogin,
    next: &str,
) -> PageResult {
    let page = if pending.is_set_up {
        // A page that only shows the secret must not make one.
        panel_sign_in::begin_totp(context.services(), &pending.challenge_id, login_context).await?;
        paths::SET_UP_STEP
    } else {
        paths::SECOND_STEP
    };
    let to = paths::with_next(page, panel_path(next).unwrap_or_default());
    let lifetime = Some(pending.expires_in);
    let challenge = cookies::set(
        Name::Challenge,
        pending.challenge_id,
        lifetime,
        context.server(),
    );
    Ok(context
        .redirect_builder(&to, None)
        .cookie(challenge)
        .finish())
}

/// The form again, with its values except the password.
pub(super) fn again(form: &Form<PageContext>, status: StatusCode, refusal: String) -> PageResult {
    let context = &form.panel;
    let page = LoginPage {
        l: context.layout(),
        errors: form.errors(),
        refusal,
        email: form.text("email").chars().take(Email::MAX).collect(),
        next: panel_path(form.text("next")).unwrap_or_default().to_owned(),
        site: passkeys::site(context),
        forgot: self_service::forgot_page(context.services()),
        is_ended: false,
        has_no_administrator: false,
    };
    context.page_with(status, &page)
}

/// Sets the session's cookies and redirects to `next`, or to the dashboard.
pub(crate) fn signed_in_response(
    context: &PageContext,
    signed_in: &panel_sign_in::SignedIn,
    next: &str,
) -> HttpResponse {
    let to = panel_path(next).unwrap_or(paths::DASHBOARD);
    let mut response = context.redirect_builder(to, None);
    for cookie in session_cookies(context, signed_in) {
        response.cookie(cookie);
    }
    response.finish()
}

/// The cookies of a session that has just started.
pub(super) fn session_cookies(
    context: &PageContext,
    signed_in: &panel_sign_in::SignedIn,
) -> [Cookie<'static>; 4] {
    let (server, lifetime) = (context.server(), Some(signed_in.lifetime));
    [
        cookies::remove(Name::AnonymousPage, server),
        cookies::remove(Name::Challenge, server),
        cookies::set(Name::Session, signed_in.secret.clone(), lifetime, server),
        device_token::cookie(context.services(), signed_in.device_token.clone()),
    ]
}

/// `POST /admin/logout`. **Permissions**: administrators and auditors. 303.
pub(crate) async fn sign_out(form: Form<Panel>) -> PageResult {
    let panel = &form.panel;
    browser_sessions::sign_out(panel.services(), panel.actor(), panel.viewer()).await?;
    let server = panel.server();
    // The notice is signed with the secret of the browser, which is a new one from here on.
    let secret = secret::generate()?;
    let notice = Notice::ok(panel.t("login.signed_out"));
    Ok(panel
        .redirect_builder(paths::LOGIN, None)
        .cookie(cookies::remove(Name::Session, server))
        .cookie(notice_cookie(&notice, &secret, server))
        .cookie(cookies::set(Name::AnonymousPage, secret, None, server))
        .finish())
}
