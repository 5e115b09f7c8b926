//! Locks: accounts and addresses that are blocked after too many failed attempts.

use actix_web::HttpRequest;
use askama::Template;
use chrono_tz::Tz;

use crate::clock::Timestamp;
use crate::domain::limits::LimitKind;
use crate::http::admin::paths;
use crate::http::admin::web::account_path::AccountPath;
use crate::http::admin::web::csv::{self, Export};
use crate::http::admin::web::error::PageResult;
use crate::http::admin::web::filters::{
    Chip, Choice, Filter, chips, choices, problems, typed, words,
};
use crate::http::admin::web::form::Form;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::list_page::list_page;
use crate::http::admin::web::lists::ListQuery;
use crate::http::admin::web::pager::{Pager, pager};
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
            Some(user_type) => {
                let population = l.word("user_type", user_type);
                match lock.account() {
                    _ if lock.is_of_device() => format!("{population} · {}", l.t("locks.device")),
                    None => format!("{population} · {}", l.t("locks.no_account")),
                    Some(_) => population,
                }
            }
        };
        Self {
            bucket: lock.bucket.clone(),
            subject: lock.subject.clone().unwrap_or_default(),
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
    query: ListQuery,
    limits: Vec<Choice>,
    chips: Vec<Chip>,
    locks: Vec<LockView>,
    pager: Pager,
    csv: String,
}

/// The filters, with their labels.
const FILTERS: &[Filter] = &[
    typed("search", "locks.search"),
    words("limit", "locks.limit", |l, word| l.word("limit", word)),
];

fn lock_filter(query: &mut ListQuery) -> LockFilter {
    LockFilter {
        search: query.text("search"),
        kind: query.word("limit", LimitKind::NAMES, LimitKind::from_word),
        ..LockFilter::default()
    }
}

/// `GET /admin/locks`. **Permissions**: administrators and auditors. 200.
pub(crate) async fn list(panel: Panel, mut query: ListQuery) -> PageResult {
    let filter = lock_filter(&mut query);
    let (seek, size) = (query.seek(), query.size());
    let slice = locks::list(panel.services(), filter, seek, size).await?;
    let l = panel.layout_of_list("locks", paths::LOCKS).await?;
    let page = ListPage {
        problems: problems(&l, &query, FILTERS),
        limits: choices(&l, "limit", LimitKind::NAMES, query.value("limit")),
        chips: chips(&l, &query, FILTERS),
        locks: slice
            .items
            .iter()
            .map(|one| LockView::new(&l, one))
            .collect(),
        pager: pager(&query, &l, &slice, locks::cursor_of),
        csv: csv::url(paths::LOCKS_EXPORT, &query.query_string()),
        query,
        l,
    };
    list_page(&panel, &page.query, &page)
}

const HEADER: &[&str] = &[
    "subject",
    "user_type",
    "user_seq",
    "limit",
    "known_device_only",
    "attempts",
    "locked_at",
    "locked_at_local",
    "locked_until",
    "locked_until_local",
];

/// `GET /admin/locks/export.csv`. **Permissions**: administrators and auditors. 200.
pub(crate) async fn export(panel: Panel, mut query: ListQuery, request: HttpRequest) -> PageResult {
    let filter = lock_filter(&mut query);
    let export = Export {
        name: "locks",
        header: HEADER.to_vec(),
        line,
        cursor: locks::cursor_of,
    };
    let filter = (query.query_string(), filter);
    export.answer(&panel, &request, filter, locks::batch).await
}

/// The columns of a lock, not translated.
fn line(lock: &LockRow, zone: Tz) -> Vec<String> {
    let text = |value: Option<String>| value.unwrap_or_default();
    let mut line = vec![
        text(lock.subject.clone()),
        text(lock.user_type.map(|user_type| user_type.to_string())),
        text(lock.user_seq.map(|user_seq| user_seq.to_string())),
        lock.kind.to_string(),
        lock.is_of_device().to_string(),
        lock.hits.to_string(),
    ];
    line.extend(csv::time(Some(lock.locked_at), zone));
    line.extend(csv::time(Some(lock.locked_until), zone));
    line
}

/// `POST /admin/locks/lift`. **Permissions**: administrators. 303.
pub(crate) async fn lift(form: Form<PanelAdmin>) -> PageResult {
    let panel = &form.panel;
    let lifted = locks::lift(panel.services(), &panel.actor(), form.text("bucket")).await?;
    after(panel, paths::LOCKS, lifted)
}

/// `POST /admin/{users,clients}/{seq}/unlock`: all locks of an account. **Permissions**: administrators. 303, 404.
pub(crate) async fn lift_account(form: Form<PanelAdmin>, path: AccountPath) -> PageResult {
    let (panel, AccountPath(owner)) = (&form.panel, path);
    let lifted = locks::lift_account(panel.services(), &panel.actor(), owner).await?;
    after(panel, &paths::person(owner), lifted)
}

fn after(panel: &Panel, to: &str, lifted: bool) -> PageResult {
    if lifted {
        panel.redirect_ok(to, panel.t("locks.lifted"))
    } else {
        panel.redirect_warn(to, panel.t("locks.lifted_before"))
    }
}
