//! Why a password was neither hashed nor compared.

use crate::worker_pool::WorkError;

/// Why there is no result. It depends on the load or on the process, never on the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// The queue is full, or the password waited longer than the deadline. The caller may retry later.
    #[error("too many passwords are being hashed")]
    Overloaded,
    /// Hashing failed: a bug of this program, or no random bytes.
    #[error("the password could not be hashed")]
    Stopped,
}

impl From<WorkError> for HashError {
    fn from(error: WorkError) -> Self {
        match error {
            WorkError::Overloaded => Self::Overloaded,
            WorkError::Stopped => Self::Stopped,
        }
    }
}
