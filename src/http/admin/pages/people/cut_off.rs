//! What cuts an account off: deactivating it and ending its sessions. Each asks first, with the number of sessions that end.

use std::collections::HashSet;

use actix_web::{http::StatusCode, web::Path};
use askama::Template;
use rust_i18n::t;

use crate::domain::principal::{Principal, UserType};
use crate::domain::session::{BrowserSessionId, SessionId};
use crate::http::admin::pages::people::account::{self, Person, refusal, section};
use crate::http::admin::paths;
use crate::http::admin::web::account_path::AccountPath;
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::form::Form;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::{Panel, PanelAdmin};
use crate::services::accounts::{lifecycle, users};
use crate::services::auth::browser_sessions;
use crate::services::auth::sessions::{self, RevocationOutcome};
use crate::store::sessions::SessionRow;

/// The question before an account is cut off.
#[derive(Template)]
#[template(path = "admin/people/cut_off.html")]
pub(crate) struct CutOffPage {
    pub(crate) l: Layout,
    pub(crate) person: Person,
    /// The path that the form is sent to.
    pub(crate) action: String,
    pub(crate) title: String,
    pub(crate) text: String,
    /// What ends; empty for nothing.
    pub(crate) ends: String,
    pub(crate) button: String,
    /// Why it is refused; empty where it is not.
    pub(crate) refusal: String,
}

/// A device of a session: the user agent and the address of its login.
pub(crate) type Device = (Option<String>, Option<String>);

/// The devices of the panel sessions of an account, one for each session. Clients have none.
pub(crate) async fn panel_devices(
    panel: &Panel,
    account: Principal,
) -> Result<Vec<Device>, AdminError> {
    if account.user_type == UserType::Client {
        return Ok(Vec::new());
    }
    let live = browser_sessions::list(panel.services(), account.user_seq).await?;
    let devices = live.into_iter().map(|row| (row.user_agent, row.ip_address));
    Ok(devices.collect())
}

/// The devices of the live sessions of an account, one for each session.
async fn devices(panel: &Panel, account: Principal) -> Result<Vec<Device>, AdminError> {
    let services = panel.services();
    let live = sessions::list_live(services, account).await?;
    let device = |row: SessionRow| (row.user_agent, row.ip_address);
    let mut devices: Vec<Device> = live.into_iter().map(device).collect();
    devices.extend(panel_devices(panel, account).await?);
    Ok(devices)
}

/// What ends with all sessions of an account, such as `Ends 6 sessions on 4 devices.`
pub(crate) async fn ends(
    panel: &Panel,
    l: &Layout,
    account: Principal,
) -> Result<String, AdminError> {
    Ok(ends_on_devices(l, &devices(panel, account).await?))
}

/// What ends with one session on each of these devices.
pub(crate) fn ends_on_devices(l: &Layout, devices: &[Device]) -> String {
    let distinct: HashSet<&Device> = devices.iter().collect();
    match (devices.len(), distinct.len()) {
        (0, _) => l.t("cut_off.ends_none"),
        (1, _) => l.t("cut_off.ends_one"),
        (sessions, 1) => l.tr_count("cut_off.ends_on_one", sessions),
        (sessions, devices) => t!(
            "admin.cut_off.ends",
            locale = l.language,
            sessions = l.number(sessions),
            devices = l.number(devices)
        )
        .into_owned(),
    }
}

/// What ends with the sessions of several accounts, such as `Ends 6 sessions of 4 accounts.`
pub(crate) fn ends_of_accounts(l: &Layout, sessions: i64, accounts: i64) -> String {
    match (sessions, accounts) {
        (0, _) => l.t("cut_off.ends_none"),
        (1, _) => l.t("cut_off.ends_one"),
        (sessions, 1) => l.tr_count("cut_off.ends_of_one", sessions),
        (sessions, accounts) => t!(
            "admin.cut_off.ends_of_accounts",
            locale = l.language,
            sessions = l.number(sessions),
            accounts = l.number(accounts)
        )
        .into_owned(),
    }
}

impl CutOffPage {
    /// The page whose texts are `cut_off.<what>_title`, `_text` and `_button`.
    pub(crate) fn new(
        panel: &Panel,
        person: Person,
        action: String,
        what: &str,
        ends: String,
    ) -> Self {
        let l = panel.layout(section(person.principal.user_type));
        let text = |part: &str| l.t(&format!("cut_off.{what}_{part}"));
        Self {
            title: text("title"),
            text: text("text"),
            button: text("button"),
            action,
            ends,
            refusal: String::new(),
            person,
            l,
        }
    }
}

async fn deactivation(panel: &Panel, account: Principal) -> Result<CutOffPage, AdminError> {
    let person = account::find(panel, account).await?;
    let l = panel.layout(section(account.user_type));
    let ends = ends(panel, &l, account).await?;
    let action = person.path().deactivate();
    Ok(CutOffPage::new(panel, person, action, "deactivate", ends))
}

/// `GET /admin/{users,clients}/{seq}/deactivate`. **Permissions**: administrators. 200, 404.
pub(crate) async fn confirm_deactivation(panel: PanelAdmin, path: AccountPath) -> PageResult {
    panel.page(&deactivation(&panel, path.0).await?)
}

