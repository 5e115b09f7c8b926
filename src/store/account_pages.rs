//! Reading the lists of [`account_list`](crate::store::account_list): pages with cursors for the admin panel, pages by
//! number for the API and the CLI, batches for exports, and ids for bulk jobs.

use diesel::{QueryableByName, sql_types};

use crate::domain::paging::{Cursor, Order, Page, Seek, Slice};
use crate::domain::principal::{UserSeq, UserType};
use crate::store::account_list::{
    AccountFilter, AccountOrder, by_id, key_values, numbered, ordered, seek_of, table,
};
use crate::store::client_users::{ClientColumn, ClientFilter, ClientRow};
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::pagination::filter::load_count;
use crate::store::pagination::numbered::SortTerm;
use crate::store::pagination::statement::Sql;
use crate::store::users::{UserColumn, UserFilter, UserRow};

/// Reads a page of internal users. A cursor that does not fit the order means the beginning.
pub fn users(
    connection: &mut Db,
    filter: &AccountFilter,
    order: AccountOrder,
    seek: &Seek<Cursor>,
    size: i64,
) -> Result<Slice<UserRow>, StoreError> {
    debug_assert_eq!(filter.user_type, UserType::User);
    ordered(connection, filter, order).page(connection, &seek_of(order, seek), size)
}

/// Reads a page of clients. A cursor that does not fit the order means the beginning.
pub fn clients(
    connection: &mut Db,
    filter: &AccountFilter,
    order: AccountOrder,
    seek: &Seek<Cursor>,
    size: i64,
) -> Result<Slice<ClientRow>, StoreError> {
    debug_assert_eq!(filter.user_type, UserType::Client);
    ordered(connection, filter, order).page(connection, &seek_of(order, seek), size)
}

/// Reads the next internal users of the whole list.
pub fn users_batch(
    connection: &mut Db,
    filter: &AccountFilter,
    order: AccountOrder,
    after: Option<&Cursor>,
    size: i64,
) -> Result<Vec<UserRow>, StoreError> {
    let after = after.and_then(|cursor| key_values(order, cursor));
    ordered(connection, filter, order).batch(connection, after, size)
}

/// Reads the next clients of the whole list.
pub fn clients_batch(
    connection: &mut Db,
    filter: &AccountFilter,
    order: AccountOrder,
    after: Option<&Cursor>,
    size: i64,
) -> Result<Vec<ClientRow>, StoreError> {
    let after = after.and_then(|cursor| key_values(order, cursor));
    ordered(connection, filter, order).batch(connection, after, size)
}

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = sql_types::BigInt)]
    id: UserSeq,
}

/// The ids of matching accounts greater than `after` and up to `up_to`, in ascending order.
pub fn ids_after(
    connection: &mut Db,
    filter: &AccountFilter,
    after: i64,
    up_to: i64,
    limit: i64,
) -> Result<Vec<UserSeq>, StoreError> {
    let list = by_id(connection, filter, up_to);
    let after = (after.into(), after.into());
    let rows: Vec<IdRow> = list.batch(connection, Some(after), limit)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Counts the matching accounts with ids up to `up_to`, without a limit.
pub fn count_exact(
    connection: &mut Db,
    filter: &AccountFilter,
    up_to: i64,
) -> Result<i64, StoreError> {
    by_id(connection, filter, up_to).count_all(connection)
}

/// The greatest id of a user type; zero if there are no accounts.
pub fn greatest_id(connection: &mut Db, user_type: UserType) -> Result<i64, StoreError> {
    let mut sql = Sql::new("SELECT COALESCE(MAX(id), 0) AS n FROM ");
    sql.push(table(user_type).name);
    load_count(connection, sql)
}

/// Reads a page of internal users by its number, and counts all of them.
pub fn numbered_users(
    connection: &mut Db,
    filter: &UserFilter,
    page: Page,
) -> Result<(Vec<UserRow>, i64), StoreError> {
    let order = user_order(&filter.order);
    let filter = AccountFilter {
        search: filter.search.clone(),
        role: filter.role,
        is_active: filter.is_active,
        ..AccountFilter::all(UserType::User)
    };
    let list = numbered(connection, &filter, order);
    let total = list.count(connection)?;
    Ok((list.page(connection, page)?, total))
}

/// Reads a page of clients by its number, and counts all of them.
pub fn numbered_clients(
    connection: &mut Db,
    filter: &ClientFilter,
    page: Page,
) -> Result<(Vec<ClientRow>, i64), StoreError> {
    let order = client_order(&filter.order);
    let filter = AccountFilter {
        search: filter.search.clone(),
        is_active: filter.is_active,
        ..AccountFilter::all(UserType::Client)
    };
    let list = numbered(connection, &filter, order);
    let total = list.count(connection)?;
    Ok((list.page(connection, page)?, total))
}

/// The databases disagree on the order of NULL. With this term it is last in both directions.
const NULL_LAST_LOGIN: SortTerm = ("last_login_at IS NULL", false);
const NULL_EMAIL: SortTerm = ("email_normalized IS NULL", false);

fn user_order(order: &[Order<UserColumn>]) -> Vec<SortTerm> {
    let mut terms = Vec::new();
    for Order { column, descending } in order {
        let column = match column {
            UserColumn::UserSeq => "id",
            UserColumn::Email => "email_normalized",
            UserColumn::Name => "name_normalized",
            UserColumn::Role => "role",
            UserColumn::IsActive => "is_active",
            UserColumn::LastLoginAt => {
                terms.push(NULL_LAST_LOGIN);
                "last_login_at"
            }
            UserColumn::CreatedAt => "created_at",
            UserColumn::UpdatedAt => "updated_at",
        };
        terms.push((column, *descending));
    }
    terms
}

fn client_order(order: &[Order<ClientColumn>]) -> Vec<SortTerm> {
    let mut terms = Vec::new();
    for Order { column, descending } in order {
        let column = match column {
            ClientColumn::UserSeq => "id",
            ClientColumn::Username => "username_normalized",
            ClientColumn::Name => "name_normalized",
            ClientColumn::Email => {
                terms.push(NULL_EMAIL);
                "email_normalized"
            }
            ClientColumn::IsActive => "is_active",
            ClientColumn::LastLoginAt => {
                terms.push(NULL_LAST_LOGIN);
                "last_login_at"
            }
            ClientColumn::CreatedAt => "created_at",
            ClientColumn::UpdatedAt => "updated_at",
        };
        terms.push((column, *descending));
    }
    terms
}
