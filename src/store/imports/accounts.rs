//! Accounts that are imported: new rows with given numbers, what the imports wrote, and the numbers of further accounts.

use diesel::{
    QueryableByName,
    prelude::*,
    sql_types::{BigInt, Text},
};

use crate::clock::Timestamp;
use crate::domain::account::Role;
use crate::domain::account_claims::AccountClaims;
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::store::client_users::ClientRow;
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::imports::insert::insert_many;
use crate::store::schema::{client_users, imported_accounts, users};
use crate::store::users::UserRow;

/// A user to insert, with its number.
#[derive(Insertable, Clone)]
#[diesel(table_name = users, treat_none_as_default_value = false)]
pub struct ImportedUser {
    /// The number.
    pub id: UserSeq,
    /// The e-mail address as typed.
    pub email: Option<String>,
    /// The normalised e-mail address.
    pub email_normalized: Option<String>,
    /// The username as typed.
    pub username: Option<String>,
    /// The normalised username.
    pub username_normalized: Option<String>,
    /// The id in another system.
    pub external_id: Option<String>,
    /// The name.
    pub name: String,
    /// The normalised name.
    pub name_normalized: String,
    /// The role.
    pub role: Role,
    /// The password hash.
    pub password_hash: Option<String>,
    /// Whether the account may log in.
    pub is_active: bool,
    /// The time of the last login.
    pub last_login_at: Option<Timestamp>,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The time of the import.
    pub updated_at: Timestamp,
    /// The text that searches compare with.
    pub search_text: String,
    /// The claims of the account's own.
    pub claims: Option<AccountClaims>,
    /// Since when the e-mail address is verified, if it is.
    pub email_verified_at: Option<Timestamp>,
}

/// A client to insert, with its number.
#[derive(Insertable, Clone)]
#[diesel(table_name = client_users, treat_none_as_default_value = false)]
pub struct ImportedClient {
    /// The number.
    pub id: UserSeq,
    /// The username as typed.
    pub username: String,
    /// The normalised username.
    pub username_normalized: String,
    /// The id in another system.
    pub external_id: Option<String>,
    /// The name.
    pub name: String,
    /// The normalised name.
    pub name_normalized: String,
    /// The e-mail address for one-time codes.
    pub email: Option<String>,
    /// The normalised e-mail address.
    pub email_normalized: Option<String>,
    /// The phone number for one-time codes.
    pub phone: Option<String>,
    /// The password hash.
    pub password_hash: Option<String>,
    /// Whether the account may log in.
    pub is_active: bool,
    /// The time of the last login.
    pub last_login_at: Option<Timestamp>,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The time of the import.
    pub updated_at: Timestamp,
    /// The text that searches compare with.
    pub search_text: String,
    /// The claims of the account's own.
    pub claims: Option<AccountClaims>,
    /// Since when the e-mail address is verified, if it is.
    pub email_verified_at: Option<Timestamp>,
}

/// What an import wrote into an account.
#[derive(Insertable, Clone)]
#[diesel(table_name = imported_accounts, treat_none_as_default_value = false)]
pub struct ImportedFields {
    /// The user type of the account.
    pub user_type: UserType,
    /// The number of the account.
    pub user_seq: UserSeq,
    /// Which source the account came from.
    pub source: String,
    /// The fields, a JSON object.
    pub fields: String,
    /// The time of the import.
    pub imported_at: Timestamp,
}

insert_many! {
    /// Inserts users.
    insert_users, users, ImportedUser
}
insert_many! {
    /// Inserts clients.
    insert_clients, client_users, ImportedClient
}
insert_many! {
    /// Inserts what the import wrote into new accounts.
    insert_fields, imported_accounts, ImportedFields
}

/// Replaces what the last import wrote into an account.
pub fn update_fields(connection: &mut Db, new: &ImportedFields) -> Result<(), StoreError> {
    let row = imported_accounts::table.find((new.user_type, new.user_seq));
    diesel::update(row)
        .set((
            imported_accounts::fields.eq(&new.fields),
            imported_accounts::imported_at.eq(new.imported_at),
        ))
        .execute(connection)?;
    Ok(())
}

