//! Keyset pagination over large tables: cursors, filters, search and scan budgets.

pub mod filter;
pub mod keyset;
pub mod listing;
pub mod search;
pub mod statement;
