//! Endpoints as the interfaces show them, without their secrets.

use crate::clock::Timestamp;
use crate::delivery::GONE;
use crate::domain::principal::UserSeq;
use crate::domain::webhook::{EndpointUrl, EventTypes};
use crate::services::error::Error;
use crate::store::webhook_deliveries::{self, Backlog};
use crate::store::webhook_endpoints::{self as table, EndpointRow};
use crate::store::{Db, Store, StoreError};

/// The greatest number of endpoints: each event is compared with all of them.
pub const MAX_ENDPOINTS: i64 = 20;

/// An endpoint.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The number.
    pub number: UserSeq,
    /// The unique name.
    pub name: String,
    /// The address. Its path and query may contain a key of the receiver.
    pub url: String,
    /// The types of events that it gets.
    pub events: EventTypes,
    /// Whether it gets events.
    pub is_active: bool,
    /// Until when events are signed with the previous secret too; `None` if there is none.
    pub previous_until: Option<Timestamp>,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The time of the last change.
    pub updated_at: Timestamp,
}

impl Endpoint {
    /// The part of the address that contains no key.
    #[must_use]
    pub fn origin(&self) -> String {
        EndpointUrl::parse(&self.url).map_or_else(|_| String::new(), |url| url.origin())
    }
}

impl From<EndpointRow> for Endpoint {
    fn from(row: EndpointRow) -> Self {
        Self {
            number: row.id,
            name: row.name,
            url: row.url,
            events: row.events,
            is_active: row.is_active,
            previous_until: row.previous_until,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// An endpoint and what is waiting for it.
pub struct Listed {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The events that are waiting.
    pub waiting: i64,
    /// The newest dead letters.
    pub dead: usize,
}

/// The dead letters that a list counts.
const COUNTED_DEAD: i64 = 100;

/// All endpoints, by name, with what is waiting for them.
///
/// # Errors
/// The store's.
pub async fn list(store: &Store) -> Result<Vec<Listed>, Error> {
    let listed = store.read_list(|connection| {
        let rows = table::list(connection)?;
        let mut listed = Vec::new();
        for row in rows {
            let waiting = webhook_deliveries::backlog(connection, Some(row.id))?.waiting;
            let dead = webhook_deliveries::list_dead_ids(connection, row.id, COUNTED_DEAD)?;
            listed.push(Listed {
                endpoint: row.into(),
                waiting,
                dead: dead.len(),
            });
        }
        Ok::<_, Error>(listed)
    });
    listed.await
}

/// The endpoint with this number.
///
/// # Errors
/// [`Error::WebhookNotFound`], and the store's.
pub async fn find(store: &Store, number: UserSeq) -> Result<Endpoint, Error> {
    one(store, move |connection| {
        table::find_by_id(connection, number)
    })
    .await
}

/// The endpoint with this name.
///
/// # Errors
/// As [`find`].
pub async fn find_by_name(store: &Store, name: String) -> Result<Endpoint, Error> {
    one(store, move |connection| {
        table::find_by_name(connection, &name)
    })
    .await
}

async fn one(
    store: &Store,
    find: impl Fn(&mut Db) -> Result<Option<EndpointRow>, StoreError> + Send + 'static,
) -> Result<Endpoint, Error> {
    let row = store.read(find).await?;
    row.map(Endpoint::from).ok_or(Error::WebhookNotFound)
}

/// Whether an endpoint was deactivated because it responded with 410: it is inactive, and an event waits that was answered
/// so.
///
/// # Errors
/// The store's.
pub async fn is_gone(store: &Store, endpoint: &Endpoint) -> Result<bool, Error> {
    if endpoint.is_active {
        return Ok(false);
    }
    let number = endpoint.number;
    let read =
        move |connection: &mut Db| webhook_deliveries::is_waiting_after(connection, number, GONE);
    Ok(store.read_list(read).await?)
}

/// What is waiting for an endpoint.
///
/// # Errors
/// The store's.
pub async fn backlog(store: &Store, number: UserSeq) -> Result<Backlog, Error> {
    let read = move |connection: &mut Db| webhook_deliveries::backlog(connection, Some(number));
    Ok(store.read_list(read).await?)
}
