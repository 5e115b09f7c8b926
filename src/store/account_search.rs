//! Finding accounts by a typed text, within a bounded time at any number of accounts: by indexes only, a few accounts at
//! most, without a count. The lists of accounts search in another way (see [`pagination`](crate::store::pagination)).

use diesel::{QueryableByName, RunQueryDsl, sql_types};

use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::text::normalised;
use crate::store::account_list::{Table, table};
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::pagination::filter::load_count;
use crate::store::pagination::statement::Sql;

/// How many of the newest rows are examined first on Postgres: a text that is frequent among them is not searched by the
/// trigram index, which would collect all of its rows.
const NEWEST: i64 = 500;

/// An account that was found.
#[derive(QueryableByName, Clone, Debug)]
pub struct AccountHit {
    /// The id.
    #[diesel(sql_type = sql_types::BigInt)]
    pub id: UserSeq,
    /// The e-mail address or the username.
    #[diesel(sql_type = sql_types::Text)]
    pub login: String,
    /// The name.
    #[diesel(sql_type = sql_types::Text)]
    pub name: String,
    /// Whether it may log in.
    #[diesel(sql_type = sql_types::Bool)]
    pub is_active: bool,
    /// The column that was searched, in its normalised form.
    #[diesel(sql_type = sql_types::Text)]
    searched: String,
}

impl AccountHit {
    /// The account.
    #[must_use]
    pub fn principal(&self, user_type: UserType) -> Principal {
        Principal::new(user_type, self.id)
    }
}

/// The accounts of a population that match a text, at most `limit`: the one with this username or external id, those whose
/// login name or name begins with the text, and those that contain it, if it has at least three characters.
pub fn find(
    connection: &mut Db,
    user_type: UserType,
    typed: &str,
    limit: usize,
) -> Result<Vec<AccountHit>, StoreError> {
    let search = Search {
        table: table(user_type),
        prefix: normalised(typed),
        limit,
    };
    if search.prefix.is_empty() {
        return Ok(Vec::new());
    }
    let mut hits = search.exact(connection, typed)?;
    for column in [search.table.login, "name_normalized"] {
        search.add(&mut hits, search.beginning(connection, column)?);
    }
    if hits.len() < limit {
        search.add(&mut hits, search.containing(connection, typed)?);
    }
    Ok(hits)
}

/// Whether an account exists.
pub fn exists(connection: &mut Db, principal: Principal) -> Result<bool, StoreError> {
    let mut sql = Sql::new("SELECT COUNT(*) AS n FROM ");
    sql.push(table(principal.user_type).name)
        .push_with(" WHERE id = ?", [principal.user_seq.get().into()]);
    Ok(load_count(connection, sql)? > 0)
}

struct Search {
    table: &'static Table,
    prefix: String,
    limit: usize,
}

impl Search {
    fn add(&self, hits: &mut Vec<AccountHit>, more: Vec<AccountHit>) {
        for hit in more {
            if hits.len() < self.limit && hits.iter().all(|other| other.id != hit.id) {
                hits.push(hit);
            }
        }
    }

    fn limit(&self) -> i64 {
        i64::try_from(self.limit).unwrap_or(i64::MAX)
    }

    /// `SELECT` of a hit, with a searched column.
    fn select(&self, searched: &str) -> Sql {
        let login = self.table.shown_login;
        Sql::new(&format!(
            "SELECT id, {login} AS login, name, is_active, {searched} AS searched FROM "
        ))
    }

    fn exact(&self, connection: &mut Db, typed: &str) -> Result<Vec<AccountHit>, StoreError> {
        let mut sql = self.select("''");
        sql.push(self.table.name).push_with(
            " WHERE username_normalized = ? OR external_id = ? ORDER BY id LIMIT 2",
            [self.prefix.as_str().into(), typed.trim().into()],
        );
        Ok(sql.query().load(connection)?)
    }

    /// The accounts whose column begins with the text. Both databases read the index of the column from there on.
    fn beginning(&self, connection: &mut Db, column: &str) -> Result<Vec<AccountHit>, StoreError> {
        let mut sql = self.select(column);
        sql.push(self.table.name).push_with(
            &format!(" WHERE {column} >= ? ORDER BY {column}, id LIMIT ?"),
            [self.prefix.as_str().into(), self.limit().into()],
        );
        let mut hits: Vec<AccountHit> = sql.query().load(connection)?;
        hits.retain(|hit| hit.searched.starts_with(&self.prefix));
        Ok(hits)
    }

    fn containing(&self, connection: &mut Db, typed: &str) -> Result<Vec<AccountHit>, StoreError> {
        let limit = self.limit();
        let Some(found) = self.table.search.first(connection, typed, NEWEST, limit)? else {
            return Ok(Vec::new());
        };
        let mut sql = self.select("''");
        sql.push(self.table.name).push(" WHERE id IN (0");
        for id in found {
            sql.push(", ").bind(id);
        }
        sql.push(") ORDER BY id DESC");
        Ok(sql.query().load(connection)?)
    }
}
