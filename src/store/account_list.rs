//! The lists of people in the panel, internal users and clients alike: filters, orders and places. They are read in
//! [`super::account_pages`].

use super::{
    Db,
    client_users::ClientRow,
    error::StoreError,
    listing::{Bind, Conditions, Key, Listing},
    search,
    users::UserRow,
};
use crate::{
    clock::Timestamp,
    domain::{
        account::Role,
        paging::{Place, Seek},
        principal::{UserSeq, UserType},
    },
};

/// When somebody logged in last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastLogin {
    /// Not yet.
    Never,
    /// Between these times; the second one is not included.
    Within(Option<Timestamp>, Option<Timestamp>),
}

/// Which accounts of a population a list holds.
#[derive(Clone, Debug)]
pub struct AccountFilter {
    /// Which population.
    pub population: UserType,
    /// A part of what they are called or reached by.
    pub search: Option<String>,
    /// Only this role; clients have none.
    pub role: Option<Role>,
    /// Only active, or only inactive ones.
    pub is_active: Option<bool>,
    /// Made from this time on.
    pub created_from: Option<Timestamp>,
    /// Made before this time.
    pub created_before: Option<Timestamp>,
    /// Only who logged in then, or never.
    pub last_login: Option<LastLogin>,
}

impl AccountFilter {
    /// Everybody of a population.
    #[must_use]
    pub fn everybody(population: UserType) -> Self {
        Self {
            population,
            search: None,
            role: None,
            is_active: None,
            created_from: None,
            created_before: None,
            last_login: None,
        }
    }
}

/// What a list is ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountColumn {
    /// When the account was made.
    CreatedAt,
    /// The name to log in by: a user's address, a client's username.
    Login,
    /// What they are called.
    Name,
    /// The last log-in; who never logged in comes before everybody else.
    LastLogin,
}

/// An order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountOrder {
    /// The column.
    pub column: AccountColumn,
    /// Greatest first.
    pub descending: bool,
}

/// How far a list is counted.
const COUNT_TO: i64 = 10_000;
/// Up to how many rows a condition is worth entering its index for; what fits more is met soon in any order.
const FEW: i64 = 20_000;
/// As the indexes have it: who never logged in stands where 1970 would.
const LAST_LOGIN: &str = "COALESCE(last_login_at, '1970-01-01 00:00:00')";
const LIKE: &str = "search_text LIKE ? ESCAPE '\\'";

/// What differs between the two tables.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static str,
    login: &'static str,
    /// SQLite's index of parts, and how it is asked.
    search: &'static str,
    matches: &'static str,
    found: &'static str,
}

const USERS: Table = Table {
    name: "users",
    columns: "id, email, email_normalized, name, name_normalized, role, password_hash, is_active, last_login_at, \
        created_at, updated_at, search_text",
    login: "email_normalized",
    search: "users_search",
    matches: "users_search MATCH ?",
    found: "id IN (SELECT rowid FROM users_search WHERE users_search MATCH ?)",
};

const CLIENTS: Table = Table {
    name: "client_users",
    columns: "id, username, username_normalized, name, name_normalized, email, email_normalized, phone, password_hash, \
        is_active, last_login_at, created_at, updated_at, search_text",
    login: "username_normalized",
    search: "client_users_search",
    matches: "client_users_search MATCH ?",
    found: "id IN (SELECT rowid FROM client_users_search WHERE client_users_search MATCH ?)",
};

pub(super) fn table(population: UserType) -> &'static Table {
    match population {
        UserType::User => &USERS,
        UserType::Client => &CLIENTS,
    }
}

impl Table {
    fn key(&self, order: AccountOrder) -> Key {
        let (column, id) = match order.column {
            AccountColumn::CreatedAt => ("created_at", "id"),
            AccountColumn::Name => ("name_normalized", "id"),
            AccountColumn::LastLogin => (LAST_LOGIN, "id"),
            // Nobody shares it.
            AccountColumn::Login => (self.login, self.login),
        };
        Key {
            column,
            id,
            descending: order.descending,
        }
    }
}

