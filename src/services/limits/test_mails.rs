//! The limit of test mails, for all administrators and instances together.

use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::counting::count;
use crate::services::limits::quota::Policy;
use crate::services::limits::rules::{Delay, HOUR, Rule};
use crate::store::rate_limits::Bucket;

/// How many may be sent within an hour.
const PER_HOUR: u32 = 10;

/// Counts a test mail.
///
/// # Errors
/// [`Error::RateLimited`] if there were too many of them, and the store's.
pub(in crate::services) async fn admit(services: &Services) -> Result<(), Error> {
    let rule = Rule {
        bucket: Bucket {
            name: "test-mails".to_owned(),
            kind: None,
            user_type: None,
            subject: None,
        },
        policy: Policy {
            name: "test-mails",
            quota: PER_HOUR,
            window: HOUR,
        },
        delay: Delay::Window,
    };
    let now = services.clock.now();
    services
        .store
        .write(move |connection| count(connection, &rule, now).map(|_hit| ()))
        .await
}
