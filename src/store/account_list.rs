//! Lists of accounts, internal users and clients alike: their filters, orders and cursors. All interfaces use these;
//! the pages are read in [`account_pages`](crate::store::account_pages), single accounts in `users` and `client_users`.

use crate::clock::Timestamp;
use crate::domain::account::Role;
use crate::domain::paging::{Cursor, Seek};
use crate::domain::principal::{UserSeq, UserType};
use crate::store::client_users::ClientRow;
use crate::store::engine::connection::Db;
use crate::store::pagination::filter::{Filter, IndexLookup, ScanCondition};
use crate::store::pagination::keyset::{KeyTypes, KeyValues, SortKey};
use crate::store::pagination::list_query::ListQuery;
use crate::store::pagination::numbered::{NumberedList, SortTerm};
use crate::store::pagination::search::SearchIndex;
use crate::store::pagination::statement::{Bind, Conditions};
use crate::store::users::UserRow;

/// A filter by the last login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastLogin {
    /// Accounts without a login.
    Never,
    /// From the first time, included, to the second one, excluded.
    Within(Option<Timestamp>, Option<Timestamp>),
}

/// The accounts of a list.
#[derive(Clone, Debug)]
pub struct AccountFilter {
    /// Internal users or clients.
    pub user_type: UserType,
    /// A part of an e-mail address, username, name or phone number.
    pub search: Option<String>,
    /// Only this role. Clients have none.
    pub role: Option<Role>,
    /// Only active or only inactive accounts.
    pub is_active: Option<bool>,
    /// Created at this time or later.
    pub created_from: Option<Timestamp>,
    /// Created before this time.
    pub created_before: Option<Timestamp>,
    /// Only accounts with such a last login.
    pub last_login: Option<LastLogin>,
}

impl AccountFilter {
    /// All accounts of a user type.
    #[must_use]
    pub fn all(user_type: UserType) -> Self {
        Self {
            user_type,
            search: None,
            role: None,
            is_active: None,
            created_from: None,
            created_before: None,
            last_login: None,
        }
    }
}

/// A column that lists are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountColumn {
    /// The time of creation.
    CreatedAt,
    /// The login name: the e-mail address of a user, the username of a client.
    Login,
    /// The name.
    Name,
    /// The last login. Accounts without one come first.
    LastLogin,
}

/// An order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountOrder {
    /// The column.
    pub column: AccountColumn,
    /// Whether the greatest value comes first.
    pub descending: bool,
}

/// How many accounts a scan examines for a page.
const SCAN_BUDGET: i64 = 10_000;
/// As in the indexes: an account without a login sorts as if its last login was in 1970.
const LAST_LOGIN: &str = "COALESCE(last_login_at, '1970-01-01 00:00:00')";
const ORDER_BY_LAST_LOGIN: &str = " ORDER BY COALESCE(last_login_at, '1970-01-01 00:00:00')";

/// What differs between the two tables.
pub(super) struct Table {
    pub(super) name: &'static str,
    columns: &'static str,
    login: &'static str,
    search: SearchIndex,
}

const USERS: Table = Table {
    name: "users",
    columns: "id, email, email_normalized, name, name_normalized, role, password_hash, is_active, last_login_at, \
        created_at, updated_at, search_text",
    login: "email_normalized",
    search: SearchIndex {
        table: "users",
        fts_table: "users_search",
        fts_match: "users_search MATCH ?",
        fts_lookup: "id IN (SELECT rowid FROM users_search WHERE users_search MATCH ?)",
    },
};

const CLIENTS: Table = Table {
    name: "client_users",
    columns: "id, username, username_normalized, name, name_normalized, email, email_normalized, phone, password_hash, \
        is_active, last_login_at, created_at, updated_at, search_text",
    login: "username_normalized",
    search: SearchIndex {
        table: "client_users",
        fts_table: "client_users_search",
        fts_match: "client_users_search MATCH ?",
        fts_lookup: "id IN (SELECT rowid FROM client_users_search WHERE client_users_search MATCH ?)",
    },
};

pub(super) fn table(user_type: UserType) -> &'static Table {
    match user_type {
        UserType::User => &USERS,
        UserType::Client => &CLIENTS,
    }
}

