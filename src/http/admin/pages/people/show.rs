//! The page of an account, and what an administrator does there: activate, deactivate, end sessions.

use actix_web::{http::StatusCode, web::Path};
use askama::Template;

use crate::domain::delivery::DeliveryState;
use crate::domain::principal::{Principal, UserType};
use crate::domain::session::{BrowserSessionId, SessionId};
use crate::http::admin::pages::locks::LockView;
use crate::http::admin::pages::password_links::{MAIL_BUTTON, link_button};
use crate::http::admin::pages::people::account::{
    self, Person, fields, refusal, requester, section,
};
use crate::http::admin::pages::people::confirm::ConfirmPage;
use crate::http::admin::pages::tokens::TokenView;
use crate::http::admin::paths::{self, PersonPath};
use crate::http::admin::web::account_path::AccountPath;
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::events::EventView;
use crate::http::admin::web::form::{FieldErrors, Form};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::{Panel, PanelAdmin};
use crate::http::device_token::PresentedDevice;
use crate::services::accounts::password_links::{self, OpenLink};
use crate::services::accounts::{lifecycle, step_up, users};
use crate::services::audit::events;
use crate::services::auth::browser_sessions;
use crate::services::auth::sessions::{self, RevocationOutcome};
use crate::services::limits::locks;
use crate::services::second_factors::enrolment::{self, Factors};
use crate::services::tokens::refresh_tokens;
use crate::store::browser_sessions::BrowserSessionRow;
use crate::store::deliveries::DeliveryRow;
use crate::store::sessions::SessionRow;

/// The number of refresh tokens on the page.
const MAX_TOKENS: i64 = 10;
/// The number of audit events on the page.
const MAX_EVENTS: i64 = 50;
/// The number of messages to the account on the page.
const MAX_DELIVERIES: i64 = 10;

#[derive(Template)]
#[template(path = "admin/people/show.html")]
struct ShowPage {
    l: Layout,
    person: Person,
    path: PersonPath,
    /// The list, with the filters that it had before.
    list: String,
    /// The name of the population.
    list_name: String,
    /// An internal user's role, translated.
    role: Option<String>,
    /// Labels and values of the fields; an empty value is none.
    fields: Vec<(String, String)>,
    /// The second factors.
    factors: Factors,
    /// Whether this is the viewer's own account.
    is_self: bool,
    /// Why the last change was refused; empty for none.
    refusal: String,
    locks: Vec<LockView>,
    sessions: Vec<SessionRow>,
    /// Panel sessions; clients have none.
    browsers: Vec<BrowserSessionRow>,
    /// The viewer's own panel session.
    current: BrowserSessionId,
    /// The name of the button that issues a password link.
    link_button: String,
    /// The password link that can be used.
    link: Option<OpenLink>,
    /// Whether a link can be mailed.
    mails_link: bool,
    /// Codes, links and notices to the owner.
    deliveries: Vec<DeliveryRow>,
    tokens: Vec<TokenView>,
    events: Vec<EventView>,
}

async fn page(panel: &Panel, account: Principal, refusal: String) -> Result<ShowPage, AdminError> {
    let services = panel.services();
    let person = account::find(panel, account).await?;
    let (user_type, seq) = (account.user_type, account.user_seq);
    let browsers = match user_type {
        UserType::User => browser_sessions::list(services, seq).await?,
        UserType::Client => Vec::new(),
    };
    let (database, now) = ((&services.store, &services.audit_log), services.clock.now());
    let deliveries = services
        .deliveries
        .list(database, account, MAX_DELIVERIES, now)
        .await?;
    let link = password_links::find_open(services, account).await?;
    let link_button = link_button(panel, &person);
    let factors = enrolment::find(services, account).await?;
    let locks = locks::of_account(services, account).await?;
    let sessions = sessions::list_live(services, account).await?;
    let tokens = refresh_tokens::latest_of(services, account, MAX_TOKENS).await?;
    let events = events::history(services, account, MAX_EVENTS).await?;
    let l = panel.layout(section(user_type));
    let mut events = EventView::all(&l, &events);
    // The subject of all of them is the account of the page.
    for event in &mut events {
        event.subject.clear();
    }
    let tokens = tokens.iter().map(|token| TokenView::new(&l, token));
    let fields = fields(user_type).iter();
    let fields = fields.map(|field| (field.label(&l), person.text(&l, field.name)));
    Ok(ShowPage {
        path: paths::person(account),
        list: panel.back_to(&paths::people(user_type)),
        list_name: l.t(&format!("nav.{}", section(user_type))),
        role: person.role.as_ref().map(|role| l.role(role.as_str())),
        fields: fields.collect(),
        factors,
        is_self: panel.viewer().account.principal == account,
        refusal,
        locks: locks.iter().map(|lock| LockView::new(&l, lock)).collect(),
        sessions,
        browsers,
        current: panel.viewer().session.clone(),
        link_button: l.t(link_button),
        mails_link: link_button == MAIL_BUTTON,
        link,
        deliveries,
        tokens: tokens.collect(),
        events,
        person,
        l,
    })
}