/// `POST /admin/{users,clients}/{seq}/deactivate`. **Permissions**: administrators. 303, 404, 409 (the viewer's own account, or
/// the last administrator).
pub(crate) async fn deactivate(form: Form<PanelAdmin>, path: AccountPath) -> PageResult {
    let (panel, AccountPath(account)) = (&form.panel, path);
    let actor = panel.actor();
    if let Err(error) = lifecycle::set_active(panel.services(), &actor, account, false).await {
        let page = CutOffPage {
            refusal: refusal(panel, error)?,
            ..deactivation(panel, account).await?
        };
        return panel.page_with(StatusCode::CONFLICT, &page);
    }
    let person = paths::person(account);
    let text = panel.t("person.deactivated");
    panel.redirect_undoable(&person, text, person.activate())
}

/// `GET /admin/{users,clients}/{seq}/sessions/end`. **Permissions**: administrators. 200, 404.
pub(crate) async fn confirm_end_all(panel: PanelAdmin, path: AccountPath) -> PageResult {
    let person = account::find(&panel, path.0).await?;
    let l = panel.layout(section(path.0.user_type));
    let ends = ends(&panel, &l, path.0).await?;
    let action = person.path().end_sessions();
    panel.page(&CutOffPage::new(&panel, person, action, "end_all", ends))
}

/// `POST /admin/{users,clients}/{seq}/sessions/end`: all sessions. **Permissions**: administrators. 303, 404.
pub(crate) async fn end_sessions(form: Form<PanelAdmin>, path: AccountPath) -> PageResult {
    let (panel, AccountPath(account)) = (&form.panel, path);
    let actor = panel.actor();
    let ended = sessions::end_all_by_administrator(panel.services(), &actor, account).await?;
    let text = panel.tr_count("person.sessions_ended", ended);
    panel.redirect_ok(&paths::person(account), text)
}

/// The program and the address of a session.
pub(crate) fn device_text(l: &Layout, (agent, address): &Device) -> String {
    let unknown = || l.t("common.unknown");
    let agent = agent.as_ref().map_or_else(unknown, |agent| l.agent(agent));
    match address {
        Some(address) => format!("{agent} · {address}"),
        None => agent,
    }
}

/// `GET /admin/{users,clients}/{seq}/sessions/{id}/end`. **Permissions**: administrators. 200, 404 (also for a session of another
/// account, or one that has ended).
pub(crate) async fn confirm_end(
    panel: PanelAdmin,
    path: AccountPath,
    segments: Path<(String, String)>,
) -> PageResult {
    let person = account::find(&panel, path.0).await?;
    let live = sessions::list_live(panel.services(), path.0).await?;
    let row = live.into_iter().find(|row| row.id.as_str() == segments.1);
    let row = row.ok_or(AdminError::NotFound)?;
    let l = panel.layout(section(path.0.user_type));
    let device = device_text(&l, &(row.user_agent, row.ip_address));
    let action = person.path().end_session(&row.id);
    panel.page(&CutOffPage::new(&panel, person, action, "end", device))
}

/// `POST /admin/{users,clients}/{seq}/sessions/{id}/end`. **Permissions**: administrators. 303, 404 (also for a session of
/// another account).
pub(crate) async fn end_session(
    form: Form<PanelAdmin>,
    path: AccountPath,
    segments: Path<(String, String)>,
) -> PageResult {
    let (panel, AccountPath(account)) = (&form.panel, path);
    let id = SessionId::parse(&segments.1).ok_or(AdminError::NotFound)?;
    let actor = panel.actor();
    match sessions::end_by_administrator(panel.services(), &actor, id, Some(account)).await? {
        RevocationOutcome::Revoked => after_end(panel, account, true),
        RevocationOutcome::AlreadyRevoked => after_end(panel, account, false),
        RevocationOutcome::NotFound => Err(AdminError::NotFound),
    }
}

/// `GET /admin/users/{seq}/browser-sessions/{id}/end`. **Permissions**: administrators. 200, 404 (also for one that has ended).
pub(crate) async fn confirm_end_browser(
    panel: PanelAdmin,
    path: AccountPath,
    segments: Path<(String, String)>,
) -> PageResult {
    let person = account::find(&panel, path.0).await?;
    let live = browser_sessions::list(panel.services(), path.0.user_seq).await?;
    let row = live.into_iter().find(|row| row.id.as_str() == segments.1);
    let row = row.ok_or(AdminError::NotFound)?;
    let l = panel.layout(section(path.0.user_type));
    let device = device_text(&l, &(row.user_agent, row.ip_address));
    let action = person.path().end_browser_session(&row.id);
    panel.page(&CutOffPage::new(
        &panel,
        person,
        action,
        "end_browser",
        device,
    ))
}

/// `POST /admin/users/{seq}/browser-sessions/{id}/end`. **Permissions**: administrators. 303, 404.
pub(crate) async fn end_browser_session(
    form: Form<PanelAdmin>,
    path: AccountPath,
    segments: Path<(String, String)>,
) -> PageResult {
    let (panel, AccountPath(account)) = (&form.panel, path);
    let user = users::find(panel.services(), account.user_seq).await?;
    let id = BrowserSessionId::parse(&segments.1).ok_or(AdminError::NotFound)?;
    let ended = browser_sessions::end(panel.services(), panel.actor(), &user.account(), id).await?;
    after_end(panel, account, ended)
}

fn after_end(panel: &Panel, account: Principal, ended: bool) -> PageResult {
    let person = paths::person(account);
    if ended {
        panel.redirect_ok(&person, panel.t("person.session_ended"))
    } else {
        panel.redirect_warn(&person, panel.t("person.session_ended_before"))
    }
}