impl Table {
    fn key(&self, order: AccountOrder) -> SortKey {
        let (column, id, types) = match order.column {
            AccountColumn::CreatedAt => ("created_at", "id", KeyTypes::TimeAndNumber),
            AccountColumn::Name => ("name_normalized", "id", KeyTypes::TextAndNumber),
            AccountColumn::LastLogin => (LAST_LOGIN, "id", KeyTypes::TimeAndNumber),
            // Login names are unique.
            AccountColumn::Login => (self.login, self.login, KeyTypes::Texts),
        };
        SortKey {
            column,
            id,
            types,
            descending: order.descending,
        }
    }
}

/// The order of the ids.
const BY_ID: SortKey = SortKey {
    column: "id",
    id: "id",
    types: KeyTypes::Numbers,
    descending: false,
};

/// A condition that an index can use, the same in a form that no index of SQLite can use, and its value.
type Term = (&'static str, &'static str, Bind);

/// Builds the filters of a list.
struct Filters {
    /// Only SQLite needs residual conditions: Postgres knows the distribution of values from its statistics.
    is_sqlite: bool,
    table: &'static Table,
    key: SortKey,
    all: Vec<Filter>,
}

impl Filters {
    fn of(connection: &Db, filter: &AccountFilter, key: SortKey) -> Vec<Filter> {
        let mut filters = Self {
            is_sqlite: matches!(connection, Db::Sqlite(_)),
            table: table(filter.user_type),
            key,
            all: Vec::new(),
        };
        if let Some(typed) = &filter.search {
            let search = filters.table.search.filter(connection, typed);
            filters.all.push(search);
        }
        if let Some(role) = filter.role {
            let term = ("role = ?", "+role = ?", role.as_str().into());
            filters.add([term], "", ScanCondition::Residual);
        }
        filters.add_last_login(filter.last_login);
        let from = |from: Timestamp| ("created_at >= ?", "+created_at >= ?", from.into());
        let before = |before: Timestamp| ("created_at < ?", "+created_at < ?", before.into());
        let period = filter.created_from.map(from).into_iter();
        let period = period.chain(filter.created_before.map(before));
        let scan = if key.column == "created_at" {
            let bind = |at: Option<Timestamp>| at.map(Bind::from);
            ScanCondition::KeyRange(bind(filter.created_from), bind(filter.created_before))
        } else {
            ScanCondition::Residual
        };
        filters.add(period, " ORDER BY created_at", scan);
        match filter.is_active {
            None => {}
            Some(false) => filters.add_inactive(),
            Some(true) => {
                let term = ("is_active = ?", "+is_active = ?", true.into());
                filters.add([term], "", ScanCondition::Residual);
            }
        }
        filters.all
    }

    fn add(
        &mut self,
        terms: impl IntoIterator<Item = Term>,
        count_order: &'static str,
        scan: ScanCondition,
    ) {
        let (mut indexed, mut residual) = (Conditions::default(), Conditions::default());
        let mut terms = terms.into_iter().peekable();
        if terms.peek().is_none() {
            return;
        }
        for (for_index, for_row, bind) in terms {
            indexed.and(for_index, [bind.clone()]);
            residual.and(if self.is_sqlite { for_row } else { for_index }, [bind]);
        }
        self.all.push(Filter {
            index: Some(IndexLookup::new(self.table.name, indexed, count_order)),
            residual,
            scan,
        });
    }

    /// Each order has an index that contains only the inactive accounts.
    fn add_inactive(&mut self) {
        let residual = if self.is_sqlite {
            "+is_active = ?"
        } else {
            "is_active = ?"
        };
        let indexed = Conditions::one("is_active = ?", [false.into()]);
        self.all.push(Filter {
            index: Some(IndexLookup::new(self.table.name, indexed, "")),
            residual: Conditions::one(residual, [false.into()]),
            scan: if self.key.column == BY_ID.column {
                ScanCondition::Residual
            } else {
                ScanCondition::Index(Conditions::one("NOT is_active", []))
            },
        });
    }