/// `GET /admin/{users,clients}/{seq}`. **Permissions**: administrators and auditors. 200, 404.
pub(crate) async fn show(panel: Panel, path: AccountPath) -> PageResult {
    panel.page(&page(&panel, path.0, String::new()).await?)
}

/// `GET /admin/{users,clients}/{seq}/activate`: asks for the administrator's password, which activating an administrator
/// needs. **Permissions**: administrators. 200, 404.
pub(crate) async fn confirm_activation(panel: PanelAdmin, path: AccountPath) -> PageResult {
    let person = account::find(&panel, path.0).await?;
    panel.page(&activation_page(&panel, person, FieldErrors::default()))
}

fn activation_page(panel: &Panel, person: Person, errors: FieldErrors) -> ConfirmPage {
    let action = person.path().activate();
    let l = panel.layout(section(person.principal.user_type));
    let text = if person.can_write(&l) {
        "person.activate_admin_text"
    } else {
        "person.activate_text"
    };
    ConfirmPage::new(panel, person, action, ("person.activate", text), errors)
}

/// `POST /admin/{users,clients}/{seq}/activate`. **Permissions**: administrators. 303, 404, 422 (an administrator is activated,
/// and the viewer's password is missing or wrong), 429.
pub(in crate::http) async fn activate(
    mut form: Form<PanelAdmin>,
    path: AccountPath,
    device: PresentedDevice,
) -> PageResult {
    let person = account::find(&form.panel, path.0).await?;
    let proof = form.proof(form.panel.viewer().step_up);
    let by = requester(&form.panel, device, proof);
    let activated = step_up::activate(form.panel.services(), &by, path.0).await;
    if form.checked(activated)?.is_none() {
        let page = activation_page(&form.panel, person, form.errors());
        return form.panel.invalid(&page);
    }
    let text = form.panel.t("person.activated");
    form.panel.redirect_ok(&person.path(), text)
}

/// `POST /admin/{users,clients}/{seq}/deactivate`. **Permissions**: administrators. 303, 404, 409 (the viewer's own account, or
/// the last administrator).
pub(crate) async fn deactivate(form: Form<PanelAdmin>, path: AccountPath) -> PageResult {
    let (panel, AccountPath(account)) = (&form.panel, path);
    let actor = panel.actor();
    if let Err(error) = lifecycle::set_active(panel.services(), &actor, account, false).await {
        let page = page(panel, account, refusal(panel, error)?).await?;
        return panel.page_with(StatusCode::CONFLICT, &page);
    }
    panel.redirect_ok(&paths::person(account), panel.t("person.deactivated"))
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

/// `POST /admin/{users,clients}/{seq}/sessions/end`: all sessions. **Permissions**: administrators. 303, 404.
pub(crate) async fn end_sessions(form: Form<PanelAdmin>, path: AccountPath) -> PageResult {
    let (panel, AccountPath(account)) = (&form.panel, path);
    let actor = panel.actor();
    let ended = sessions::end_all_by_administrator(panel.services(), &actor, account).await?;
    let text = panel.tr_count("person.sessions_ended", ended);
    panel.redirect_ok(&paths::person(account), text)
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
