//! What needs a person: the first section of the dashboard.

use chrono::TimeZone;

use crate::clock::Timestamp;
use crate::domain::audit::Action;
use crate::http::admin::paths;
use crate::http::admin::web::error::AdminError;
use crate::http::admin::web::layout::Layout;
use crate::http::admin::web::panel::Panel;
use crate::services::attention::{self, Attention, THEFTS};
use crate::services::dashboard::start_of;
use crate::store::audit_history::{AddressCount, COUNT_LIMIT};
use crate::store::deliveries::DeliveryRow;

/// The most addresses that are shown.
const MAX_ADDRESSES: usize = 5;

/// The section.
pub(crate) struct AttentionPanel {
    pub(crate) cards: Vec<Card>,
    /// The addresses with the most refused logins today.
    pub(crate) addresses: Vec<Address>,
}

/// A number with the list that it counts.
pub(crate) struct Card {
    pub(crate) label: String,
    pub(crate) value: String,
    /// The list; empty for none.
    pub(crate) href: String,
    pub(crate) note: String,
    /// The kind of its colour; empty for none.
    pub(crate) kind: &'static str,
}

/// An IP address and how many logins from it were refused.
pub(crate) struct Address {
    pub(crate) text: String,
    pub(crate) refused: String,
    /// The refused logins; empty where the address is unknown.
    pub(crate) href: String,
}

impl AttentionPanel {
    pub(crate) async fn read(panel: &Panel, l: &Layout) -> Result<Self, AdminError> {
        let local = l.zone.from_utc_datetime(panel.now().naive_utc());
        let today = local.date_naive();
        let found = attention::read(panel.services(), start_of(today, l.zone)).await?;
        let today = today.to_string();
        Ok(Self {
            cards: vec![
                refusals(l, &found, &today),
                locks(l, &found),
                thefts(l, &found, panel.now()),
                failed(l, &found),
            ],
            addresses: addresses(l, &found.refusals, &today),
        })
    }
}

/// A card that is coloured if its number is not zero.
fn card(l: &Layout, name: &str, value: String, href: String, kind: &'static str) -> Card {
    Card {
        label: l.t(&format!("attention.{name}")),
        note: l.t(&format!("attention.{name}_note")),
        kind: if value == "0" { "" } else { kind },
        value,
        href,
    }
}

fn refusals(l: &Layout, found: &Attention, today: &str) -> Card {
    let refused = found.refused();
    let value = if refused >= COUNT_LIMIT {
        l.tr_with("attention.more_than", l.number(COUNT_LIMIT))
    } else {
        l.number(refused)
    };
    let href = paths::audit_of_day(Action::LogInRefused, today);
    card(l, "refusals", value, href, "warn")
}

fn locks(l: &Layout, found: &Attention) -> Card {
    let rows = l.number(found.locks.rows);
    let value = if found.locks.more {
        l.tr_with("attention.more_than", rows)
    } else {
        rows
    };
    card(l, "locks", value, paths::LOCKS.to_owned(), "warn")
}

fn thefts(l: &Layout, found: &Attention, now: Timestamp) -> Card {
    let since = now - THEFTS;
    let since = l.zone.from_utc_datetime(since.naive_utc()).date_naive();
    let href = paths::audit_since(Action::RefreshTokenReused, since);
    let value = l.number(found.thefts.len());
    card(l, "thefts", value, href, "danger")
}

/// The failed deliveries; the link leads to the account of the latest one.
fn failed(l: &Layout, found: &Attention) -> Card {
    let owner = found.failed.first().map(DeliveryRow::owner);
    let href = owner.map_or_else(String::new, |owner| paths::person(owner).to_string());
    let value = l.number(found.failed.len());
    card(l, "failed", value, href, "danger")
}

fn addresses(l: &Layout, refusals: &[AddressCount], today: &str) -> Vec<Address> {
    let shown = refusals.iter().take(MAX_ADDRESSES);
    let address = |counted: &AddressCount| {
        let text = counted.ip_address.clone();
        Address {
            href: text.as_ref().map_or_else(String::new, |address| {
                paths::audit_of_address(address, today)
            }),
            text: text.unwrap_or_else(|| l.t("common.unknown")),
            refused: l.number(counted.events),
        }
    };
    shown.map(address).collect()
}
