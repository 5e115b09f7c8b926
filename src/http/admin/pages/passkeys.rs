//! The viewer's own passkeys. Open to administrators and auditors.

use actix_web::web::Path;
use askama::Template;
use chrono_tz::Tz;

use crate::domain::passkey::{MAX_PASSKEYS, PasskeyName};
use crate::domain::problem::Problem;
use crate::domain::session::PasskeyId;
use crate::http::admin::pages::own_confirm::OwnConfirmPage;
use crate::http::admin::pages::second_factor::{codes_page, confirmed, ended_codes};
use crate::http::admin::paths;
use crate::http::admin::web::csv;
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::form::{FieldErrors, Form};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::page_context::PageContext;
use crate::http::admin::web::panel::Panel;
use crate::http::admin::web::public_path::public_path;
use crate::http::device_token::PresentedDevice;
use crate::services::Error;
use crate::services::second_factors::enrolment;
use crate::services::second_factors::passkey_challenges::Purpose;
use crate::services::second_factors::passkeys::{self, NewPasskeyAnswer};
use crate::services::second_factors::webauthn::relying_party::RelyingParty;
use crate::store::passkeys::PasskeyRow;

#[derive(Template)]
#[template(path = "admin/passkeys/list.html")]
struct ListPage {
    l: Layout,
    errors: FieldErrors,
    passkeys: Vec<PasskeyRow>,
    name: String,
    /// Whether the account may have more.
    has_room: bool,
    /// Where passkeys can be used; none if they cannot be.
    site: Option<PasskeySite>,
}

#[derive(Template)]
#[template(path = "admin/passkeys/show.html")]
struct ShowPage {
    l: Layout,
    errors: FieldErrors,
    passkey: PasskeyRow,
    name: String,
}

/// Where passkeys can be used.
pub(crate) struct PasskeySite {
    /// The origin of the pages that may use them.
    pub(crate) origin: String,
    /// The address of the panel there.
    pub(crate) panel: String,
}

/// Where passkeys can be used; `None` if they cannot be.
pub(crate) fn site(context: &PageContext) -> Option<PasskeySite> {
    let server = context.server();
    let origin = RelyingParty::of_panel(server)?.origins.into_iter().next()?;
    let panel = format!("{origin}{}", public_path(server, paths::DASHBOARD));
    Some(PasskeySite { origin, panel })
}

async fn list_page(
    panel: &Panel,
    errors: FieldErrors,
    name: String,
) -> Result<ListPage, AdminError> {
    let owner = panel.viewer().account.principal;
    let passkeys = passkeys::list(panel.services(), owner).await?;
    Ok(ListPage {
        l: panel.layout("account"),
        errors,
        has_room: passkeys.len() < MAX_PASSKEYS,
        passkeys,
        name,
        site: site(panel),
    })
}

/// `GET /admin/account/passkeys`. **Permissions**: administrators and auditors. 200.
pub(crate) async fn list(panel: Panel) -> PageResult {
    let page = list_page(&panel, FieldErrors::default(), String::new()).await?;
    panel.page(&page)
}

const HEADER: &[&str] = &[
    "name",
    "is_synced",
    "created_at",
    "created_at_local",
    "last_used_at",
    "last_used_at_local",
];

/// `GET /admin/account/passkeys/export.csv`. **Permissions**: administrators and auditors. 200.
pub(crate) async fn export(panel: Panel) -> PageResult {
    let owner = panel.viewer().account.principal;
    let rows = passkeys::list(panel.services(), owner).await?;
    csv::short_list(&panel, "passkeys", HEADER, &rows, line).await
}

/// The columns of a passkey, not translated.
fn line(passkey: &PasskeyRow, zone: Tz) -> Vec<String> {
    let mut line = vec![passkey.name.clone(), passkey.is_backed_up.to_string()];
    line.extend(csv::time(Some(passkey.created_at), zone));
    line.extend(csv::time(passkey.last_used_at, zone));
    line
}

/// `POST /admin/account/passkeys/options`: JSON for `passkeys.js`. **Permissions**: administrators and auditors. 200, 400 (too many),
/// 404 (passkeys cannot be used).
pub(crate) async fn options(form: Form<Panel>) -> PageResult {
    let panel = &form.panel;
    let party = RelyingParty::of_panel(panel.server()).ok_or(Error::PasskeysUnavailable)?;
    let account = &panel.viewer().account;
    let options = passkeys::begin(panel.services(), &party, account).await?;
    panel.json(&options)
}

/// `POST /admin/account/passkeys/proof`: JSON for `passkeys.js`, to prove by a passkey who the viewer is. **Permissions**:
/// administrators and auditors. 200, 404 (passkeys cannot be used).
pub(crate) async fn proof_options(form: Form<Panel>) -> PageResult {
    let panel = &form.panel;
    let party = RelyingParty::of_panel(panel.server()).ok_or(Error::PasskeysUnavailable)?;
    let (services, owner) = (panel.services(), panel.viewer().account.principal);
    let purpose = Purpose::Reauthentication(panel.secret.clone());
    let options = passkeys::proof_options(services, &party, owner, &purpose).await?;
    panel.json(&options)
}

