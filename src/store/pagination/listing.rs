//! The panel's lists: pages that are found by where they begin and not by how many rows stand before them, so that the last
//! page of a million rows is as quick as the first, whatever the filter.
//!
//! A list is walked along one key: a column (or an expression that is never NULL) and, between equals, the row's id. An
//! index over both is what makes it quick. A filter is made of facets. Where one of them fits few rows only, those are
//! found by its index and then put in order. Else the order is walked and what does not fit is passed over, so many rows
//! and no more: where the page is not full by then, it says from which row the search goes on.
//!
//! How many rows there are is counted up to a bound only.

use diesel::{RunQueryDsl, query_dsl::LoadQuery};

use crate::{
    domain::paging::{Count, Seek, Slice},
    store::{
        engine::connection::Db,
        error::StoreError,
        pagination::{
            filter::{Facet, Walked, counted},
            keyset::{
                At, Key, Stretch, load_last_of, place, push_edge, push_order, push_seek, push_span,
            },
            statement::{Boxed, Sql},
        },
    },
};

/// How far a list is counted that an index holds as it is.
const COUNT_TO: i64 = 10_000;
/// How far a list is counted where each row has to be looked at.
const LOOK_TO: i64 = 1_000;
/// What a list is made from.
pub(crate) struct Listing {
    /// The columns: `SELECT …`.
    pub select: &'static str,
    /// The tables: `FROM …`, in the order in which they are joined along the key.
    pub from: &'static str,
    /// The same where few rows are found by a facet.
    pub from_few: &'static str,
    /// The table whose index is walked.
    pub walked: &'static str,
    /// The filters; all of them hold.
    pub facets: Vec<Facet>,
    /// The order.
    pub key: Key,
    /// How many rows are looked at for a page.
    pub walk: i64,
}

/// How the rows of a list are reached.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AccessPath {
    /// By the facet of this number, which so many rows fit.
    Few { facet: usize, rows: i64 },
    /// Along the order.
    Walk,
}

impl Listing {
    /// The page that `seek` names, with how many rows there are in all.
    pub(crate) fn page<R>(
        &self,
        connection: &mut Db,
        seek: &Seek<At>,
        size: i64,
    ) -> Result<Slice<R>, StoreError>
    where
        R: Send + 'static,
        Boxed: LoadQuery<'static, Db, R>,
    {
        let way = self.way(connection)?;
        let count = self.count(connection, way)?;
        let backwards = matches!(seek, Seek::Before(_) | Seek::Last);
        let (mut items, edge) = self.rows(connection, way, seek, size + 1)?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let beyond = items.len() > size || edge.is_some();
        items.truncate(size);
        if backwards {
            items.reverse();
        }
        let (has_previous, has_next) = match seek {
            Seek::First => (false, beyond),
            Seek::Last => (beyond, false),
            Seek::After(_) => (true, beyond),
            Seek::Before(_) => (beyond, true),
        };
        Ok(Slice {
            items,
            has_previous,
            has_next,
            edge: edge.map(place),
            count,
        })
    }

    /// The next rows after a place, or the first ones, for whoever reads the whole list: nothing is counted, and the search
    /// goes on until there are so many.
    pub(crate) fn batch<R>(
        &self,
        connection: &mut Db,
        after: Option<At>,
        size: i64,
    ) -> Result<Vec<R>, StoreError>
    where
        R: Send + 'static,
        Boxed: LoadQuery<'static, Db, R>,
    {
        let seek = after.map_or(Seek::First, Seek::After);
        let way = self.way(connection)?;
        Ok(self
            .statement(way, &self.all(&seek), size)
            .query()
            .load(connection)?)
    }

    /// How many rows there are, however many.
    pub(crate) fn count_all(&self, connection: &mut Db) -> Result<i64, StoreError> {
        let way = self.way(connection)?;
        self.count_to(connection, way, None, i64::MAX)
    }

    /// Whether no row of the walked index is passed over.
    fn is_dense(&self) -> bool {
        self.facets.iter().all(|facet| !facet.walked.is_no())
    }

