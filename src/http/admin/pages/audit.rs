//! The audit log: the list, the same list as a CSV file, and a page for each event.

use actix_web::{HttpRequest, web::Path};
use askama::Template;
use chrono_tz::Tz;

use crate::domain::audit::{Action, AuditSource, Change, Outcome};
use crate::domain::principal::Principal;
use crate::http::admin::paths;
use crate::http::admin::web::action_groups;
use crate::http::admin::web::csv::{self, Export};
use crate::http::admin::web::error::{AdminError, PageResult};
use crate::http::admin::web::events::EventView;
use crate::http::admin::web::filters::{
    Chip, Choice, Filter, chips, choices, day, preset, problems, typed, words,
};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::list_page::list_page;
use crate::http::admin::web::lists::ListQuery;
use crate::http::admin::web::pager::{Pager, pager};
use crate::http::admin::web::panel::Panel;
use crate::http::admin::web::periods::{self, PERIOD};
use crate::services::audit::events::{self, AuditEvent, AuditQuery};
use crate::services::tokens::owner::ByOwner;
use crate::store::audit_list::AuditFilter;

#[derive(Template)]
#[template(path = "admin/audit/list.html")]
struct ListPage {
    l: Layout,
    query: ListQuery,
    problems: Vec<String>,
    chips: Vec<Chip>,
    /// None where too many accounts fit the filter.
    listed: Option<(Vec<EventView>, Pager)>,
    actions: Vec<(String, Vec<Choice>)>,
    outcomes: Vec<Choice>,
    sources: Vec<Choice>,
    csv: String,
}

/// The filters of the list.
const FILTERS: &[Filter] = &[
    typed("search", "audit.filter_search"),
    typed("person", "audit.filter_person").folded(),
    typed("session", "audit.filter_session").folded(),
    typed("request", "audit.request_id").folded(),
    typed("job", "audit.filter_job").folded(),
    words("action", "audit.filter_action", |l, word| {
        l.word("action", word)
    })
    .folded(),
    words("outcome", "audit.outcome", |l, word| {
        l.word("outcome", word)
    }),
    words("source", "audit.source", |l, word| l.word("source", word)).folded(),
    preset("period", "audit.when"),
    day("from", "audit.filter_from", "period"),
    day("to", "audit.filter_to", "period"),
];

/// The filter of a query. Its days are in the viewer's time zone, both inclusive.
fn audit_query(query: &mut ListQuery, panel: &Panel) -> AuditQuery {
    let (from, before) = PERIOD.read(query, panel.zone(), panel.now());
    let filter = AuditFilter {
        search: query.text("search"),
        actions: query.words("action", Action::NAMES, Action::from_word),
        outcome: query.word("outcome", Outcome::NAMES, Outcome::from_word),
        source: query.word("source", AuditSource::NAMES, AuditSource::from_word),
        session: query.session("session"),
        request: query.text("request"),
        job: query.text("job"),
        with_jobs: false,
        people: None,
        from,
        before,
    };
    let person = query.text("person");
    AuditQuery { person, filter }
}

/// `GET /admin/audit`. **Permissions**: administrators and auditors. 200.
pub(crate) async fn list(panel: Panel, mut query: ListQuery) -> PageResult {
    let filter = audit_query(&mut query, &panel);
    let (seek, size) = (query.seek(), query.size());
    let found = events::list(panel.services(), filter, seek, size).await?;
    let person = events::login_of(panel.services(), query.value("person")).await?;
    let l = panel.layout_of_list("audit", paths::AUDIT).await?;
    let mut chips = chips(&l, &query, FILTERS);
    // Links have an id there: a name says more.
    for chip in &mut chips {
        if let Some(person) = person.as_ref().filter(|_| chip.parameter == "person") {
            chip.value.clone_from(person);
        }
    }
    let listed = match found {
        ByOwner::Found(slice) => Some((
            EventView::all(&l, &slice.items),
            pager(&query, &l, &slice, AuditEvent::cursor),
        )),
        ByOwner::NoAccount | ByOwner::TooManyAccounts => None,
    };
    let page = ListPage {
        problems: problems(&l, &query, FILTERS),
        chips,
        listed,
        actions: action_groups::choices(&l, &query.values("action")),
        outcomes: choices(&l, "outcome", Outcome::NAMES, query.value("outcome")),
        sources: choices(&l, "source", AuditSource::NAMES, query.value("source")),
        csv: csv::url(paths::AUDIT_EXPORT, &query.query_string()),
        query,
        l,
    };
    list_page(&panel, &page.query, &page)
}

const HEADER: &[&str] = &[
    "id",
    "happened_at",
    "happened_at_local",
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
    let export = Export {
        name: "audit",
        header: HEADER.to_vec(),
        line,
        cursor: AuditEvent::cursor,
    };
    let filter = (query.query_string(), filter);
    export.answer(&panel, &request, filter, events::batch).await
}

/// The columns of an event, not translated.
fn line(event: &AuditEvent, zone: Tz) -> Vec<String> {
    let [happened_at, local] = csv::time(Some(event.happened_at), zone);
    let account = |principal: Option<Principal>| {
        principal.map_or_else(String::new, |principal| {
            format!("{}:{}", principal.user_type, principal.user_seq)
        })
    };
    let changes: Vec<String> = event.changes.iter().map(change_text).collect();
    let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
    vec![
        event.id.to_string(),
        happened_at,
        local,
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
