//! Reading the lists of people: pages, batches for whoever reads a whole list, and the numbers of all who fit a filter.

use diesel::{QueryableByName, RunQueryDsl, sql_types};

use crate::{
    domain::{
        paging::{Cursor, Seek, Slice},
        principal::{UserSeq, UserType},
    },
    store::{
        account_list::{AccountFilter, AccountOrder, binds, by_number, ordered, seek_of, table},
        client_users::ClientRow,
        engine::connection::Db,
        error::StoreError,
        pagination::statement::Sql,
        users::UserRow,
    },
};

/// A page of the internal users that the filter holds. A place that is none is the beginning.
pub fn users(
    connection: &mut Db,
    filter: &AccountFilter,
    order: AccountOrder,
    seek: &Seek<Cursor>,
    size: i64,
) -> Result<Slice<UserRow>, StoreError> {
    debug_assert_eq!(filter.population, UserType::User);
    ordered(connection, filter, order).page(connection, &seek_of(order, seek), size)
}

/// A page of the clients that the filter holds. A place that is none is the beginning.
pub fn clients(
    connection: &mut Db,
    filter: &AccountFilter,
    order: AccountOrder,
    seek: &Seek<Cursor>,
    size: i64,
) -> Result<Slice<ClientRow>, StoreError> {
    debug_assert_eq!(filter.population, UserType::Client);
    ordered(connection, filter, order).page(connection, &seek_of(order, seek), size)
}

/// The next internal users of the whole list.
pub fn users_batch(
    connection: &mut Db,
    filter: &AccountFilter,
    order: AccountOrder,
    after: Option<&Cursor>,
    size: i64,
) -> Result<Vec<UserRow>, StoreError> {
    let after = after.and_then(|place| binds(order, place));
    ordered(connection, filter, order).batch(connection, after, size)
}

/// The next clients of the whole list.
pub fn clients_batch(
    connection: &mut Db,
    filter: &AccountFilter,
    order: AccountOrder,
    after: Option<&Cursor>,
    size: i64,
) -> Result<Vec<ClientRow>, StoreError> {
    let after = after.and_then(|place| binds(order, place));
    ordered(connection, filter, order).batch(connection, after, size)
}

#[derive(QueryableByName)]
struct Numbered {
    #[diesel(sql_type = sql_types::BigInt)]
    id: UserSeq,
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = sql_types::BigInt)]
    n: i64,
}

/// The numbers greater than `after` and up to `up_to` of those who fit the filter, the smallest first.
pub fn ids_after(
    connection: &mut Db,
    filter: &AccountFilter,
    after: i64,
    up_to: i64,
    limit: i64,
) -> Result<Vec<UserSeq>, StoreError> {
    let listing = by_number(connection, filter, up_to);
    let place = (after.into(), after.into());
    let rows: Vec<Numbered> = listing.batch(connection, Some(place), limit)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// How many with a number up to `up_to` fit the filter, however many they are.
pub fn count_exact(
    connection: &mut Db,
    filter: &AccountFilter,
    up_to: i64,
) -> Result<i64, StoreError> {
    by_number(connection, filter, up_to).count_all(connection)
}

/// The greatest number of a population; zero where there is nobody.
pub fn greatest_id(connection: &mut Db, population: UserType) -> Result<i64, StoreError> {
    let mut sql = Sql::new("SELECT COALESCE(MAX(id), 0) AS n FROM ");
    sql.push(table(population).name);
    let counted: Counted = sql.query().get_result(connection)?;
    Ok(counted.n)
}

/// Some internal users that have no text to be searched by yet.
pub fn unsearchable_users(connection: &mut Db, limit: i64) -> Result<Vec<UserRow>, StoreError> {
    Ok(unsearchable(UserType::User, limit)
        .query()
        .load(connection)?)
}

/// Some clients that have no text to be searched by yet.
pub fn unsearchable_clients(connection: &mut Db, limit: i64) -> Result<Vec<ClientRow>, StoreError> {
    Ok(unsearchable(UserType::Client, limit)
        .query()
        .load(connection)?)
}

fn unsearchable(population: UserType, limit: i64) -> Sql {
    let table = table(population);
    let mut sql = Sql::new("SELECT ");
    sql.push(table.columns).push(" FROM ").push(table.name);
    sql.push(" WHERE search_text IS NULL ORDER BY id LIMIT ")
        .bind(limit);
    sql
}

/// Writes the text that an account is searched by, where there is none yet.
pub fn put_search_text(
    connection: &mut Db,
    population: UserType,
    id: UserSeq,
    text: &str,
) -> Result<(), StoreError> {
    let mut sql = Sql::new("UPDATE ");
    sql.push(table(population).name)
        .push(" SET search_text = ")
        .bind(text);
    sql.push(" WHERE id = ")
        .bind(id.get())
        .push(" AND search_text IS NULL");
    sql.query().execute(connection)?;
    Ok(())
}
