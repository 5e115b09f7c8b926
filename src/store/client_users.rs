//! The table of external clients: its row, what is inserted and changed, and its queries.

use diesel::{dsl::max, prelude::*};

use crate::{
    clock::Timestamp,
    domain::{
        account::Account,
        paging::{Order, Page},
        principal::UserSeq,
    },
    store::{
        engine::connection::{Db, MultiBackend},
        error::StoreError,
        pagination::search,
        schema::client_users,
    },
};

/// A row. It may hold a password's hash, so it is neither shown nor serialised.
#[derive(Queryable, QueryableByName, Clone)]
#[diesel(table_name = client_users)]
pub struct ClientRow {
    /// The number within this population.
    pub id: UserSeq,
    /// The username as typed.
    pub username: String,
    /// The username as compared.
    pub username_normalized: String,
    /// What the client is called.
    pub name: String,
    /// The name as searched.
    pub name_normalized: String,
    /// Where codes go by mail.
    pub email: Option<String>,
    /// The address as searched.
    pub email_normalized: Option<String>,
    /// Where codes go by telephone.
    pub phone: Option<String>,
    /// The password's hash; none: log-in by one-time code only.
    pub password_hash: Option<String>,
    /// Whether the account may log in.
    pub is_active: bool,
    /// The last log-in.
    pub last_login_at: Option<Timestamp>,
    /// When the row was made.
    pub created_at: Timestamp,
    /// When the row was last changed by somebody.
    pub updated_at: Timestamp,
    /// What it is searched by.
    pub search_text: Option<String>,
}

impl ClientRow {
    /// What tokens and answers tell of this client.
    #[must_use]
    pub fn account(&self) -> Account {
        let (username, name) = (self.username.clone(), self.name.clone());
        Account::client(self.id, username, name, self.email.clone(), self.is_active)
    }
}

/// What a new row is made of.
#[derive(Insertable, Clone)]
#[diesel(table_name = client_users)]
pub struct NewClient {
    /// The username as typed.
    pub username: String,
    /// The username as compared.
    pub username_normalized: String,
    /// What the client is called.
    pub name: String,
    /// The name as searched.
    pub name_normalized: String,
    /// Where codes go by mail.
    pub email: Option<String>,
    /// The address as searched.
    pub email_normalized: Option<String>,
    /// Where codes go by telephone.
    pub phone: Option<String>,
    /// The password's hash.
    pub password_hash: Option<String>,
    /// Whether the account may log in.
    pub is_active: bool,
    /// When the row is made.
    pub created_at: Timestamp,
    /// The same.
    pub updated_at: Timestamp,
    /// What it is searched by.
    pub search_text: String,
}

/// What is changed of a row; `None` leaves a column as it is, an inner `None` empties it.
#[derive(AsChangeset, Clone)]
#[diesel(table_name = client_users)]
pub struct ClientChanges {
    /// The username as typed.
    pub username: Option<String>,
    /// The username as compared.
    pub username_normalized: Option<String>,
    /// What the client is called.
    pub name: Option<String>,
    /// The name as searched.
    pub name_normalized: Option<String>,
    /// Where codes go by mail.
    pub email: Option<Option<String>>,
    /// The address as searched.
    pub email_normalized: Option<Option<String>>,
    /// Where codes go by telephone.
    pub phone: Option<Option<String>>,
    /// The password's hash.
    pub password_hash: Option<Option<String>>,
    /// Whether the account may log in.
    pub is_active: Option<bool>,
    /// When this change is made.
    pub updated_at: Timestamp,
    /// What it is searched by.
    pub search_text: Option<String>,
}

/// A column that lists are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the column of its name")]
pub enum ClientColumn {
    UserSeq,
    Username,
    Name,
    Email,
    IsActive,
    LastLoginAt,
    CreatedAt,
    UpdatedAt,
}

/// Which clients a list holds, and in which order.
#[derive(Clone, Debug, Default)]
pub struct ClientFilter {
    /// A part of the username, the name, the address or the telephone number.
    pub search: Option<String>,
    /// Only active, or only inactive ones.
    pub is_active: Option<bool>,
    /// The order; the number decides between equals, and alone where nothing is said.
    pub order: Vec<Order<ClientColumn>>,
}

/// The client of this number.
pub fn find_by_id(connection: &mut Db, id: UserSeq) -> Result<Option<ClientRow>, StoreError> {
    Ok(client_users::table
        .find(id)
        .get_result(connection)
        .optional()?)
}

/// The client of this number, its row locked until the transaction ends.
pub fn lock(connection: &mut Db, id: UserSeq) -> Result<Option<ClientRow>, StoreError> {
    let row = client_users::table.find(id);
    Ok(match connection {
        Db::Postgres(postgres) => row.for_update().get_result(postgres).optional()?,
        // SQLite's writer holds the only write lock already.
        Db::Sqlite(sqlite) => row.get_result(sqlite).optional()?,
    })
}

/// The client of this normalised username.
pub fn find_by_username(
    connection: &mut Db,
    normalised: &str,
) -> Result<Option<ClientRow>, StoreError> {
    Ok(client_users::table
        .filter(client_users::username_normalized.eq(normalised))
        .get_result(connection)
        .optional()?)
}

/// Where an active client's codes go.
#[derive(Clone)]
pub struct Recipient {
    /// The number within this population.
    pub id: UserSeq,
    /// The username as typed when the account was made.
    pub username: String,
    /// Where codes go by mail.
    pub email: Option<String>,
    /// Where codes go by telephone.
    pub phone: Option<String>,
}