/// An account that was imported.
#[derive(Queryable, Selectable)]
#[diesel(table_name = imported_accounts)]
pub struct Imported {
    /// The number of the account.
    pub user_seq: UserSeq,
    /// Which source it came from.
    pub source: String,
    /// What the last import wrote, a JSON object.
    pub fields: String,
    /// Until when its tokens of Django are refused.
    pub tokens_not_before: Option<Timestamp>,
}

/// Those of these accounts that were imported.
pub fn find_imported(
    connection: &mut Db,
    user_type: UserType,
    ids: &[UserSeq],
) -> Result<Vec<Imported>, StoreError> {
    Ok(imported_accounts::table
        .filter(imported_accounts::user_type.eq(user_type))
        .filter(imported_accounts::user_seq.eq_any(ids.iter().copied()))
        .select(Imported::as_select())
        .load(connection)?)
}

/// Sets until when the tokens of Django of an account are refused.
pub fn set_tokens_not_before(
    connection: &mut Db,
    owner: Principal,
    at: Option<Timestamp>,
) -> Result<(), StoreError> {
    let row = imported_accounts::table.find((owner.user_type, owner.user_seq));
    diesel::update(row)
        .set(imported_accounts::tokens_not_before.eq(at))
        .execute(connection)?;
    Ok(())
}

/// All accounts that were imported.
pub fn all_imported(connection: &mut Db, user_type: UserType) -> Result<Vec<Imported>, StoreError> {
    Ok(imported_accounts::table
        .filter(imported_accounts::user_type.eq(user_type))
        .select(Imported::as_select())
        .load(connection)?)
}

/// The number of accounts that were imported from a source.
pub fn count_imported(
    connection: &mut Db,
    user_type: UserType,
    source: &str,
) -> Result<i64, StoreError> {
    Ok(imported_accounts::table
        .filter(imported_accounts::user_type.eq(user_type))
        .filter(imported_accounts::source.eq(source))
        .count()
        .get_result(connection)?)
}

/// Loads the rows whose column has one of the values. One query for each column: a condition on several columns, of which
/// one has no values, would read the whole table on SQLite.
macro_rules! load_any {
    ($connection:expr, $table:ident, { $($column:ident: $values:expr,)+ }) => {{
        let mut rows = Vec::new();
        $(
            if !$values.is_empty() {
                let found = $table::table.filter($table::$column.eq_any($values.to_vec()));
                rows.append(&mut found.load($connection)?);
            }
        )+
        Ok(rows)
    }};
}

/// The users with one of these numbers, external ids or normalised names to log in by, some more than once.
pub fn find_users(
    connection: &mut Db,
    ids: &[UserSeq],
    external_ids: &[String],
    logins: &[String],
) -> Result<Vec<UserRow>, StoreError> {
    load_any!(connection, users, {
        id: ids,
        external_id: external_ids,
        email_normalized: logins,
        username_normalized: logins,
    })
}

/// The clients with one of these numbers, external ids or normalised usernames, some more than once.
pub fn find_clients(
    connection: &mut Db,
    ids: &[UserSeq],
    external_ids: &[String],
    logins: &[String],
) -> Result<Vec<ClientRow>, StoreError> {
    load_any!(connection, client_users, {
        id: ids,
        external_id: external_ids,
        username_normalized: logins,
    })
}

/// Sets the time of the last login if it is later than the stored one.
pub fn set_last_login(
    connection: &mut Db,
    owner: Principal,
    at: Timestamp,
) -> Result<(), StoreError> {
    let statement = format!(
        "UPDATE {} SET last_login_at = $1 WHERE id = $2 AND (last_login_at IS NULL OR last_login_at < $1)",
        table(owner.user_type)
    );
    diesel::sql_query(statement)
        .bind::<diesel::sql_types::Timestamp, _>(at)
        .bind::<BigInt, _>(owner.user_seq)
        .execute(connection)?;
    Ok(())
}

