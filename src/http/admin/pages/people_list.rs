//! What the lists of internal users and of clients have in common: how an address is read as a filter and an order, and
//! the page itself.

use askama::Template;
use chrono_tz::Tz;

use crate::{
    clock::Timestamp,
    domain::{account::Role, paging::Slice, principal::UserType},
    http::admin::web::{
        error::{AdminError, PageResult},
        filters::{Chip, Chips, Choice, choices, problems},
        layout::Layout,
        lists::{ListQuery, Pager, SIZES, SortLink, pager},
        panel::Panel,
    },
    services::{
        accounts::lists::{AccountColumn, AccountFilter, AccountOrder, LastLogin, Listed},
        audit::recording,
    },
};

/// The columns to order by.
const COLUMNS: &[(&str, AccountColumn)] = &[
    ("created", AccountColumn::CreatedAt),
    ("login", AccountColumn::Login),
    ("name", AccountColumn::Name),
    ("last_login", AccountColumn::LastLogin),
];

/// The filters and their labels.
const FILTERS: &[(&str, &str)] = &[
    ("search", "common.search"),
    ("role", "field.role"),
    ("active", "people_list.status"),
    ("created_from", "people_list.created_from"),
    ("created_to", "people_list.created_to"),
    ("login", "people_list.last_login"),
    ("login_from", "people_list.login_from"),
    ("login_to", "people_list.login_to"),
];

/// The people that a query asks for, its days in this zone and both inclusive. For the list, its export, and what is done
/// to all who fit: [`ListQuery::new`] reads a query that a form brings back.
pub(crate) fn filter(population: UserType, query: &mut ListQuery, zone: Tz) -> AccountFilter {
    let mut filter = AccountFilter::all(population);
    filter.search = query.text("search");
    if population == UserType::User {
        filter.role = query.optional("role", Role::parse);
    }
    filter.is_active = query.word("active", &["yes", "no"], |word| match word {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    });
    filter.created_from = query.day("created_from", zone).map(|(begin, _)| begin);
    filter.created_before = query.day("created_to", zone).map(|(_, end)| end);
    let has_logged_in = query.word("login", &["never", "ever"], |word| match word {
        "never" => Some(false),
        "ever" => Some(true),
        _ => None,
    });
    let from = query.day("login_from", zone).map(|(begin, _)| begin);
    let before = query.day("login_to", zone).map(|(_, end)| end);
    filter.last_login = match (has_logged_in, from, before) {
        (Some(false), ..) => Some(LastLogin::Never),
        (None, None, None) => None,
        _ => Some(LastLogin::Within(from, before)),
    };
    filter
}

/// The order that a query asks for; the newest first where it says nothing.
pub(crate) fn order(query: &mut ListQuery) -> AccountOrder {
    let (column, descending) = query.sort(COLUMNS, ("created", true));
    AccountOrder { column, descending }
}

/// Puts an export on the record. Before the first row leaves: who sees rows stands there.
pub(crate) async fn record_export(
    panel: &Panel,
    list: &str,
    query: &ListQuery,
) -> Result<(), AdminError> {
    let filter = query.query_string();
    Ok(recording::record_export(panel.services(), panel.actor(), list, &filter).await?)
}

/// Somebody in the list.
pub(crate) struct PersonView {
    pub seq: i64,
    pub name: String,
    pub login: String,
    pub initials: String,
    /// A user's role, or how a client is reached.
    pub detail: String,
    pub is_active: bool,
    pub last_login_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

#[derive(Template)]
#[template(path = "admin/people/list.html")]
struct ListPage {
    l: Layout,
    is_users: bool,
    /// The list's own path.
    path: &'static str,
    problems: Vec<String>,
    search: String,
    roles: Vec<Choice>,
    query: ListQuery,
    chips: Vec<Chip>,
    people: Vec<PersonView>,
    by_name: SortLink,
    by_login: SortLink,
    by_last_login: SortLink,
    by_created: SortLink,
    /// How many fit, where not all of them are on this page.
    all: Option<String>,
    query_string: String,
    csv: String,
    pager: Pager,
}

impl ListPage {
    fn is(&self, name: &str, value: &str) -> bool {
        self.query.value(name) == value
    }

    fn sizes(&self) -> Vec<(String, bool)> {
        let size = |size: &i64| (size.to_string(), *size == self.query.size());
        SIZES.iter().map(size).collect()
    }

    /// The order is kept when the filters change.
    fn sort(&self) -> &str {
        self.query.value("sort")
    }
}

/// The page of a list.
pub(crate) fn page<T>(
    panel: &Panel,
    filter: &AccountFilter,
    query: ListQuery,
    slice: &Slice<Listed<T>>,
    view: impl Fn(&Layout, &T) -> PersonView,
) -> PageResult {
    let is_users = filter.user_type == UserType::User;
    let (section, path) = if is_users {
        ("users", "/admin/users")
    } else {
        ("clients", "/admin/clients")
    };
    let l = panel.layout(section);
    let people = slice.items.iter().map(|item| view(&l, &item.account));
    let people = people.collect();
    let query_string = query.query_string();
    let csv = match query_string.as_str() {
        "" => format!("{path}/export.csv"),
        query => format!("{path}/export.csv?{query}"),
    };
    let is_part = slice.has_previous || slice.has_next;
    let more = if slice.count.more { "+" } else { "" };
    let all = is_part.then(|| format!("{}{more}", l.number(slice.count.rows)));
    panel.page(&ListPage {
        is_users,
        path,
        problems: problems(&l, &query, FILTERS),
        search: query.value("search").chars().take(200).collect(),
        roles: choices(&l, "role", Role::NAMES, query.value("role")),
        chips: chips(&l, &query, filter),
        people,
        by_name: query.sort_link("name"),
        by_login: query.sort_link("login"),
        by_last_login: query.sort_link("last_login"),
        by_created: query.sort_link("created"),
        all,
        query_string,
        csv,
        pager: pager(&query, &l, slice, |item| item.place.clone()),
        query,
        l,
    })
}

/// What the filter says, each part with the way to do without it.
pub(crate) fn chips(l: &Layout, query: &ListQuery, filter: &AccountFilter) -> Vec<Chip> {
    let role = filter.role.map(|role| l.word("role", role));
    let active = filter.is_active.map(|is_active| {
        l.t(if is_active {
            "common.active"
        } else {
            "common.inactive"
        })
    });
    let (from, to) = match filter.last_login {
        Some(LastLogin::Within(from, to)) => (from.is_some(), to.is_some()),
        _ => (false, false),
    };
    let login = match (filter.last_login, query.value("login")) {
        (Some(LastLogin::Never), _) => Some(l.t("common.never")),
        (Some(_), "ever") => Some(l.t("people_list.ever")),
        _ => None,
    };
    Chips::new(l, query, FILTERS)
        .add("search", filter.search.clone())
        .add("role", role)
        .add("active", active)
        .add_day("created_from", filter.created_from.is_some())
        .add_day("created_to", filter.created_before.is_some())
        .add("login", login)
        .add_day("login_from", from)
        .add_day("login_to", to)
        .done()
}
