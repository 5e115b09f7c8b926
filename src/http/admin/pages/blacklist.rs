//! The blacklist of refresh tokens, and the same list as a CSV file.

use actix_web::HttpRequest;
use askama::Template;
use chrono_tz::Tz;

use crate::clock::Timestamp;
use crate::domain::principal::UserType;
use crate::domain::session::RevocationReason;
use crate::http::admin::pages::flush::FlushPanel;
use crate::http::admin::paths;
use crate::http::admin::web::csv::{self, Export};
use crate::http::admin::web::error::PageResult;
use crate::http::admin::web::filters::{
    Chip, Choice, Filter, chips, choices, day, preset, problems, typed, words,
};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::list_page::list_page;
use crate::http::admin::web::lists::ListQuery;
use crate::http::admin::web::owners::{Empty, Listed, OwnerView, short_id};
use crate::http::admin::web::pager::pager;
use crate::http::admin::web::panel::Panel;
use crate::http::admin::web::periods::{self, PERIOD};
use crate::services::tokens::blacklist::{self, BlacklistQuery, BlacklistedToken};

struct TokenView {
    path: String,
    jti: String,
    short: String,
    owner: OwnerView,
    reason: String,
    /// Who blacklisted it, or the interface; empty if that is unknown.
    by: String,
    /// The kind of the reason's badge.
    kind: &'static str,
    blacklisted_at: Timestamp,
    expires_at: Timestamp,
    has_expired: bool,
}

impl TokenView {
    fn new(l: &Layout, token: &BlacklistedToken) -> Self {
        let kind = match token.reason {
            RevocationReason::Rotated => "neutral",
            RevocationReason::Logout | RevocationReason::LogoutAll | RevocationReason::TooMany => {
                "info"
            }
            RevocationReason::PasswordChanged | RevocationReason::RoleChanged => "warn",
            RevocationReason::Reused
            | RevocationReason::Deactivated
            | RevocationReason::Deleted
            | RevocationReason::Administrator
            | RevocationReason::KeyRevoked => "danger",
        };
        Self {
            short: short_id(token.jti.as_str()),
            path: paths::token(&token.jti),
            jti: token.jti.to_string(),
            owner: OwnerView::new(l, &token.owner),
            reason: l.t(&format!("reason.{}", token.reason)),
            by: match &token.actor {
                Some((_, Some(name))) => name.clone(),
                Some((source, None)) => l.word("source", source),
                None => String::new(),
            },
            kind,
            blacklisted_at: token.blacklisted_at,
            expires_at: token.expires_at,
            has_expired: token.expires_at <= l.now,
        }
    }
}

#[derive(Template)]
#[template(path = "admin/blacklist/list.html")]
struct ListPage {
    l: Layout,
    flush: FlushPanel,
    problems: Vec<String>,
    query: ListQuery,
    user_types: Vec<Choice>,
    reasons: Vec<Choice>,
    chips: Vec<Chip>,
    listed: Listed<TokenView>,
    csv: String,
}

/// The value of the filter by reason that includes rotated tokens.
const ALL: &str = "all";

/// The filters, with their labels.
const FILTERS: &[Filter] = &[
    typed("person", "tokens.person"),
    words("user_type", "tokens.population", |l, word| {
        l.word("user_type", word)
    })
    .folded(),
    words("reason", "blacklist.reason", |l, word| match word {
        ALL => l.t("blacklist.every_reason"),
        word => l.word("reason", word),
    })
    .folded(),
    preset("period", "blacklist.since"),
    day("from", "blacklist.from", "period"),
    day("to", "blacklist.to", "period"),
];

