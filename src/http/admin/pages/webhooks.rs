//! Webhooks: the page of each endpoint, and what an administrator changes there. A secret is shown once,
//! on the page that the form redirects to.

use actix_web::{HttpRequest, http::StatusCode, web::Path};
use askama::Template;

use crate::domain::problem::Problem;
use crate::domain::service::ServiceName;
use crate::domain::webhook::{EndpointUrl, EventType, EventTypes};
use crate::http::admin::pages::people::account::proved;
use crate::http::admin::pages::webhook_deliveries::{DeliveryView, find};
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::form::{FieldErrors, Form};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::{Panel, PanelAdmin};
use crate::http::admin::web::shown_once::{self, ShownBeforePage};
use crate::http::admin::{paths, webhook_paths};
use crate::http::device_token::PresentedDevice;
use crate::services::webhooks::changes::{self, NewEndpoint, WithSecret};
use crate::services::webhooks::deliveries;
use crate::services::webhooks::endpoints::{self, Endpoint};
use crate::store::webhook_deliveries::Backlog;

/// How many events of an endpoint are shown in each list.
const SHOWN: i64 = 50;

/// The name of a type of events, its text, and whether it is chosen.
type Choice = (&'static str, String, bool);

/// The values of the fields.
struct Values {
    name: String,
    url: String,
    events: Vec<String>,
}

impl Values {
    fn of(form: &Form<PanelAdmin>) -> Self {
        let events = form.all("events").into_iter();
        Self {
            name: form.text("name").to_owned(),
            url: form.text("url").to_owned(),
            events: events.map(str::to_owned).collect(),
        }
    }

    /// The types of events in groups: the name of each group, and its types with their names, texts, and whether they
    /// are chosen.
    fn groups(&self, l: &Layout) -> Vec<(String, Vec<Choice>)> {
        let mut groups: Vec<(&str, Vec<_>)> = Vec::new();
        for kind in EventType::selectable() {
            let is_chosen = self.events.iter().any(|name| name == kind.as_str());
            let choice = (kind.as_str(), l.word("webhook_event", kind), is_chosen);
            let name = group(kind);
            match groups.iter_mut().find(|(other, _)| *other == name) {
                Some((_, choices)) => choices.push(choice),
                None => groups.push((name, vec![choice])),
            }
        }
        let named = groups.into_iter();
        named
            .map(|(name, choices)| (l.word("action_group", name), choices))
            .collect()
    }
}

/// The group of a type, as the filter of the audit log names it.
fn group(kind: EventType) -> &'static str {
    match kind.group() {
        "login" | "panel" => "logins",
        "session" | "sessions" => "sessions",
        "service" => "services",
        "signing_key" | "master_key" => "keys",
        "mail" | "flush" => "operation",
        _ => "accounts",
    }
}

#[derive(Template)]
#[template(path = "admin/webhooks/new.html")]
struct NewPage {
    l: Layout,
    errors: FieldErrors,
    values: Values,
}

#[derive(Template)]
#[template(path = "admin/webhooks/show.html")]
struct ShowPage {
    l: Layout,
    endpoint: Endpoint,
    /// Whether it responded with 410 and was deactivated.
    is_gone: bool,
    has_all_events: bool,
    backlog: Backlog,
    newest: Vec<DeliveryView>,
    dead: Vec<DeliveryView>,
    errors: FieldErrors,
    values: Values,
}

#[derive(Template)]
#[template(path = "admin/webhooks/secret.html")]
struct SecretPage {
    l: Layout,
    name: String,
    secret: String,
    back: String,
}

#[derive(Template)]
#[template(path = "admin/webhooks/confirm.html")]
struct ConfirmPage {
    l: Layout,
    name: String,
    back: String,
    action: String,
    title: String,
    text: String,
    errors: FieldErrors,
    /// Whether a recent proof is needed.
    asks: bool,
}

/// `GET /admin/webhooks/new`. **Permissions**: administrators. 200.
pub(crate) async fn new_form(panel: PanelAdmin) -> PageResult {
    panel.page(&NewPage {
        l: panel.layout("webhooks"),
        errors: FieldErrors::default(),
        values: Values {
            name: String::new(),
            url: String::new(),
            events: EventTypes::all().iter().map(str::to_owned).collect(),
        },
    })
}

/// The address and the types of events of a form; `None` if one has a problem.
fn changed_fields(form: &mut Form<PanelAdmin>) -> Option<(EndpointUrl, EventTypes)> {
    let url = form.required("url", EndpointUrl::parse);
    let events = EventTypes::parse(form.all("events"));
    let events = events.map_err(|problem: Problem| form.problem("events", problem));
    url.zip(events.ok())
}

