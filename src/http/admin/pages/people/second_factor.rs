//! Removing the second factor of an account, behind a confirmation.

use crate::http::admin::pages::people::account::{self, Person, requester};
use crate::http::admin::pages::people::confirm::ConfirmPage;
use crate::http::admin::web::account_path::AccountPath;
use crate::http::admin::web::error::PageResult;
use crate::http::admin::web::form::{FieldErrors, Form};
use crate::http::admin::web::panel::{Panel, PanelAdmin};
use crate::http::device_token::PresentedDevice;
use crate::services::accounts::step_up;

fn page(panel: &Panel, person: Person, errors: FieldErrors) -> ConfirmPage {
    let action = person.path().second_factor();
    let texts = ("second_factor.remove_of", "second_factor.remove_of_text");
    ConfirmPage::new(panel, person, action, texts, errors)
}

/// `GET /admin/{users,clients}/{seq}/second-factor`. **Permissions**: administrators. 200, 404.
pub(crate) async fn confirm(panel: PanelAdmin, path: AccountPath) -> PageResult {
    let person = account::find(&panel, path.0).await?;
    panel.page(&page(&panel, person, FieldErrors::default()))
}

/// `POST /admin/{users,clients}/{seq}/second-factor`. **Permissions**: administrators. 303, 404 (also without a second factor),
/// 422 (the viewer's proof is missing or wrong), 429.
pub(in crate::http) async fn remove(
    mut form: Form<PanelAdmin>,
    path: AccountPath,
    device: PresentedDevice,
) -> PageResult {
    let person = account::find(&form.panel, path.0).await?;
    let proof = form.proof(form.panel.viewer().step_up);
    let by = requester(&form.panel, device, proof);
    let removed = step_up::remove_second_factor(form.panel.services(), &by, path.0).await;
    if form.checked(removed)?.is_none() {
        let page = page(&form.panel, person, form.errors());
        return form.panel.invalid(&page);
    }
    let text = form.panel.t("second_factor.removed");
    form.panel.redirect_ok(&person.path(), text)
}
