//! The audit log: the list, the same list as a CSV file, and a page for each event.

use actix_web::{HttpRequest, web::Path};
use askama::Template;

use crate::domain::audit::{Action, AuditSource, Change};
use crate::domain::principal::Principal;
use crate::http::admin::paths;
use crate::http::admin::web::csv;
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::events::EventView;
use crate::http::admin::web::filters::{
    Chip, Choice, Filter, chips, choices, problems, typed, words,
};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::lists::{ListQuery, Pager, pager};
use crate::http::admin::web::panel::Panel;
use crate::http::middleware::context::services_of;
use crate::services::audit::events::{self, AuditEvent, AuditQuery};
use crate::services::audit::recording;
use crate::store::audit_list::AuditFilter;

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
    sources: Vec<Choice>,
    csv: String,
}

/// The filters of the list.
const FILTERS: &[Filter] = &[
    typed("search", "audit.filter_search"),
    typed("person", "audit.filter_person"),
    typed("session", "audit.filter_session"),
    typed("job", "audit.filter_job"),
    words("action", "audit.filter_action", |l, word| {
        l.word("action", word)
    }),
    words("source", "audit.source", |l, word| l.word("source", word)),
    typed("from", "audit.filter_from"),
    typed("to", "audit.filter_to"),
];

/// The filter of a query. Its days are in the viewer's time zone, both inclusive.
fn audit_query(query: &mut ListQuery, panel: &Panel) -> AuditQuery {
    let filter = AuditFilter {
        search: query.text("search"),
        action: query.word("action", Action::NAMES, Action::from_word),
        source: query.word("source", AuditSource::NAMES, AuditSource::from_word),
        session: query.session("session"),
        job: query.text("job"),
        with_jobs: false,
        people: None,
        from: query.day("from", panel.zone()).map(|(begin, _)| begin),
        before: query.day("to", panel.zone()).map(|(_, end)| end),
    };
    let person = query.text("person");
    AuditQuery { person, filter }
}

/// `GET /admin/audit`. **Permissions**: administrators and auditors. 200.
pub(crate) async fn list(panel: Panel, mut query: ListQuery) -> PageResult {
    let filter = audit_query(&mut query, &panel);
    let (seek, size) = (query.seek(), query.size());
    let slice = events::list(panel.services(), filter, seek, size).await?;
    let l = panel.layout("audit");
    panel.page(&ListPage {
        problems: problems(&l, &query, FILTERS),
        chips: chips(&l, &query, FILTERS),
        actions: choices(&l, "action", Action::NAMES, query.value("action")),
        sources: choices(&l, "source", AuditSource::NAMES, query.value("source")),
        events: EventView::all(&l, &slice.items),
        pager: pager(&query, &l, &slice, AuditEvent::cursor),
        csv: csv::url(paths::AUDIT_EXPORT, &query.query_string()),
        query,
        l,
    })
}

const HEADER: &[&str] = &[
    "id",
    "happened_at",
    "source",
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
pub(crate) async fn export(panel: Panel, mut query: ListQuery, request: HttpRequest) -> PageResult {
    let mut filter = audit_query(&mut query, &panel);
    // A file is complete: it has the event of each account that a job changed.
    filter.filter.with_jobs = true;
    recording::record_export(
        panel.services(),
        panel.actor(),
        "audit",
        &query.query_string(),
    )
    .await?;
    let services = services_of(&request)?;
    let read = move |after| {
        let (services, filter) = (services.clone(), filter.clone());
        async move { events::batch(&services, filter, after, csv::BATCH).await }
    };
    let header = HEADER.iter().copied();
    Ok(csv::answer(
        &panel,
        "audit",
        header,
        line,
        AuditEvent::cursor,
        read,
    ))
}

/// The columns of an event, not translated.
fn line(event: &AuditEvent) -> Vec<String> {
    let account = |principal: Option<Principal>| {
        principal.map_or_else(String::new, |principal| {
            format!("{}:{}", principal.user_type, principal.user_seq)
        })
    };
    let changes: Vec<String> = event.changes.iter().map(change_text).collect();
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

fn change_text(change: &Change) -> String {
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
    /// The event as it is stored.
    stored: AuditEvent,
}

/// `GET /admin/audit/{id}`. **Permissions**: administrators and auditors. 200, 404.
pub(crate) async fn show(panel: Panel, id: Path<String>) -> PageResult {
    let id: i64 = id.parse().map_err(|_| AdminError::NotFound)?;
    let event = events::find(panel.services(), id).await?;
    let event = event.ok_or(AdminError::NotFound)?;
    let l = panel.layout("audit");
    panel.page(&ShowPage {
        event: EventView::new(&l, &event),
        stored: event,
        l,
    })
}
