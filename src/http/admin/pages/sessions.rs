//! The sessions of all accounts: the list, the same list as a CSV file. Ending them is in `session_bulk`.

use actix_web::HttpRequest;
use askama::Template;
use chrono_tz::Tz;

use crate::clock::Timestamp;
use crate::domain::principal::UserType;
use crate::domain::session::{SessionId, SessionStatus};
use crate::http::admin::paths;
use crate::http::admin::web::csv;
use crate::http::admin::web::error::PageResult;
use crate::http::admin::web::filters::{
    Chip, Choice, Filter, chips, choices, day, preset, problems, typed, words,
};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::list_page::list_page;
use crate::http::admin::web::lists::ListQuery;
use crate::http::admin::web::owners::{OwnerView, initials};
use crate::http::admin::web::pager::{Pager, pager};
use crate::http::admin::web::panel::Panel;
use crate::http::admin::web::periods::{self, PERIOD};
use crate::http::middleware::context::services_of;
use crate::services::audit::recording;
use crate::services::auth::session_list::{self, SessionQuery};
use crate::services::tokens::owner::ByOwner;
use crate::store::session_list::SessionListRow;

/// A session in the viewer's language.
pub(crate) struct SessionView {
    pub(crate) id: SessionId,
    pub(crate) owner: OwnerView,
    /// The short name of the program, and its whole user agent.
    pub(crate) program: String,
    pub(crate) user_agent: String,
    /// The address of the last use.
    pub(crate) address: String,
    /// The address of the login, if it is another one.
    pub(crate) first_address: String,
    pub(crate) method: String,
    pub(crate) is_live: bool,
    /// Why it ended.
    pub(crate) reason: String,
    pub(crate) created_at: Timestamp,
    pub(crate) last_used_at: Timestamp,
    /// When it ended, or will expire.
    pub(crate) ends_at: Timestamp,
}

impl SessionView {
    pub(crate) fn new(l: &Layout, row: &SessionListRow) -> Self {
        let last = |last: &Option<String>, first: &Option<String>| {
            last.clone().or_else(|| first.clone()).unwrap_or_default()
        };
        let user_agent = last(&row.last_user_agent, &row.user_agent);
        let address = last(&row.last_ip_address, &row.ip_address);
        let first_address = row.ip_address.clone().unwrap_or_default();
        let is_live = row.ended_at.is_none() && row.expires_at > l.now;
        Self {
            id: row.id.clone(),
            owner: owner(l, row),
            program: l.agent(&user_agent),
            user_agent,
            first_address: if first_address == address {
                String::new()
            } else {
                first_address
            },
            address,
            method: l.word("login_method", row.method),
            is_live,
            reason: row
                .end_reason
                .map_or_else(String::new, |reason| l.word("reason", reason)),
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            ends_at: row.ended_at.unwrap_or(row.expires_at),
        }
    }
}

fn owner(l: &Layout, row: &SessionListRow) -> OwnerView {
    let (principal, population) = (row.principal(), l.word("user_type", row.user_type));
    let Some(login) = &row.login else {
        return OwnerView {
            href: None,
            initials: "–".into(),
            title: l.t("tokens.deleted_account"),
            sub: format!("{population} · {principal}"),
        };
    };
    let name = row.name.as_ref().filter(|name| !name.is_empty());
    let title = name.unwrap_or(login);
    OwnerView {
        href: Some(paths::person(principal).to_string()),
        initials: initials(title),
        title: title.clone(),
        sub: format!("{login} · {population}"),
    }
}

#[derive(Template)]
#[template(path = "admin/sessions/list.html")]
struct ListPage {
    l: Layout,
    problems: Vec<String>,
    query: ListQuery,
    user_types: Vec<Choice>,
    states: Vec<Choice>,
    chips: Vec<Chip>,
    listed: ByOwner<(Vec<SessionView>, Pager)>,
    /// The number of matching sessions where they are more than this page has.
    all: Option<String>,
    query_string: String,
    csv: String,
}

/// The value of the filter by state that includes ended sessions.
const ALL: &str = "all";
/// The values of the filter by state. Without it, the list has live sessions.
const STATES: &[&str] = &["live", "ended", ALL];

/// The filters, with their labels.
const FILTERS: &[Filter] = &[
    typed("person", "tokens.person"),
    words("state", "tokens.state", |l, word| {
        l.word("session_state", word)
    }),
    typed("address", "sessions.address").folded(),
    typed("program", "sessions.program").folded(),
    words("user_type", "tokens.population", |l, word| {
        l.word("user_type", word)
    })
    .folded(),
    typed("session", "sessions.one").folded(),
    preset("period", "sessions.began"),
    day("from", "sessions.began_from", "period"),
    day("to", "sessions.began_to", "period"),
];

