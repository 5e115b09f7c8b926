//! Withdrawing the password link of an account. It asks first, with whose link it is and what it is for.

use rust_i18n::t;

use crate::http::admin::pages::password_links::link_button;
use crate::http::admin::pages::people::account::{self, section};
use crate::http::admin::pages::people::cut_off::CutOffPage;
use crate::http::admin::paths;
use crate::http::admin::web::account_path::AccountPath;
use crate::http::admin::web::error::PageResult;
use crate::http::admin::web::form::Form;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::PanelAdmin;
use crate::services::accounts::password_links::{self, OpenLink};

/// What the link is for, how its owner got it, and until when it is valid.
fn description(l: &Layout, link: &OpenLink) -> String {
    let mail = link.mail.as_ref();
    let (key, to) = match (link.is_first, mail.and_then(|mail| mail.recipient.as_ref())) {
        (true, Some(to)) => ("first_mailed", to.as_str()),
        (true, None) => ("first_shown", ""),
        (false, Some(to)) => ("new_mailed", to.as_str()),
        (false, None) => ("new_shown", ""),
    };
    t!(
        format!("admin.withdrawal.{key}"),
        locale = l.language,
        to = to,
        until = l.time(&link.expires_at).exact
    )
    .into_owned()
}

/// `GET /admin/{users,clients}/{seq}/link/withdraw`. **Permissions**: administrators. 200, 303 (there is no link), 404.
pub(crate) async fn confirm(panel: PanelAdmin, path: AccountPath) -> PageResult {
    let person = account::find(&panel, path.0).await?;
    let Some(link) = password_links::find_open(panel.services(), path.0).await? else {
        return panel.redirect_warn(&person.path(), panel.t("links.not_open"));
    };
    let l = panel.layout(section(path.0.user_type));
    let (action, description) = (person.path().withdraw_link(), description(&l, &link));
    let button = l.t(link_button(&panel, &person));
    panel.page(&CutOffPage {
        text: l.tr_with("cut_off.withdraw_text", button),
        ..CutOffPage::new(&panel, person, action, "withdraw", description)
    })
}

/// `POST /admin/{users,clients}/{seq}/link/withdraw`. **Permissions**: administrators. 303, 404.
pub(crate) async fn withdraw(form: Form<PanelAdmin>, path: AccountPath) -> PageResult {
    let (panel, AccountPath(owner)) = (&form.panel, path);
    let person = paths::person(owner);
    if password_links::withdraw(panel.services(), &panel.actor(), owner).await? {
        panel.redirect_ok(&person, panel.t("links.withdrawn"))
    } else {
        panel.redirect_warn(&person, panel.t("links.not_open"))
    }
}
