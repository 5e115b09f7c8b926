//! Why an import could not run.

use crate::services::error::Error;
use crate::store::StoreError;

/// Why an import could not run or was broken off.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The source cannot be used: no such table, no such column, no such file.
    #[error("{0}")]
    Source(String),
    /// The database of the source failed.
    #[error("the source: {0}")]
    SourceDatabase(StoreError),
    /// Our own database failed, or a temporary file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A change failed.
    #[error(transparent)]
    Change(#[from] Error),
}
