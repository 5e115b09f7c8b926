//! Lists of accounts, internal users and clients alike: their filters, orders and cursors. All interfaces use these;
//! the pages are read in [`account_pages`](crate::store::account_pages), single accounts in `users` and `client_users`.

use crate::clock::Timestamp;
use crate::domain::account::Role;
use crate::domain::paging::Order;
use crate::domain::principal::UserType;
use crate::store::engine::connection::Db;
use crate::store::pagination::filter::{Filter, IndexLookup, ScanCondition};
use crate::store::pagination::keyset::{KeyTypes, SortKey};
use crate::store::pagination::list_query::ListQuery;
use crate::store::pagination::numbered::{NumberedList, SortTerm};
use crate::store::pagination::search::{SearchIndex, in_columns};
use crate::store::pagination::statement::{Bind, Conditions};
use crate::store::set_up_links::SETTING_PASSWORDS;

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
    /// Whether `search` finds names and usernames only.
    pub by_name_only: bool,
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
    /// Only accounts without a password that have a link to set one which is valid at this time.
    pub invited_at: Option<Timestamp>,
}

impl AccountFilter {
    /// All accounts of a user type.
    #[must_use]
    pub fn all(user_type: UserType) -> Self {
        Self {
            user_type,
            search: None,
            by_name_only: false,
            role: None,
            is_active: None,
            created_from: None,
            created_before: None,
            last_login: None,
            invited_at: None,
        }
    }
}

/// A column that lists are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountColumn {
    /// The time of creation.
    CreatedAt,
    /// The login name: the e-mail address of a user, or the username without one, and the username of a client.
    Login,
    /// The name.
    Name,
    /// The last login. Accounts without one come first.
    LastLogin,
    /// The role, by its name. Users only.
    Role,
    /// Whether the account is active. Inactive ones come first.
    IsActive,
}

/// An order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountOrder {
    /// The column.
    pub column: AccountColumn,
    /// Whether the greatest value comes first.
    pub descending: bool,
}

/// A column that lists with page numbers are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the column of its name")]
pub enum NumberedColumn {
    UserSeq,
    Email,
    Username,
    Name,
    Role,
    IsActive,
    LastLoginAt,
    CreatedAt,
    UpdatedAt,
}

/// The accounts of a list with page numbers, and its order.
#[derive(Clone, Debug, Default)]
pub struct NumberedFilter {
    /// A part of an e-mail address, username, name or phone number.
    pub search: Option<String>,
    /// Whether `search` finds names and usernames only.
    pub by_name_only: bool,
    /// Only this role. Clients have none.
    pub role: Option<Role>,
    /// Only active or only inactive accounts.
    pub is_active: Option<bool>,
    /// The order. The id decides between equal rows, and is the order if this is empty.
    pub order: Vec<Order<NumberedColumn>>,
}

/// How many accounts a scan examines for a page.
const SCAN_BUDGET: i64 = 10_000;
/// As in the indexes: an account without a login sorts as if its last login was in 1970.
const LAST_LOGIN: &str = "COALESCE(last_login_at, '1970-01-01 00:00:00')";

/// The condition of [`AccountFilter::invited_at`], after the column of the id, and its values.
pub(super) fn invited(user_type: UserType, now: Timestamp) -> (&'static str, [Bind; 4]) {
    let condition = "IN (SELECT user_seq FROM set_up_links WHERE user_type = ? AND purpose IN (?, ?) \
        AND used_at IS NULL AND expires_at > ?) AND password_hash IS NULL";
    let [password, reset] = SETTING_PASSWORDS;
    let user_type = user_type.as_str().into();
    (
        condition,
        [user_type, password.into(), reset.into(), now.into()],
    )
}

/// What differs between the two tables.
pub(super) struct Table {
    pub(super) name: &'static str,
    columns: &'static str,
    /// The login name as lists are sorted by it, and as it is shown.
    pub(super) login: &'static str,
    pub(super) shown_login: &'static str,
    names: &'static [&'static str],
    pub(super) search: SearchIndex,
}

const USERS: Table = Table {
    name: "users",
    columns: "id, email, email_normalized, username, username_normalized, external_id, name, name_normalized, role, \
        password_hash, is_active, last_login_at, created_at, updated_at, search_text, claims, email_verified_at",
    login: "COALESCE(email_normalized, username_normalized)",
    shown_login: "COALESCE(email, username)",
    names: &["name_normalized"],
    search: SearchIndex {
        table: "users",
        fts_table: "users_search",
    },
};

