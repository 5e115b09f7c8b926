//! The sessions that an action ends, as details of its audit event: their devices and addresses. They are read before they end,
//! in the same transaction.

use crate::clock::Timestamp;
use crate::domain::audit::Change;
use crate::domain::principal::{Principal, UserType};
use crate::services::audit::log::Event;
use crate::store::sessions::SessionRow;
use crate::store::{Db, StoreError, browser_sessions, sessions};

/// The name of the detail. Its value is the id of the session (`-` for one in the panel), its IP address (`-` for none) and its
/// user agent, separated by spaces.
const DEVICE: &str = "device";
/// The most sessions that an event names.
const MAX_NAMED: usize = 10;
/// The most sessions that are read.
const MAX_READ: i64 = 1_000;

/// The live sessions of an account.
#[derive(Clone, Debug, Default)]
pub(crate) struct LiveSessions {
    devices: Vec<Change>,
    /// How many of them are in the panel.
    in_panel: usize,
}

impl LiveSessions {
    /// Reads them.
    pub(crate) fn read(
        connection: &mut Db,
        owner: Principal,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let live = sessions::list_live(connection, owner, now, MAX_READ)?;
        let mut devices: Vec<Change> = live.iter().map(device).collect();
        let mut in_panel = 0;
        if owner.user_type == UserType::User {
            let browsers = browser_sessions::list_live(connection, owner.user_seq, now)?;
            in_panel = browsers.len();
            let change = |address: &Option<String>, agent: &Option<String>| {
                change(None, address.as_deref(), agent.as_deref())
            };
            devices.extend(
                browsers
                    .iter()
                    .map(|row| change(&row.ip_address, &row.user_agent)),
            );
        }
        Ok(Self { devices, in_panel })
    }

    /// Adds their number and the devices of the first ones to the event that ended them. `ended` is the number without those
    /// in the panel.
    pub(crate) fn add_to(self, event: Event, ended: usize) -> Event {
        let total = ended + self.in_panel;
        let event = event.with_detail("sessions", total);
        let named = self.devices.into_iter().take(MAX_NAMED);
        event.with_changes(named)
    }
}

/// The device of a session.
pub(crate) fn device(session: &SessionRow) -> Change {
    let (address, agent) = (&session.ip_address, &session.user_agent);
    change(
        Some(session.id.as_str()),
        address.as_deref(),
        agent.as_deref(),
    )
}

/// The device of a session in the panel.
pub(crate) fn panel_device(address: Option<&str>, agent: Option<&str>) -> Change {
    change(None, address, agent)
}

fn change(session: Option<&str>, address: Option<&str>, agent: Option<&str>) -> Change {
    let (session, address) = (session.unwrap_or("-"), address.unwrap_or("-"));
    let text = format!("{session} {address} {}", agent.unwrap_or_default());
    Change::detail(DEVICE, &text.trim_end())
}
