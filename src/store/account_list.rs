//! The lists of people in the panel, internal users and clients alike: filters, orders and places. They are read in
//! [`crate::store::account_pages`].

use crate::{
    clock::Timestamp,
    domain::{
        account::Role,
        paging::{Cursor, Seek},
        principal::{UserSeq, UserType},
    },
    store::{
        client_users::ClientRow,
        engine::connection::Db,
        pagination::{
            filter::{Facet, Found, Walked},
            keyset::{Key, Values},
            listing::Listing,
            search,
            statement::{Bind, Conditions},
        },
        users::UserRow,
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

/// How many accounts are looked at for a page.
const LOOKED_AT: i64 = 10_000;
/// As the indexes have it: who never logged in stands where 1970 would.
const LAST_LOGIN: &str = "COALESCE(last_login_at, '1970-01-01 00:00:00')";
/// Where the oldest log-in stands first.
const BY_LAST_LOGIN: &str = " ORDER BY COALESCE(last_login_at, '1970-01-01 00:00:00')";
const LIKE: &str = "search_text LIKE ? ESCAPE '\\'";
/// The same by no index.
const PASSING_LIKE: &str = "search_text || '' LIKE ? ESCAPE '\\'";

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
        let (column, id, values) = match order.column {
            AccountColumn::CreatedAt => ("created_at", "id", Values::TimeAndNumber),
            AccountColumn::Name => ("name_normalized", "id", Values::TextAndNumber),
            AccountColumn::LastLogin => (LAST_LOGIN, "id", Values::TimeAndNumber),
            // Nobody shares it.
            AccountColumn::Login => (self.login, self.login, Values::Texts),
        };
        Key {
            column,
            id,
            values,
            descending: order.descending,
        }
    }
}

/// A condition in a form that enters its index, in one that leaves the indexes to others, and its value.
type Term = (&'static str, &'static str, Bind);

/// Puts facets together.
struct Facets {
    /// Only SQLite is told which index to leave alone; Postgres knows its tables by their statistics.
    is_sqlite: bool,
    table: &'static Table,
    key: Key,
    all: Vec<Facet>,
}

impl Facets {
    fn of(connection: &Db, filter: &AccountFilter, key: Key) -> Vec<Facet> {
        let mut facets = Self {
            is_sqlite: matches!(connection, Db::Sqlite(_)),
            table: table(filter.population),
            key,
            all: Vec::new(),
        };
        facets.add_search(filter.search.as_deref());
        if let Some(role) = filter.role {
            let term = ("role = ?", "+role = ?", role.as_str().into());
            facets.add([term], "", Walked::No);
        }
        facets.add_last_login(filter.last_login);
        let from = |from: Timestamp| ("created_at >= ?", "+created_at >= ?", from.into());
        let before = |before: Timestamp| ("created_at < ?", "+created_at < ?", before.into());
        let span = filter.created_from.map(from).into_iter();
        let span = span.chain(filter.created_before.map(before));
        let walked = if key.column == "created_at" {
            let bind = |at: Option<Timestamp>| at.map(Bind::from);
            Walked::Span(bind(filter.created_from), bind(filter.created_before))
        } else {
            Walked::No
        };
        facets.add(span, " ORDER BY created_at", walked);
        match filter.is_active {
            None => {}
            Some(false) => facets.add_inactive(),
            Some(true) => {
                let term = ("is_active = ?", "+is_active = ?", true.into());
                facets.add([term], "", Walked::No);
            }
        }
        facets.all
    }

    fn add(
        &mut self,
        terms: impl IntoIterator<Item = Term>,
        ordered: &'static str,
        walked: Walked,
    ) {
        let (mut by, mut passing) = (Conditions::default(), Conditions::default());
        let mut terms = terms.into_iter().peekable();
        if terms.peek().is_none() {
            return;
        }
        for (entering, leaving, bind) in terms {
            by.and(entering, [bind.clone()]);
            passing.and(if self.is_sqlite { leaving } else { entering }, [bind]);
        }
        self.all.push(Facet {
            walked,
            found: Some(Found::of(self.table.name, by, ordered)),
            passing,
        });
    }

    /// Those who are inactive stand in indexes of their own, one for each order.
    fn add_inactive(&mut self) {
        let by = Conditions::one("is_active = ?", [false.into()]);
        let walked = Conditions::one("NOT is_active", []);
        let passing = if self.is_sqlite {
            "+is_active = ?"
        } else {
            "is_active = ?"
        };
        self.all.push(Facet {
            walked: if self.key.column == "id" {
                Walked::No
            } else {
                Walked::By(walked)
            },
            found: Some(Found::of(self.table.name, by, "")),
            passing: Conditions::one(passing, [false.into()]),
        });
    }

