//! The list of a population, with its filters, and the same list as a CSV file.

use std::collections::HashSet;

use actix_web::HttpRequest;
use askama::Template;
use chrono_tz::Tz;

use crate::domain::account::Role;
use crate::domain::paging::{Cursor, Slice};
use crate::domain::principal::{UserSeq, UserType};
use crate::http::admin::pages::people::account::{Person, fields, section};
use crate::http::admin::paths;
use crate::http::admin::person_paths::PeoplePath;
use crate::http::admin::web::account_path::Population;
use crate::http::admin::web::csv::{self, Export};
use crate::http::admin::web::error::PageResult;
use crate::http::admin::web::filters::{
    self, Chip, Choice, Filter, day, preset, problems, typed, words,
};
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::list_page::list_page;
use crate::http::admin::web::lists::ListQuery;
use crate::http::admin::web::pager::{Pager, pager};
use crate::http::admin::web::panel::Panel;
use crate::http::admin::web::periods::{self, CREATED, LOGIN};
use crate::services::accounts::lists::{self, Listed};
use crate::services::{Error, Services};
use crate::store::account_list::{AccountColumn, AccountFilter, AccountOrder, LastLogin};

/// The columns to order by; the last one is only that of internal users.
const COLUMNS: &[(&str, AccountColumn)] = &[
    ("created", AccountColumn::CreatedAt),
    ("login", AccountColumn::Login),
    ("name", AccountColumn::Name),
    ("last_login", AccountColumn::LastLogin),
    ("status", AccountColumn::IsActive),
    ("role", AccountColumn::Role),
];

/// The filters of the list.
const FILTERS: &[Filter] = &[
    typed("search", "common.search"),
    words("role", "field.role", Layout::role).folded(),
    words("active", "people_list.status", |l, word| {
        l.t(match word {
            "yes" => "common.active",
            "invited" => "people_list.invited",
            _ => "common.inactive",
        })
    }),
    preset("created", "people_list.created"),
    day("created_from", "people_list.created_from", "created"),
    day("created_to", "people_list.created_to", "created"),
    preset("login", "people_list.last_login"),
    day("login_from", "people_list.login_from", "login"),
    day("login_to", "people_list.login_to", "login"),
];

/// The filter of a query; its days are in the viewer's time zone, both inclusive. Used by the list, its export and bulk
/// actions on all matching accounts.
pub(crate) fn filter(population: UserType, query: &mut ListQuery, panel: &Panel) -> AccountFilter {
    let (zone, now) = (panel.zone(), panel.now());
    let mut filter = AccountFilter::all(population);
    filter.search = query.text("search");
    if population == UserType::User {
        filter.role = query.optional("role", Role::parse);
    }
    let status = query.word("active", &["yes", "no", "invited"], |word| match word {
        "yes" => Some((true, None)),
        "no" => Some((false, None)),
        "invited" => Some((true, Some(now))),
        _ => None,
    });
    (filter.is_active, filter.invited_at) =
        status.map_or((None, None), |(is_active, at)| (Some(is_active), at));
    (filter.created_from, filter.created_before) = CREATED.read(query, zone, now);
    let (from, before) = LOGIN.read(query, zone, now);
    filter.last_login = match (query.value(LOGIN.preset), from, before) {
        ("never", ..) => Some(LastLogin::Never),
        ("ever", ..) | (_, Some(_), _) | (_, _, Some(_)) => Some(LastLogin::Within(from, before)),
        _ => None,
    };
    filter
}

/// The order of a query; newest first by default.
fn order(population: UserType, query: &mut ListQuery) -> AccountOrder {
    let columns = match population {
        UserType::User => COLUMNS,
        UserType::Client => &COLUMNS[..COLUMNS.len() - 1],
    };
    let (column, descending) = query.sort(columns, ("created", true));
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
    /// Those of them that have no password, and a valid link to set one.
    invited: HashSet<UserSeq>,
    /// The number of matching accounts where they are more than this page has.
    all: Option<String>,
    query_string: String,
    csv: String,
    pager: Pager,
}

impl ListPage {
    fn is_invited(&self, person: &Person) -> bool {
        person.is_active && self.invited.contains(&person.principal.user_seq)
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.query.value(name) == value
    }

    /// The order is kept when the filters change.
    fn sort(&self) -> &str {
        self.query.value("sort")
    }
}

/// `GET /admin/{users,clients}`. **Permissions**: administrators and auditors. 200.
pub(crate) async fn list(panel: Panel, population: Population, mut query: ListQuery) -> PageResult {
    let filter = filter(population.0, &mut query, &panel);
    let order = order(population.0, &mut query);
    let (seek, size) = (query.seek(), query.size());
    let slice = lists::page::<Person>(panel.services(), filter.clone(), order, seek, size).await?;
    let shown = slice.items.iter();
    let shown = shown.map(|item| item.account.principal.user_seq).collect();
    let invited = lists::invited(panel.services(), population.0, shown).await?;
    let list = paths::people(population.0).to_string();
    let l = panel.layout_of_list(section(population.0), &list).await?;
    let page = page(l, &filter, query, (slice, invited));
    list_page(&panel, &page.query, &page)
}

fn page(
    l: Layout,
    filter: &AccountFilter,
    query: ListQuery,
    (slice, invited): (Slice<Listed<Person>>, HashSet<UserSeq>),
) -> ListPage {
    let path = paths::people(filter.user_type);
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
        invited,
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
    let user_type = population.0;
    let filter = filter(user_type, &mut query, &panel);
    let order = order(user_type, &mut query);
    let own = fields(user_type).iter().map(|field| field.name);
    let header = std::iter::once("user_seq").chain(own).chain(COMMON_COLUMNS);
    let export = Export {
        name: section(user_type),
        header: header.collect(),
        line,
        cursor: |row| row.cursor.clone(),
    };
    let filter = (query.query_string(), (filter, order));
    export.answer(&panel, &request, filter, batch).await
}

async fn batch(
    services: &Services,
    (filter, order): (AccountFilter, AccountOrder),
    after: Option<Cursor>,
    size: i64,
) -> Result<Vec<Listed<Person>>, Error> {
    lists::batch(services, filter, order, after, size).await
}

/// The last columns of both populations.
const COMMON_COLUMNS: [&str; 7] = [
    "is_active",
    "last_login_at",
    "last_login_at_local",
    "created_at",
    "created_at_local",
    "updated_at",
    "updated_at_local",
];

fn line(row: &Listed<Person>, zone: Tz) -> Vec<String> {
    let person = &row.account;
    let own = fields(person.principal.user_type).iter();
    let mut line = vec![person.principal.user_seq.to_string()];
    line.extend(own.map(|field| person.value(field.name)));
    line.push(person.is_active.to_string());
    for at in [
        person.last_login_at,
        Some(person.created_at),
        Some(person.updated_at),
    ] {
        line.extend(csv::time(at, zone));
    }
    line
}

/// The active filters, each with the address of the list without it.
pub(crate) fn chips(l: &Layout, query: &ListQuery, filter: &AccountFilter) -> Vec<Chip> {
    let applies = |one: &&Filter| match one.parameter {
        "role" => filter.user_type == UserType::User,
        _ => true,
    };
    filters::chips(l, query, FILTERS.iter().filter(applies))
}