/// A condition in a form that enters its index and in one that leaves the indexes to others.
struct Term {
    entering: (&'static str, Bind),
    passing: (&'static str, Bind),
}

/// The conditions of one filter.
struct Facet {
    /// The column of the index that serves it; none where there is no such index.
    column: Option<&'static str>,
    terms: Vec<Term>,
}

/// Puts facets together. Only SQLite is told which index to enter; Postgres knows its tables by their statistics.
struct Facets {
    is_sqlite: bool,
    all: Vec<Facet>,
}

impl Facets {
    fn of(connection: &Db, filter: &AccountFilter) -> Self {
        let mut facets = Self {
            is_sqlite: matches!(connection, Db::Sqlite(_)),
            all: Vec::new(),
        };
        facets.add_search(filter);
        if let Some(role) = filter.role {
            facets.add("role", [("role = ?", "+role = ?", role.as_str().into())]);
        }
        facets.add_last_login(filter.last_login);
        let from = |from: Timestamp| ("created_at >= ?", "+created_at >= ?", from.into());
        let before = |before: Timestamp| ("created_at < ?", "+created_at < ?", before.into());
        let from = filter.created_from.map(from);
        facets.add(
            "created_at",
            from.into_iter().chain(filter.created_before.map(before)),
        );
        if let Some(is_active) = filter.is_active {
            let term = ("is_active = ?", "+is_active = ?", is_active.into());
            facets.add("is_active", [term]);
        }
        facets
    }

    fn add(
        &mut self,
        column: &'static str,
        terms: impl IntoIterator<Item = (&'static str, &'static str, Bind)>,
    ) {
        let is_sqlite = self.is_sqlite;
        let term = |(entering, passing, bind): (&'static str, &'static str, Bind)| Term {
            entering: (entering, bind.clone()),
            passing: (if is_sqlite { passing } else { entering }, bind),
        };
        let terms: Vec<Term> = terms.into_iter().map(term).collect();
        if !terms.is_empty() {
            self.all.push(Facet {
                column: Some(column),
                terms,
            });
        }
    }

    fn add_search(&mut self, filter: &AccountFilter) {
        let Some(typed) = &filter.search else {
            return;
        };
        let passing = (LIKE, Bind::from(search::text_pattern(typed)));
        let phrase = search::phrase(typed).filter(|_| self.is_sqlite);
        let table = table(filter.population);
        self.all.push(Facet {
            column: phrase.is_some().then_some(table.search),
            terms: vec![Term {
                entering: phrase.map_or(passing.clone(), |phrase| (table.found, phrase.into())),
                passing,
            }],
        });
    }

    fn add_last_login(&mut self, last_login: Option<LastLogin>) {
        const AT: &str = "COALESCE(last_login_at, '1970-01-01 00:00:00') = ?";
        const PASSING_AT: &str = "+COALESCE(last_login_at, '1970-01-01 00:00:00') = ?";
        const FROM: &str = "COALESCE(last_login_at, '1970-01-01 00:00:00') >= ?";
        const PASSING_FROM: &str = "+COALESCE(last_login_at, '1970-01-01 00:00:00') >= ?";
        const AFTER: &str = "COALESCE(last_login_at, '1970-01-01 00:00:00') > ?";
        const PASSING_AFTER: &str = "+COALESCE(last_login_at, '1970-01-01 00:00:00') > ?";
        const BEFORE: &str = "COALESCE(last_login_at, '1970-01-01 00:00:00') < ?";
        const PASSING_BEFORE: &str = "+COALESCE(last_login_at, '1970-01-01 00:00:00') < ?";
        let mut terms = Vec::new();
        match last_login {
            None => return,
            Some(LastLogin::Never) => terms.push((AT, PASSING_AT, Timestamp::EPOCH.into())),
            Some(LastLogin::Within(from, before)) => {
                // Who never logged in is in no span of time.
                let after = Timestamp::EPOCH.into();
                terms.push(from.map_or((AFTER, PASSING_AFTER, after), |from| {
                    (FROM, PASSING_FROM, from.into())
                }));
                terms.extend(before.map(|before| (BEFORE, PASSING_BEFORE, before.into())));
            }
        }
        self.add(LAST_LOGIN, terms);
    }

    /// The first facet that few rows fit.
    fn rarest(&self, connection: &mut Db, table: &Table) -> Result<Option<usize>, StoreError> {
        if !self.is_sqlite {
            return Ok(None);
        }
        for (at, facet) in self.all.iter().enumerate() {
            let Some(column) = facet.column else {
                continue;
            };
            let (mut narrow, mut from) = (Conditions::default(), table.name);
            for Term {
                entering: (text, bind),
                ..
            } in &facet.terms
            {
                if column == table.search {
                    from = table.search;
                    narrow.and(table.matches, [bind.clone()]);
                } else {
                    narrow.and(text, [bind.clone()]);
                }
            }
            let probe = Listing {
                select: "",
                from,
                narrow,
                broad: Conditions::default(),
                key: by_id(),
                count_to: FEW,
            };
            if !probe.count(connection)?.more {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }
}

pub(super) fn by_id() -> Key {
    Key {
        column: "id",
        id: "id",
        descending: false,
    }
}

pub(super) fn listing(
    connection: &mut Db,
    filter: &AccountFilter,
    key: Key,
    select: &'static str,
) -> Result<Listing, StoreError> {
    let table = table(filter.population);
    let facets = Facets::of(connection, filter);
    let entered = facets.rarest(connection, table)?;
    let (mut narrow, mut broad) = (Conditions::default(), Conditions::default());
    for (at, facet) in facets.all.iter().enumerate() {
        for Term { entering, passing } in &facet.terms {
            let pick = |enters: bool| if enters { entering } else { passing };
            let (text, bind) = pick(entered == Some(at));
            narrow.and(text, [bind.clone()]);
            // A span of the walked column bounds the walk.
            let (text, bind) = pick(facet.column == Some(key.column));
            broad.and(text, [bind.clone()]);
        }
    }
    Ok(Listing {
        select,
        from: table.name,
        narrow,
        broad,
        key,
        count_to: COUNT_TO,
    })
}

pub(super) fn ordered(
    connection: &mut Db,
    filter: &AccountFilter,
    order: AccountOrder,
) -> Result<Listing, StoreError> {
    let table = table(filter.population);
    listing(connection, filter, table.key(order), table.columns)
}

/// The values of a place in an order; none where they are none.
pub(super) fn binds(order: AccountOrder, place: &Place) -> Option<(Bind, Bind)> {
    let text = || Bind::from(place.value.as_str());
    let id: i64 = place.id.parse().ok()?;
    match order.column {
        AccountColumn::CreatedAt | AccountColumn::LastLogin => {
            Some((place.time()?.into(), id.into()))
        }
        AccountColumn::Name => Some((text(), id.into())),
        AccountColumn::Login => Some((text(), text())),
    }
}

/// The parts of a row that orders go by: login, name, when it was made, last log-in, number.
type Parts<'a> = (&'a str, &'a str, Timestamp, Option<Timestamp>, UserSeq);

fn place((login, name, created, last_login, id): Parts, order: AccountOrder) -> Place {
    let by_text = |value: &str| Place {
        value: value.to_owned(),
        id: id.to_string(),
    };
    match order.column {
        AccountColumn::CreatedAt => Place::at_time(created, &id),
        AccountColumn::LastLogin => Place::at_time(last_login.unwrap_or(Timestamp::EPOCH), &id),
        AccountColumn::Name => by_text(name),
        AccountColumn::Login => by_text(login),
    }
}

impl UserRow {
    /// Its place in a list of this order.
    #[must_use]
    pub fn place(&self, order: AccountOrder) -> Place {
        let (login, name) = (&self.email_normalized, &self.name_normalized);
        place(
            (login, name, self.created_at, self.last_login_at, self.id),
            order,
        )
    }
}

impl ClientRow {
    /// Its place in a list of this order.
    #[must_use]
    pub fn place(&self, order: AccountOrder) -> Place {
        let (login, name) = (&self.username_normalized, &self.name_normalized);
        place(
            (login, name, self.created_at, self.last_login_at, self.id),
            order,
        )
    }
}

pub(super) fn seek_of(order: AccountOrder, seek: &Seek<Place>) -> Seek<(Bind, Bind)> {
    let seek = seek.clone().try_map(|place| binds(order, &place));
    seek.unwrap_or(Seek::First)
}
