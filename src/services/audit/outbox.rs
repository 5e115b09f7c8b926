//! The audit events of commands in the log of a server.

use crate::services::error::Error;
use crate::store::{Store, audit_outbox};

/// How many events are logged after one transaction.
const BATCH: i64 = 100;

/// Logs the events that commands have written. Each is logged by one server, once.
///
/// # Errors
/// Errors of the store.
pub async fn log_pending(store: &Store) -> Result<(), Error> {
    while store.read(audit_outbox::any_pending).await? {
        store
            .write(|connection| audit_outbox::publish_pending(connection, BATCH))
            .await?;
    }
    Ok(())
}
