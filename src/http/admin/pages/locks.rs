//! The locks that hold now: who has to wait after too many tries, with what, until when; and lifting them.

use actix_web::web::{self, Path, ServiceConfig};
use askama::Template;

use crate::{
    clock::Timestamp,
    domain::{
        limits::LimitKind,
        principal::{Principal, UserType},
    },
    http::admin::{
        pages::person::seq_of,
        web::{
            error::PageResult,
            filters::{Chip, Chips, Choice, choices, problems},
            form::Form,
            layout::Layout,
            lists::{ListQuery, Pager, pager},
            notice::Notice,
            owners::page_of,
            panel::{Panel, PanelAdmin},
        },
    },
    services::limits::locks::{self, Lock, LockQuery},
};

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            web::resource("/locks")
                .route(web::get().to(list))
                .route(web::head().to(list)),
        )
        .service(web::resource("/locks/lift").route(web::post().to(lift)));
    for (folder, user_type) in [("users", UserType::User), ("clients", UserType::Client)] {
        let lift = move |form, seq| lift_account(form, seq, user_type);
        let resource = web::resource(format!("/{folder}/{{seq:\\d+}}/unlock"));
        config.service(resource.route(web::post().to(lift)));
    }
}

/// A lock in the viewer's words.
pub(crate) struct LockView {
    /// What is counted, by which it is lifted.
    pub bucket: String,
    /// Who has to wait: a name, or an address.
    pub subject: String,
    /// Whose name it is, or that it is an address.
    pub about: String,
    /// Only one device of the account has to wait.
    pub is_device: bool,
    /// The page of the account; none where there is none.
    pub href: Option<String>,
    /// What he has to wait with.
    pub limit: String,
    /// How often it was tried.
    pub tries: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

impl LockView {
    /// Tells a lock.
    pub(crate) fn new(l: &Layout, lock: &Lock) -> Self {
        let about = match lock.user_type {
            None => l.t("locks.address"),
            Some(user_type) if lock.is_device => {
                let population = l.t(&format!("user_type.{user_type}"));
                format!("{population} · {}", l.t("locks.device"))
            }
            Some(user_type) if lock.account.is_none() => {
                let population = l.t(&format!("user_type.{user_type}"));
                format!("{population} · {}", l.t("locks.no_account"))
            }
            Some(user_type) => l.t(&format!("user_type.{user_type}")),
        };
        let subject = lock.subject.clone();
        Self {
            bucket: lock.bucket.clone(),
            subject: subject.unwrap_or_else(|| l.t("locks.no_name")),
            about,
            is_device: lock.is_device,
            href: lock.account.map(page_of),
            limit: l.word("limit", lock.kind),
            tries: l.number(lock.failures),
            since: lock.locked_at,
            until: lock.locked_until,
        }
    }
}

#[derive(Template)]
#[template(path = "admin/locks/list.html")]
struct ListPage {
    l: Layout,
    problems: Vec<String>,
    search: String,
    limits: Vec<Choice>,
    chips: Vec<Chip>,
    locks: Vec<LockView>,
    pager: Pager,
}

/// The labels of the filters.
const FILTERS: &[(&str, &str)] = &[("search", "locks.search"), ("limit", "locks.limit")];

/// `GET /admin/locks`. **Permissions**: administrators and auditors. 200.
async fn list(panel: Panel, mut query: ListQuery) -> PageResult {
    let wanted = LockQuery {
        search: query.text("search"),
        kind: query.word("limit", LimitKind::NAMES, LimitKind::from_word),
    };
    let (seek, size) = (query.seek(), query.size());
    let slice = locks::list(panel.services(), wanted.clone(), seek, size).await?;
    let l = panel.layout("locks");
    let limit = wanted.kind.map(|kind| l.word("limit", kind));
    let chips = Chips::new(&l, &query, FILTERS)
        .add("search", wanted.search)
        .add("limit", limit);
    panel.page(&ListPage {
        problems: problems(&l, &query, FILTERS),
        search: query.value("search").chars().take(200).collect(),
        limits: choices(&l, "limit", LimitKind::NAMES, query.value("limit")),
        chips: chips.done(),
        locks: slice
            .items
            .iter()
            .map(|one| LockView::new(&l, one))
            .collect(),
        pager: pager(&query, &l, &slice, locks::cursor_of),
        l,
    })
}

/// `POST /admin/locks/lift`. **Permissions**: administrators. 303.
async fn lift(form: Form<PanelAdmin>) -> PageResult {
    let panel = &form.panel;
    let lifted = locks::lift(panel.services(), &panel.actor(), form.text("bucket")).await?;
    panel.redirect_with("/admin/locks", &told(panel, lifted))
}

/// `POST /admin/{users,clients}/{seq}/unlock`: all locks of an account. **Permissions**: administrators. 303, 404.
async fn lift_account(
    form: Form<PanelAdmin>,
    seq: Path<String>,
    user_type: UserType,
) -> PageResult {
    let panel = &form.panel;
    let owner = Principal {
        user_type,
        user_seq: seq_of(&seq)?,
    };
    let lifted = locks::lift_account(panel.services(), &panel.actor(), owner).await?;
    panel.redirect_with(&page_of(owner), &told(panel, lifted))
}

fn told(panel: &Panel, lifted: bool) -> Notice {
    if lifted {
        Notice::ok(panel.t("locks.lifted"))
    } else {
        Notice::warn(panel.t("locks.lifted_before"))
    }
}