/// `POST /admin/webhooks/new`. **Permissions**: administrators. 303 (to the secret), 422 (also without the viewer's
/// proof), 429.
pub(in crate::http) async fn create(
    mut form: Form<PanelAdmin>,
    device: PresentedDevice,
) -> PageResult {
    let name = form.required("name", ServiceName::parse);
    let fields = changed_fields(&mut form);
    let mut created = None;
    if let (Some(name), Some((url, events))) = (name, fields)
        && proved(&mut form, device).await?
    {
        let new = NewEndpoint { name, url, events };
        let result = changes::create(form.panel.services(), &form.panel.actor(), new).await;
        created = form.checked(result)?;
    }
    if let Some(created) = created {
        return show_once(&form.panel, created).await;
    }
    let page = NewPage {
        l: form.panel.layout("webhooks"),
        errors: form.errors(),
        values: Values::of(&form),
    };
    form.panel.invalid(&page)
}

async fn show_once(panel: &Panel, created: WithSecret) -> PageResult {
    let path = webhook_paths::shown_webhook_secret(created.endpoint.number);
    shown_once::redirect(panel, &path, &created.secret).await
}

/// `GET /admin/webhooks/{number}/secret/shown`. **Permissions**: administrators. 200 (once), 404, 410.
pub(crate) async fn show_secret(
    panel: PanelAdmin,
    number: Path<String>,
    request: HttpRequest,
) -> PageResult {
    let endpoint = find(&panel, &number).await?;
    let (l, back) = (
        panel.layout("webhooks"),
        webhook_paths::webhook(endpoint.number),
    );
    let Some(secret) = shown_once::take::<String>(&panel, &request).await? else {
        let page = ShownBeforePage {
            button: l.t("webhooks.rotate"),
            l,
            name: endpoint.name,
            action: webhook_paths::webhook_secret(endpoint.number),
            back,
        };
        return panel.page_with(StatusCode::GONE, &page);
    };
    panel.page(&SecretPage {
        l,
        back,
        name: endpoint.name,
        secret,
    })
}

async fn show_page(panel: &Panel, endpoint: Endpoint) -> Result<ShowPage, AdminError> {
    let (l, store) = (panel.layout("webhooks"), &panel.services().store);
    let number = endpoint.number;
    let newest = deliveries::newest(store, number, false, SHOWN).await?;
    let dead = deliveries::newest(store, number, true, SHOWN).await?;
    Ok(ShowPage {
        is_gone: endpoints::is_gone(store, &endpoint).await?,
        backlog: endpoints::backlog(store, number).await?,
        newest: newest
            .iter()
            .map(|row| DeliveryView::new(&l, row))
            .collect(),
        dead: dead.iter().map(|row| DeliveryView::new(&l, row)).collect(),
        has_all_events: endpoint.events == EventTypes::all(),
        errors: FieldErrors::default(),
        values: Values {
            name: endpoint.name.clone(),
            url: endpoint.url.clone(),
            events: endpoint.events.iter().map(str::to_owned).collect(),
        },
        endpoint,
        l,
    })
}

/// `GET /admin/webhooks/{number}`. **Permissions**: administrators and auditors. 200, 404.
pub(crate) async fn show(panel: Panel, number: Path<String>) -> PageResult {
    let endpoint = find(&panel, &number).await?;
    panel.page(&show_page(&panel, endpoint).await?)
}

/// `POST /admin/webhooks/{number}`: address and events. **Permissions**: administrators. 303, 404, 422 (also without
/// the viewer's proof), 429.
pub(in crate::http) async fn update(
    mut form: Form<PanelAdmin>,
    number: Path<String>,
    device: PresentedDevice,
) -> PageResult {
    let endpoint = find(&form.panel, &number).await?;
    let number = endpoint.number;
    let mut updated = None;
    if let Some((url, events)) = changed_fields(&mut form)
        && proved(&mut form, device).await?
    {
        let (services, actor) = (form.panel.services(), form.panel.actor());
        let result = changes::update(services, &actor, number, url, events).await;
        updated = form.checked(result)?;
    }
    if updated.is_some() {
        let text = form.panel.t("webhooks.saved");
        return form
            .panel
            .redirect_ok(&webhook_paths::webhook(number), text);
    }
    let page = ShowPage {
        errors: form.errors(),
        values: Values::of(&form),
        ..show_page(&form.panel, endpoint).await?
    };
    form.panel.invalid(&page)
}

