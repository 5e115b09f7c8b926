//! The database of another program, read in one snapshot: everything that is read is of the time of the first read.

use diesel::{
    QueryableByName, RunQueryDsl,
    backend::Backend,
    connection::SimpleConnection,
    deserialize::{self, FromSql},
    row::NamedRow,
    sql_types::{BigInt, Nullable, Text},
};

use crate::clock::Timestamp;
use crate::domain::import::{ImportField, SourceAccount, SourceToken};
use crate::store::engine::connection::{Db, Target};
use crate::store::error::StoreError;
use crate::store::imports::catalogue::{self, Table, quoted};

/// How many rows are read at once.
const BATCH: usize = 2_000;

/// A connection that cannot write, in a transaction with one snapshot. It ends when this value is dropped.
pub struct Source {
    connection: Db,
}

impl Source {
    /// Opens the database and its snapshot. `None` if the SQLite file does not exist; none is created.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it cannot be reached.
    pub fn open(target: &Target) -> Result<Option<Self>, StoreError> {
        let opened = match target {
            // The transaction is read-only: a setting of the connection would stay with a pooler.
            Target::Postgres { .. } => target.connect().map(Some),
            Target::Sqlite { .. } => target.open_read_only(),
        };
        let Some(mut connection) = opened.map_err(StoreError::unavailable)? else {
            return Ok(None);
        };
        let begin = match &connection {
            // The texts of times depend on these settings. All rows are read, so a plan that gives the first ones early is slow.
            Db::Postgres(_) => {
                "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL TIME ZONE 'UTC'; \
                 SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL cursor_tuple_fraction = 1; \
                 SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0"
            }
            // A transaction of SQLite gets its snapshot with its first read.
            Db::Sqlite(_) => "BEGIN; SELECT COUNT(*) FROM sqlite_master",
        };
        connection.batch_execute(begin)?;
        Ok(Some(Self { connection }))
    }

    /// Whether it is SQLite, which has no type for UUIDs.
    #[must_use]
    pub fn is_sqlite(&self) -> bool {
        matches!(self.connection, Db::Sqlite(_))
    }

    /// The names of all tables.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn tables(&mut self) -> Result<Vec<String>, StoreError> {
        catalogue::tables(&mut self.connection)
    }

    /// A table; `None` if there is none of this name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn table(&mut self, name: &str) -> Result<Option<Table>, StoreError> {
        catalogue::table(&mut self.connection, name)
    }

    /// The table that a column references.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn referenced_table(
        &mut self,
        table: &str,
        column: &str,
    ) -> Result<Option<String>, StoreError> {
        catalogue::referenced_table(&mut self.connection, table, column)
    }

    /// Begins to read the accounts of a table, in the order of their keys. `columns` are the columns of the fields.
    ///
    /// # Errors
    /// [`StoreError::Query`], for example when a column does not exist.
    pub fn scan_accounts(
        &mut self,
        table: &Table,
        columns: &[(ImportField, String)],
    ) -> Result<Scan, StoreError> {
        let column = |field: &ImportField| {
            let found = columns.iter().find(|(of, _)| of == field);
            found.map_or("NULL".to_owned(), |(_, name)| quoted(name))
        };
        let values: Vec<String> = ImportField::ALL
            .iter()
            .map(|field| format!("CAST({} AS TEXT) AS {field}", column(field)))
            .collect();
        let (values, name) = (values.join(", "), quoted(&table.name));
        let (key, order) = match &self.connection {
            // With its table: the name alone would be that of the text in the result.
            Db::Postgres(_) => ("", format!("{name}.{}", column(&ImportField::Id))),
            Db::Sqlite(_) => (", CAST(rowid AS TEXT) AS position", "rowid".to_owned()),
        };
        let select = format!("SELECT {values}{key} FROM {name}");
        self.scan(&select, "TRUE", &order, &i64::MIN.to_string())
    }

    /// Begins to read the tokens that expire `after` a time, or all, in the order of their ids. The tokens themselves only
    /// `with_token`.
    ///
    /// # Errors
    /// As [`Source::scan_accounts`].
    pub fn scan_tokens(
        &mut self,
        after: Option<Timestamp>,
        with_token: bool,
    ) -> Result<Scan, StoreError> {
        let condition = expiring(after);
        // By their bytes: new rows are then inserted in the order of the index.
        let order = match &self.connection {
            Db::Postgres(_) => "t.jti COLLATE \"C\"",
            Db::Sqlite(_) => "t.jti",
        };
        let token = if with_token {
            "t.token"
        } else {
            "CAST(NULL AS TEXT)"
        };
        let select = format!(
            "SELECT t.jti AS position, CAST(t.user_id AS TEXT) AS owner, CAST(t.expires_at AS TEXT) AS expires_at, \
             CAST(b.blacklisted_at AS TEXT) AS blacklisted_at, {token} AS token FROM token_blacklist_outstandingtoken t \
             LEFT JOIN token_blacklist_blacklistedtoken b ON b.token_id = t.id"
        );
        self.scan(&select, &condition, order, "")
    }

    /// The number of rows of a table.
    ///
    /// # Errors
    /// [`StoreError::Query`].
    pub fn count(&mut self, table: &str) -> Result<u64, StoreError> {
        self.number(&format!("SELECT COUNT(*) AS n FROM {}", quoted(table)))
    }

    /// The number of tokens that expire `after` a time, or of all.
    ///
    /// # Errors
    /// [`StoreError::Query`].
    pub fn count_tokens(&mut self, after: Option<Timestamp>) -> Result<u64, StoreError> {
        let condition = expiring(after);
        self.number(&format!(
            "SELECT COUNT(*) AS n FROM token_blacklist_outstandingtoken t WHERE {condition}"
        ))
    }

    /// The greatest number in a column; 0 without one.
    ///
    /// # Errors
    /// [`StoreError::Query`].
    pub fn greatest(&mut self, table: &str, column: &str, limit: u64) -> Result<u64, StoreError> {
        let (column, table) = (quoted(column), quoted(table));
        self.number(&format!(
            "SELECT CAST(COALESCE(MAX({column}), 0) AS BIGINT) AS n FROM {table} WHERE {column} <= {limit}"
        ))
    }

    fn number(&mut self, statement: &str) -> Result<u64, StoreError> {
        #[derive(QueryableByName)]
        struct Number {
            #[diesel(sql_type = BigInt)]
            n: i64,
        }
        let found: Number = diesel::sql_query(statement).get_result(&mut self.connection)?;
        Ok(u64::try_from(found.n).unwrap_or(0))
    }

    /// Postgres: a cursor of the server. SQLite: each batch continues behind the last row of the one before; `start` is
    /// before all rows.
    fn scan(
        &mut self,
        select: &str,
        condition: &str,
        order: &str,
        start: &str,
    ) -> Result<Scan, StoreError> {
        let statement = match &mut self.connection {
            Db::Postgres(postgres) => {
                postgres.batch_execute(&format!(
                    "CLOSE ALL; \
                     DECLARE import NO SCROLL CURSOR FOR {select} WHERE {condition} ORDER BY {order}"
                ))?;
                format!("FETCH FORWARD {BATCH} FROM import")
            }
            Db::Sqlite(_) => format!(
                "{select} WHERE {condition} AND {order} > $1 ORDER BY {order} LIMIT {BATCH}"
            ),
        };
        Ok(Scan {
            statement,
            after: start.to_owned(),
            is_done: false,
        })
    }

    /// The next rows of the scan; none at its end. Only the scan that was begun last can be continued.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn next<T: ScannedRow>(&mut self, scan: &mut Scan) -> Result<Vec<T>, StoreError> {
        if scan.is_done {
            return Ok(Vec::new());
        }
        let query = diesel::sql_query(scan.statement.as_str());
        let rows: Vec<Positioned<T>> = match &mut self.connection {
            Db::Postgres(postgres) => query.load(postgres)?,
            Db::Sqlite(sqlite) => query.bind::<Text, _>(&scan.after).load(sqlite)?,
        };
        scan.is_done = rows.len() < BATCH;
        if let Some(last) = rows.last() {
            scan.after.clone_from(&last.position);
        }
        Ok(rows.into_iter().map(|row| row.row).collect())
    }
}