/// The active client of this normalised username, as far as a code's delivery needs it.
///
/// The name is unique, so the greatest of each column is the row's own; and the database gives one row whether there is
/// such a client or not, so that reading it takes the same time.
pub fn find_recipient(
    connection: &mut Db,
    normalised: &str,
) -> Result<Option<Recipient>, StoreError> {
    type Found = (
        Option<UserSeq>,
        Option<String>,
        Option<String>,
        Option<String>,
    );
    let (id, username, email, phone): Found = client_users::table
        .filter(client_users::username_normalized.eq(normalised))
        .filter(client_users::is_active.eq(true))
        .select((
            max(client_users::id),
            max(client_users::username),
            max(client_users::email),
            max(client_users::phone),
        ))
        .get_result(connection)?;
    Ok(id.zip(username).map(|(id, username)| Recipient {
        id,
        username,
        email,
        phone,
    }))
}

/// Inserts a row; [`StoreError::Conflict`] on `username_normalized` when the name is taken.
pub fn insert(connection: &mut Db, new: &NewClient) -> Result<ClientRow, StoreError> {
    Ok(diesel::insert_into(client_users::table)
        .values(new)
        .returning(client_users::all_columns)
        .get_result(connection)?)
}

/// Changes a row and gives it as it is then; `None` when there is no such client.
pub fn update(
    connection: &mut Db,
    id: UserSeq,
    changes: &ClientChanges,
) -> Result<Option<ClientRow>, StoreError> {
    Ok(diesel::update(client_users::table.find(id))
        .set(changes)
        .returning(client_users::all_columns)
        .get_result(connection)
        .optional()?)
}

/// Deletes a row; whether it was I.
pub fn delete(connection: &mut Db, id: UserSeq) -> Result<bool, StoreError> {
    Ok(diesel::delete(client_users::table.find(id)).execute(connection)? == 1)
}

/// Notes a log-in, if the account is still active and (where the log-in was by password) its hash is still `hash`;
/// whether that was so. The row is locked by it, so that a deactivation running beside is seen, or waits.
pub fn note_login(
    connection: &mut Db,
    id: UserSeq,
    hash: Option<&str>,
    last_login_at: Option<Timestamp>,
) -> Result<bool, StoreError> {
    let mut update = diesel::update(client_users::table.find(id)).into_boxed::<MultiBackend>();
    update = update.filter(client_users::is_active.eq(true));
    if let Some(hash) = hash {
        update = update.filter(client_users::password_hash.eq(hash.to_owned()));
    }
    let changed = match last_login_at {
        Some(now) => update
            .set(client_users::last_login_at.eq(now))
            .execute(connection)?,
        None => update
            .set(client_users::last_login_at.eq(client_users::last_login_at))
            .execute(connection)?,
    };
    Ok(changed == 1)
}

/// Puts a stronger hash of the same password in the place of `old`; whether it still stood there.
pub fn replace_hash(
    connection: &mut Db,
    id: UserSeq,
    old: &str,
    new: &str,
) -> Result<bool, StoreError> {
    let row = client_users::table
        .find(id)
        .filter(client_users::password_hash.eq(old));
    Ok(diesel::update(row)
        .set(client_users::password_hash.eq(new))
        .execute(connection)?
        == 1)
}

/// How many clients the filter holds.
pub fn count(connection: &mut Db, filter: &ClientFilter) -> Result<i64, StoreError> {
    Ok(filtered(filter).count().get_result(connection)?)
}

/// A page of the clients that the filter holds.
pub fn list(
    connection: &mut Db,
    filter: &ClientFilter,
    page: Page,
) -> Result<Vec<ClientRow>, StoreError> {
    let mut query = filtered(filter);
    for Order { column, descending } in &filter.order {
        macro_rules! by {
            ($column:expr) => {
                if *descending {
                    query.then_order_by($column.desc())
                } else {
                    query.then_order_by($column.asc())
                }
            };
        }
        query = match column {
            ClientColumn::UserSeq => by!(client_users::id),
            ClientColumn::Username => by!(client_users::username_normalized),
            ClientColumn::Name => by!(client_users::name_normalized),
            // The two databases disagree on where NULL stands: here it is last in either direction.
            ClientColumn::Email => {
                query = query.then_order_by(client_users::email_normalized.is_null().asc());
                by!(client_users::email_normalized)
            }
            ClientColumn::IsActive => by!(client_users::is_active),
            ClientColumn::LastLoginAt => {
                query = query.then_order_by(client_users::last_login_at.is_null().asc());
                by!(client_users::last_login_at)
            }
            ClientColumn::CreatedAt => by!(client_users::created_at),
            ClientColumn::UpdatedAt => by!(client_users::updated_at),
        };
    }
    Ok(query
        .then_order_by(client_users::id.asc())
        .limit(page.size())
        .offset(page.offset())
        .load(connection)?)
}

fn filtered(filter: &ClientFilter) -> client_users::BoxedQuery<'static, MultiBackend> {
    let mut query = client_users::table.into_boxed::<MultiBackend>();
    if let Some(search) = &filter.search {
        let pattern = search::pattern(search);
        query = query.filter(
            client_users::username_normalized
                .like(pattern.clone())
                .escape(search::ESCAPE)
                .or(client_users::name_normalized
                    .like(pattern.clone())
                    .escape(search::ESCAPE))
                .or(search::or_empty(client_users::email_normalized, "")
                    .like(pattern.clone())
                    .escape(search::ESCAPE))
                .or(search::or_empty(client_users::phone, "")
                    .like(pattern)
                    .escape(search::ESCAPE)),
        );
    }
    if let Some(is_active) = filter.is_active {
        query = query.filter(client_users::is_active.eq(is_active));
    }
    query
}
