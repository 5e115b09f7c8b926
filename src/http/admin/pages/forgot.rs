//! The request of a link that resets a forgotten password.

use askama::Template;

use crate::domain::account::Email;
use crate::domain::principal::UserType;
use crate::domain::problem::Problem;
use crate::http::admin::paths;
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::form::{FieldErrors, Form};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::page_context::PageContext;
use crate::http::device_token::PresentedDevice;
use crate::http::self_service;
use crate::services::accounts::reset_request::{self, ResetRequest};

#[derive(Template)]
#[template(path = "admin/forgot/form.html")]
struct FormPage {
    l: Layout,
    errors: FieldErrors,
    login: String,
}

#[derive(Template)]
#[template(path = "admin/forgot/sent.html")]
struct SentPage {
    l: Layout,
}

/// `GET /account/password/forgot`. **Permissions**: anyone. 200, 404 (links cannot be mailed).
pub(crate) async fn new_form(context: PageContext) -> PageResult {
    if !self_service::is_available(context.services()) {
        return Err(AdminError::NotFound);
    }
    context.page(&FormPage {
        l: context.layout(),
        errors: FieldErrors::default(),
        login: String::new(),
    })
}

/// `POST /account/password/forgot`. **Permissions**: anyone. 303 (whether or not there is such an account), 404 (links cannot be
/// mailed), 422, 429.
pub(in crate::http) async fn create(
    mut form: Form<PageContext>,
    device: PresentedDevice,
) -> PageResult {
    let url_of = self_service::reset_link(form.panel.services())?;
    let Some(name) = form.required("login", login) else {
        let page = FormPage {
            l: form.panel.layout(),
            errors: form.errors(),
            login: form.text("login").chars().take(Email::MAX).collect(),
        };
        return form.panel.invalid(&page);
    };
    let context = &form.panel;
    let login_context = device.login_context(context.anonymous());
    // The name may be that of accounts in both populations.
    for user_type in [UserType::User, UserType::Client] {
        let request = ResetRequest {
            user_type,
            name: name.clone(),
            login_context: login_context.clone(),
            language: context.language(),
        };
        reset_request::request(context.services(), request, &url_of).await?;
    }
    context.redirect(paths::FORGOT_SENT)
}

fn login(typed: &str) -> Result<String, Problem> {
    if typed.chars().count() > Email::MAX {
        Err(Problem::TooLong { max: Email::MAX })
    } else if typed.contains(char::is_control) {
        Err(Problem::ControlCharacter)
    } else if typed.trim().is_empty() {
        Err(Problem::Blank)
    } else {
        Ok(typed.to_owned())
    }
}

/// `GET /account/password/sent`. **Permissions**: anyone. 200.
pub(crate) async fn sent(context: PageContext) -> PageResult {
    context.page(&SentPage {
        l: context.layout(),
    })
}
