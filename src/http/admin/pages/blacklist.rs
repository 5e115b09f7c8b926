//! The blacklist of refresh tokens.

use askama::Template;

use crate::clock::Timestamp;
use crate::domain::principal::UserType;
use crate::domain::session::RevocationReason;
use crate::http::admin::pages::flush::FlushPanel;
use crate::http::admin::paths;
use crate::http::admin::web::error::PageResult;
use crate::http::admin::web::filters::{
    Chip, Choice, Filter, chips, choices, problems, typed, words,
};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::lists::{ListQuery, Pager, pager};
use crate::http::admin::web::owners::{OwnerView, short_id};
use crate::http::admin::web::panel::Panel;
use crate::services::tokens::blacklist::{self, BlacklistQuery, BlacklistedToken};

struct TokenView {
    path: String,
    jti: String,
    short: String,
    owner: OwnerView,
    reason: String,
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
    /// None where no account has the name of the filter.
    listed: Option<(Vec<TokenView>, Pager)>,
}

/// The filters, with their labels.
const FILTERS: &[Filter] = &[
    typed("person", "tokens.person"),
    words("user_type", "tokens.population", |l, word| {
        l.word("user_type", word)
    }),
    words("reason", "blacklist.reason", |l, word| {
        l.word("reason", word)
    }),
    typed("from", "blacklist.from"),
    typed("to", "blacklist.to"),
];

/// `GET /admin/blacklist`. **Permissions**: administrators and auditors. 200.
pub(crate) async fn list(panel: Panel, mut query: ListQuery) -> PageResult {
    let blacklist_query = blacklist_query(&mut query, &panel);
    let (seek, size) = (query.seek(), query.size());
    let listed = blacklist::list(panel.services(), blacklist_query, seek, size).await?;
    let l = panel.layout("blacklist");
    let listed = listed.map(|slice| {
        let pager = pager(&query, &l, &slice, blacklist::cursor_of);
        let views = slice.items.iter().map(|row| TokenView::new(&l, row));
        (views.collect(), pager)
    });
    panel.page(&ListPage {
        flush: FlushPanel::new(&panel, &l).await?,
        problems: problems(&l, &query, FILTERS),
        user_types: choices(&l, "user_type", UserType::NAMES, query.value("user_type")),
        reasons: choices(&l, "reason", RevocationReason::NAMES, query.value("reason")),
        chips: chips(&l, &query, FILTERS),
        listed,
        query,
        l,
    })
}

fn blacklist_query(query: &mut ListQuery, panel: &Panel) -> BlacklistQuery {
    let zone = panel.zone();
    BlacklistQuery {
        person: query.text("person"),
        user_type: query.word("user_type", UserType::NAMES, UserType::from_word),
        reason: query.word(
            "reason",
            RevocationReason::NAMES,
            RevocationReason::from_word,
        ),
        from: query.day("from", zone).map(|(begin, _)| begin),
        to: query.day("to", zone).map(|(_, end)| end),
    }
}