/// The query of the list, of its export and of ending all that match.
pub(crate) fn session_query(query: &mut ListQuery, panel: &Panel) -> SessionQuery {
    let (from, before) = PERIOD.read(query, panel.zone(), panel.now());
    let status = query.word("state", STATES, |word| match word {
        ALL => Some(None),
        word => SessionStatus::from_word(word).map(Some),
    });
    let id = query.session("session");
    // A single session is shown in every state.
    let default = id.is_none().then_some(SessionStatus::Live);
    SessionQuery {
        user_type: query.word("user_type", UserType::NAMES, UserType::from_word),
        person: query.text("person"),
        status: status.unwrap_or(default),
        address: query.text("address").map(|text| {
            let address = text.parse::<std::net::IpAddr>();
            address.map_or(text, |address| address.to_string())
        }),
        program: query.text("program"),
        id,
        from,
        before,
    }
}

/// The active filters.
pub(crate) fn session_chips(l: &Layout, query: &ListQuery) -> Vec<Chip> {
    chips(l, query, FILTERS)
}

/// `GET /admin/sessions`. **Permissions**: administrators and auditors. 200.
pub(crate) async fn list(panel: Panel, mut query: ListQuery) -> PageResult {
    let session_query = session_query(&mut query, &panel);
    let (seek, size) = (query.seek(), query.size());
    let listed = session_list::list(panel.services(), session_query, seek, size).await?;
    let l = panel.layout("sessions");
    let mut all = None;
    let listed = listed.map(|slice| {
        let more = if slice.count.more { "+" } else { "" };
        if slice.has_previous || slice.has_next {
            all = Some(format!("{}{more}", l.number(slice.count.rows)));
        }
        let pager = pager(&query, &l, &slice, session_list::cursor_of);
        let views = slice.items.iter().map(|row| SessionView::new(&l, row));
        (views.collect(), pager)
    });
    let query_string = query.query_string();
    let page = ListPage {
        problems: problems(&l, &query, FILTERS),
        user_types: choices(&l, "user_type", UserType::NAMES, query.value("user_type")),
        states: choices(&l, "session_state", &STATES[1..], query.value("state")),
        chips: session_chips(&l, &query),
        listed,
        all,
        csv: csv::url(paths::SESSIONS_EXPORT, &query_string),
        query_string,
        query,
        l,
    };
    list_page(&panel, &page.query, &page)
}

const HEADER: &[&str] = &[
    "session",
    "user_type",
    "user_seq",
    "login",
    "name",
    "method",
    "ip_address",
    "last_ip_address",
    "user_agent",
    "last_user_agent",
    "started_at",
    "started_at_local",
    "last_used_at",
    "last_used_at_local",
    "expires_at",
    "expires_at_local",
    "ended_at",
    "ended_at_local",
    "end_reason",
];

/// `GET /admin/sessions/export.csv`. **Permissions**: administrators and auditors. 200.
pub(crate) async fn export(panel: Panel, mut query: ListQuery, request: HttpRequest) -> PageResult {
    let filter = session_query(&mut query, &panel);
    let (text, actor) = (query.query_string(), panel.actor());
    recording::record_export(panel.services(), actor, "sessions", &text).await?;
    let services = services_of(&request)?;
    let read = move |after| {
        let (services, filter) = (services.clone(), filter.clone());
        async move { session_list::batch(&services, filter, after, csv::BATCH).await }
    };
    let (header, zone) = (HEADER.iter().copied(), panel.zone());
    let line = move |row: &SessionListRow| line(row, zone);
    let cursor = session_list::cursor_of;
    Ok(csv::answer(&panel, "sessions", header, line, cursor, read))
}

/// The columns of a session, not translated.
fn line(row: &SessionListRow, zone: Tz) -> Vec<String> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let mut line = vec![
        row.id.to_string(),
        row.user_type.to_string(),
        row.user_seq.to_string(),
        text(&row.login),
        text(&row.name),
        row.method.to_string(),
        text(&row.ip_address),
        text(&row.last_ip_address),
        text(&row.user_agent),
        text(&row.last_user_agent),
    ];
    for at in [
        Some(row.created_at),
        Some(row.last_used_at),
        Some(row.expires_at),
        row.ended_at,
    ] {
        line.extend(csv::time(at, zone));
    }
    line.push(text(&row.end_reason.map(|reason| reason.to_string())));
    line
}
