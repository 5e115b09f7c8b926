//! The engine of all lists with cursors. How it works is described in [`pagination`](crate::store::pagination).

use diesel::RunQueryDsl;

use crate::domain::paging::{Count, Seek, Slice};
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::pagination::filter::{Filter, ScanCondition, load_count};
use crate::store::pagination::keyset::{
    KeyValues, ScanRange, SortKey, cursor, load_nth, push_bound, push_key_range, push_order,
    push_seek,
};
use crate::store::pagination::statement::{Row, Sql};

/// The limit of counts by an index.
const INDEX_COUNT_LIMIT: i64 = 10_000;
/// The limit of counts that examine every row.
const SCAN_COUNT_LIMIT: i64 = 1_000;

/// A list.
pub(crate) struct ListQuery {
    /// The columns: `SELECT …`.
    pub select: String,
    /// The tables for a scan: `FROM …`, the scanned table first.
    pub from: &'static str,
    /// The tables for rows that are found by a selective filter: `FROM …`.
    pub from_selective: &'static str,
    /// The table whose index is scanned.
    pub scanned: &'static str,
    /// The filters, all of which must match.
    pub filters: Vec<Filter>,
    /// The order.
    pub key: SortKey,
    /// How many rows a scan examines for one page.
    pub scan_budget: i64,
}

/// How the rows of a list are found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strategy {
    /// By the index of a filter that matches few rows: its position in the list of filters, and the number of rows.
    Selective { filter: usize, rows: i64 },
    /// In the order of the sort key.
    Scan,
}

impl ListQuery {
    /// Reads the page that `seek` names, and counts the rows of the list.
    pub(crate) fn page<R: Row>(
        &self,
        connection: &mut Db,
        seek: &Seek<KeyValues>,
        size: i64,
    ) -> Result<Slice<R>, StoreError> {
        let strategy = self.strategy(connection)?;
        let count = self.count(connection, strategy)?;
        let backwards = matches!(seek, Seek::Before(_) | Seek::Last);
        let (mut items, bound) = self.rows(connection, strategy, seek, size + 1)?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let has_more = items.len() > size || bound.is_some();
        items.truncate(size);
        if backwards {
            items.reverse();
        }
        let (has_previous, has_next) = match seek {
            Seek::First => (false, has_more),
            Seek::Last => (has_more, false),
            Seek::After(_) => (true, has_more),
            Seek::Before(_) => (has_more, true),
        };
        Ok(Slice {
            items,
            has_previous,
            has_next,
            edge: bound.map(cursor),
            count,
        })
    }

    /// Reads the next rows after a key, or the first ones, in order to read the whole list in batches: without a count
    /// and without a scan budget.
    pub(crate) fn batch<R: Row>(
        &self,
        connection: &mut Db,
        after: Option<KeyValues>,
        size: i64,
    ) -> Result<Vec<R>, StoreError> {
        let seek = after.map_or(Seek::First, Seek::After);
        let strategy = self.strategy(connection)?;
        Ok(self
            .statement(strategy, &self.full_range(&seek), size)
            .query()
            .load(connection)?)
    }

    /// Counts all rows, without a limit.
    pub(crate) fn count_all(&self, connection: &mut Db) -> Result<i64, StoreError> {
        let strategy = self.strategy(connection)?;
        self.count_up_to(connection, strategy, None, i64::MAX)
    }

    /// Counts the different values of an expression among all rows, without a limit.
    pub(crate) fn count_distinct(
        &self,
        connection: &mut Db,
        expression: &str,
    ) -> Result<i64, StoreError> {
        let mut sql = Sql::new(&format!("SELECT COUNT(DISTINCT {expression}) AS n FROM "));
        self.push_all_rows(connection, &mut sql)?;
        load_count(connection, sql)
    }

    /// Adds the table and the conditions of all rows, without a limit, after `FROM`.
    pub(crate) fn push_all_rows(
        &self,
        connection: &mut Db,
        sql: &mut Sql,
    ) -> Result<(), StoreError> {
        match self.strategy(connection)? {
            Strategy::Selective { filter, .. } => {
                sql.push(self.from_selective);
                self.push_selective(sql, filter);
            }
            Strategy::Scan => {
                sql.push(self.from);
                self.push_scan(sql, &self.full_range(&Seek::First), true);
            }
        }
        Ok(())
    }

