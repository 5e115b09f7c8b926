//! The list of a population, with its filters, and the same list as a CSV file.

use actix_web::HttpRequest;
use askama::Template;
use chrono_tz::Tz;

use crate::clock::Timestamp;
use crate::domain::account::Role;
use crate::domain::paging::Slice;
use crate::domain::principal::UserType;
use crate::http::admin::pages::people::account::{Person, fields, section};
use crate::http::admin::paths::{self, PeoplePath};
use crate::http::admin::web::account_path::Population;
use crate::http::admin::web::csv;
use crate::http::admin::web::error::PageResult;
use crate::http::admin::web::filters::{self, Chip, Choice, Filter, problems, typed, words};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::lists::{ListQuery, Pager, SIZES, pager};
use crate::http::admin::web::panel::Panel;
use crate::http::middleware::context::services_of;
use crate::services::accounts::lists::{self, Listed};
use crate::services::audit::recording;
use crate::store::account_list::{AccountColumn, AccountFilter, AccountOrder, LastLogin};

/// The columns to order by.
const COLUMNS: &[(&str, AccountColumn)] = &[
    ("created", AccountColumn::CreatedAt),
    ("login", AccountColumn::Login),
    ("name", AccountColumn::Name),
    ("last_login", AccountColumn::LastLogin),
];

/// The filters of the list.
const FILTERS: &[Filter] = &[
    typed("search", "common.search"),
    words("role", "field.role", Layout::role),
    words("active", "people_list.status", |l, word| {
        l.t(match word {
            "yes" => "common.active",
            _ => "common.inactive",
        })
    }),
    typed("created_from", "people_list.created_from"),
    typed("created_to", "people_list.created_to"),
    words("login", "people_list.last_login", |l, word| {
        l.t(match word {
            "never" => "common.never",
            _ => "people_list.ever",
        })
    }),
    typed("login_from", "people_list.login_from"),
    typed("login_to", "people_list.login_to"),
];

/// The filter of a query; its days are in this time zone, both inclusive. Used by the list, its export and bulk actions on all
/// matching accounts.
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

/// The order of a query; newest first by default.
fn order(query: &mut ListQuery) -> AccountOrder {
    let (column, descending) = query.sort(COLUMNS, ("created", true));
    AccountOrder { column, descending }
}

#[derive(Template)]
#[template(path = "admin/people/list.html")]
struct ListPage {
    l: Layout,
    is_users: bool,
    path: PeoplePath,
    problems: Vec<String>,
    roles: Vec<Choice>,
    query: ListQuery,
    chips: Vec<Chip>,
    people: Vec<Person>,
    /// The number of matching accounts where they are more than this page has.
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

/// `GET /admin/{users,clients}`. **Permissions**: administrators and auditors. 200.
pub(crate) async fn list(panel: Panel, population: Population, mut query: ListQuery) -> PageResult {
    let filter = filter(population.0, &mut query, panel.zone());
    let order = order(&mut query);
    let (seek, size) = (query.seek(), query.size());
    let slice = lists::page(panel.services(), filter.clone(), order, seek, size).await?;
    panel.page(&page(&panel, &filter, query, slice))
}

fn page(
    panel: &Panel,
    filter: &AccountFilter,
    query: ListQuery,
    slice: Slice<Listed<Person>>,
) -> ListPage {
    let path = paths::people(filter.user_type);
    let l = panel.layout(section(filter.user_type));
    let query_string = query.query_string();
    let is_part = slice.has_previous || slice.has_next;
    let more = if slice.count.more { "+" } else { "" };
    ListPage {
        is_users: filter.user_type == UserType::User,
        path,
        problems: problems(&l, &query, FILTERS),
        roles: role_choices(&l, query.value("role")),
        chips: chips(&l, &query, filter),
        all: is_part.then(|| format!("{}{more}", l.number(slice.count.rows))),
        csv: csv::url(&path.export(), &query_string),
        query_string,
        pager: pager(&query, &l, &slice, |item| item.cursor.clone()),
        people: slice.items.into_iter().map(|item| item.account).collect(),
        query,
        l,
    }
}

/// The configured roles, and the chosen one if it is none of them: users may still have it.
pub(crate) fn role_choices(l: &Layout, chosen: &str) -> Vec<Choice> {
    let names = l.roles.names();
    let other = Some(chosen).filter(|chosen| !names.contains(chosen));
    let other = other.filter(|chosen| Role::parse(chosen).is_ok());
    let names = names.iter().copied().chain(other);
    names
        .map(|name| (name.to_owned(), l.role(name), name == chosen))
        .collect()
}

/// `GET /admin/{users,clients}/export.csv`. **Permissions**: administrators and auditors. 200.
pub(crate) async fn export(
    panel: Panel,
    population: Population,
    mut query: ListQuery,
    request: HttpRequest,
) -> PageResult {
    let (user_type, name) = (population.0, section(population.0));
    let filter = filter(user_type, &mut query, panel.zone());
    let order = order(&mut query);
    // Logged before the first row is sent.
    recording::record_export(panel.services(), panel.actor(), name, &query.query_string()).await?;
    let services = services_of(&request)?;
    let own = fields(user_type).iter().map(|field| field.name);
    let header = std::iter::once("user_seq").chain(own).chain(COMMON_COLUMNS);
    let read = move |after| {
        let (services, filter) = (services.clone(), filter.clone());
        async move { lists::batch(&services, filter, order, after, csv::BATCH).await }
    };
    Ok(csv::answer(
        &panel,
        name,
        header,
        line,
        |row| row.cursor.clone(),
        read,
    ))
}

/// The last columns of both populations.
const COMMON_COLUMNS: [&str; 4] = ["is_active", "last_login_at", "created_at", "updated_at"];

fn line(row: &Listed<Person>) -> Vec<String> {
    let person = &row.account;
    let own = fields(person.principal.user_type).iter();
    let last_login = person.last_login_at.as_ref();
    let mut line = vec![person.principal.user_seq.to_string()];
    line.extend(own.map(|field| person.value(field.name)));
    line.extend([
        person.is_active.to_string(),
        last_login.map_or_else(String::new, Timestamp::to_string),
        person.created_at.to_string(),
        person.updated_at.to_string(),
    ]);
    line
}

/// The active filters, each with the address of the list without it.
pub(crate) fn chips(l: &Layout, query: &ListQuery, filter: &AccountFilter) -> Vec<Chip> {
    let applies = |one: &&Filter| match one.parameter {
        "role" => filter.user_type == UserType::User,
        // An account that has never logged in has no time of a login.
        "login_from" | "login_to" => !matches!(filter.last_login, Some(LastLogin::Never)),
        _ => true,
    };
    filters::chips(l, query, FILTERS.iter().filter(applies))
}