/// Removes the password of an account.
pub fn remove_password(connection: &mut Db, owner: Principal) -> Result<(), StoreError> {
    let table = table(owner.user_type);
    diesel::sql_query(format!(
        "UPDATE {table} SET password_hash = NULL WHERE id = $1"
    ))
    .bind::<BigInt, _>(owner.user_seq)
    .execute(connection)?;
    Ok(())
}

fn table(user_type: UserType) -> &'static str {
    match user_type {
        UserType::User => "users",
        UserType::Client => "client_users",
    }
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Makes the numbers of accounts that are created from now on greater than `greatest`.
pub fn reserve(connection: &mut Db, user_type: UserType, greatest: i64) -> Result<(), StoreError> {
    let name = table(user_type);
    match connection {
        Db::Postgres(postgres) => {
            let sequence = format!("pg_get_serial_sequence('{name}', 'id')::regclass");
            diesel::sql_query(format!(
                "SELECT setval({sequence}, $1) WHERE COALESCE(pg_sequence_last_value({sequence}), 0) < $1"
            ))
            .bind::<BigInt, _>(greatest)
            .execute(postgres)?;
        }
        Db::Sqlite(sqlite) => {
            for statement in [
                // `$1` would be the parameter that is named first.
                "INSERT INTO sqlite_sequence (name, seq) SELECT ?1, 0 \
                 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?1) AND ?2 > 0",
                "UPDATE sqlite_sequence SET seq = MAX(seq, ?2) WHERE name = ?1",
            ] {
                diesel::sql_query(statement)
                    .bind::<Text, _>(name)
                    .bind::<BigInt, _>(greatest)
                    .execute(sqlite)?;
            }
        }
    }
    Ok(())
}

/// Takes this many numbers for new accounts.
pub fn take_numbers(
    connection: &mut Db,
    user_type: UserType,
    count: usize,
) -> Result<Vec<UserSeq>, StoreError> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let (name, count) = (table(user_type), i64::try_from(count).unwrap_or(i64::MAX));
    let statement = match connection {
        Db::Postgres(_) => format!(
            "SELECT nextval(pg_get_serial_sequence('{name}', 'id')) AS n FROM generate_series(1, $1)"
        ),
        Db::Sqlite(_) => format!(
            "WITH RECURSIVE taken (n, i) AS (\
             SELECT COALESCE((SELECT MAX(seq) FROM sqlite_sequence WHERE name = '{name}'), 0) + 1, 1 \
             UNION ALL SELECT n + 1, i + 1 FROM taken WHERE i < $1) SELECT n FROM taken"
        ),
    };
    let numbers: Vec<Number> = diesel::sql_query(statement)
        .bind::<BigInt, _>(count)
        .load(connection)?;
    let numbers: Vec<UserSeq> = numbers
        .iter()
        .filter_map(|row| UserSeq::new(row.n))
        .collect();
    if let (Db::Sqlite(_), Some(last)) = (&*connection, numbers.last()) {
        reserve(connection, user_type, last.get())?;
    }
    Ok(numbers)
}

/// The next accounts in the order of their numbers.
pub fn users_after(
    connection: &mut Db,
    after: i64,
    limit: i64,
) -> Result<Vec<UserRow>, StoreError> {
    Ok(users::table
        .filter(users::id.gt(after))
        .order(users::id)
        .limit(limit)
        .load(connection)?)
}

/// The next clients in the order of their numbers.
pub fn clients_after(
    connection: &mut Db,
    after: i64,
    limit: i64,
) -> Result<Vec<ClientRow>, StoreError> {
    Ok(client_users::table
        .filter(client_users::id.gt(after))
        .order(client_users::id)
        .limit(limit)
        .load(connection)?)
}