    /// Whether a scan skips no rows.
    fn scan_is_exact(&self) -> bool {
        self.filters.iter().all(|filter| !filter.scan.skips_rows())
    }

    fn strategy(&self, connection: &mut Db) -> Result<Strategy, StoreError> {
        if self.scan_is_exact() {
            return Ok(Strategy::Scan);
        }
        for (at, filter) in self.filters.iter().enumerate() {
            let Some(index) = &filter.index else {
                continue;
            };
            if let Some(rows) = index.count_if_selective(connection)? {
                return Ok(Strategy::Selective { filter: at, rows });
            }
        }
        Ok(Strategy::Scan)
    }

    fn count(&self, connection: &mut Db, strategy: Strategy) -> Result<Count, StoreError> {
        let (rows, limit, is_incomplete) = match (strategy, self.filters.as_slice()) {
            (Strategy::Selective { rows, .. }, [_])
            | (Strategy::Selective { rows: rows @ 0, .. }, _) => (rows, rows, false),
            (Strategy::Selective { .. }, _) => (
                self.count_up_to(connection, strategy, None, INDEX_COUNT_LIMIT + 1)?,
                INDEX_COUNT_LIMIT,
                false,
            ),
            (Strategy::Scan, [filter])
                if let Some(index) = &filter.index
                    && self.from == self.scanned =>
            {
                if filter.scan.skips_rows() {
                    // They were counted up to this limit to choose the strategy.
                    (index.selective_limit, index.selective_limit, true)
                } else {
                    let rows = index.count_up_to(connection, INDEX_COUNT_LIMIT + 1)?;
                    (rows, INDEX_COUNT_LIMIT, false)
                }
            }
            (Strategy::Scan, _) if self.scan_is_exact() => {
                let limit = if self.from == self.scanned {
                    INDEX_COUNT_LIMIT
                } else {
                    SCAN_COUNT_LIMIT
                };
                let rows = self.count_up_to(connection, strategy, None, limit + 1)?;
                (rows, limit, false)
            }
            (Strategy::Scan, _) => {
                let range = self.full_range(&Seek::First);
                let bound = self.scan_bound(connection, &range, self.scan_budget)?;
                let limit = SCAN_COUNT_LIMIT;
                let rows = self.count_up_to(connection, strategy, bound.as_ref(), limit + 1)?;
                (rows, limit, bound.is_some())
            }
        };
        Ok(Count {
            rows: rows.min(limit),
            more: rows > limit || is_incomplete,
        })
    }

    fn count_up_to(
        &self,
        connection: &mut Db,
        strategy: Strategy,
        bound: Option<&KeyValues>,
        limit: i64,
    ) -> Result<i64, StoreError> {
        let mut sql = Sql::new("SELECT COUNT(*) AS n FROM (SELECT 1 AS one FROM ");
        match strategy {
            Strategy::Selective { filter, .. } => {
                sql.push(self.from_selective);
                self.push_selective(&mut sql, filter);
            }
            Strategy::Scan => {
                sql.push(self.from);
                let range = ScanRange {
                    bound,
                    ..self.full_range(&Seek::First)
                };
                self.push_scan(&mut sql, &range, true);
            }
        }
        sql.push(" LIMIT ").bind(limit).push(") counted");
        load_count(connection, sql)
    }

    /// Reads up to `limit` rows in the direction of reading. Also returns the key of the last row examined if the scan
    /// budget was used up before.
    fn rows<R: Row>(
        &self,
        connection: &mut Db,
        strategy: Strategy,
        seek: &Seek<KeyValues>,
        limit: i64,
    ) -> Result<(Vec<R>, Option<KeyValues>), StoreError> {
        if matches!(strategy, Strategy::Selective { rows: 0, .. }) {
            return Ok((Vec::new(), None));
        }
        if strategy != Strategy::Scan || self.scan_is_exact() {
            let sql = self.statement(strategy, &self.full_range(seek), limit);
            return Ok((sql.query().load(connection)?, None));
        }
        let (mut seek, mut rows) = (seek.clone(), Vec::new());
        let backwards = matches!(seek, Seek::Before(_) | Seek::Last);
        // Most pages are full after the first part.
        let parts = [
            self.scan_budget / 10,
            self.scan_budget - self.scan_budget / 10,
        ];
        for (at, length) in parts.into_iter().enumerate() {
            let bound = self.scan_bound(connection, &self.full_range(&seek), length)?;
            let missing = limit - i64::try_from(rows.len()).unwrap_or(limit);
            let range = ScanRange {
                bound: bound.as_ref(),
                ..self.full_range(&seek)
            };
            let matching: Vec<R> = self
                .statement(strategy, &range, missing)
                .query()
                .load(connection)?;
            let is_full = i64::try_from(matching.len()).unwrap_or(limit) >= missing;
            rows.extend(matching);
            match bound {
                Some(bound) if !is_full && at + 1 < parts.len() => {
                    seek = if backwards {
                        Seek::Before(bound)
                    } else {
                        Seek::After(bound)
                    };
                }
                bound => return Ok((rows, bound.filter(|_| !is_full))),
            }
        }
        Ok((rows, None))
    }

