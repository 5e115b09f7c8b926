//! Chain links: the MAC that ties an event to the event before it, and the MAC over the row with the ends of the chain.

use crate::services::audit::log::{AuditKey, Message};
use crate::store::audit_chain_links::{ChainLinkRow, ChainRow};

impl AuditKey {
    /// The link of an event: over the previous link, the position, the event's id and its MAC.
    pub(crate) fn link(&self, previous: &str, position: i64, event: i64, mac: &str) -> String {
        self.sign(&link(previous, position, event, mac))
    }

    /// Whether the row has the link of its position behind the previous link.
    pub(crate) fn is_linked(&self, previous: &str, row: &ChainLinkRow) -> bool {
        let (Some(position), Some(given)) = (row.position, &row.link_mac) else {
            return false;
        };
        self.verify(
            given,
            &link(previous, position, row.event_id, &row.event_mac),
        )
    }

    pub(crate) fn chain_mac(&self, chain: &ChainRow) -> String {
        self.sign(&ends(chain))
    }

    pub(crate) fn has_valid_mac(&self, chain: &ChainRow) -> bool {
        self.verify(&chain.mac, &ends(chain))
    }
}

fn link(previous: &str, position: i64, event: i64, mac: &str) -> Message {
    Message::new(b"link 1")
        .text(Some(previous))
        .number(Some(position))
        .number(Some(event))
        .text(Some(mac))
}

fn ends(chain: &ChainRow) -> Message {
    Message::new(b"chain 1")
        .number(Some(chain.first_position))
        .text(Some(&chain.base_link_mac))
        .number(Some(chain.last_position))
        .text(Some(&chain.last_link_mac))
        .number(Some(chain.backfilled_id))
        .number(Some(chain.backfill_end_id))
}
