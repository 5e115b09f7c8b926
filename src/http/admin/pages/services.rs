//! Services: the list, the page of each, and what an administrator changes there. A secret is shown once, on the page that the
//! form redirects to.

use actix_web::{HttpRequest, http::StatusCode, web::Path};
use askama::Template;
use chrono_tz::Tz;

use crate::clock::Timestamp;
use crate::domain::principal::UserSeq;
use crate::domain::problem::Problem;
use crate::domain::service::{Description, Scopes, ServiceName};
use crate::http::admin::pages::people::account::proved;
use crate::http::admin::pages::service_scopes::ScopeFields;
use crate::http::admin::paths;
use crate::http::admin::web::csv;
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::form::{FieldErrors, Form};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::{Panel, PanelAdmin};
use crate::http::admin::web::shown_once::{self, ShownBeforePage};
use crate::http::device_token::PresentedDevice;
use crate::services::service::changes::{self, NewService, ServiceUpdate, WithSecret};
use crate::services::service::view::{self, Service};

/// The values of the fields.
struct Values {
    name: String,
    description: String,
    scopes: ScopeFields,
}

impl Values {
    fn of(form: &Form<PanelAdmin>) -> Self {
        Self {
            name: form.text("name").to_owned(),
            description: form.text("description").to_owned(),
            scopes: ScopeFields::of(form),
        }
    }
}

#[derive(Template)]
#[template(path = "admin/services/list.html")]
struct ListPage {
    l: Layout,
    services: Vec<Service>,
}

#[derive(Template)]
#[template(path = "admin/services/new.html")]
struct NewPage {
    l: Layout,
    errors: FieldErrors,
    values: Values,
}

#[derive(Template)]
#[template(path = "admin/services/show.html")]
struct ShowPage {
    l: Layout,
    granted: ScopeFields,
    service: Service,
    errors: FieldErrors,
    values: Values,
}

#[derive(Template)]
#[template(path = "admin/services/secret.html")]
struct SecretPage {
    l: Layout,
    name: String,
    secret: String,
    back: String,
}

#[derive(Template)]
#[template(path = "admin/services/confirm.html")]
struct ConfirmPage {
    l: Layout,
    name: String,
    back: String,
    action: String,
    title: String,
    text: String,
    /// When the service last authenticated.
    last_used_at: Option<Timestamp>,
    errors: FieldErrors,
    /// Whether a recent proof is needed.
    asks: bool,
}

/// `GET /admin/services/export.csv`. **Permissions**: administrators and auditors. 200.
pub(crate) async fn export(panel: Panel) -> PageResult {
    let rows = view::list(&panel.services().store).await?;
    csv::short_list(&panel, "services", HEADER, &rows, line).await
}

const HEADER: &[&str] = &[
    "client_id",
    "description",
    "scopes",
    "is_active",
    "last_used_at",
    "last_used_at_local",
    "created_at",
    "created_at_local",
];

/// The columns of a service, not translated.
fn line(service: &Service, zone: Tz) -> Vec<String> {
    let mut line = vec![
        service.name.clone(),
        service.description.clone(),
        service.scopes.to_string(),
        service.is_active.to_string(),
    ];
    line.extend(csv::time(service.last_used_at, zone));
    line.extend(csv::time(Some(service.created_at), zone));
    line
}

/// The service that a path names.
async fn find(panel: &Panel, number: &str) -> Result<Service, AdminError> {
    let number = UserSeq::from_digits(number).ok_or(AdminError::NotFound)?;
    Ok(view::find(&panel.services().store, number).await?)
}

/// `GET /admin/services`. **Permissions**: administrators and auditors. 200.
pub(crate) async fn list(panel: Panel) -> PageResult {
    panel.page(&ListPage {
        services: view::list(&panel.services().store).await?,
        l: panel.layout("services"),
    })
}

/// `GET /admin/services/new`. **Permissions**: administrators. 200.
pub(crate) async fn new_form(panel: PanelAdmin) -> PageResult {
    panel.page(&NewPage {
        l: panel.layout("services"),
        errors: FieldErrors::default(),
        values: Values {
            name: String::new(),
            description: String::new(),
            scopes: ScopeFields::default(),
        },
    })
}

