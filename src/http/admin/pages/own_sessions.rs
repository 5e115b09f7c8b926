//! Ending the viewer's own sessions, in the panel and of the API. Each change asks first, with the devices that are
//! logged out. Open to administrators and auditors.

use actix_web::web::Path;

use crate::domain::session::{BrowserSessionId, SessionId};
use crate::http::admin::pages::own_confirm::OwnConfirmPage;
use crate::http::admin::pages::people::cut_off::{Device, device_text, ends_on_devices};
use crate::http::admin::paths;
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::form::Form;
use crate::http::admin::web::panel::Panel;
use crate::services::Error;
use crate::services::accounts::own_account;
use crate::services::auth::{browser_sessions, sessions};

/// The live panel sessions of the viewer.
async fn browsers(panel: &Panel) -> Result<Vec<(BrowserSessionId, Device)>, Error> {
    let owner = panel.viewer().account.principal.user_seq;
    let live = browser_sessions::list(panel.services(), owner).await?;
    let rows = live.into_iter();
    Ok(rows
        .map(|row| (row.id, (row.user_agent, row.ip_address)))
        .collect())
}

/// The live API sessions of the viewer.
async fn api_sessions(panel: &Panel) -> Result<Vec<(SessionId, Device)>, Error> {
    let owner = panel.viewer().account.principal;
    let live = sessions::list_live(panel.services(), owner).await?;
    let rows = live.into_iter();
    Ok(rows
        .map(|row| (row.id, (row.user_agent, row.ip_address)))
        .collect())
}

/// The devices on which sessions end when the viewer gets another password.
pub(super) async fn other_devices(panel: &Panel) -> Result<Vec<Device>, Error> {
    let mut devices = other_browsers(panel).await?;
    let api = api_sessions(panel).await?.into_iter();
    devices.extend(api.map(|(_, device)| device));
    Ok(devices)
}

/// The devices of the panel sessions other than this one.
async fn other_browsers(panel: &Panel) -> Result<Vec<Device>, Error> {
    let current = &panel.viewer().session;
    let all = browsers(panel).await?.into_iter();
    let others = all.filter(|(id, _)| id != current);
    Ok(others.map(|(_, device)| device).collect())
}

/// The question before sessions on these devices end; `subject` and `keys` are the keys of its texts.
fn question(
    panel: &Panel,
    devices: &[Device],
    action: String,
    subject: &str,
    keys: [&str; 3],
) -> PageResult {
    let l = panel.layout("account");
    let back = (paths::ACCOUNT.to_owned(), l.t("nav.account"));
    let subject = l.t(subject);
    panel.page(&OwnConfirmPage {
        ends: ends_on_devices(&l, devices),
        devices: devices.iter().map(|one| device_text(&l, one)).collect(),
        ..OwnConfirmPage::new(panel, back, subject, action, keys)
    })
}

/// `GET /admin/account/sessions/{id}/end`. **Permissions**: administrators and auditors. 200, 404 (also for an
/// ended one).
pub(crate) async fn confirm_end(panel: Panel, id: Path<String>) -> PageResult {
    let mut live = browsers(&panel).await?.into_iter();
    let found = live.find(|(one, _)| one.as_str() == *id);
    let (id, device) = found.ok_or(AdminError::NotFound)?;
    let keys = [
        "cut_off.end_browser_title",
        "account.end_browser_text",
        "cut_off.end_browser_button",
    ];
    let action = paths::end_own_session(id);
    question(&panel, &[device], action, "account.browsers", keys)
}

/// `POST /admin/account/sessions/{id}/end`. **Permissions**: administrators and auditors. 303, 404.
pub(crate) async fn end(form: Form<Panel>, id: Path<String>) -> PageResult {
    let panel = &form.panel;
    let id = BrowserSessionId::parse(&id).ok_or(AdminError::NotFound)?;
    let owner = &panel.viewer().account;
    if !browser_sessions::end(panel.services(), panel.actor(), owner, id).await? {
        return Err(AdminError::NotFound);
    }
    panel.redirect_ok(paths::ACCOUNT, panel.t("account.session_ended"))
}

/// `GET /admin/account/sessions/end`. **Permissions**: administrators and auditors. 200, 303 (there are no others).
pub(crate) async fn confirm_end_others(panel: Panel) -> PageResult {
    let devices = other_browsers(&panel).await?;
    if devices.is_empty() {
        return panel.redirect_warn(paths::ACCOUNT, panel.t("account.no_sessions"));
    }
    let keys = [
        "account.end_others_title",
        "account.end_others_text",
        "account.end_others",
    ];
    let action = paths::END_OWN_SESSIONS.to_owned();
    question(&panel, &devices, action, "account.browsers", keys)
}

/// `POST /admin/account/sessions/end`. **Permissions**: administrators and auditors. 303.
pub(crate) async fn end_others(form: Form<Panel>) -> PageResult {
    let panel = &form.panel;
    let ended =
        own_account::end_other_sessions(panel.services(), panel.actor(), panel.viewer()).await?;
    let text = panel.tr_count("account.sessions_ended", ended);
    panel.redirect_ok(paths::ACCOUNT, text)
}

/// `GET /admin/account/api-sessions/{id}/end`. **Permissions**: administrators and auditors. 200, 404 (also for
/// an ended one).
pub(crate) async fn confirm_end_api(panel: Panel, id: Path<String>) -> PageResult {
    let mut live = api_sessions(&panel).await?.into_iter();
    let found = live.find(|(one, _)| one.as_str() == *id);
    let (id, device) = found.ok_or(AdminError::NotFound)?;
    let keys = [
        "cut_off.end_title",
        "account.end_text",
        "cut_off.end_button",
    ];
    let action = paths::end_own_api_session(id);
    question(&panel, &[device], action, "account.api_sessions", keys)
}

/// `POST /admin/account/api-sessions/{id}/end`. **Permissions**: administrators and auditors. 303, 404.
pub(crate) async fn end_api(form: Form<Panel>, id: Path<String>) -> PageResult {
    let panel = &form.panel;
    let id = SessionId::parse(&id).ok_or(AdminError::NotFound)?;
    let owner = &panel.viewer().account;
    if !sessions::end_own(panel.services(), &panel.actor(), owner, id).await? {
        return Err(AdminError::NotFound);
    }
    panel.redirect_ok(paths::ACCOUNT, panel.t("account.session_ended"))
}

/// `GET /admin/account/api-sessions/end`. **Permissions**: administrators and auditors. 200, 303 (there are none).
pub(crate) async fn confirm_end_all_api(panel: Panel) -> PageResult {
    let live = api_sessions(&panel).await?.into_iter();
    let devices: Vec<Device> = live.map(|(_, device)| device).collect();
    if devices.is_empty() {
        return panel.redirect_warn(paths::ACCOUNT, panel.t("account.no_sessions"));
    }
    let keys = [
        "account.end_all_title",
        "account.end_all_text",
        "account.end_all",
    ];
    let action = paths::END_OWN_API_SESSIONS.to_owned();
    question(&panel, &devices, action, "account.api_sessions", keys)
}

/// `POST /admin/account/api-sessions/end`. **Permissions**: administrators and auditors. 303.
pub(crate) async fn end_all_api(form: Form<Panel>) -> PageResult {
    let panel = &form.panel;
    let ended =
        own_account::end_token_sessions(panel.services(), panel.actor(), panel.viewer()).await?;
    let text = panel.tr_count("account.sessions_ended", ended);
    panel.redirect_ok(paths::ACCOUNT, text)
}
