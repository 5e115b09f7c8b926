//! What an import has read so far: a private SQLite database in a temporary file, which SQLite deletes when it is closed. So
//! the memory that an import needs does not grow with the number of accounts.

use std::collections::{HashMap, HashSet};

use aws_lc_rs::digest::{SHA256, digest};
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::{Connection, SqliteConnection, prelude::*};

use crate::domain::principal::UserType;
use crate::store::error::StoreError;

use tables::{accounts, names};

mod tables {
    //! The tables of the scratch database.

    diesel::table! {
        names (hash) {
            hash -> BigInt,
            row -> BigInt,
            owner -> Text,
        }
    }

    diesel::table! {
        accounts (key) {
            key -> Text,
            user_seq -> BigInt,
        }
    }
}

/// At most 12 MiB of the database are in memory.
const TABLES: &str = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -12288; \
    CREATE TABLE names (hash INTEGER PRIMARY KEY, row INTEGER NOT NULL, owner TEXT NOT NULL); \
    CREATE TABLE accounts (key TEXT PRIMARY KEY, user_seq INTEGER NOT NULL) WITHOUT ROWID";

/// The number of rows of a statement, which is prepared once.
const ROWS: usize = 64;

#[derive(Insertable, Clone)]
#[diesel(table_name = names, treat_none_as_default_value = false)]
struct Name {
    hash: i64,
    row: i64,
    owner: String,
}

#[derive(Insertable, Clone)]
#[diesel(table_name = accounts, treat_none_as_default_value = false)]
struct Known {
    key: String,
    user_seq: i64,
}

/// The database.
pub struct Scratch(SqliteConnection);

/// Inserts rows that are not there yet; returns how many there were not.
macro_rules! insert_or_ignore {
    ($connection:expr, $table:ident, $rows:expr) => {{
        let mut inserted = 0;
        for chunk in $rows.chunks(ROWS) {
            let insert = diesel::insert_or_ignore_into($table::table);
            inserted += match <&[_; ROWS]>::try_from(chunk) {
                Ok(full) => insert.values(full).execute($connection)?,
                Err(_) => insert.values(chunk).execute($connection)?,
            };
        }
        inserted
    }};
}

impl Scratch {
    /// A new, empty database.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when no temporary file can be made.
    pub fn open() -> Result<Self, StoreError> {
        // A database without a name is a temporary file.
        let mut connection = SqliteConnection::establish("").map_err(StoreError::unavailable)?;
        connection.batch_execute(TABLES)?;
        AnsiTransactionManager::begin_transaction(&mut connection)?;
        Ok(Self(connection))
    }

    /// Takes unique values for their owners and the rows of these, in this order. Returns for each value the owner in another
    /// row that has taken it before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn take(
        &mut self,
        user_type: UserType,
        values: &[(String, String, i64)],
    ) -> Result<Vec<Option<String>>, StoreError> {
        let rows: Vec<Name> = values
            .iter()
            .map(|(value, owner, row)| Name {
                hash: hash(user_type, value),
                row: *row,
                owner: owner.clone(),
            })
            .collect();
        // The order of the table, in which inserting is faster. Equal values stay in the given order.
        let mut sorted = rows.clone();
        sorted.sort_by_key(|row| row.hash);
        if insert_or_ignore!(&mut self.0, names, sorted) == rows.len() {
            return Ok(vec![None; rows.len()]);
        }
        let mut owners = HashMap::new();
        for chunk in rows.chunks(1_000) {
            let hashes = chunk.iter().map(|row| row.hash);
            let found: Vec<(i64, i64, String)> = names::table
                .filter(names::hash.eq_any(hashes))
                .load(&mut self.0)?;
            let found = found.into_iter();
            owners.extend(found.map(|(hash, row, owner)| (hash, (row, owner))));
        }
        let other = |new: &Name| {
            let (row, owner) = owners.get(&new.hash)?;
            (*row != new.row).then(|| owner.clone())
        };
        Ok(rows.iter().map(other).collect())
    }

    /// Remembers names that accounts give up.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn give_up(&mut self, user_type: UserType, logins: &[&str]) -> Result<(), StoreError> {
        let rows: Vec<Name> = logins
            .iter()
            .map(|login| Name {
                hash: given_up(user_type, login),
                row: 0,
                owner: String::new(),
            })
            .collect();
        insert_or_ignore!(&mut self.0, names, rows);
        Ok(())
    }

    /// Those of these names that accounts give up.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn find_given_up<'a>(
        &mut self,
        user_type: UserType,
        logins: &[&'a str],
    ) -> Result<Vec<&'a str>, StoreError> {
        let hashes = logins.iter().map(|login| given_up(user_type, login));
        let found: Vec<i64> = names::table
            .filter(names::hash.eq_any(hashes))
            .select(names::hash)
            .load(&mut self.0)?;
        let found: HashSet<i64> = found.into_iter().collect();
        let logins = logins.iter().copied();
        let is_found = |login: &&str| found.contains(&given_up(user_type, login));
        Ok(logins.filter(is_found).collect())
    }

    /// Remembers the numbers of accounts by their keys in the source.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remember(
        &mut self,
        user_type: UserType,
        numbers: &[(&str, i64)],
    ) -> Result<(), StoreError> {
        let rows: Vec<Known> = numbers
            .iter()
            .map(|(key, user_seq)| Known {
                key: typed(user_type, key),
                user_seq: *user_seq,
            })
            .collect();
        insert_or_ignore!(&mut self.0, accounts, rows);
        Ok(())
    }

    /// The numbers of the accounts with these keys, in this order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn find(
        &mut self,
        user_type: UserType,
        keys: &[&str],
    ) -> Result<Vec<Option<i64>>, StoreError> {
        let keys: Vec<String> = keys.iter().map(|key| typed(user_type, key)).collect();
        let found: Vec<(String, i64)> = accounts::table
            .filter(accounts::key.eq_any(&keys))
            .load(&mut self.0)?;
        let numbers: HashMap<String, i64> = found.into_iter().collect();
        Ok(keys.iter().map(|key| numbers.get(key).copied()).collect())
    }
}

fn given_up(user_type: UserType, login: &str) -> i64 {
    hash(user_type, &format!("given up {login}"))
}

fn typed(user_type: UserType, text: &str) -> String {
    format!("{user_type} {text}")
}

/// Values that have the same hash by chance would be taken for the same value: with a million accounts the probability is
/// less than one in ten million.
fn hash(user_type: UserType, value: &str) -> i64 {
    let digest = digest(&SHA256, typed(user_type, value).as_bytes());
    let first = digest.as_ref().iter().take(8);
    first.fold(0_i64, |hash, byte| (hash << 8) | i64::from(*byte))
}
