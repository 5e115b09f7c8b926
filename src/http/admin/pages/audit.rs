//! The record of what was done: the list with its filters, and a page for each event.

use actix_web::{
    HttpRequest,
    web::{self, Path, ServiceConfig},
};
use askama::Template;

use crate::{
    domain::{
        audit::{Action, AuditSource, Change},
        principal::Principal,
    },
    http::admin::{
        pages::people_list::record_export,
        web::{
            csv::{self, Batch},
            error::{AdminError, PageResult},
            events::EventView,
            filters::{Chip, Chips, Choice, choices, problems},
            layout::Layout,
            lists::{ListQuery, Pager, pager},
            panel::{Panel, services_of},
        },
    },
    services::audit::events::{self, AuditEvent, AuditQuery},
};

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            web::resource("/audit")
                .route(web::get().to(list))
                .route(web::head().to(list)),
        )
        // Before what stands for any number.
        .service(web::resource("/audit/export.csv").route(web::get().to(export)))
        .service(
            web::resource("/audit/{id}")
                .route(web::get().to(show))
                .route(web::head().to(show)),
        );
}

#[derive(Template)]
#[template(path = "admin/audit/list.html")]
struct ListPage {
    l: Layout,
    query: ListQuery,
    problems: Vec<String>,
    chips: Vec<Chip>,
    events: Vec<EventView>,
    pager: Pager,
    actions: Vec<Choice>,
    doors: Vec<Choice>,
    csv: String,
}

/// The parameters that filter the record, and what each is called.
const FILTERS: &[(&str, &str)] = &[
    ("search", "audit.filter_search"),
    ("person", "audit.filter_person"),
    ("action", "audit.filter_action"),
    ("door", "audit.filter_door"),
    ("session", "audit.filter_session"),
    ("from", "audit.filter_from"),
    ("to", "audit.filter_to"),
];

/// What a query asks for. The days are the viewer's, both inclusive.
fn wanted(query: &mut ListQuery, panel: &Panel) -> AuditQuery {
    AuditQuery {
        search: query.text("search"),
        action: query.word("action", Action::NAMES, Action::from_word),
        source: query.word("door", AuditSource::NAMES, AuditSource::from_word),
        session: query.session("session"),
        person: query.text("person"),
        from: query.day("from", panel.zone()).map(|(begin, _)| begin),
        before: query.day("to", panel.zone()).map(|(_, end)| end),
    }
}

/// `GET /admin/audit`. **Permissions**: administrators and auditors. 200.
async fn list(panel: Panel, mut query: ListQuery) -> PageResult {
    let wanted = wanted(&mut query, &panel);
    let (seek, size) = (query.seek(), query.size());
    let slice = events::list(panel.services(), wanted.clone(), seek, size).await?;
    let l = panel.layout("audit");
    let csv = match query.query_string().as_str() {
        "" => "/admin/audit/export.csv".to_owned(),
        query => format!("/admin/audit/export.csv?{query}"),
    };
    panel.page(&ListPage {
        problems: problems(&l, &query, FILTERS),
        chips: chips(&l, &query, &wanted),
        actions: choices(&l, "action", Action::NAMES, query.value("action")),
        doors: choices(&l, "door", AuditSource::NAMES, query.value("door")),
        events: EventView::all(&l, &slice.items),
        pager: pager(&query, &l, &slice, AuditEvent::cursor),
        csv,
        query,
        l,
    })
}

fn chips(l: &Layout, query: &ListQuery, wanted: &AuditQuery) -> Vec<Chip> {
    Chips::new(l, query, FILTERS)
        .add("search", wanted.search.clone())
        .add("person", wanted.person.clone())
        .add("session", wanted.session.as_ref().map(ToString::to_string))
        .add(
            "action",
            wanted.action.map(|action| l.word("action", action)),
        )
        .add("door", wanted.source.map(|door| l.word("door", door)))
        .add_day("from", wanted.from.is_some())
        .add_day("to", wanted.before.is_some())
        .done()
}

const HEADER: &[&str] = &[
    "id",
    "happened_at",
    "door",
    "actor",
    "actor_account",
    "action",
    "outcome",
    "subject",
    "subject_account",
    "changes",
    "ip_address",
    "user_agent",
    "request_id",
    "session",
];

/// `GET /admin/audit/export.csv`. **Permissions**: administrators and auditors. 200.
async fn export(panel: Panel, mut query: ListQuery, request: HttpRequest) -> PageResult {
    let wanted = wanted(&mut query, &panel);
    record_export(&panel, "audit", &query).await?;
    let services = services_of(&request)?;
    Ok(csv::answer(&panel, "audit", HEADER, move |after| {
        let (services, wanted) = (services.clone(), wanted.clone());
        async move {
            let rows = events::batch(&services, wanted, after, csv::BATCH).await?;
            Ok(Batch::of(&rows, AuditEvent::cursor, line))
        }
    }))
}

/// An event in the words of the program: a file is for programs, and for the years.
fn line(event: &AuditEvent) -> Vec<String> {
    let account = |principal: Option<Principal>| {
        principal.map_or_else(String::new, |principal| {
            format!("{}:{}", principal.user_type, principal.user_seq)
        })
    };
    let changes: Vec<String> = event.changes.iter().map(told).collect();
    let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
    vec![
        event.id.to_string(),
        event.happened_at.to_string(),
        event.source.to_string(),
        or_empty(&event.actor_name),
        account(event.actor),
        event.action.to_string(),
        event.outcome.to_string(),
        or_empty(&event.subject_name),
        account(event.subject),
        changes.join("; "),
        or_empty(&event.ip_address),
        or_empty(&event.user_agent),
        or_empty(&event.request_id),
        event
            .session
            .as_ref()
            .map_or_else(String::new, ToString::to_string),
    ]
}

fn told(change: &Change) -> String {
    let Change { field, old, new } = change;
    match (old, new) {
        (Some(old), Some(new)) => format!("{field}: {old} -> {new}"),
        (Some(old), None) => format!("{field}: {old} ->"),
        (None, Some(new)) => format!("{field}: {new}"),
        (None, None) => field.clone(),
    }
}

#[derive(Template)]
#[template(path = "admin/audit/show.html")]
struct ShowPage {
    l: Layout,
    event: EventView,
    number: i64,
    /// Its place in the chain; none while it waits for its seal.
    position: Option<i64>,
}

/// `GET /admin/audit/{id}`. **Permissions**: administrators and auditors. 200, 404.
async fn show(panel: Panel, id: Path<String>) -> PageResult {
    let id: i64 = id.parse().map_err(|_| AdminError::NotFound)?;
    let event = events::find(panel.services(), id).await?;
    let event = event.ok_or(AdminError::NotFound)?;
    let l = panel.layout("audit");
    panel.page(&ShowPage {
        event: EventView::new(&l, &event),
        number: id,
        position: event.position,
        l,
    })
}