/// The question before a change, with the viewer's proof; `name` is that of its texts.
fn confirmation(panel: &Panel, endpoint: Endpoint, action: String, name: &str) -> ConfirmPage {
    let l = panel.layout("webhooks");
    ConfirmPage {
        back: webhook_paths::webhook(endpoint.number),
        name: endpoint.name,
        action,
        title: l.t(&format!("webhooks.{name}")),
        text: l.t(&format!("webhooks.{name}_text")),
        errors: FieldErrors::default(),
        asks: true,
        l,
    }
}

/// `GET /admin/webhooks/{number}/secret`. **Permissions**: administrators. 200, 404.
pub(crate) async fn confirm_secret(panel: PanelAdmin, number: Path<String>) -> PageResult {
    let endpoint = find(&panel, &number).await?;
    let action = webhook_paths::webhook_secret(endpoint.number);
    panel.page(&confirmation(&panel, endpoint, action, "rotate"))
}

/// `POST /admin/webhooks/{number}/secret`. **Permissions**: administrators. 303 (to the secret), 404, 422 (the viewer's
/// proof is missing or wrong), 429.
pub(in crate::http) async fn rotate_secret(
    mut form: Form<PanelAdmin>,
    number: Path<String>,
    device: PresentedDevice,
) -> PageResult {
    let endpoint = find(&form.panel, &number).await?;
    if !proved(&mut form, device).await? {
        let action = webhook_paths::webhook_secret(endpoint.number);
        let page = ConfirmPage {
            errors: form.errors(),
            ..confirmation(&form.panel, endpoint, action, "rotate")
        };
        return form.panel.invalid(&page);
    }
    let panel = &form.panel;
    let (services, actor) = (panel.services(), panel.actor());
    let rotated = changes::rotate_secret(services, &actor, endpoint.number).await?;
    show_once(panel, rotated).await
}

/// `POST /admin/webhooks/{number}/activate`. **Permissions**: administrators. 303, 404.
pub(crate) async fn activate(form: Form<PanelAdmin>, number: Path<String>) -> PageResult {
    let panel = &form.panel;
    let number = find(panel, &number).await?.number;
    changes::set_active(panel.services(), &panel.actor(), number, true).await?;
    panel.redirect_ok(
        &webhook_paths::webhook(number),
        panel.t("webhooks.activated"),
    )
}

/// `GET /admin/webhooks/{number}/deactivate`. **Permissions**: administrators. 200, 404.
pub(crate) async fn confirm_deactivation(panel: PanelAdmin, number: Path<String>) -> PageResult {
    let endpoint = find(&panel, &number).await?;
    let action = webhook_paths::deactivate_webhook(endpoint.number);
    panel.page(&ConfirmPage {
        asks: false,
        ..confirmation(&panel, endpoint, action, "deactivate")
    })
}

/// `POST /admin/webhooks/{number}/deactivate`. **Permissions**: administrators. 303, 404.
pub(crate) async fn deactivate(form: Form<PanelAdmin>, number: Path<String>) -> PageResult {
    let panel = &form.panel;
    let number = find(panel, &number).await?.number;
    changes::set_active(panel.services(), &panel.actor(), number, false).await?;
    let (page, text) = (
        webhook_paths::webhook(number),
        panel.t("webhooks.deactivated"),
    );
    panel.redirect_undoable(&page, text, webhook_paths::activate_webhook(number))
}

/// `GET /admin/webhooks/{number}/delete`. **Permissions**: administrators. 200, 404.
pub(crate) async fn confirm_delete(panel: PanelAdmin, number: Path<String>) -> PageResult {
    let endpoint = find(&panel, &number).await?;
    let action = webhook_paths::delete_webhook(endpoint.number);
    panel.page(&confirmation(&panel, endpoint, action, "delete"))
}

/// `POST /admin/webhooks/{number}/delete`. **Permissions**: administrators. 303, 404, 422 (the viewer's proof is
/// missing or wrong), 429.
pub(in crate::http) async fn delete(
    mut form: Form<PanelAdmin>,
    number: Path<String>,
    device: PresentedDevice,
) -> PageResult {
    let endpoint = find(&form.panel, &number).await?;
    if !proved(&mut form, device).await? {
        let action = webhook_paths::delete_webhook(endpoint.number);
        let page = ConfirmPage {
            errors: form.errors(),
            ..confirmation(&form.panel, endpoint, action, "delete")
        };
        return form.panel.invalid(&page);
    }
    let panel = &form.panel;
    let name = changes::delete(panel.services(), &panel.actor(), endpoint.number).await?;
    panel.redirect_ok(
        webhook_paths::WEBHOOKS,
        panel.tr_with("webhooks.deleted", name),
    )
}