    /// The range from a key to the end of the list.
    fn full_range<'a>(&self, seek: &'a Seek<KeyValues>) -> ScanRange<'a> {
        let backwards = matches!(seek, Seek::Before(_) | Seek::Last);
        ScanRange {
            seek,
            bound: None,
            descending: self.key.descending != backwards,
        }
    }

    /// The key of row number `length` of the scanned index, counted from the beginning of the range; `None` if there
    /// are no rows after it.
    fn scan_bound(
        &self,
        connection: &mut Db,
        range: &ScanRange,
        length: i64,
    ) -> Result<Option<KeyValues>, StoreError> {
        let mut sql = self.key.select();
        sql.push(" FROM ").push(self.scanned);
        self.push_scan(&mut sql, range, false);
        push_order(&mut sql, self.key, range.descending);
        load_nth(connection, sql, self.key, length)
    }

    /// Adds the conditions for rows that are found by the filter at position `by`.
    fn push_selective(&self, sql: &mut Sql, by: usize) {
        let mut is_first = true;
        for (at, filter) in self.filters.iter().enumerate() {
            let conditions = match &filter.index {
                Some(index) if at == by => &index.conditions,
                _ => &filter.residual,
            };
            sql.filter(conditions, &mut is_first);
        }
    }

    /// Adds the conditions of a scan; with `residual`, also those of the filters that skip rows.
    fn push_scan(&self, sql: &mut Sql, range: &ScanRange, residual: bool) {
        let mut is_first = true;
        for filter in &self.filters {
            match &filter.scan {
                ScanCondition::Residual if residual => {
                    sql.filter(&filter.residual, &mut is_first);
                }
                ScanCondition::Residual => {}
                ScanCondition::Index(conditions) => {
                    sql.filter(conditions, &mut is_first);
                }
                ScanCondition::KeyRange(from, before) => {
                    push_key_range(sql, &mut is_first, self.key, range, [from, before]);
                }
            }
        }
        push_seek(sql, &mut is_first, self.key, range);
        if let Some(bound) = range.bound {
            push_bound(sql, &mut is_first, self.key, bound, range.descending);
        }
    }

    fn statement(&self, strategy: Strategy, range: &ScanRange, limit: i64) -> Sql {
        let mut sql = Sql::default();
        match strategy {
            Strategy::Scan => {
                sql.push(&format!("SELECT {} FROM {}", self.select, self.from));
                self.push_scan(&mut sql, range, true);
            }
            Strategy::Selective { filter, .. } => {
                let (from, SortKey { column, id, .. }) = (self.from_selective, self.key);
                let matching_key = SortKey {
                    column: "key_value",
                    id: if column == id { "key_value" } else { "key_id" },
                    ..self.key
                };
                sql.push(&format!(
                    "WITH matching AS MATERIALIZED (SELECT {column} AS key_value, {id} AS key_id FROM {from}"
                ));
                self.push_selective(&mut sql, filter);
                sql.push(&format!(
                    ") SELECT {} FROM {from} WHERE {id} IN (SELECT key_id FROM matching",
                    self.select
                ));
                push_seek(&mut sql, &mut true, matching_key, range);
                push_order(&mut sql, matching_key, range.descending);
                sql.push(" LIMIT ").bind(limit).push(")");
            }
        }
        push_order(&mut sql, self.key, range.descending);
        sql.push(" LIMIT ").bind(limit);
        sql
    }
}
