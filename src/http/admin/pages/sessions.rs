//! The sessions of all accounts: the list, the same list as a CSV file. Ending them is in `session_bulk`.

use actix_web::HttpRequest;
use askama::Template;
use chrono_tz::Tz;

use crate::clock::Timestamp;
use crate::domain::principal::UserType;
use crate::domain::session::{SessionId, SessionStatus};
use crate::http::admin::paths;
use crate::http::admin::web::csv::{self, Export};
use crate::http::admin::web::error::PageResult;
use crate::http::admin::web::filters::{
    Chip, Choice, Filter, chips, choices, day, preset, problems, typed, words,
};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::list_page::list_page;
use crate::http::admin::web::lists::ListQuery;
use crate::http::admin::web::owners::{Empty, Listed, OwnerView};
use crate::http::admin::web::pager::pager;
use crate::http::admin::web::panel::Panel;
use crate::http::admin::web::periods::{self, PERIOD};
use crate::services::auth::session_list::{self, SessionQuery};
use crate::services::tokens::owner::Owner;
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
        let names = (row.login.clone(), row.name.clone());
        let owner = Owner::new(row.user_type, row.user_seq, names.0, names.1);
        Self {
            id: row.id.clone(),
            owner: OwnerView::new(l, &owner),
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

#[derive(Template)]
#[template(path = "admin/sessions/list.html")]
struct ListPage {
    l: Layout,
    problems: Vec<String>,
    query: ListQuery,
    user_types: Vec<Choice>,
    states: Vec<Choice>,
    chips: Vec<Chip>,
    listed: Listed<SessionView>,
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
    let l = panel.layout_of_list("sessions", paths::SESSIONS).await?;
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
    let chips = session_chips(&l, &query);
    let page = ListPage {
        problems: problems(&l, &query, FILTERS),
        user_types: choices(&l, "user_type", UserType::NAMES, query.value("user_type")),
        states: choices(&l, "session_state", &STATES[1..], query.value("state")),
        listed: Listed::new(listed, empty(&chips)),
        chips,
        all,
        csv: csv::url(paths::SESSIONS_EXPORT, &query_string),
        query_string,
        query,
        l,
    };
    list_page(&panel, &page.query, &page)
}

/// What is shown without rows.
fn empty(chips: &[Chip]) -> Empty {
    if chips.is_empty() {
        Empty {
            icon: "sessions",
            title: "sessions.none",
            text: "sessions.none_text",
        }
    } else {
        Empty {
            icon: "filter",
            title: "sessions.none_fit",
            text: "tokens.none_fit_text",
        }
    }
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
    let export = Export {
        name: "sessions",
        header: HEADER.to_vec(),
        line,
        cursor: session_list::cursor_of,
    };
    let filter = (query.query_string(), filter);
    export
        .answer(&panel, &request, filter, session_list::batch)
        .await
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
