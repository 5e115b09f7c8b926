//! Setup: the one-time link that creates the first administrator. The server prints it while there is none.

use actix_web::{http::StatusCode, web::Path};
use askama::Template;

use crate::domain::account::{Email, Name, Role};
use crate::http::admin::pages::login::signed_in_response;
use crate::http::admin::paths;
use crate::http::admin::web::error::PageResult;
use crate::http::admin::web::form::{FieldErrors, Form};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::page_context::PageContext;
use crate::services::accounts::first_admin_link::{self, FirstLink};
use crate::services::accounts::users::NewUser;

#[derive(Template)]
#[template(path = "admin/setup/form.html")]
struct SetupPage {
    l: Layout,
    errors: FieldErrors,
    name: String,
    email: String,
    min_length: usize,
}

#[derive(Template)]
#[template(path = "admin/setup/expired.html")]
struct ExpiredPage {
    l: Layout,
    /// A role with all rights.
    role: Role,
    has_administrator: bool,
}

/// `GET /admin/setup/{secret}`. **Permissions**: anyone with the link. 200, 410 (used, expired, unknown, or there is an
/// administrator), 429.
pub(crate) async fn new_form(context: PageContext, secret: Path<String>) -> PageResult {
    match first_admin_link::check_first(context.services(), &context.anonymous(), &secret).await? {
        FirstLink::Valid => context.page(&setup_page(&context, FieldErrors::default(), "", "")),
        link => expired_page(&context, link),
    }
}

fn expired_page(context: &PageContext, link: FirstLink) -> PageResult {
    let page = ExpiredPage {
        l: context.layout(),
        role: context.services().roles.administrator(),
        has_administrator: link == FirstLink::NotNeeded,
    };
    context.page_with(StatusCode::GONE, &page)
}

/// `POST /admin/setup/{secret}`. **Permissions**: anyone with the link. 303 (signed in), 410, 422, 429.
pub(crate) async fn create(mut form: Form<PageContext>, secret: Path<String>) -> PageResult {
    let actor = form.panel.anonymous();
    let link = first_admin_link::check_first(form.panel.services(), &actor, &secret).await?;
    if link != FirstLink::Valid {
        return expired_page(&form.panel, link);
    }
    let name = form.required("name", Name::parse);
    let email = form.required("email", Email::parse);
    let password = form.new_password();
    let (Some(name), Some(email), Some(password)) = (name, email, password) else {
        return invalid(&form);
    };
    let new = NewUser {
        email: Some(email),
        username: None,
        external_id: None,
        name,
        role: form.panel.services().roles.administrator(),
        password: Some(password),
        is_active: true,
        claims: None,
        email_verified: true,
    };
    let context = &form.panel;
    match first_admin_link::create_first(context.services(), actor.clone(), &secret, new).await {
        Ok(Some(signed_in)) => Ok(signed_in_response(context, &signed_in, "")),
        Ok(None) => {
            let link = first_admin_link::check_first(context.services(), &actor, &secret).await?;
            expired_page(context, link)
        }
        Err(error) => {
            form.take(error)?;
            invalid(&form)
        }
    }
}

fn invalid(form: &Form<PageContext>) -> PageResult {
    let (name, email) = (form.text("name"), form.text("email"));
    let page = setup_page(&form.panel, form.errors(), name, email);
    form.panel.invalid(&page)
}

fn setup_page(context: &PageContext, errors: FieldErrors, name: &str, email: &str) -> SetupPage {
    SetupPage {
        l: context.layout(),
        errors,
        name: name.to_owned(),
        email: email.to_owned(),
        min_length: context.services().config.login.min_password_length,
    }
}
