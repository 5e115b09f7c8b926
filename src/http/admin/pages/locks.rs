//! Locks: accounts and addresses that are blocked after too many failed attempts.

use askama::Template;

use crate::clock::Timestamp;
use crate::domain::limits::LimitKind;
use crate::http::admin::paths;
use crate::http::admin::web::account_path::AccountPath;
use crate::http::admin::web::error::PageResult;
use crate::http::admin::web::filters::{Chip, Chips, Choice, choices, problems};
use crate::http::admin::web::form::Form;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::lists::{ListQuery, Pager, pager};
use crate::http::admin::web::notice::Notice;
use crate::http::admin::web::panel::{Panel, PanelAdmin};
use crate::services::limits::locks;
use crate::store::rate_limits::{LockFilter, LockRow};

/// A lock in the viewer's language.
pub(crate) struct LockView {
    /// The counter that the lock belongs to; lifting names it.
    pub bucket: String,
    /// The login name or the address that is locked.
    pub subject: String,
    /// The kind of subject: the population of a login name, or an address.
    pub about: String,
    /// Whether only a known device of the account is locked.
    pub is_device: bool,
    /// The page of the account; none where no account has the name.
    pub href: Option<String>,
    pub limit: String,
    pub attempts: String,
    pub since: Timestamp,
    pub until: Timestamp,
}

impl LockView {
    pub(crate) fn new(l: &Layout, lock: &LockRow) -> Self {
        let about = match lock.user_type {
            None => l.t("locks.address"),
            Some(user_type) if lock.is_of_device() => {
                let population = l.t(&format!("user_type.{user_type}"));
                format!("{population} · {}", l.t("locks.device"))
            }
            Some(user_type) if lock.account().is_none() => {
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
            is_device: lock.is_of_device(),
            href: lock
                .account()
                .map(|account| paths::person(account).to_string()),
            limit: l.word("limit", lock.kind),
            attempts: l.number(lock.hits),
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
pub(crate) async fn list(panel: Panel, mut query: ListQuery) -> PageResult {
    let filter = LockFilter {
        search: query.text("search"),
        kind: query.word("limit", LimitKind::NAMES, LimitKind::from_word),
        ..LockFilter::default()
    };
    let (seek, size) = (query.seek(), query.size());
    let slice = locks::list(panel.services(), filter.clone(), seek, size).await?;
    let l = panel.layout("locks");
    let limit = filter.kind.map(|kind| l.word("limit", kind));
    let chips = Chips::new(&l, &query, FILTERS)
        .add("search", filter.search)
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
pub(crate) async fn lift(form: Form<PanelAdmin>) -> PageResult {
    let panel = &form.panel;
    let lifted = locks::lift(panel.services(), &panel.actor(), form.text("bucket")).await?;
    panel.redirect_with(paths::LOCKS, &notice(panel, lifted))
}

/// `POST /admin/{users,clients}/{seq}/unlock`: all locks of an account. **Permissions**: administrators. 303, 404.
pub(crate) async fn lift_account(form: Form<PanelAdmin>, path: AccountPath) -> PageResult {
    let (panel, AccountPath(owner)) = (&form.panel, path);
    let lifted = locks::lift_account(panel.services(), &panel.actor(), owner).await?;
    panel.redirect_with(&paths::person(owner), &notice(panel, lifted))
}

fn notice(panel: &Panel, lifted: bool) -> Notice {
    if lifted {
        Notice::ok(panel.t("locks.lifted"))
    } else {
        Notice::warn(panel.t("locks.lifted_before"))
    }
}