/// The condition on tokens that expire after a time. The text has the form that Django stores on SQLite.
fn expiring(after: Option<Timestamp>) -> String {
    after.map_or("TRUE".to_owned(), |after| {
        format!("t.expires_at > '{}'", after.naive_utc())
    })
}

/// How far a table has been read.
pub struct Scan {
    statement: String,
    after: String,
    is_done: bool,
}

/// A row of a scan, and its position in the order of the scan.
struct Positioned<T> {
    row: T,
    position: String,
}

/// A kind of row that can be read.
pub trait ScannedRow: Sized + 'static {
    /// Reads the row.
    ///
    /// # Errors
    /// A value that is no text.
    fn read<'a, DB: Backend>(row: &impl NamedRow<'a, DB>) -> deserialize::Result<Self>
    where
        String: FromSql<Text, DB>;
}

fn text<'a, DB: Backend>(
    row: &impl NamedRow<'a, DB>,
    name: &str,
) -> deserialize::Result<Option<String>>
where
    String: FromSql<Text, DB>,
{
    NamedRow::get::<Nullable<Text>, Option<String>>(row, name)
}

impl ScannedRow for SourceAccount {
    fn read<'a, DB: Backend>(row: &impl NamedRow<'a, DB>) -> deserialize::Result<Self>
    where
        String: FromSql<Text, DB>,
    {
        let mut account = Self::default();
        for field in ImportField::ALL {
            account.set(field, text(row, field.as_str())?);
        }
        Ok(account)
    }
}

impl ScannedRow for SourceToken {
    fn read<'a, DB: Backend>(row: &impl NamedRow<'a, DB>) -> deserialize::Result<Self>
    where
        String: FromSql<Text, DB>,
    {
        Ok(Self {
            jti: text(row, "position")?.unwrap_or_default(),
            owner: text(row, "owner")?,
            expires_at: text(row, "expires_at")?.unwrap_or_default(),
            blacklisted_at: text(row, "blacklisted_at")?,
            token: text(row, "token")?.unwrap_or_default(),
        })
    }
}

impl<T: ScannedRow, DB: Backend> QueryableByName<DB> for Positioned<T>
where
    String: FromSql<Text, DB>,
{
    fn build<'a>(row: &impl NamedRow<'a, DB>) -> deserialize::Result<Self> {
        Ok(Self {
            // The cursor of Postgres keeps its position itself.
            position: text(row, "position").ok().flatten().unwrap_or_default(),
            row: T::read(row)?,
        })
    }
}
