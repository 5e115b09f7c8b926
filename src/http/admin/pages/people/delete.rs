//! The deletion of an account, behind a confirmation.

use actix_web::http::StatusCode;
use askama::Template;

use crate::domain::principal::{Principal, UserType};
use crate::http::admin::pages::people::account::{self, Person, refusal, section};
use crate::http::admin::paths::{self, PersonPath};
use crate::http::admin::web::account_path::AccountPath;
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::form::Form;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::{Panel, PanelAdmin};
use crate::services::accounts::lifecycle;

#[derive(Template)]
#[template(path = "admin/people/delete.html")]
struct DeletePage {
    l: Layout,
    path: PersonPath,
    title: String,
    person: Person,
    /// Why the account cannot be deleted; empty where it can.
    refusal: String,
}

async fn page(
    panel: &Panel,
    account: Principal,
    refusal: String,
) -> Result<DeletePage, AdminError> {
    let person = account::find(panel, account).await?;
    let l = panel.layout(section(account.user_type));
    Ok(DeletePage {
        path: paths::person(account),
        title: l.t(match account.user_type {
            UserType::User => "person.delete_user",
            UserType::Client => "person.delete_client",
        }),
        person,
        refusal,
        l,
    })
}

/// `GET /admin/{users,clients}/{seq}/delete`. **Permissions**: administrators. 200, 404.
pub(crate) async fn confirm(panel: PanelAdmin, path: AccountPath) -> PageResult {
    let AccountPath(account) = path;
    let refusal = if panel.viewer().account.principal == account {
        panel.t("error.own_account_text")
    } else {
        String::new()
    };
    panel.page(&page(&panel, account, refusal).await?)
}

/// `POST /admin/{users,clients}/{seq}/delete`. **Permissions**: administrators. 303, 404, 409 (the viewer's own account, or the
/// last administrator).
pub(crate) async fn delete(form: Form<PanelAdmin>, path: AccountPath) -> PageResult {
    let (panel, AccountPath(account)) = (&form.panel, path);
    let person = account::find(panel, account).await?;
    if let Err(error) = lifecycle::delete(panel.services(), &panel.actor(), account).await {
        let page = page(panel, account, refusal(panel, error)?).await?;
        return panel.page_with(StatusCode::CONFLICT, &page);
    }
    let text = panel.tr_with("person.deleted", person.login);
    panel.redirect_ok(&paths::people(account.user_type), text)
}
