//!

pub mod filter;
pub mod keyset;
pub mod listing;
pub mod search;
pub mod statement;
