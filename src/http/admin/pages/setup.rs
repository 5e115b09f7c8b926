//! First run: the page behind the one-time link that the server prints while there is no administrator.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{self, Path, ServiceConfig},
};
use askama::Template;

use crate::{
    domain::{
        account::{Email, Name, Role},
        password::Password,
        problem::Problem,
    },
    http::admin::{
        pages::login::welcome,
        web::{
            anonymous_page::AnonymousPage,
            error::PageResult,
            form::{FieldErrors, Form},
            layout::Layout,
        },
    },
    services::accounts::{
        first_admin_link::{self, FirstLink},
        users::NewUser,
    },
};

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(
        web::resource("/setup/{secret}")
            .route(web::get().to(form))
            .route(web::head().to(form))
            .route(web::post().to(create)),
    );
}

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
#[template(path = "admin/setup/dead.html")]
struct DeadPage {
    l: Layout,
    has_administrator: bool,
}

/// `GET /admin/setup/{secret}`. **Permissions**: whoever has the link. 200, 410 (used, expired, unknown, or there is an
/// administrator), 429.
async fn form(visitor: AnonymousPage, secret: Path<String>) -> PageResult {
    match first_admin_link::check_first(visitor.services(), &visitor.stranger(), &secret).await? {
        FirstLink::Valid => visitor.page(&SetupPage {
            l: visitor.layout(),
            errors: FieldErrors::default(),
            name: String::new(),
            email: String::new(),
            min_length: visitor.services().config.login.min_password_length,
        }),
        dead => dead_page(&visitor, dead),
    }
}

fn dead_page(visitor: &AnonymousPage, link: FirstLink) -> PageResult {
    let page = DeadPage {
        l: visitor.layout(),
        has_administrator: link == FirstLink::NotNeeded,
    };
    visitor.page_with(StatusCode::GONE, &page)
}

/// `POST /admin/setup/{secret}`. **Permissions**: whoever has the link. 303 (signed in), 410, 422, 429.
async fn create(mut form: Form<AnonymousPage>, secret: Path<String>) -> PageResult {
    let actor = form.panel.stranger();
    let link = first_admin_link::check_first(form.panel.services(), &actor, &secret).await?;
    if link != FirstLink::Valid {
        return dead_page(&form.panel, link);
    }
    let name = form.required("name", Name::parse);
    let email = form.required("email", Email::parse);
    let password = new_password(&mut form);
    let (Some(name), Some(email), Some(password)) = (name, email, password) else {
        return again(&form);
    };
    let new = NewUser {
        email,
        name,
        role: Role::Admin,
        password: Some(password),
        is_active: true,
    };
    let visitor = &form.panel;
    match first_admin_link::create_first(visitor.services(), actor.clone(), &secret, new).await {
        Ok(Some(signed_in)) => Ok::<HttpResponse, _>(welcome(visitor, &signed_in, "")),
        Ok(None) => {
            let link = first_admin_link::check_first(visitor.services(), &actor, &secret).await?;
            dead_page(visitor, link)
        }
        Err(error) => {
            form.take(error)?;
            again(&form)
        }
    }
}

fn again(form: &Form<AnonymousPage>) -> PageResult {
    form.panel.refused(&SetupPage {
        l: form.panel.layout(),
        errors: form.errors(),
        name: form.text("name").to_owned(),
        email: form.text("email").to_owned(),
        min_length: form.panel.services().config.login.min_password_length,
    })
}

/// A new password that was typed twice: the fields `password` and `repeat`.
pub(crate) fn new_password<P: crate::http::admin::web::form::Sender>(
    form: &mut Form<P>,
) -> Option<Password> {
    let password = form.required("password", Password::parse);
    let repeated = form.text("repeat");
    if password.is_some() && repeated != form.text("password") {
        let problem = if repeated.is_empty() {
            Problem::Required
        } else {
            Problem::PasswordMismatch
        };
        form.problem("repeat", problem);
        return None;
    }
    password
}