    fn add_search(&mut self, typed: Option<&str>) {
        let Some(typed) = typed else {
            return;
        };
        let pattern = || [Bind::from(search::text_pattern(typed))];
        let found = if self.is_sqlite {
            search::phrase(typed).map(|phrase| Found {
                counted_in: self.table.search,
                counted_by: Conditions::one(self.table.matches, [phrase.as_str().into()]),
                ..Found::of("", Conditions::one(self.table.found, [phrase.into()]), "")
            })
        } else {
            search::has_trigrams(typed).then(|| Found {
                by_all: true,
                ..Found::of(self.table.name, Conditions::one(LIKE, pattern()), "")
            })
        };
        self.all.push(Facet {
            found,
            passing: Conditions::one(PASSING_LIKE, pattern()),
            walked: Walked::No,
        });
    }

    fn add_last_login(&mut self, last_login: Option<LastLogin>) {
        const AT: &str = "COALESCE(last_login_at, '1970-01-01 00:00:00') = ?";
        const PASSING_AT: &str = "+COALESCE(last_login_at, '1970-01-01 00:00:00') = ?";
        const FROM: &str = "COALESCE(last_login_at, '1970-01-01 00:00:00') >= ?";
        const PASSING_FROM: &str = "+COALESCE(last_login_at, '1970-01-01 00:00:00') >= ?";
        const BEFORE: &str = "COALESCE(last_login_at, '1970-01-01 00:00:00') < ?";
        const PASSING_BEFORE: &str = "+COALESCE(last_login_at, '1970-01-01 00:00:00') < ?";
        let is_walked = self.key.column == LAST_LOGIN;
        match last_login {
            None => {}
            Some(LastLogin::Never) => {
                let never = || Bind::from(Timestamp::EPOCH);
                let walked = if is_walked {
                    Walked::By(Conditions::one(AT, [never()]))
                } else {
                    Walked::No
                };
                self.add([(AT, PASSING_AT, never())], "", walked);
            }
            Some(LastLogin::Within(from, before)) => {
                // Who never logged in is in no span of time.
                let from = from.unwrap_or(Timestamp::from_unix_micros(1));
                let mut terms: Vec<Term> = vec![(FROM, PASSING_FROM, from.into())];
                terms.extend(before.map(|before| (BEFORE, PASSING_BEFORE, before.into())));
                let walked = if is_walked {
                    Walked::Span(Some(from.into()), before.map(Bind::from))
                } else {
                    Walked::No
                };
                self.add(terms, BY_LAST_LOGIN, walked);
            }
        }
    }
}

/// A list in the order of its numbers.
pub(super) fn by_number(connection: &Db, filter: &AccountFilter, up_to: i64) -> Listing {
    let key = Key {
        column: "id",
        id: "id",
        values: Values::Numbers,
        descending: false,
    };
    let mut listing = listing(connection, filter, key, "id");
    listing.facets.push(Facet {
        found: None,
        passing: Conditions::one("id <= ?", [up_to.into()]),
        walked: Walked::Span(None, Some(up_to.saturating_add(1).into())),
    });
    listing
}

fn listing(connection: &Db, filter: &AccountFilter, key: Key, select: &'static str) -> Listing {
    let table = table(filter.population);
    Listing {
        select,
        from: table.name,
        from_few: table.name,
        walked: table.name,
        facets: Facets::of(connection, filter, key),
        key,
        walk: LOOKED_AT,
    }
}

pub(super) fn ordered(connection: &Db, filter: &AccountFilter, order: AccountOrder) -> Listing {
    let table = table(filter.population);
    listing(connection, filter, table.key(order), table.columns)
}

/// The values of a place in an order; none where they are none.
pub(super) fn binds(order: AccountOrder, place: &Cursor) -> Option<(Bind, Bind)> {
    let text = || Bind::from(place.value.as_str());
    let id = || place.id.parse().ok().map(|id: i64| Bind::from(id));
    match order.column {
        AccountColumn::CreatedAt | AccountColumn::LastLogin => Some((place.time()?.into(), id()?)),
        AccountColumn::Name => Some((text(), id()?)),
        AccountColumn::Login => Some((text(), text())),
    }
}

/// The parts of a row that orders go by: login, name, when it was made, last log-in, number.
type Parts<'a> = (&'a str, &'a str, Timestamp, Option<Timestamp>, UserSeq);

fn place((login, name, created, last_login, id): Parts, order: AccountOrder) -> Cursor {
    let by_text = |value: &str| Cursor {
        value: value.to_owned(),
        id: id.to_string(),
    };
    match order.column {
        AccountColumn::CreatedAt => Cursor::at_time(created, &id),
        AccountColumn::LastLogin => Cursor::at_time(last_login.unwrap_or(Timestamp::EPOCH), &id),
        AccountColumn::Name => by_text(name),
        AccountColumn::Login => by_text(login),
    }
}

impl UserRow {
    /// Its place in a list of this order.
    #[must_use]
    pub fn place(&self, order: AccountOrder) -> Cursor {
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
    pub fn place(&self, order: AccountOrder) -> Cursor {
        let (login, name) = (&self.username_normalized, &self.name_normalized);
        place(
            (login, name, self.created_at, self.last_login_at, self.id),
            order,
        )
    }
}

pub(super) fn seek_of(order: AccountOrder, seek: &Seek<Cursor>) -> Seek<(Bind, Bind)> {
    let seek = seek.clone().try_map(|place| binds(order, &place));
    seek.unwrap_or(Seek::First)
}
