//! One-time links that confirm a new e-mail address. Opening the link changes nothing, because programs open links in mails to
//! check them.

use actix_web::{http::StatusCode, web::Path};
use askama::Template;

use crate::http::admin::paths;
use crate::http::admin::web::error::PageResult;
use crate::http::admin::web::form::Form;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::page_context::PageContext;
use crate::services::Error;
use crate::services::accounts::email_change::{self, Confirmation};

#[derive(Template)]
#[template(path = "admin/email_links/show.html")]
struct ShowPage {
    l: Layout,
    login: String,
    email: String,
    /// Whether another account has the address meanwhile.
    is_taken: bool,
}

#[derive(Template)]
#[template(path = "admin/email_links/expired.html")]
struct ExpiredPage {
    l: Layout,
}

#[derive(Template)]
#[template(path = "admin/email_links/done.html")]
struct DonePage {
    l: Layout,
}

/// `GET /account/email/{secret}`. **Permissions**: anyone with the link. 200, 410 (used, expired, withdrawn, unknown, or the
/// account is inactive), 429.
pub(crate) async fn show(context: PageContext, secret: Path<String>) -> PageResult {
    match email_change::check(context.services(), &context.anonymous(), &secret).await? {
        Some(confirmation) => context.page(&show_page(&context, confirmation, false)),
        None => expired_page(&context),
    }
}

fn show_page(context: &PageContext, confirmation: Confirmation, is_taken: bool) -> ShowPage {
    ShowPage {
        l: context.layout(),
        login: confirmation.account.login().to_owned(),
        email: confirmation.email,
        is_taken,
    }
}

fn expired_page(context: &PageContext) -> PageResult {
    let page = ExpiredPage {
        l: context.layout(),
    };
    context.page_with(StatusCode::GONE, &page)
}

/// `POST /account/email/{secret}`. **Permissions**: anyone with the link. 303, 409 (another account has the address), 410, 429.
pub(crate) async fn confirm(form: Form<PageContext>, secret: Path<String>) -> PageResult {
    let (context, actor) = (&form.panel, form.panel.anonymous());
    match email_change::confirm(context.services(), actor.clone(), &secret).await {
        Ok(Some(_)) => context.redirect(paths::EMAIL_CONFIRMED),
        Ok(None) => expired_page(context),
        Err(Error::AlreadyExists { .. }) => {
            let found = email_change::check(context.services(), &actor, &secret).await?;
            match found {
                Some(found) => {
                    context.page_with(StatusCode::CONFLICT, &show_page(context, found, true))
                }
                None => expired_page(context),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET /account/email/done`. **Permissions**: anyone. 200.
pub(crate) async fn done(context: PageContext) -> PageResult {
    context.page(&DonePage {
        l: context.layout(),
    })
}
