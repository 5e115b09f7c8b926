//! The door of the panel: signing in and out.

use std::time::Duration;

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{HeaderValue, RETRY_AFTER},
    },
    web::{self, ServiceConfig},
};
use askama::Template;
use serde::Deserialize;

use crate::{
    domain::{password::Password, problem::Problem},
    http::{
        admin::web::{
            anonymous_page::AnonymousPage,
            cookies::{self, Name},
            error::{PageResult, whole_seconds},
            form::{FieldErrors, Form},
            layout::Layout,
            notice::Notice,
            page_context::{notice_cookie, own_path},
            panel::Panel,
        },
        device_token::{self, PresentedDevice},
        middleware::origin::is_https,
    },
    services::{Error, auth::browser_sessions, secret},
};

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            web::resource("/login")
                .route(web::get().to(form))
                .route(web::head().to(form))
                .route(web::post().to(sign_in)),
        )
        .service(web::resource("/logout").route(web::post().to(sign_out)));
}

#[derive(Template)]
#[template(path = "admin/login.html")]
struct LoginPage {
    l: Layout,
    errors: FieldErrors,
    /// What is wrong as a whole; empty when nothing is.
    refusal: String,
    email: String,
    next: String,
}

#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
}

/// `GET /admin/login`. **Permissions**: anybody; who is signed in already goes on. 200, 303.
async fn form(
    visitor: AnonymousPage,
    signed_in: Option<Panel>,
    query: Option<web::Query<Next>>,
) -> PageResult {
    let next = query.map_or_else(String::new, |query| query.into_inner().next);
    let next = own_path(&next).unwrap_or_default();
    if let Some(panel) = signed_in {
        return panel.redirect(if next.is_empty() { "/admin" } else { next });
    }
    visitor.page(&LoginPage {
        l: visitor.layout(),
        errors: FieldErrors::default(),
        refusal: String::new(),
        email: String::new(),
        next: next.to_owned(),
    })
}

/// `POST /admin/login`. **Permissions**: anybody. 303, 403 (the role does not open the panel), 422 (unknown, wrong and
/// inactive are one answer), 429 (after too many of them).
async fn sign_in(mut form: Form<AnonymousPage>, shown: PresentedDevice) -> PageResult {
    let email = form.required("email", |typed| Ok(typed.to_owned()));
    let password = form.required("password", Password::parse);
    let (Some(email), Some(password)) = (email, password) else {
        return again(&form, StatusCode::UNPROCESSABLE_ENTITY, String::new());
    };
    if email.chars().count() > 254 || email.contains(char::is_control) {
        form.problem("email", Problem::NotEmail);
        return again(&form, StatusCode::UNPROCESSABLE_ENTITY, String::new());
    }
    let visitor = &form.panel;
    let login_context = shown.login_context(visitor.stranger());
    let signed_in =
        browser_sessions::sign_in(visitor.services(), login_context, &email, password).await;
    match signed_in {
        Ok(signed_in) => Ok(welcome(visitor, &signed_in, form.text("next"))),
        Err(Error::InvalidCredentials) => {
            let refusal = visitor.t("login.refused");
            again(&form, StatusCode::UNPROCESSABLE_ENTITY, refusal)
        }
        Err(Error::Forbidden) => {
            let refusal = visitor.t("login.no_entry");
            again(&form, StatusCode::FORBIDDEN, refusal)
        }
        Err(Error::RateLimited { retry_after }) => wait(&form, retry_after),
        Err(error) => Err(error.into()),
    }
}

/// The door once more, which stays shut for a while.
fn wait(form: &Form<AnonymousPage>, retry_after: Duration) -> PageResult {
    let seconds = whole_seconds(retry_after);
    let refusal = form.panel.tn("login.wait", seconds.div_ceil(60));
    let mut answer = again(form, StatusCode::TOO_MANY_REQUESTS, refusal)?;
    let headers = answer.headers_mut();
    headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    Ok(answer)
}

/// The door once more, with what was typed but the password.
fn again(form: &Form<AnonymousPage>, status: StatusCode, refusal: String) -> PageResult {
    let visitor = &form.panel;
    let page = LoginPage {
        l: visitor.layout(),
        errors: form.errors(),
        refusal,
        email: form.text("email").chars().take(254).collect(),
        next: own_path(form.text("next")).unwrap_or_default().to_owned(),
    };
    visitor.page_with(status, &page)
}

/// In: the session's cookie, and on to the page that was asked for.
pub(crate) fn welcome(
    visitor: &AnonymousPage,
    signed_in: &browser_sessions::SignedIn,
    next: &str,
) -> HttpResponse {
    let is_https = is_https(visitor.services());
    let to = own_path(next).unwrap_or("/admin");
    let lifetime = Some(signed_in.lifetime);
    visitor
        .redirecting(to, None)
        .cookie(cookies::remove(Name::AnonymousPage, is_https))
        .cookie(cookies::set(
            Name::Session,
            signed_in.secret.clone(),
            lifetime,
            is_https,
        ))
        .cookie(device_token::cookie(
            visitor.services(),
            signed_in.device_token.clone(),
        ))
        .finish()
}

/// `POST /admin/logout`. **Permissions**: whoever is signed in. 303.
async fn sign_out(form: Form<Panel>) -> PageResult {
    let panel = &form.panel;
    browser_sessions::sign_out(panel.services(), panel.actor(), panel.viewer()).await?;
    let is_https = is_https(panel.services());
    // The door tells that it was closed, to a browser that is a stranger again.
    let visitor = secret::generate()?;
    let notice = Notice::ok(panel.t("login.signed_out"));
    Ok(panel
        .redirecting("/admin/login", None)
        .cookie(cookies::remove(Name::Session, is_https))
        .cookie(notice_cookie(&notice, &visitor, is_https))
        .cookie(cookies::set(Name::AnonymousPage, visitor, None, is_https))
        .finish())
}
