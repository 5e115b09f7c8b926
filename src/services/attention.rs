//! What needs a person: refused logins, locks, suspected thefts and failed deliveries of the last time, for the dashboard.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::domain::audit::Action;
use crate::domain::paging::{Count, Seek};
use crate::services::audit::events::{self, AuditEvent};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::locks;
use crate::store::audit_history::{self, AddressCount, Newest};
use crate::store::deliveries::{self, DeliveryRow};
use crate::store::rate_limits::LockFilter;

/// How far back suspected thefts are counted.
pub const THEFTS: Duration = Duration::from_hours(24 * 7);
/// How far back failed deliveries are counted.
const DELIVERIES: Duration = Duration::from_hours(24);
/// The most rows that are read of each kind.
const MAX: i64 = 100;

/// What needs a person.
#[derive(Clone, Debug)]
pub struct Attention {
    /// The refused logins since the beginning of the day by IP address, the most first.
    pub refusals: Vec<AddressCount>,
    /// The active locks.
    pub locks: Count,
    /// The suspected thefts of the last seven days, newest first.
    pub thefts: Vec<AuditEvent>,
    /// The codes, links and notices of the last day that could not be sent, newest first.
    pub failed: Vec<DeliveryRow>,
}

impl Attention {
    /// How many logins were refused.
    #[must_use]
    pub fn refused(&self) -> i64 {
        self.refusals.iter().map(|address| address.events).sum()
    }
}

/// Reads it. `today` is the beginning of the viewer's day.
///
/// # Errors
/// The store's.
pub async fn read(services: &Services, today: Timestamp) -> Result<Attention, Error> {
    let now = services.clock.now();
    let failed_since = now - DELIVERIES;
    services
        .deliveries
        .write(&services.store, &services.audit_log, now)
        .await?;
    let (refusals, failed) = services
        .store
        .read_list(move |connection| {
            let actions = [Action::LogInRefused, Action::SignInRefused];
            let refusals = audit_history::count_by_address(connection, &actions, today)?;
            let failed = deliveries::list_failed(connection, failed_since, MAX)?;
            Ok::<_, Error>((refusals, failed))
        })
        .await?;
    let newest = async |action, since| {
        let wanted = Newest {
            actions: vec![action],
            since: Some(since),
            ..Newest::default()
        };
        events::newest(services, wanted, MAX).await
    };
    let thefts = newest(Action::RefreshTokenReused, now - THEFTS).await?;
    let locks = locks::list(services, LockFilter::default(), Seek::First, 1).await?;
    Ok(Attention {
        refusals,
        locks: locks.count,
        thefts,
        failed,
    })
}
