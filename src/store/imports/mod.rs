//! Imports: the database of another program, from which accounts and tokens are read, and bulk writes into our own tables.

pub mod accounts;
pub mod bulk_load;
pub mod catalogue;
mod insert;
pub mod scratch;
pub mod source;
pub mod tokens;
pub mod transaction;