/// `GET /admin/blacklist`. **Permissions**: administrators and auditors. 200.
pub(crate) async fn list(panel: Panel, mut query: ListQuery) -> PageResult {
    let blacklist_query = blacklist_query(&mut query, &panel);
    let (seek, size) = (query.seek(), query.size());
    let listed = blacklist::list(panel.services(), blacklist_query, seek, size).await?;
    let l = panel.layout_of_list("blacklist", paths::BLACKLIST).await?;
    let listed = listed.map(|slice| {
        let pager = pager(&query, &l, &slice, blacklist::cursor_of);
        let views = slice.items.iter().map(|row| TokenView::new(&l, row));
        (views.collect(), pager)
    });
    let chips = chips(&l, &query, FILTERS);
    let page = ListPage {
        flush: FlushPanel::new(&panel, &l).await?,
        problems: problems(&l, &query, FILTERS),
        user_types: choices(&l, "user_type", UserType::NAMES, query.value("user_type")),
        reasons: reason_choices(&l, &query),
        listed: Listed::new(listed, empty(&chips)),
        chips,
        csv: csv::url(paths::BLACKLIST_EXPORT, &query.query_string()),
        query,
        l,
    };
    list_page(&panel, &page.query, &page)
}

/// The reasons, and the choice of all of them.
fn reason_choices(l: &Layout, query: &ListQuery) -> Vec<Choice> {
    let chosen = query.values("reason");
    let choice = |text: String, word: &str| (word.to_owned(), text, chosen.contains(&word));
    let reasons = RevocationReason::NAMES.iter();
    reasons
        .map(|word| choice(l.word("reason", word), word))
        .chain([choice(l.t("blacklist.every_reason"), ALL)])
        .collect()
}

/// Without a reason, the tokens that were not rotated.
fn blacklist_query(query: &mut ListQuery, panel: &Panel) -> BlacklistQuery {
    let (from, to) = PERIOD.read(query, panel.zone(), panel.now());
    let reason = |word: &str| match word {
        ALL => Some(None),
        word => RevocationReason::from_word(word).map(Some),
    };
    let reasons = query.words("reason", RevocationReason::NAMES, reason);
    let reasons: Option<Vec<RevocationReason>> = if reasons.is_empty() {
        let every = RevocationReason::NAMES.iter();
        let every = every.filter_map(|word| RevocationReason::from_word(word));
        Some(
            every
                .filter(|reason| *reason != RevocationReason::Rotated)
                .collect(),
        )
    } else {
        reasons.into_iter().collect()
    };
    BlacklistQuery {
        person: query.text("person"),
        user_type: query.word("user_type", UserType::NAMES, UserType::from_word),
        reasons,
        from,
        to,
    }
}

/// What is shown without rows.
fn empty(chips: &[Chip]) -> Empty {
    if chips.is_empty() {
        Empty {
            icon: "blacklist",
            title: "blacklist.none",
            text: "blacklist.none_text",
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
    "user_type",
    "user_seq",
    "login",
    "name",
    "reason",
    "by",
    "source",
    "blacklisted_at",
    "blacklisted_at_local",
    "expires_at",
    "expires_at_local",
];

/// `GET /admin/blacklist/export.csv`. **Permissions**: administrators and auditors. 200.
pub(crate) async fn export(panel: Panel, mut query: ListQuery, request: HttpRequest) -> PageResult {
    let filter = blacklist_query(&mut query, &panel);
    let export = Export {
        name: "blacklist",
        header: HEADER.to_vec(),
        line,
        cursor: blacklist::cursor_of,
    };
    let filter = (query.query_string(), filter);
    export
        .answer(&panel, &request, filter, blacklist::batch)
        .await
}

/// The columns of a token, not translated.
fn line(token: &BlacklistedToken, zone: Tz) -> Vec<String> {
    let principal = token.owner.principal;
    let (source, by) = token.actor.clone().unzip();
    let mut line = vec![
        token.jti.to_string(),
        principal.user_type.to_string(),
        principal.user_seq.to_string(),
        token.owner.login.clone().unwrap_or_default(),
        token.owner.name.clone(),
        token.reason.to_string(),
        by.flatten().unwrap_or_default(),
        source.map_or_else(String::new, |source| source.to_string()),
    ];
    line.extend(csv::time(Some(token.blacklisted_at), zone));
    line.extend(csv::time(Some(token.expires_at), zone));
    line
}