    fn tables(&self, way: AccessPath) -> &'static str {
        match way {
            AccessPath::Few { .. } => self.from_few,
            AccessPath::Walk => self.from,
        }
    }

    fn way(&self, connection: &mut Db) -> Result<AccessPath, StoreError> {
        if self.is_dense() {
            return Ok(AccessPath::Walk);
        }
        for (at, facet) in self.facets.iter().enumerate() {
            let Some(found) = &facet.found else {
                continue;
            };
            let rows = found.count_to(connection, found.few + 1)?;
            if rows <= found.few {
                return Ok(AccessPath::Few { facet: at, rows });
            }
        }
        Ok(AccessPath::Walk)
    }

    fn count(&self, connection: &mut Db, way: AccessPath) -> Result<Count, StoreError> {
        let (rows, bound, is_cut) = match (way, self.facets.as_slice()) {
            (AccessPath::Few { rows, .. }, [_]) | (AccessPath::Few { rows: rows @ 0, .. }, _) => {
                (rows, rows, false)
            }
            (AccessPath::Few { .. }, _) => (
                self.count_to(connection, way, None, COUNT_TO + 1)?,
                COUNT_TO,
                false,
            ),
            (
                AccessPath::Walk,
                [
                    Facet {
                        found: Some(found),
                        walked,
                        ..
                    },
                ],
            ) if self.from == self.walked => {
                if walked.is_no() {
                    // They were counted to find the way.
                    (found.few, found.few, true)
                } else {
                    (found.count_to(connection, COUNT_TO + 1)?, COUNT_TO, false)
                }
            }
            (AccessPath::Walk, _) if self.is_dense() => {
                let bound = if self.from == self.walked {
                    COUNT_TO
                } else {
                    LOOK_TO
                };
                (
                    self.count_to(connection, way, None, bound + 1)?,
                    bound,
                    false,
                )
            }
            (AccessPath::Walk, _) => {
                let edge = self.edge(connection, &self.all(&Seek::First), self.walk)?;
                let rows = self.count_to(connection, way, edge.as_ref(), LOOK_TO + 1)?;
                (rows, LOOK_TO, edge.is_some())
            }
        };
        Ok(Count {
            rows: rows.min(bound),
            more: rows > bound || is_cut,
        })
    }

    fn count_to(
        &self,
        connection: &mut Db,
        way: AccessPath,
        edge: Option<&At>,
        bound: i64,
    ) -> Result<i64, StoreError> {
        let mut sql = Sql::new("SELECT COUNT(*) AS n FROM (SELECT 1 AS one FROM ");
        sql.push(self.tables(way));
        match way {
            AccessPath::Few { facet, .. } => self.push_few(&mut sql, facet),
            AccessPath::Walk => {
                let stretch = Stretch {
                    edge,
                    ..self.all(&Seek::First)
                };
                self.push_walk(&mut sql, &stretch, true);
            }
        }
        sql.push(" LIMIT ").bind(bound).push(") counted");
        counted(connection, sql)
    }

    /// The rows from a place on, in the direction of reading, and the row at which the search stopped before it had so
    /// many.
    fn rows<R>(
        &self,
        connection: &mut Db,
        way: AccessPath,
        seek: &Seek<At>,
        limit: i64,
    ) -> Result<(Vec<R>, Option<At>), StoreError>
    where
        R: Send + 'static,
        Boxed: LoadQuery<'static, Db, R>,
    {
        if matches!(way, AccessPath::Few { rows: 0, .. }) {
            return Ok((Vec::new(), None));
        }
        if way != AccessPath::Walk || self.is_dense() {
            let sql = self.statement(way, &self.all(seek), limit);
            return Ok((sql.query().load(connection)?, None));
        }
        let (mut seek, mut rows) = (seek.clone(), Vec::new());
        let backwards = matches!(seek, Seek::Before(_) | Seek::Last);
        // Most pages are full soon.
        let stretches = [self.walk / 10, self.walk - self.walk / 10];
        for (at, length) in stretches.into_iter().enumerate() {
            let edge = self.edge(connection, &self.all(&seek), length)?;
            let wanted = limit - i64::try_from(rows.len()).unwrap_or(limit);
            let stretch = Stretch {
                edge: edge.as_ref(),
                ..self.all(&seek)
            };
            let found: Vec<R> = self
                .statement(way, &stretch, wanted)
                .query()
                .load(connection)?;
            let is_full = i64::try_from(found.len()).unwrap_or(limit) >= wanted;
            rows.extend(found);
            match edge {
                Some(edge) if !is_full && at + 1 < stretches.len() => {
                    seek = if backwards {
                        Seek::Before(edge)
                    } else {
                        Seek::After(edge)
                    };
                }
                edge => return Ok((rows, edge.filter(|_| !is_full))),
            }
        }
        Ok((rows, None))
    }

    fn all<'a>(&self, seek: &'a Seek<At>) -> Stretch<'a> {
        let backwards = matches!(seek, Seek::Before(_) | Seek::Last);
        Stretch {
            seek,
            edge: None,
            down: self.key.descending != backwards,
        }
    }

    /// The last of so many rows of the walked index; none where there are not more of them.
    fn edge(
        &self,
        connection: &mut Db,
        stretch: &Stretch,
        length: i64,
    ) -> Result<Option<At>, StoreError> {
        let mut sql = self.key.select();
        sql.push(" FROM ").push(self.walked);
        self.push_walk(&mut sql, stretch, false);
        push_order(&mut sql, self.key, stretch.down);
        load_last_of(connection, sql, self.key, length)
    }

    /// The conditions where few rows are found by one facet.
    fn push_few(&self, sql: &mut Sql, by: usize) {
        let mut is_first = true;
        for (at, facet) in self.facets.iter().enumerate() {
            let conditions = match &facet.found {
                Some(found) if at == by => &found.by,
                _ => &facet.passing,
            };
            sql.filter(conditions, &mut is_first);
        }
    }

    /// The conditions of a walk along a stretch; `passing`: with those of the rows that are passed over.
    fn push_walk(&self, sql: &mut Sql, stretch: &Stretch, passing: bool) {
        let mut is_first = true;
        for facet in &self.facets {
            match &facet.walked {
                Walked::No if passing => {
                    sql.filter(&facet.passing, &mut is_first);
                }
                Walked::No => {}
                Walked::By(conditions) => {
                    sql.filter(conditions, &mut is_first);
                }
                Walked::Span(from, before) => {
                    push_span(sql, &mut is_first, self.key, stretch, [from, before]);
                }
            }
        }
        push_seek(sql, &mut is_first, self.key, stretch);
        if let Some(edge) = stretch.edge {
            push_edge(sql, &mut is_first, self.key, edge, stretch.down);
        }
    }

    fn statement(&self, way: AccessPath, stretch: &Stretch, limit: i64) -> Sql {
        let mut sql = Sql::default();
        match way {
            AccessPath::Walk => {
                sql.push("SELECT ").push(self.select);
                sql.push(" FROM ").push(self.from);
                self.push_walk(&mut sql, stretch, true);
            }
            AccessPath::Few { facet, .. } => {
                let is_one = self.key.column == self.key.id;
                let found = Key {
                    column: "few_value",
                    id: if is_one { "few_value" } else { "few_id" },
                    ..self.key
                };
                sql.push("WITH few AS MATERIALIZED (SELECT ");
                sql.push(self.key.column).push(" AS few_value, ");
                sql.push(self.key.id).push(" AS few_id FROM ");
                sql.push(self.from_few);
                self.push_few(&mut sql, facet);
                sql.push(") SELECT ").push(self.select);
                sql.push(" FROM ").push(self.from_few);
                sql.push(" WHERE ").push(self.key.id);
                sql.push(" IN (SELECT few_id FROM few");
                push_seek(&mut sql, &mut true, found, stretch);
                push_order(&mut sql, found, stretch.down);
                sql.push(" LIMIT ").bind(limit).push(")");
            }
        }
        push_order(&mut sql, self.key, stretch.down);
        sql.push(" LIMIT ").bind(limit);
        sql
    }
}