/// `POST /admin/services/new`. **Permissions**: administrators. 303 (to the secret), 422 (also without the viewer's proof), 429.
pub(in crate::http) async fn create(
    mut form: Form<PanelAdmin>,
    device: PresentedDevice,
) -> PageResult {
    let name = form.required("name", ServiceName::parse);
    let fields = changed_fields(&mut form);
    let mut created = None;
    if let (Some(name), Some((description, scopes))) = (name, fields)
        && proved(&mut form, device).await?
    {
        let new = NewService {
            name,
            description,
            scopes,
        };
        let result = changes::create(form.panel.services(), &form.panel.actor(), new).await;
        created = form.checked(result)?;
    }
    if let Some(created) = created {
        return show_once(&form.panel, created).await;
    }
    let page = NewPage {
        l: form.panel.layout("services"),
        errors: form.errors(),
        values: Values::of(&form),
    };
    form.panel.invalid(&page)
}

/// The description and the scopes of a form; `None` if one has a problem.
fn changed_fields(form: &mut Form<PanelAdmin>) -> Option<(Description, Scopes)> {
    let description = form.optional("description", Description::parse);
    let scopes = ScopeFields::of(form).parse();
    let scopes = scopes.map_err(|problem: Problem| form.problem("scopes", problem));
    let scopes = scopes.ok().filter(|_| !form.has_problems())?;
    Some((description.unwrap_or_default(), scopes))
}

async fn show_once(panel: &Panel, created: WithSecret) -> PageResult {
    let path = paths::shown_service_secret(created.service.number);
    shown_once::redirect(panel, &path, &created.secret).await
}

/// `GET /admin/services/{number}/secret/shown`. **Permissions**: administrators. 200 (once), 404, 410.
pub(crate) async fn show_secret(
    panel: PanelAdmin,
    number: Path<String>,
    request: HttpRequest,
) -> PageResult {
    let service = find(&panel, &number).await?;
    let (l, back) = (panel.layout("services"), paths::service(service.number));
    let Some(secret) = shown_once::take::<String>(&panel, &request).await? else {
        let page = ShownBeforePage {
            button: l.t("services.rotate"),
            l,
            name: service.name,
            action: paths::service_secret(service.number),
            back,
        };
        return panel.page_with(StatusCode::GONE, &page);
    };
    panel.page(&SecretPage {
        l,
        back,
        name: service.name,
        secret,
    })
}

fn show_page(panel: &Panel, service: Service) -> ShowPage {
    ShowPage {
        l: panel.layout("services"),
        granted: ScopeFields::of_service(&service.scopes),
        errors: FieldErrors::default(),
        values: Values {
            name: service.name.clone(),
            description: service.description.clone(),
            scopes: ScopeFields::of_service(&service.scopes),
        },
        service,
    }
}

/// `GET /admin/services/{number}`. **Permissions**: administrators and auditors. 200, 404.
pub(crate) async fn show(panel: Panel, number: Path<String>) -> PageResult {
    let service = find(&panel, &number).await?;
    panel.page(&show_page(&panel, service))
}

/// `POST /admin/services/{number}`: description and scopes. **Permissions**: administrators. 303, 404, 422 (also without the
/// viewer's proof), 429.
pub(in crate::http) async fn update(
    mut form: Form<PanelAdmin>,
    number: Path<String>,
    device: PresentedDevice,
) -> PageResult {
    let service = find(&form.panel, &number).await?;
    let changed = changed_fields(&mut form);
    let is_proved = changed.is_some() && proved(&mut form, device).await?;
    let Some((description, scopes)) = changed.filter(|_| is_proved) else {
        let page = ShowPage {
            errors: form.errors(),
            values: Values::of(&form),
            ..show_page(&form.panel, service)
        };
        return form.panel.invalid(&page);
    };
    let (panel, number) = (&form.panel, service.number);
    let update = ServiceUpdate {
        description: Some(description),
        scopes: Some(scopes),
        is_active: None,
    };
    changes::update(panel.services(), &panel.actor(), number, update).await?;
    panel.redirect_ok(&paths::service(number), panel.t("services.saved"))
}

