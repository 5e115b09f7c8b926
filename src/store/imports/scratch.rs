//! What an import has read so far: a private SQLite database in a temporary file, which SQLite deletes when it is closed. So
//! the memory that an import needs does not grow with the number of accounts.

use std::collections::{HashMap, HashSet};

use aws_lc_rs::digest::{SHA256, digest};
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::{Connection, SqliteConnection, prelude::*};
use fastbloom::BloomFilter;

use crate::domain::principal::UserType;
use crate::store::error::StoreError;

use tables::{accounts, names};

mod tables {
    //! The tables of the scratch database.

    diesel::table! {
        names (position) {
            position -> BigInt,
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

/// At most 2 MiB of the database are in memory. `names` gets its index when a value is read again.
const TABLES: &str = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -2048; \
    CREATE TABLE names (position INTEGER PRIMARY KEY, hash INTEGER NOT NULL, row INTEGER NOT NULL, owner TEXT NOT NULL); \
    CREATE TABLE accounts (key TEXT PRIMARY KEY, user_seq INTEGER NOT NULL) WITHOUT ROWID";

/// The size of the filter, 16 MiB, and the number of values for which one value in a million is taken for one that was read
/// before. More values make the import slower.
const FILTER_BITS: usize = 1 << 27;
const FILTER_VALUES: usize = 4_000_000;

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
pub struct Scratch {
    connection: SqliteConnection,
    /// The hashes in `names`: inserting a value that was not read before needs no search, so that the table needs no index.
    taken: Option<BloomFilter>,
}

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
        Ok(Self {
            connection,
            taken: None,
        })
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
        let taken = self.taken.get_or_insert_with(|| {
            BloomFilter::with_num_bits(FILTER_BITS).expected_items(FILTER_VALUES)
        });
        let hashes: Vec<i64> = values
            .iter()
            .map(|(value, ..)| hash(user_type, value))
            .collect();
        let (mut rows, mut suspects) = (Vec::with_capacity(values.len()), Vec::new());
        let mut of_row = (0, HashSet::new());
        for ((_, owner, row), hash) in values.iter().zip(&hashes) {
            if of_row.0 != *row {
                of_row = (*row, HashSet::new());
            }
            // A username is often the e-mail address.
            if !of_row.1.insert(*hash) {
                continue;
            }
            if taken.insert_hash(hash.cast_unsigned()) {
                suspects.push(*hash);
            }
            rows.push(Name {
                hash: *hash,
                row: *row,
                owner: owner.clone(),
            });
        }
        insert_or_ignore!(&mut self.connection, names, rows);
        if suspects.is_empty() {
            return Ok(vec![None; values.len()]);
        }
        let owners = self.owners(&suspects)?;
        let values = values.iter().zip(&hashes);
        let other = |((_, _, row), hash): (&(String, String, i64), &i64)| {
            let (first, owner) = owners.get(hash)?;
            (first != row).then(|| owner.clone())
        };
        Ok(values.map(other).collect())
    }

    /// The first rows with these hashes, and their owners.
    fn owners(&mut self, hashes: &[i64]) -> Result<HashMap<i64, (i64, String)>, StoreError> {
        let index = "CREATE INDEX IF NOT EXISTS names_hash ON names (hash)";
        self.connection.batch_execute(index)?;
        let mut owners = HashMap::new();
        for chunk in hashes.chunks(1_000) {
            let found: Vec<(i64, i64, String)> = names::table
                .filter(names::hash.eq_any(chunk.iter().copied()))
                .order(names::position)
                .select((names::hash, names::row, names::owner))
                .load(&mut self.connection)?;
            for (hash, row, owner) in found {
                owners.entry(hash).or_insert((row, owner));
            }
        }
        Ok(owners)
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
        insert_or_ignore!(&mut self.connection, names, rows);
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
            .load(&mut self.connection)?;
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
        insert_or_ignore!(&mut self.connection, accounts, rows);
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
            .load(&mut self.connection)?;
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
