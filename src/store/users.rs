//! The table of internal users: its row, what is inserted and changed, and its queries.

use diesel::prelude::*;

use crate::{
    clock::Timestamp,
    domain::{
        account::{Account, Role},
        paging::{Order, Page},
        principal::UserSeq,
    },
    store::{
        engine::connection::{Db, MultiBackend},
        error::StoreError,
        pagination::search,
        schema::users,
    },
};

/// A row. It holds the password's hash, so it is neither shown nor serialised.
#[derive(Queryable, QueryableByName, Clone)]
#[diesel(table_name = users)]
pub struct UserRow {
    /// The number within this population.
    pub id: UserSeq,
    /// The address as typed.
    pub email: String,
    /// The address as compared.
    pub email_normalized: String,
    /// What the user is called.
    pub name: String,
    /// The name as searched.
    pub name_normalized: String,
    /// What the user may do.
    pub role: Role,
    /// The password's hash; none: no log-in by password.
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

impl UserRow {
    /// What tokens and answers tell of this user.
    #[must_use]
    pub fn account(&self) -> Account {
        let (email, name) = (self.email.clone(), self.name.clone());
        Account::user(self.id, email, name, self.role, self.is_active)
    }
}

/// What a new row is made of.
#[derive(Insertable, Clone)]
#[diesel(table_name = users)]
pub struct NewUser {
    /// The address as typed.
    pub email: String,
    /// The address as compared.
    pub email_normalized: String,
    /// What the user is called.
    pub name: String,
    /// The name as searched.
    pub name_normalized: String,
    /// What the user may do.
    pub role: Role,
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

/// What is changed of a row; `None` leaves a column as it is.
#[derive(AsChangeset, Clone)]
#[diesel(table_name = users)]
pub struct UserChanges {
    /// The address as typed.
    pub email: Option<String>,
    /// The address as compared.
    pub email_normalized: Option<String>,
    /// What the user is called.
    pub name: Option<String>,
    /// The name as searched.
    pub name_normalized: Option<String>,
    /// What the user may do.
    pub role: Option<Role>,
    /// The password's hash.
    pub password_hash: Option<String>,
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
pub enum UserColumn {
    UserSeq,
    Email,
    Name,
    Role,
    IsActive,
    LastLoginAt,
    CreatedAt,
    UpdatedAt,
}

/// Which users a list holds, and in which order.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// A part of the address or the name.
    pub search: Option<String>,
    /// Only this role.
    pub role: Option<Role>,
    /// Only active, or only inactive ones.
    pub is_active: Option<bool>,
    /// The order; the number decides between equals, and alone where nothing is said.
    pub order: Vec<Order<UserColumn>>,
}

/// The user of this number.
pub fn find_by_id(connection: &mut Db, id: UserSeq) -> Result<Option<UserRow>, StoreError> {
    Ok(users::table.find(id).get_result(connection).optional()?)
}

/// The user of this number, its row locked until the transaction ends.
pub fn lock(connection: &mut Db, id: UserSeq) -> Result<Option<UserRow>, StoreError> {
    let row = users::table.find(id);
    Ok(match connection {
        Db::Postgres(postgres) => row.for_update().get_result(postgres).optional()?,
        // SQLite's writer holds the only write lock already.
        Db::Sqlite(sqlite) => row.get_result(sqlite).optional()?,
    })
}

/// The user of this normalised address.
pub fn find_by_email(connection: &mut Db, normalised: &str) -> Result<Option<UserRow>, StoreError> {
    Ok(users::table
        .filter(users::email_normalized.eq(normalised))
        .get_result(connection)
        .optional()?)
}

/// Inserts a row; [`StoreError::Conflict`] on `email_normalized` when the address is taken.
pub fn insert(connection: &mut Db, new: &NewUser) -> Result<UserRow, StoreError> {
    Ok(diesel::insert_into(users::table)
        .values(new)
        .returning(users::all_columns)
        .get_result(connection)?)
}

/// Changes a row and gives it as it is then; `None` when there is no such user.
pub fn update(
    connection: &mut Db,
    id: UserSeq,
    changes: &UserChanges,
) -> Result<Option<UserRow>, StoreError> {
    Ok(diesel::update(users::table.find(id))
        .set(changes)
        .returning(users::all_columns)
        .get_result(connection)
        .optional()?)
}

/// Deletes a row; whether it was I.
pub fn delete(connection: &mut Db, id: UserSeq) -> Result<bool, StoreError> {
    Ok(diesel::delete(users::table.find(id)).execute(connection)? == 1)
}

/// Notes a log-in by the password whose hash was `hash`, if the account is still active and the password still the same;
/// whether that was so. The row is locked by it, so that a deactivation running beside is seen, or waits.
pub fn note_login(
    connection: &mut Db,
    id: UserSeq,
    hash: &str,
    last_login_at: Option<Timestamp>,
) -> Result<bool, StoreError> {
    let row = users::table
        .find(id)
        .filter(users::is_active.eq(true))
        .filter(users::password_hash.eq(hash));
    let changed = match last_login_at {
        Some(now) => diesel::update(row)
            .set(users::last_login_at.eq(now))
            .execute(connection)?,
        None => diesel::update(row)
            .set(users::last_login_at.eq(users::last_login_at))
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
    let row = users::table.find(id).filter(users::password_hash.eq(old));
    Ok(diesel::update(row)
        .set(users::password_hash.eq(new))
        .execute(connection)?
        == 1)
}

/// Whether any administrator exists who may log in.
pub fn any_active_admin(connection: &mut Db) -> Result<bool, StoreError> {
    let admins = users::table
        .filter(users::role.eq(Role::Admin))
        .filter(users::is_active.eq(true));
    Ok(diesel::select(diesel::dsl::exists(admins)).get_result(connection)?)
}

/// Whether nobody but this user is an administrator who may log in.
pub fn is_only_active_admin(connection: &mut Db, id: UserSeq) -> Result<bool, StoreError> {
    let others = users::table
        .filter(users::role.eq(Role::Admin))
        .filter(users::is_active.eq(true))
        .filter(users::id.ne(id));
    Ok(!diesel::select(diesel::dsl::exists(others)).get_result::<bool>(connection)?)
}

/// The active administrators, locked until the transaction ends, so that two changes cannot each take the other's last.
pub fn lock_active_admins(connection: &mut Db) -> Result<Vec<UserSeq>, StoreError> {
    let admins = users::table
        .filter(users::role.eq(Role::Admin))
        .filter(users::is_active.eq(true))
        .order(users::id)
        .select(users::id);
    Ok(match connection {
        Db::Postgres(postgres) => admins.for_update().load(postgres)?,
        // SQLite's writer holds the only write lock already.
        Db::Sqlite(sqlite) => admins.load(sqlite)?,
    })
}

/// How many users the filter holds.
pub fn count(connection: &mut Db, filter: &UserFilter) -> Result<i64, StoreError> {
    Ok(filtered(filter).count().get_result(connection)?)
}

/// A page of the users that the filter holds.
pub fn list(
    connection: &mut Db,
    filter: &UserFilter,
    page: Page,
) -> Result<Vec<UserRow>, StoreError> {
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
            UserColumn::UserSeq => by!(users::id),
            UserColumn::Email => by!(users::email_normalized),
            UserColumn::Name => by!(users::name_normalized),
            UserColumn::Role => by!(users::role),
            UserColumn::IsActive => by!(users::is_active),
            // The two databases disagree on where NULL stands: here it is last in either direction.
            UserColumn::LastLoginAt => {
                query = query.then_order_by(users::last_login_at.is_null().asc());
                by!(users::last_login_at)
            }
            UserColumn::CreatedAt => by!(users::created_at),
            UserColumn::UpdatedAt => by!(users::updated_at),
        };
    }
    Ok(query
        .then_order_by(users::id.asc())
        .limit(page.size())
        .offset(page.offset())
        .load(connection)?)
}

fn filtered(filter: &UserFilter) -> users::BoxedQuery<'static, MultiBackend> {
    let mut query = users::table.into_boxed::<MultiBackend>();
    if let Some(search) = &filter.search {
        let pattern = search::pattern(search);
        query = query.filter(
            users::email_normalized
                .like(pattern.clone())
                .escape(search::ESCAPE)
                .or(users::name_normalized.like(pattern).escape(search::ESCAPE)),
        );
    }
    if let Some(role) = filter.role {
        query = query.filter(users::role.eq(role));
    }
    if let Some(is_active) = filter.is_active {
        query = query.filter(users::is_active.eq(is_active));
    }
    query
}