    fn add_last_login(&mut self, last_login: Option<LastLogin>) {
        const AT: &str = "COALESCE(last_login_at, '1970-01-01 00:00:00') = ?";
        const ROW_AT: &str = "+COALESCE(last_login_at, '1970-01-01 00:00:00') = ?";
        const FROM: &str = "COALESCE(last_login_at, '1970-01-01 00:00:00') >= ?";
        const ROW_FROM: &str = "+COALESCE(last_login_at, '1970-01-01 00:00:00') >= ?";
        const BEFORE: &str = "COALESCE(last_login_at, '1970-01-01 00:00:00') < ?";
        const ROW_BEFORE: &str = "+COALESCE(last_login_at, '1970-01-01 00:00:00') < ?";
        let is_sorted_by_it = self.key.column == LAST_LOGIN;
        match last_login {
            None => {}
            Some(LastLogin::Never) => {
                let never = || Bind::from(Timestamp::EPOCH);
                let scan = if is_sorted_by_it {
                    ScanCondition::Index(Conditions::one(AT, [never()]))
                } else {
                    ScanCondition::Residual
                };
                self.add([(AT, ROW_AT, never())], "", scan);
            }
            Some(LastLogin::Within(from, before)) => {
                // A period does not contain accounts without a login.
                let from = from.unwrap_or(Timestamp::from_unix_micros(1));
                let mut terms: Vec<Term> = vec![(FROM, ROW_FROM, from.into())];
                terms.extend(before.map(|before| (BEFORE, ROW_BEFORE, before.into())));
                let scan = if is_sorted_by_it {
                    ScanCondition::KeyRange(Some(from.into()), before.map(Bind::from))
                } else {
                    ScanCondition::Residual
                };
                self.add(terms, ORDER_BY_LAST_LOGIN, scan);
            }
        }
    }
}

/// The ids up to `up_to`, in ascending order.
pub(super) fn by_id(connection: &Db, filter: &AccountFilter, up_to: i64) -> ListQuery {
    let mut list = list_query(connection, filter, BY_ID, "id");
    list.filters.push(Filter {
        index: None,
        residual: Conditions::one("id <= ?", [up_to.into()]),
        scan: ScanCondition::KeyRange(None, Some(up_to.saturating_add(1).into())),
    });
    list
}

fn list_query(
    connection: &Db,
    filter: &AccountFilter,
    key: SortKey,
    select: &'static str,
) -> ListQuery {
    let table = table(filter.user_type);
    ListQuery {
        select,
        from: table.name,
        from_selective: table.name,
        scanned: table.name,
        filters: Filters::of(connection, filter, key),
        key,
        scan_budget: SCAN_BUDGET,
    }
}

/// The rows in an order of the admin panel.
pub(super) fn ordered(connection: &Db, filter: &AccountFilter, order: AccountOrder) -> ListQuery {
    let table = table(filter.user_type);
    list_query(connection, filter, table.key(order), table.columns)
}

/// The rows in any order, for pages by number. The id decides between equal rows.
pub(super) fn numbered(
    connection: &Db,
    filter: &AccountFilter,
    mut order: Vec<SortTerm>,
) -> NumberedList {
    let table = table(filter.user_type);
    order.push(("id", false));
    NumberedList {
        select: table.columns,
        table: table.name,
        filters: Filters::of(connection, filter, BY_ID),
        order,
    }
}

/// The key values of a cursor; `None` if the cursor does not fit the order.
pub(super) fn key_values(order: AccountOrder, cursor: &Cursor) -> Option<KeyValues> {
    let text = || Bind::from(cursor.value.as_str());
    let id = || cursor.id.parse().ok().map(|id: i64| Bind::from(id));
    match order.column {
        AccountColumn::CreatedAt | AccountColumn::LastLogin => Some((cursor.time()?.into(), id()?)),
        AccountColumn::Name => Some((text(), id()?)),
        AccountColumn::Login => Some((text(), text())),
    }
}

/// The values that lists are sorted by: login name, name, time of creation, last login, id.
type SortValues<'a> = (&'a str, &'a str, Timestamp, Option<Timestamp>, UserSeq);

fn cursor((login, name, created, last_login, id): SortValues, order: AccountOrder) -> Cursor {
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
    /// The cursor of this account in a list of this order.
    #[must_use]
    pub fn cursor(&self, order: AccountOrder) -> Cursor {
        let (login, name) = (&self.email_normalized, &self.name_normalized);
        cursor(
            (login, name, self.created_at, self.last_login_at, self.id),
            order,
        )
    }
}

impl ClientRow {
    /// The cursor of this account in a list of this order.
    #[must_use]
    pub fn cursor(&self, order: AccountOrder) -> Cursor {
        let (login, name) = (&self.username_normalized, &self.name_normalized);
        cursor(
            (login, name, self.created_at, self.last_login_at, self.id),
            order,
        )
    }
}

/// The beginning of a range; the beginning of the list if the cursor does not fit the order.
pub(super) fn seek_of(order: AccountOrder, seek: &Seek<Cursor>) -> Seek<KeyValues> {
    let seek = seek.clone().try_map(|cursor| key_values(order, &cursor));
    seek.unwrap_or(Seek::First)
}