/// `POST /admin/account/passkeys`. **Permissions**: administrators and auditors. 200 (recovery codes, shown once), 303, 422 (the
/// passkey, or the viewer's proof, is missing or wrong), 429.
pub(in crate::http) async fn create(mut form: Form<Panel>, device: PresentedDevice) -> PageResult {
    let name = form.required("name", PasskeyName::parse);
    let credential = form.text("credential").to_owned();
    if credential.is_empty() {
        // Without JavaScript.
        form.problem("credential", Problem::NotPasskey);
    }
    let (Some(name), false) = (name, form.has_problems()) else {
        return refused(&form).await;
    };
    if !confirmed(&mut form, device).await? {
        return refused(&form).await;
    }
    let panel = &form.panel;
    let party = RelyingParty::of_panel(panel.server()).ok_or(Error::PasskeysUnavailable)?;
    let (actor, account) = (panel.actor(), &panel.viewer().account);
    let services = panel.services();
    let (party, json) = (&party, credential.as_str());
    let new = NewPasskeyAnswer { party, name, json };
    let added = passkeys::add(services, &actor, account, new).await;
    let Some(added) = form.checked(added)? else {
        return refused(&form).await;
    };
    if added.recovery_codes.is_empty() {
        let text = form.panel.t("passkeys.added");
        return form.panel.redirect_ok(paths::PASSKEYS, text);
    }
    codes_page(&form.panel, added.recovery_codes)
}

async fn refused(form: &Form<Panel>) -> PageResult {
    let name = form.text("name").chars().take(PasskeyName::MAX).collect();
    let page = list_page(&form.panel, form.errors(), name).await?;
    form.panel.invalid(&page)
}

async fn find(panel: &Panel, id: &str) -> Result<PasskeyRow, AdminError> {
    let id = PasskeyId::parse(id).ok_or(AdminError::NotFound)?;
    let owner = panel.viewer().account.principal;
    let own = passkeys::list(panel.services(), owner).await?;
    let passkey = own.into_iter().find(|passkey| passkey.id == id);
    passkey.ok_or(AdminError::NotFound)
}

/// `GET /admin/account/passkeys/{id}`. **Permissions**: administrators and auditors, own passkeys. 200, 404.
pub(crate) async fn show(panel: Panel, id: Path<String>) -> PageResult {
    let passkey = find(&panel, &id).await?;
    panel.page(&ShowPage {
        l: panel.layout("account"),
        errors: FieldErrors::default(),
        name: passkey.name.clone(),
        passkey,
    })
}

/// `POST /admin/account/passkeys/{id}`: renames it. **Permissions**: administrators and auditors, own passkeys. 303, 404, 422.
pub(crate) async fn rename(mut form: Form<Panel>, id: Path<String>) -> PageResult {
    let passkey = find(&form.panel, &id).await?;
    let Some(name) = form.required("name", PasskeyName::parse) else {
        let page = ShowPage {
            l: form.panel.layout("account"),
            errors: form.errors(),
            name: form.text("name").chars().take(PasskeyName::MAX).collect(),
            passkey,
        };
        return form.panel.invalid(&page);
    };
    let panel = &form.panel;
    let (actor, account) = (panel.actor(), &panel.viewer().account);
    if !passkeys::rename(panel.services(), &actor, account, passkey.id, name).await? {
        return Err(AdminError::NotFound);
    }
    panel.redirect_ok(paths::PASSKEYS, panel.t("passkeys.renamed"))
}

/// The question before a passkey is removed.
async fn removal_page(
    panel: &Panel,
    passkey: PasskeyRow,
    errors: FieldErrors,
) -> Result<OwnConfirmPage, Error> {
    let owner = panel.viewer().account.principal;
    let factors = enrolment::find(panel.services(), owner).await?;
    let is_last = factors.totp.is_none() && factors.passkeys == 1;
    let l = panel.layout("account");
    let ends = if is_last {
        ended_codes(&l, &factors)
    } else {
        String::new()
    };
    let keys = [
        "passkeys.remove_title",
        "passkeys.remove_text",
        "passkeys.remove",
    ];
    let back = (paths::passkey(&passkey.id), l.t("passkeys.one"));
    let action = paths::remove_passkey(&passkey.id);
    Ok(OwnConfirmPage {
        errors,
        ends,
        asks: true,
        ..OwnConfirmPage::new(panel, back, passkey.name, action, keys)
    })
}

/// `GET /admin/account/passkeys/{id}/remove`. **Permissions**: administrators and auditors, own passkeys. 200, 404.
pub(crate) async fn confirm_removal(panel: Panel, id: Path<String>) -> PageResult {
    let passkey = find(&panel, &id).await?;
    panel.page(&removal_page(&panel, passkey, FieldErrors::default()).await?)
}

/// `POST /admin/account/passkeys/{id}/remove`. **Permissions**: administrators and auditors, own passkeys. 303, 404, 422 (the
/// viewer's proof is missing or wrong), 429.
pub(in crate::http) async fn remove(
    mut form: Form<Panel>,
    id: Path<String>,
    device: PresentedDevice,
) -> PageResult {
    let passkey = find(&form.panel, &id).await?;
    if !confirmed(&mut form, device).await? {
        let page = removal_page(&form.panel, passkey, form.errors()).await?;
        return form.panel.invalid(&page);
    }
    let (panel, id) = (&form.panel, passkey.id);
    let (actor, account) = (panel.actor(), &panel.viewer().account);
    if !passkeys::remove(panel.services(), &actor, account, id).await? {
        return Err(AdminError::NotFound);
    }
    panel.redirect_ok(paths::PASSKEYS, panel.t("passkeys.removed"))
}
