//! Pages by number, for the API and the CLI: any order of columns, and an exact total.

use diesel::RunQueryDsl;

use crate::domain::paging::Page;
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::pagination::filter::{Filter, load_count};
use crate::store::pagination::statement::{Row, Sql};

/// A column, or an expression, that a list is sorted by, and whether the greatest value comes first.
pub(crate) type SortTerm = (&'static str, bool);

/// A list of one table, whose id column is `id`.
pub(crate) struct NumberedList {
    /// The columns: `SELECT …`.
    pub select: &'static str,
    /// The table.
    pub table: &'static str,
    /// The filters, all of which must match.
    pub filters: Vec<Filter>,
    /// The order, which ends with a unique column.
    pub order: Vec<SortTerm>,
}

impl NumberedList {
    /// Counts all rows of the list.
    pub(crate) fn count(&self, connection: &mut Db) -> Result<i64, StoreError> {
        let mut sql = Sql::new("SELECT COUNT(*) AS n FROM ");
        sql.push(self.table);
        self.push_filters(&mut sql);
        load_count(connection, sql)
    }

    /// Reads a page of the list.
    ///
    /// If a filter is selective, the matching ids are determined first. Else Postgres might read the whole table in the
    /// requested order to find the few matching rows.
    pub(crate) fn page<R: Row>(
        &self,
        connection: &mut Db,
        page: Page,
    ) -> Result<Vec<R>, StoreError> {
        let mut sql = Sql::default();
        let select = format!("SELECT {} FROM {}", self.select, self.table);
        if self.is_selective(connection)? {
            let matching = format!("SELECT id FROM {}", self.table);
            sql.push("WITH matching AS MATERIALIZED (").push(&matching);
            self.push_filters(&mut sql);
            sql.push(") ").push(&select);
            sql.push(" WHERE id IN (SELECT id FROM matching)");
        } else {
            sql.push(&select);
            self.push_filters(&mut sql);
        }
        for (at, (column, descending)) in self.order.iter().enumerate() {
            sql.push(if at == 0 { " ORDER BY " } else { ", " });
            sql.push(column);
            sql.push(if *descending { " DESC" } else { " ASC" });
        }
        sql.push(" LIMIT ").bind(page.size());
        sql.push(" OFFSET ").bind(page.offset());
        Ok(sql.query().load(connection)?)
    }

    fn is_selective(&self, connection: &mut Db) -> Result<bool, StoreError> {
        for index in self.filters.iter().filter_map(|f| f.index.as_ref()) {
            if index.count_if_selective(connection)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn push_filters(&self, sql: &mut Sql) {
        let mut is_first = true;
        for filter in &self.filters {
            sql.filter(filter.natural(), &mut is_first);
        }
    }
}
