//! The search over everything, and suggestions of accounts while typing.

use askama::Template;
use serde::Serialize;

use crate::domain::principal::UserType;
use crate::http::admin::pages::sessions::SessionView;
use crate::http::admin::pages::tokens::TokenView;
use crate::http::admin::paths;
use crate::http::admin::web::error::PageResult;
use crate::http::admin::web::events::EventView;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::lists::ListQuery;
use crate::http::admin::web::owners::initials;
use crate::http::admin::web::panel::Panel;
use crate::services::search::{self, Exact, Found, Results};
use crate::store::account_search::AccountHit;

/// An account that was found.
struct AccountView {
    href: String,
    initials: String,
    name: String,
    login: String,
    is_active: bool,
}

impl AccountView {
    fn new(user_type: UserType, hit: &AccountHit) -> Self {
        let name = if hit.name.is_empty() {
            &hit.login
        } else {
            &hit.name
        };
        Self {
            href: paths::person(hit.principal(user_type)).to_string(),
            initials: initials(name),
            name: name.clone(),
            login: hit.login.clone(),
            is_active: hit.is_active,
        }
    }
}

/// The accounts of a population that were found, and the list with all of them.
struct AccountGroup {
    title: String,
    all: String,
    accounts: Vec<AccountView>,
}

#[derive(Template)]
#[template(path = "admin/search/show.html")]
struct SearchPage {
    l: Layout,
    /// Whether a text was searched for.
    is_asked: bool,
    groups: Vec<AccountGroup>,
    sessions: Vec<SessionView>,
    /// The list with all sessions; empty if there are no others.
    all_sessions: String,
    tokens: Vec<TokenView>,
    events: Vec<EventView>,
    /// The list with all events.
    all_events: String,
}

impl SearchPage {
    fn is_empty(&self) -> bool {
        let (no_sessions, no_tokens) = (self.sessions.is_empty(), self.tokens.is_empty());
        self.groups.is_empty() && no_sessions && no_tokens && self.events.is_empty()
    }
}

/// `GET /admin/search?q=…`. **Permissions**: administrators and auditors. 200; 303 to the page of the thing that an id names.
pub(crate) async fn show(panel: Panel, mut query: ListQuery) -> PageResult {
    let typed = query.text("q").unwrap_or_default();
    let results = if typed.is_empty() {
        Results::default()
    } else {
        match search::search(panel.services(), &typed).await? {
            Found::One(exact) => return panel.redirect(&page_of(&exact)),
            Found::Several(results) => *results,
        }
    };
    panel.page(&page(&panel, &typed, &results))
}

fn page_of(exact: &Exact) -> String {
    match exact {
        Exact::Account(principal) => paths::person(*principal).to_string(),
        Exact::Token(jti) => paths::token(jti),
        Exact::Session(id) => paths::session(id),
        Exact::Event(id) => paths::audit_event(id),
    }
}

fn page(panel: &Panel, typed: &str, results: &Results) -> SearchPage {
    let l = Layout {
        search: typed.to_owned(),
        ..panel.layout("search")
    };
    let list = |path: &str, parameter: &str, value: &str| {
        ListQuery::new(path, "").url(&[], &[(parameter, value)])
    };
    let groups = [UserType::User, UserType::Client].map(|user_type| {
        let of_type = results.accounts.iter().filter(|(one, _)| *one == user_type);
        AccountGroup {
            title: l.t(match user_type {
                UserType::User => "nav.users",
                UserType::Client => "nav.clients",
            }),
            all: list(&paths::people(user_type), "search", typed),
            accounts: of_type
                .map(|(one, hit)| AccountView::new(*one, hit))
                .collect(),
        }
    });
    let sessions = results.sessions.iter();
    let tokens = results.tokens.iter();
    SearchPage {
        is_asked: !typed.is_empty(),
        groups: groups
            .into_iter()
            .filter(|group| !group.accounts.is_empty())
            .collect(),
        sessions: sessions.map(|row| SessionView::new(&l, row)).collect(),
        all_sessions: results.address.map_or_else(String::new, |address| {
            list(paths::SESSIONS, "address", &address.to_string())
        }),
        tokens: tokens.map(|token| TokenView::new(&l, token)).collect(),
        events: EventView::all(&l, &results.events),
        all_events: list(
            paths::AUDIT,
            if results.is_request {
                "request"
            } else {
                "search"
            },
            typed,
        ),
        l,
    }
}

/// A suggestion: what is put into the field, and what is shown beside it.
#[derive(Serialize)]
struct Suggestion {
    value: String,
    label: String,
}

/// `GET /admin/search/accounts?q=…`, JSON. **Permissions**: administrators and auditors. 200.
pub(crate) async fn suggest(panel: Panel, mut query: ListQuery) -> PageResult {
    let typed = query.text("q").unwrap_or_default();
    let l = panel.layout("search");
    let found = search::suggest(panel.services(), &typed).await?;
    let suggestions: Vec<Suggestion> = found
        .into_iter()
        .map(|(user_type, hit)| Suggestion {
            label: format!("{} · {}", hit.name, l.word("user_type", user_type)),
            value: hit.login,
        })
        .collect();
    panel.json(&suggestions)
}
