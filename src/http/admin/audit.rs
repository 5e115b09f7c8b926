//! The record of what was done: the list with its filters, and a page for each event.

use actix_web::web::{self, Path, ServiceConfig};
use askama::Template;

use super::{
    Answer,
    error::AdminError,
    events::EventView,
    form::FieldErrors,
    layout::Layout,
    lists::{ListQuery, Pager, pager},
    panel::Panel,
};
use crate::{
    domain::audit::{Action, Door},
    services::audit::{self, AuditEvent, Wanted},
};

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            web::resource("/audit")
                .route(web::get().to(list))
                .route(web::head().to(list)),
        )
        .service(
            web::resource("/audit/{id}")
                .route(web::get().to(show))
                .route(web::head().to(show)),
        );
}

/// A filter that is at work.
struct Chip {
    label: String,
    value: String,
    url: String,
}

#[derive(Template)]
#[template(path = "admin/audit/list.html")]
struct ListPage {
    l: Layout,
    query: ListQuery,
    errors: FieldErrors,
    chips: Vec<Chip>,
    events: Vec<EventView>,
    pager: Pager,
    csv: String,
}

impl ListPage {
    /// The words of a filter and whether each is chosen.
    fn choices(&self, name: &str, words: &[&str], prefix: &str) -> Vec<(String, String, bool)> {
        let chosen = self.query.value(name);
        let choice = |word: &&str| {
            let text = self.l.t(&format!("{prefix}.{word}"));
            ((*word).to_owned(), text, *word == chosen)
        };
        words.iter().map(choice).collect()
    }

    fn actions(&self) -> Vec<(String, String, bool)> {
        self.choices("action", Action::NAMES, "action")
    }

    fn doors(&self) -> Vec<(String, String, bool)> {
        self.choices("door", Door::NAMES, "door")
    }
}

/// The parameters that filter the record.
const FILTERS: [&str; 6] = ["search", "action", "door", "person", "from", "to"];

/// What a query asks for. The days are the viewer's, both inclusive.
fn wanted(query: &mut ListQuery, panel: &Panel) -> Wanted {
    Wanted {
        search: query.text("search"),
        action: query.word("action", Action::NAMES, Action::from_word),
        door: query.word("door", Door::NAMES, Door::from_word),
        person: query.text("person"),
        from: query.day("from", panel.zone()).map(|(begin, _)| begin),
        before: query.day("to", panel.zone()).map(|(_, end)| end),
    }
}

/// `GET /admin/audit`. **Permissions**: administrators and auditors. 200.
async fn list(panel: Panel, mut query: ListQuery) -> Answer {
    let wanted = wanted(&mut query, &panel);
    let (seek, size) = (query.seek(), query.size());
    let slice = audit::list(panel.services(), wanted, seek, size).await?;
    let l = panel.layout("audit");
    let csv = match query.query_string().as_str() {
        "" => "/admin/audit/export.csv".to_owned(),
        query => format!("/admin/audit/export.csv?{query}"),
    };
    panel.page(&ListPage {
        errors: query.problems(panel.language()),
        chips: chips(&l, &query),
        events: EventView::all(&l, &slice.items),
        pager: pager(&query, &l, &slice, AuditEvent::place),
        csv,
        query,
        l,
    })
}

fn chips(l: &Layout, query: &ListQuery) -> Vec<Chip> {
    let chip = |name: &&str| {
        let value = query.value(name);
        let value = match *name {
            "action" => l.t(&format!("action.{}", Action::from_word(value)?)),
            "door" => l.t(&format!("door.{}", Door::from_word(value)?)),
            _ if value.is_empty() => return None,
            _ => value.to_owned(),
        };
        Some(Chip {
            label: l.t(&format!("audit.filter_{name}")),
            value,
            url: query.url_without(name),
        })
    };
    FILTERS.iter().filter_map(chip).collect()
}

#[derive(Template)]
#[template(path = "admin/audit/show.html")]
struct ShowPage {
    l: Layout,
    event: EventView,
}

/// `GET /admin/audit/{id}`. **Permissions**: administrators and auditors. 200, 404.
async fn show(panel: Panel, id: Path<String>) -> Answer {
    let id: i64 = id.parse().map_err(|_| AdminError::NotFound)?;
    let event = audit::find(panel.services(), id).await?;
    let event = event.ok_or(AdminError::NotFound)?;
    let l = panel.layout("audit");
    panel.page(&ShowPage {
        event: EventView::new(&l, &event),
        l,
    })
}
