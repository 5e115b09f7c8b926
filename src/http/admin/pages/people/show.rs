//! The page of an account, and activating it.

use askama::Template;

use crate::domain::delivery::DeliveryState;
use crate::domain::principal::{Principal, UserType};
use crate::domain::session::BrowserSessionId;
use crate::http::admin::pages::password_links::{MAIL_BUTTON, link_button};
use crate::http::admin::pages::people::account::{self, Person, fields, requester, section};
use crate::http::admin::pages::people::confirm::ConfirmPage;
use crate::http::admin::pages::people::history::History;
use crate::http::admin::pages::people::login_box::{self, LoginRow};
use crate::http::admin::pages::people::theft::{self, Theft};
use crate::http::admin::pages::tokens::TokenView;
use crate::http::admin::paths;
use crate::http::admin::person_paths::PersonPath;
use crate::http::admin::web::account_path::AccountPath;
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::form::{FieldErrors, Form};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::lists::ListQuery;
use crate::http::admin::web::panel::{Panel, PanelAdmin};
use crate::http::device_token::PresentedDevice;
use crate::services::accounts::password_links::{self, OpenLink};
use crate::services::accounts::{login_status, step_up};
use crate::services::auth::{browser_sessions, sessions};
use crate::services::second_factors::enrolment::{self, Factors};
use crate::services::tokens::refresh_tokens;
use crate::store::browser_sessions::BrowserSessionRow;
use crate::store::deliveries::DeliveryRow;
use crate::store::sessions::SessionRow;

/// The number of refresh tokens on the page.
const MAX_TOKENS: i64 = 10;
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
    /// Whether the account can log in.
    login: Vec<LoginRow>,
    thefts: Vec<Theft>,
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
    history: History,
}

async fn page(
    panel: &Panel,
    account: Principal,
    query: &ListQuery,
) -> Result<ShowPage, AdminError> {
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
    let status = login_status::of(services, account, &deliveries).await?;
    let thefts = theft::of_account(panel, account, status.password_set_at).await?;
    let sessions = sessions::list_live(services, account).await?;
    let tokens = refresh_tokens::latest_of(services, account, MAX_TOKENS).await?;
    let l = panel.layout(section(user_type));
    let history = History::read(panel, &l, account, query).await?;
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
        login: login_box::rows(&l, &person, &status, &l.t(link_button)),
        thefts: thefts.iter().map(|event| Theft::new(&l, event)).collect(),
        sessions,
        browsers,
        current: panel.viewer().session.clone(),
        link_button: l.t(link_button),
        mails_link: link_button == MAIL_BUTTON,
        link,
        deliveries,
        tokens: tokens.collect(),
        history,
        person,
        l,
    })
}

/// `GET /admin/{users,clients}/{seq}`. **Permissions**: administrators and auditors. 200, 404.
pub(crate) async fn show(panel: Panel, path: AccountPath, query: ListQuery) -> PageResult {
    let page = page(&panel, path.0, &query).await?;
    panel.page(&page)
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
