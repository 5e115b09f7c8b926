//! Recording audit events with the server's services.

use crate::domain::audit::{Action, Actor};
use crate::services::audit::log::{AuditContext, Event};
use crate::services::bootstrap::Services;
use crate::services::error::Error;

impl Services {
    /// The context that records what this actor does now.
    #[must_use]
    pub fn audit_context(&self, actor: &Actor) -> AuditContext {
        self.audit_log.audit_context(actor, self.clock.now())
    }
}

/// Records an event that belongs to no other change, in a transaction of its own.
///
/// # Errors
/// Errors of the store.
pub async fn record(services: &Services, actor: Actor, event: Event) -> Result<(), Error> {
    let audit_context = services.audit_context(&actor);
    services
        .store
        .write(move |connection| Ok(audit_context.record(connection, &event)?))
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
