//! The blacklist: whose refresh token is refused, since when, why, and until when its row stays.

use actix_web::web::{self, ServiceConfig};
use askama::Template;

use crate::{
    clock::Timestamp,
    domain::{principal::UserType, session::RevocationReason},
    http::admin::{
        pages::flush::FlushPanel,
        web::{
            error::PageResult,
            filters::{Chip, Chips, Choice, choices, problems},
            layout::Layout,
            lists::{ListQuery, Pager, pager},
            owners::{OwnerView, short_id},
            panel::Panel,
        },
    },
    services::tokens::{
        blacklist::{self, BlacklistQuery, BlacklistedToken},
        owner::TokenList,
    },
};

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(
        web::resource("/blacklist")
            .route(web::get().to(list))
            .route(web::head().to(list)),
    );
}

struct RefusedView {
    jti: String,
    short: String,
    owner: OwnerView,
    reason: String,
    /// The colour of the reason's badge.
    kind: &'static str,
    blacklisted_at: Timestamp,
    expires_at: Timestamp,
    has_expired: bool,
}

impl RefusedView {
    fn new(l: &Layout, refused: &BlacklistedToken) -> Self {
        let kind = match refused.reason {
            RevocationReason::Rotated => "neutral",
            RevocationReason::Logout | RevocationReason::LogoutAll | RevocationReason::TooMany => {
                "info"
            }
            RevocationReason::PasswordChanged | RevocationReason::RoleChanged => "warn",
            RevocationReason::Reused
            | RevocationReason::Deactivated
            | RevocationReason::Deleted
            | RevocationReason::Administrator => "danger",
        };
        Self {
            short: short_id(refused.jti.as_str()),
            jti: refused.jti.to_string(),
            owner: OwnerView::new(l, &refused.owner),
            reason: l.t(&format!("reason.{}", refused.reason)),
            kind,
            blacklisted_at: refused.blacklisted_at,
            expires_at: refused.expires_at,
            has_expired: refused.expires_at <= l.now,
        }
    }
}

#[derive(Template)]
#[template(path = "admin/blacklist/list.html")]
struct ListPage {
    l: Layout,
    flush: FlushPanel,
    problems: Vec<String>,
    person: String,
    user_types: Vec<Choice>,
    reasons: Vec<Choice>,
    from: String,
    to: String,
    chips: Vec<Chip>,
    /// None where nobody has the name that was asked for.
    tokens: Option<Vec<RefusedView>>,
    pager: Option<Pager>,
}

impl ListPage {
    /// Whether the search stopped before the page was full.
    fn has_stopped(&self) -> bool {
        let pager = self.pager.as_ref();
        pager.is_some_and(|pager| pager.further.is_some())
    }
}

/// The labels of the filters.
const FILTERS: &[(&str, &str)] = &[
    ("person", "tokens.person"),
    ("user_type", "tokens.population"),
    ("reason", "blacklist.reason"),
    ("from", "blacklist.from"),
    ("to", "blacklist.to"),
];

/// `GET /admin/blacklist`. **Permissions**: administrators and auditors. 200.
async fn list(panel: Panel, mut query: ListQuery) -> PageResult {
    let wanted = wanted(&mut query, &panel);
    let (seek, size) = (query.seek(), query.size());
    let listed = blacklist::list(panel.services(), wanted.clone(), seek, size).await?;
    let l = panel.layout("blacklist");
    let (views, pager) = match listed {
        TokenList::Rows(slice) => {
            let pager = pager(&query, &l, &slice, blacklist::cursor_of);
            let views = slice.items.iter().map(|row| RefusedView::new(&l, row));
            (Some(views.collect()), Some(pager))
        }
        TokenList::UnknownOwner => (None, None),
    };
    panel.page(&ListPage {
        flush: FlushPanel::new(&panel, &l).await?,
        problems: problems(&l, &query, FILTERS),
        person: query.value("person").chars().take(200).collect(),
        user_types: choices(&l, "user_type", UserType::NAMES, query.value("user_type")),
        reasons: choices(&l, "reason", RevocationReason::NAMES, query.value("reason")),
        from: query.value("from").to_owned(),
        to: query.value("to").to_owned(),
        chips: chips(&l, &query, &wanted),
        tokens: views,
        pager,
        l,
    })
}

fn wanted(query: &mut ListQuery, panel: &Panel) -> BlacklistQuery {
    let zone = panel.zone();
    BlacklistQuery {
        person: query.text("person"),
        user_type: query.word("user_type", UserType::NAMES, |word| word.parse().ok()),
        reason: query.word(
            "reason",
            RevocationReason::NAMES,
            RevocationReason::from_word,
        ),
        from: query.day("from", zone).map(|(begin, _)| begin),
        to: query.day("to", zone).map(|(_, end)| end),
    }
}

fn chips(l: &Layout, query: &ListQuery, wanted: &BlacklistQuery) -> Vec<Chip> {
    let population = wanted.user_type.map(|one| l.t(&format!("user_type.{one}")));
    let reason = wanted.reason.map(|one| l.t(&format!("reason.{one}")));
    Chips::new(l, query, FILTERS)
        .add("person", wanted.person.clone())
        .add("user_type", population)
        .add("reason", reason)
        .add_day("from", wanted.from.is_some())
        .add_day("to", wanted.to.is_some())
        .done()
}
