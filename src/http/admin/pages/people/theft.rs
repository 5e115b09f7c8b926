//! Suspected theft: the reuse of a refresh token, with the two places that presented it.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::domain::audit::Action;
use crate::domain::principal::Principal;
use crate::http::admin::web::error::AdminError;
use crate::http::admin::web::events::EventView;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::Panel;
use crate::services::audit::events::{self, AuditEvent};
use crate::store::audit_history::Newest;

/// How long a suspected theft is shown on the page of its account.
pub(crate) const SHOWN_FOR: Duration = Duration::from_hours(24 * 7);
/// The most that are shown.
const MAX: i64 = 3;

/// A suspected theft.
pub(crate) struct Theft {
    pub(crate) at: Timestamp,
    /// The page of the event.
    pub(crate) url: String,
    /// The program and the address that used the session before.
    pub(crate) first: String,
    /// Those that presented the used token again.
    pub(crate) second: String,
}

impl Theft {
    /// The theft that an event describes.
    pub(crate) fn new(l: &Layout, event: &AuditEvent) -> Self {
        let (address, agent) = (&event.ip_address, &event.user_agent);
        Self {
            at: event.happened_at,
            url: EventView::new(l, event).url,
            first: place(
                l,
                event.value("other_address"),
                event.value("other_program"),
            ),
            second: place(l, address.as_deref(), agent.as_deref()),
        }
    }
}

fn place(l: &Layout, address: Option<&str>, agent: Option<&str>) -> String {
    let agent = agent.map_or_else(|| l.t("common.unknown"), |agent| l.agent(agent));
    match address {
        Some(address) => format!("{agent} · {address}"),
        None => agent,
    }
}

/// The suspected thefts of the last days, except those before the last change of the password.
pub(crate) async fn of_account(
    panel: &Panel,
    account: Principal,
    password_set_at: Option<Timestamp>,
) -> Result<Vec<AuditEvent>, AdminError> {
    let days_ago = panel.now() - SHOWN_FOR;
    let wanted = Newest {
        subject: Some(account),
        actions: vec![Action::RefreshTokenReused],
        since: Some(password_set_at.map_or(days_ago, |at| at.max(days_ago))),
        ..Newest::default()
    };
    Ok(events::newest(panel.services(), wanted, MAX).await?)
}
