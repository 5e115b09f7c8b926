//! Recording audit events with the server's services.

use crate::domain::audit::{Action, Actor};
use crate::services::audit::log::{AuditContext, Event};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::store::Transaction;

impl Services {
    /// The context that records what this actor does now.
    #[must_use]
    pub fn audit_context(&self, actor: &Actor) -> AuditContext {
        self.audit_log.audit_context(actor, self.clock.now())
    }

    /// A transaction that records what this actor does in it.
    ///
    /// # Errors
    /// Errors of the closure, and errors of the store.
    pub(crate) async fn write_as<T: Send + 'static>(
        &self,
        actor: &Actor,
        write: impl Fn(&mut Transaction<'_>, &AuditContext) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let audit_context = self.audit_context(actor);
        self.store
            .write(move |connection| write(connection, &audit_context))
            .await
    }
}

/// Records an event that belongs to no other change, in a transaction of its own.
///
/// # Errors
/// Errors of the store.
pub async fn record(services: &Services, actor: Actor, event: Event) -> Result<(), Error> {
    services
        .write_as(&actor, move |connection, audit_context| {
            Ok(audit_context.record(connection, &event)?)
        })
        .await
}

/// The maximum number of characters of a filter that are recorded.
const MAX_FILTER: usize = 1_000;

/// Records that a list is exported. `filter` is the query string of the list.
///
/// # Errors
/// Errors of the store.
pub(crate) async fn record_export(
    services: &Services,
    actor: Actor,
    list: &str,
    filter: &str,
) -> Result<(), Error> {
    let mut event = Event::new(Action::Exported).with_detail("list", list);
    if !filter.is_empty() {
        let filter: String = filter.chars().take(MAX_FILTER).collect();
        event = event.with_detail("filter", filter);
    }
    record(services, actor, event).await
}
