//! Cursors of the lists of [`account_list`](crate::store::account_list).

use crate::clock::Timestamp;
use crate::domain::paging::Cursor;
use crate::domain::principal::UserSeq;
use crate::store::account_list::{AccountColumn, AccountOrder};
use crate::store::client_users::ClientRow;
use crate::store::pagination::keyset::KeyValues;
use crate::store::pagination::statement::Bind;
use crate::store::users::UserRow;

/// The key values of a cursor; `None` if the cursor does not fit the order.
pub(super) fn key_values(order: AccountOrder, cursor: &Cursor) -> Option<KeyValues> {
    let text = || Bind::from(cursor.value.as_str());
    let id = || cursor.id.parse().ok().map(|id: i64| Bind::from(id));
    match order.column {
        AccountColumn::CreatedAt | AccountColumn::LastLogin => Some((cursor.time()?.into(), id()?)),
        AccountColumn::Name | AccountColumn::Login | AccountColumn::Role => Some((text(), id()?)),
        AccountColumn::IsActive => Some((Bind::from(cursor.value == "true"), id()?)),
    }
}

/// The values that lists are sorted by.
struct SortValues<'a> {
    id: UserSeq,
    login: &'a str,
    name: &'a str,
    role: &'a str,
    is_active: bool,
    created_at: Timestamp,
    last_login_at: Option<Timestamp>,
}

fn cursor(row: &SortValues, order: AccountOrder) -> Cursor {
    let by_text = |value: &str| Cursor {
        value: value.to_owned(),
        id: row.id.to_string(),
    };
    match order.column {
        AccountColumn::CreatedAt => Cursor::at_time(row.created_at, &row.id),
        AccountColumn::LastLogin => {
            Cursor::at_time(row.last_login_at.unwrap_or(Timestamp::EPOCH), &row.id)
        }
        AccountColumn::Name => by_text(row.name),
        AccountColumn::Login => by_text(row.login),
        AccountColumn::Role => by_text(row.role),
        AccountColumn::IsActive => by_text(&row.is_active.to_string()),
    }
}

impl UserRow {
    /// The cursor of this account in a list of this order.
    #[must_use]
    pub fn cursor(&self, order: AccountOrder) -> Cursor {
        let login = self.email_normalized.as_ref();
        let login = login.or(self.username_normalized.as_ref());
        let values = SortValues {
            id: self.id,
            login: login.map_or("", String::as_str),
            name: &self.name_normalized,
            role: self.role.as_str(),
            is_active: self.is_active,
            created_at: self.created_at,
            last_login_at: self.last_login_at,
        };
        cursor(&values, order)
    }
}

impl ClientRow {
    /// The cursor of this account in a list of this order.
    #[must_use]
    pub fn cursor(&self, order: AccountOrder) -> Cursor {
        let values = SortValues {
            id: self.id,
            login: &self.username_normalized,
            name: &self.name_normalized,
            role: "",
            is_active: self.is_active,
            created_at: self.created_at,
            last_login_at: self.last_login_at,
        };
        cursor(&values, order)
    }
}