const CLIENTS: Table = Table {
    name: "client_users",
    columns: "id, username, username_normalized, external_id, name, name_normalized, email, email_normalized, phone, \
        password_hash, is_active, last_login_at, created_at, updated_at, search_text, claims, email_verified_at",
    login: "username_normalized",
    shown_login: "username",
    names: &["name_normalized", "username_normalized"],
    search: SearchIndex {
        table: "client_users",
        fts_table: "client_users_search",
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
            AccountColumn::Login => (self.login, "id", KeyTypes::TextAndNumber),
            AccountColumn::Role => ("role", "id", KeyTypes::TextAndNumber),
            AccountColumn::IsActive => ("is_active", "id", KeyTypes::BoolAndNumber),
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

/// A column, a comparison, and the value that it is compared with.
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
            if filter.by_name_only {
                filters.all.push(in_columns(filters.table.names, typed));
            }
        }
        if let Some(role) = &filter.role {
            let term = ("role", "=", role.as_str().into());
            filters.add([term], None, ScanCondition::Residual);
        }
        match filter.last_login {
            None => {}
            Some(LastLogin::Never) => filters.add_without_login(),
            Some(LastLogin::Within(from, before)) => {
                // A period does not contain accounts without a login.
                let from = from.unwrap_or(Timestamp::from_unix_micros(1));
                filters.add_period(LAST_LOGIN, Some(from), before);
            }
        }
        filters.add_period("created_at", filter.created_from, filter.created_before);
        if let Some(is_active) = filter.is_active {
            // Most orders have an index that contains only the inactive accounts.
            let has_none = ["id", "role", "is_active"].contains(&key.column);
            let scan = if is_active || has_none {
                ScanCondition::Residual
            } else {
                ScanCondition::Index(Conditions::one("NOT is_active", []))
            };
            filters.add([("is_active", "=", is_active.into())], None, scan);
        }
        if let Some(now) = filter.invited_at {
            filters.add_invited(filter.user_type, now);
        }
        filters.all
    }

    fn add(
        &mut self,
        terms: impl IntoIterator<Item = Term>,
        count_order: Option<&'static str>,
        scan: ScanCondition,
    ) {
        let (mut indexed, mut residual) = (Conditions::default(), Conditions::default());
        for (column, sign, bind) in terms {
            let condition = format!("{column} {sign} ?");
            // With the plus, no index of SQLite can be used.
            let plus = if self.is_sqlite { "+" } else { "" };
            residual.and(format!("{plus}{condition}"), [bind.clone()]);
            indexed.and(condition, [bind]);
        }
        self.all.push(Filter {
            index: Some(IndexLookup {
                count_order,
                ..IndexLookup::new(self.table.name, indexed)
            }),
            residual,
            scan,
        });
    }

    /// From the first time, included, to the second one, excluded.
    fn add_period(
        &mut self,
        column: &'static str,
        from: Option<Timestamp>,
        before: Option<Timestamp>,
    ) {
        if from.is_none() && before.is_none() {
            return;
        }
        let (from, before) = (from.map(Bind::from), before.map(Bind::from));
        let terms = [(">=", from.clone()), ("<", before.clone())];
        let terms = terms.map(|(sign, bound)| bound.map(|value| (column, sign, value)));
        let scan = if self.key.column == column {
            ScanCondition::KeyRange(from, before)
        } else {
            ScanCondition::Residual
        };
        self.add(terms.into_iter().flatten(), Some(column), scan);
    }

    fn add_invited(&mut self, user_type: UserType, now: Timestamp) {
        let (condition, values) = invited(user_type, now);
        let of = |id: &str| Conditions::one(format!("{id} {condition}"), values.clone());
        self.all.push(Filter {
            index: Some(IndexLookup::new(self.table.name, of("id"))),
            residual: of(if self.is_sqlite { "+id" } else { "id" }),
            scan: ScanCondition::Residual,
        });
    }

    fn add_without_login(&mut self) {
        let never = || Bind::from(Timestamp::EPOCH);
        let scan = if self.key.column == LAST_LOGIN {
            ScanCondition::Index(Conditions::one(format!("{LAST_LOGIN} = ?"), [never()]))
        } else {
            ScanCondition::Residual
        };
        self.add([(LAST_LOGIN, "=", never())], None, scan);
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
        select: select.into(),
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
