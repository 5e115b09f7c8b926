//! Lists over large tables: one engine for every list of the admin panel, the API, the CLI, exports and bulk jobs.
//!
//! **Keyset pagination.** A list is sorted by a `SortKey`: a column, or an expression that is never
//! NULL, and the id of the row, which decides between equal values. A page is not found by skipping rows (`OFFSET`) but
//! by the key of the row before it, the *cursor*: `WHERE (column, id) > (…) ORDER BY column, id LIMIT n`. With an index
//! on the key the last page of a million rows is as fast as the first, and rows that are inserted meanwhile do not
//! shift pages.
//!
//! - The first page has no cursor. The next page continues after the cursor of the last row shown.
//! - The previous page and the last page are read in the opposite direction, before the cursor of the first row shown or
//!   from the end, and then reversed.
//! - One row more than the page holds is requested. If it exists, there is another page in that direction.
//!
//! **Filters.** Each `Filter` of a list exists in up to three forms: conditions that an index can
//! look up (`role = 'admin'`), equivalent conditions that no index can use (`+role = 'admin'`, `role || '' = 'admin'`),
//! and conditions by which the index of the sort key itself is narrowed (a period of `created_at`, in a list sorted by
//! it). Writing down which index a statement uses replaces the decision of the query planner. Planners estimate badly
//! how many rows a combination of filters leaves, above all for a searched part of a text, and one wrong choice reads a
//! million rows.
//!
//! **Two strategies**, because neither is fast for every filter:
//!
//! - *Selective.* If some filter matches at most 2,000 rows, its index finds them all. They are checked against the
//!   other filters and sorted, and the page is cut out. The number of matching rows is measured, with a count that stops
//!   at the limit.
//! - *Scan.* Otherwise rows are read in the order of the sort key, and those that do not match are skipped. If no filter is
//!   selective, matches are frequent, and a page is full soon. If all filters narrow the index of the sort key, no row is
//!   skipped at all.
//!
//! **Scan budget.** Two frequent filters can have a rare combination. A scan therefore examines a limited number of
//! rows for one page: first a tenth of the budget, which suffices for most pages, then the rest. If the page is not
//! full by then, it is returned as it is, with the last row examined as a cursor (`Slice::edge`). The page then says
//! that the search continues, and links to the part of the list that was not examined yet. No page reads the
//! whole table.
//!
//! **Counts** are bounded for the same reason: up to 10,000 rows where an index counts, up to 1,000 where rows must be
//! examined. A greater count is shown as "more than".
//!
//! **Page numbers.** The API promises pages by number, a total, and an order of any columns. The
//! `NumberedList` serves these with `OFFSET`, from the same filters and search indexes.
//!
//! | File | Contents |
//! |---|---|
//! | `statement` | SQL statements that are composed at run time, with bound values |
//! | `keyset` | sort keys, cursors and scan ranges as SQL |
//! | `filter` | filters and bounded counts |
//! | `search` | searching a part of a text, by the trigram index of either database |
//! | `list_query` | the engine: strategy, page, batch, count |
//! | `numbered` | pages by number |
//!
//! What is listed is in the files of the tables, which only describe columns, filters and sort keys: `account_list`
//! (filters and orders of both account tables) with `account_pages` (its pages), `audit_list`, `outstanding_tokens` and
//! `blacklisted_tokens` (with `token_owners`, their filter by account), `rate_limits`.

pub mod filter;
pub mod keyset;
pub mod list_query;
pub mod numbered;
pub mod search;
pub mod statement;