/// `GET /admin/services/{number}/secret`. **Permissions**: administrators. 200, 404.
pub(crate) async fn confirm_secret(panel: PanelAdmin, number: Path<String>) -> PageResult {
    let service = find(&panel, &number).await?;
    let action = paths::service_secret(service.number);
    panel.page(&confirmation(&panel, service, action, "rotate"))
}

/// The question before a change, with the viewer's proof; `name` is that of its texts.
fn confirmation(panel: &Panel, service: Service, action: String, name: &str) -> ConfirmPage {
    let l = panel.layout("services");
    ConfirmPage {
        back: paths::service(service.number),
        name: service.name,
        action,
        title: l.t(&format!("services.{name}")),
        text: l.t(&format!("services.{name}_text")),
        last_used_at: service.last_used_at,
        errors: FieldErrors::default(),
        asks: true,
        l,
    }
}

/// `POST /admin/services/{number}/secret`. **Permissions**: administrators. 303 (to the secret), 404, 422 (the viewer's proof is
/// missing or wrong), 429.
pub(in crate::http) async fn rotate_secret(
    mut form: Form<PanelAdmin>,
    number: Path<String>,
    device: PresentedDevice,
) -> PageResult {
    let service = find(&form.panel, &number).await?;
    if !proved(&mut form, device).await? {
        let action = paths::service_secret(service.number);
        let page = ConfirmPage {
            errors: form.errors(),
            ..confirmation(&form.panel, service, action, "rotate")
        };
        return form.panel.invalid(&page);
    }
    let panel = &form.panel;
    let (services, actor) = (panel.services(), panel.actor());
    let rotated = changes::rotate_secret(services, &actor, service.number).await?;
    show_once(panel, rotated).await
}

/// `POST /admin/services/{number}/activate`. **Permissions**: administrators. 303, 404.
pub(crate) async fn activate(form: Form<PanelAdmin>, number: Path<String>) -> PageResult {
    let panel = &form.panel;
    let number = find(panel, &number).await?.number;
    changes::set_active(panel.services(), &panel.actor(), number, true).await?;
    panel.redirect_ok(&paths::service(number), panel.t("services.activated"))
}

/// `GET /admin/services/{number}/deactivate`. **Permissions**: administrators. 200, 404.
pub(crate) async fn confirm_deactivation(panel: PanelAdmin, number: Path<String>) -> PageResult {
    let service = find(&panel, &number).await?;
    let action = paths::deactivate_service(service.number);
    panel.page(&ConfirmPage {
        asks: false,
        ..confirmation(&panel, service, action, "deactivate")
    })
}

/// `POST /admin/services/{number}/deactivate`. **Permissions**: administrators. 303, 404.
pub(crate) async fn deactivate(form: Form<PanelAdmin>, number: Path<String>) -> PageResult {
    let panel = &form.panel;
    let number = find(panel, &number).await?.number;
    changes::set_active(panel.services(), &panel.actor(), number, false).await?;
    let (page, text) = (paths::service(number), panel.t("services.deactivated"));
    panel.redirect_undoable(&page, text, paths::activate_service(number))
}

/// `GET /admin/services/{number}/delete`. **Permissions**: administrators. 200, 404.
pub(crate) async fn confirm_delete(panel: PanelAdmin, number: Path<String>) -> PageResult {
    let service = find(&panel, &number).await?;
    panel.page(&deletion(&panel, service, FieldErrors::default()))
}

fn deletion(panel: &Panel, service: Service, errors: FieldErrors) -> ConfirmPage {
    let action = paths::delete_service(service.number);
    ConfirmPage {
        errors,
        ..confirmation(panel, service, action, "delete")
    }
}

/// `POST /admin/services/{number}/delete`. **Permissions**: administrators. 303, 404, 422 (the viewer's proof is
/// missing or wrong), 429.
pub(in crate::http) async fn delete(
    mut form: Form<PanelAdmin>,
    number: Path<String>,
    device: PresentedDevice,
) -> PageResult {
    let service = find(&form.panel, &number).await?;
    if !proved(&mut form, device).await? {
        let page = deletion(&form.panel, service, form.errors());
        return form.panel.invalid(&page);
    }
    let (panel, number) = (&form.panel, service.number);
    let name = changes::delete(panel.services(), &panel.actor(), number).await?;
    panel.redirect_ok(paths::SERVICES, panel.tr_with("services.deleted", name))
}
