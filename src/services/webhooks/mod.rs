//! Webhooks for events: the endpoints, the events for them, and sending.

pub mod background;
pub mod changes;
pub mod deliver;
pub mod deliveries;
pub mod endpoints;
pub mod outbox;
pub mod payload;
pub mod secrets;
