//! The list of refresh tokens, and the same list as a CSV file.

use actix_web::HttpRequest;
use askama::Template;
use chrono_tz::Tz;

use crate::domain::principal::UserType;
use crate::domain::session::TokenState;
use crate::http::admin::pages::tokens::TokenView;
use crate::http::admin::paths;
use crate::http::admin::web::csv::{self, Export};
use crate::http::admin::web::error::PageResult;
use crate::http::admin::web::filters::{
    Chip, Choice, Filter, chips, choices, day, preset, problems, typed, words,
};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::list_page::list_page;
use crate::http::admin::web::lists::ListQuery;
use crate::http::admin::web::owners::{Empty, Listed};
use crate::http::admin::web::pager::pager;
use crate::http::admin::web::panel::Panel;
use crate::http::admin::web::periods::{self, PERIOD};
use crate::services::tokens::refresh_tokens::{self, Token, TokenQuery};

#[derive(Template)]
#[template(path = "admin/tokens/list.html")]
struct ListPage {
    l: Layout,
    problems: Vec<String>,
    query: ListQuery,
    user_types: Vec<Choice>,
    states: Vec<Choice>,
    chips: Vec<Chip>,
    listed: Listed<TokenView>,
    csv: String,
}

/// The filters, with their labels.
const FILTERS: &[Filter] = &[
    typed("person", "tokens.person"),
    words("user_type", "tokens.population", |l, word| {
        l.word("user_type", word)
    })
    .folded(),
    words("state", "tokens.state", |l, word| {
        l.word("token_state", word)
    }),
    preset("period", "tokens.issued"),
    day("from", "tokens.issued_from", "period"),
    day("to", "tokens.issued_to", "period"),
];

/// `GET /admin/tokens`. **Permissions**: administrators and auditors. 200.
pub(crate) async fn list(panel: Panel, mut query: ListQuery) -> PageResult {
    let token_query = token_query(&mut query, &panel);
    let (seek, size) = (query.seek(), query.size());
    let listed = refresh_tokens::list(panel.services(), token_query, seek, size).await?;
    let l = panel.layout_of_list("tokens", paths::TOKENS).await?;
    let listed = listed.map(|slice| {
        let pager = pager(&query, &l, &slice, refresh_tokens::cursor_of);
        let views = slice.items.iter().map(|token| TokenView::new(&l, token));
        (views.collect(), pager)
    });
    let chips = chips(&l, &query, FILTERS);
    let page = ListPage {
        problems: problems(&l, &query, FILTERS),
        user_types: choices(&l, "user_type", UserType::NAMES, query.value("user_type")),
        states: choices(&l, "token_state", TokenState::NAMES, query.value("state")),
        listed: Listed::new(listed, empty(&chips)),
        chips,
        csv: csv::url(paths::TOKENS_EXPORT, &query.query_string()),
        query,
        l,
    };
    list_page(&panel, &page.query, &page)
}

fn token_query(query: &mut ListQuery, panel: &Panel) -> TokenQuery {
    let (from, to) = PERIOD.read(query, panel.zone(), panel.now());
    TokenQuery {
        person: query.text("person"),
        user_type: query.word("user_type", UserType::NAMES, UserType::from_word),
        state: query.word("state", TokenState::NAMES, TokenState::from_word),
        from,
        to,
    }
}

/// What is shown without rows.
fn empty(chips: &[Chip]) -> Empty {
    if chips.is_empty() {
        Empty {
            icon: "tokens",
            title: "tokens.none",
            text: "tokens.none_text",
        }
    } else {
        Empty {
            icon: "filter",
            title: "tokens.none_fit",
            text: "tokens.none_fit_text",
        }
    }
}

const HEADER: &[&str] = &[
    "jti",
    "session",
    "user_type",
    "user_seq",
    "login",
    "name",
    "state",
    "reason",
    "issued_at",
    "issued_at_local",
    "expires_at",
    "expires_at_local",
];

/// `GET /admin/tokens/export.csv`. **Permissions**: administrators and auditors. 200.
pub(crate) async fn export(panel: Panel, mut query: ListQuery, request: HttpRequest) -> PageResult {
    let filter = token_query(&mut query, &panel);
    let export = Export {
        name: "tokens",
        header: HEADER.to_vec(),
        line,
        cursor: refresh_tokens::cursor_of,
    };
    let filter = (query.query_string(), filter);
    export
        .answer(&panel, &request, filter, refresh_tokens::batch)
        .await
}

/// The columns of a token, not translated.
fn line(token: &Token, zone: Tz) -> Vec<String> {
    let principal = token.owner.principal;
    let reason = token.refused.map(|(reason, _)| reason.to_string());
    let mut line = vec![
        token.jti.to_string(),
        token.session.to_string(),
        principal.user_type.to_string(),
        principal.user_seq.to_string(),
        token.owner.login.clone().unwrap_or_default(),
        token.owner.name.clone(),
        token.state.to_string(),
        reason.unwrap_or_default(),
    ];
    line.extend(csv::time(Some(token.created_at), zone));
    line.extend(csv::time(Some(token.expires_at), zone));
    line
}
