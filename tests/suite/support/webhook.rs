//! Endpoints of webhooks.

use munjigi::{
    domain::{
        audit::Actor,
        service::ServiceName,
        webhook::{EndpointUrl, EventTypes},
    },
    services::webhooks::changes::{self, NewEndpoint, WithSecret},
};

use super::App;

impl App {
    /// Creates an endpoint for tests, which no other event is sent to.
    pub async fn webhook(&self, name: &str) -> WithSecret {
        self.webhook_to(name, "https://hooks.example.org/", &["flush.failed"])
            .await
    }

    /// Creates an endpoint with this address and these types of events; without any, with all.
    pub async fn webhook_to(&self, name: &str, url: &str, events: &[&str]) -> WithSecret {
        let events = match events {
            [] => EventTypes::all(),
            events => EventTypes::parse(events.iter().copied()).unwrap(),
        };
        let new = NewEndpoint {
            name: ServiceName::parse(name).unwrap(),
            url: EndpointUrl::parse(url).unwrap(),
            events,
        };
        changes::create(self.services(), &Actor::operator(), new)
            .await
            .unwrap()
    }
}
