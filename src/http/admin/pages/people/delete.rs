//! The deletion of an account, behind a confirmation.

use actix_web::http::StatusCode;
use askama::Template;

use crate::domain::principal::{Principal, UserType};
use crate::http::admin::pages::people::account::{self, Person, refusal, requester, section};
use crate::http::admin::pages::people::cut_off;
use crate::http::admin::paths;
use crate::http::admin::person_paths::PersonPath;
use crate::http::admin::web::account_path::AccountPath;
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::form::{FieldErrors, Form};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::{Panel, PanelAdmin};
use crate::http::device_token::PresentedDevice;
use crate::services::Error;
use crate::services::accounts::step_up;

#[derive(Template)]
#[template(path = "admin/people/delete.html")]
struct DeletePage {
    l: Layout,
    path: PersonPath,
    title: String,
    person: Person,
    /// What ends with it.
    ends: String,
    /// Why the account cannot be deleted; empty where it can.
    refusal: String,
    errors: FieldErrors,
}

async fn page(
    panel: &Panel,
    account: Principal,
    refusal: String,
    errors: FieldErrors,
) -> Result<DeletePage, AdminError> {
    let person = account::find(panel, account).await?;
    let l = panel.layout(section(account.user_type));
    let ends = cut_off::ends(panel, &l, account).await?;
    Ok(DeletePage {
        ends,
        path: paths::person(account),
        title: l.t(match account.user_type {
            UserType::User => "person.delete_user",
            UserType::Client => "person.delete_client",
        }),
        person,
        refusal,
        errors,
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
    panel.page(&page(&panel, account, refusal, FieldErrors::default()).await?)
}

/// `POST /admin/{users,clients}/{seq}/delete`. **Permissions**: administrators. 303, 404, 409 (the viewer's own account, or the
/// last administrator), 422 (the viewer's proof is missing or wrong), 429.
pub(in crate::http) async fn delete(
    mut form: Form<PanelAdmin>,
    path: AccountPath,
    device: PresentedDevice,
) -> PageResult {
    let AccountPath(account) = path;
    let person = account::find(&form.panel, account).await?;
    let proof = form.proof(form.panel.viewer().step_up);
    let by = requester(&form.panel, device, proof);
    match step_up::delete(form.panel.services(), &by, account).await {
        Ok(()) => {}
        Err(error @ (Error::LastAdministrator | Error::OwnAccount)) => {
            let panel = &form.panel;
            let refusal = refusal(panel, error)?;
            let page = page(panel, account, refusal, FieldErrors::default()).await?;
            return panel.page_with(StatusCode::CONFLICT, &page);
        }
        Err(error) => {
            form.take(error)?;
            let page = page(&form.panel, account, String::new(), form.errors()).await?;
            return form.panel.invalid(&page);
        }
    }
    let panel = &form.panel;
    let text = panel.tr_with("person.deleted", person.login);
    panel.redirect_ok(&paths::people(account.user_type), text)
}
