//! Reading the lists of [`account_list`](crate::store::account_list): pages with cursors for the admin panel, pages by
//! number for the API and the CLI, batches for exports, and ids for bulk jobs.

use diesel::{QueryableByName, sql_types};

use crate::clock::Timestamp;
use crate::domain::paging::{Cursor, Order, Page, Seek, Slice};
use crate::domain::principal::{UserSeq, UserType};
use crate::store::account_cursors::key_values;
use crate::store::account_list::{
    AccountFilter, AccountOrder, NumberedColumn, NumberedFilter, by_id, invited, numbered, ordered,
    table,
};
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::pagination::filter::load_count;
use crate::store::pagination::numbered::SortTerm;
use crate::store::pagination::statement::{Row, Sql};

/// Reads a page of a list. A cursor that does not fit the order means the beginning.
pub(crate) fn page<R: Row>(
    connection: &mut Db,
    filter: &AccountFilter,
    order: AccountOrder,
    seek: Seek<Cursor>,
    size: i64,
) -> Result<Slice<R>, StoreError> {
    let seek = seek.filter_map(|cursor| key_values(order, &cursor));
    ordered(connection, filter, order).page(connection, &seek, size)
}

/// Reads the next rows of the whole list.
pub(crate) fn batch<R: Row>(
    connection: &mut Db,
    filter: &AccountFilter,
    order: AccountOrder,
    after: Option<&Cursor>,
    size: i64,
) -> Result<Vec<R>, StoreError> {
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

/// Those of these accounts that have no password and a valid link to set one.
pub fn invited_of(
    connection: &mut Db,
    user_type: UserType,
    ids: &[UserSeq],
    now: Timestamp,
) -> Result<Vec<UserSeq>, StoreError> {
    let (condition, values) = invited(user_type, now);
    let mut sql = Sql::new(&format!(
        "SELECT id FROM {} WHERE id IN (0",
        table(user_type).name
    ));
    for id in ids {
        sql.push(", ").bind(id.get());
    }
    sql.push_with(&format!(") AND id {condition}"), values);
    let rows: Vec<IdRow> = diesel::RunQueryDsl::load(sql.query(), connection)?;
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
    let name = table(user_type).name;
    let sql = Sql::new(&format!("SELECT COALESCE(MAX(id), 0) AS n FROM {name}"));
    load_count(connection, sql)
}

/// Reads a page of a list by its number, and counts all rows.
pub(crate) fn numbered_page<R: Row>(
    connection: &mut Db,
    user_type: UserType,
    filter: &NumberedFilter,
    page: Page,
) -> Result<(Vec<R>, i64), StoreError> {
    // Each field is named: one that is forgotten below is an unused variable, which the compiler reports.
    let NumberedFilter {
        search,
        by_name_only,
        role,
        is_active,
        order,
    } = filter;
    let filter = AccountFilter {
        search: search.clone(),
        by_name_only: *by_name_only,
        role: role.clone(),
        is_active: *is_active,
        ..AccountFilter::all(user_type)
    };
    let list = numbered(connection, &filter, sort_terms(user_type, order));
    let total = list.count(connection)?;
    Ok((list.page(connection, page)?, total))
}

fn sort_terms(user_type: UserType, order: &[Order<NumberedColumn>]) -> Vec<SortTerm> {
    let mut terms = Vec::new();
    for Order { column, descending } in order {
        // The databases disagree on the order of NULL. With these terms it is last in both directions.
        match (column, user_type) {
            (NumberedColumn::LastLoginAt, _) => terms.push(("last_login_at IS NULL", false)),
            (NumberedColumn::Email, _) => terms.push(("email_normalized IS NULL", false)),
            (NumberedColumn::Username, UserType::User) => {
                terms.push(("username_normalized IS NULL", false));
            }
            _ => {}
        }
        let column = match column {
            NumberedColumn::UserSeq => "id",
            NumberedColumn::Email => "email_normalized",
            NumberedColumn::Username => "username_normalized",
            NumberedColumn::Name => "name_normalized",
            NumberedColumn::Role => "role",
            NumberedColumn::IsActive => "is_active",
            NumberedColumn::LastLoginAt => "last_login_at",
            NumberedColumn::CreatedAt => "created_at",
            NumberedColumn::UpdatedAt => "updated_at",
        };
        terms.push((column, *descending));
    }
    terms
}
