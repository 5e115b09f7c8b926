//! Sends events to endpoints of webhooks: one signed JSON request for each attempt. The endpoints are entered in the
//! admin panel and with the CLI, so requests go to public addresses only, see [`PublicAddresses`].

use std::time::Duration;

use aws_lc_rs::hmac;
use reqwest::{Client, Url, header::CONTENT_TYPE, redirect, retry};

use crate::clock::Timestamp;
use crate::delivery::error::DeliveryError;
use crate::delivery::public_addresses::PublicAddresses;
use crate::delivery::standard_webhooks::{reason, signature};

/// An event for an endpoint.
pub struct EventRequest<'a> {
    /// The address of the endpoint.
    pub url: &'a Url,
    /// The secrets that sign the request. During a rotation there are two.
    pub secrets: &'a [Vec<u8>],
    /// The id of the event.
    pub id: &'a str,
    /// The body.
    pub body: &'a str,
}

/// An HTTP client for endpoints of webhooks. Clones share its connections.
#[derive(Clone)]
pub struct EventSender {
    client: Client,
    addresses: PublicAddresses,
}

impl EventSender {
    /// A client with this time limit for a request. It follows no redirects, uses no proxy and repeats nothing. Does
    /// not connect.
    ///
    /// # Errors
    /// [`DeliveryError::Client`].
    pub fn new(addresses: PublicAddresses, timeout: Duration) -> Result<Self, DeliveryError> {
        let client = Client::builder()
            .user_agent(concat!("munjigi/", env!("CARGO_PKG_VERSION")))
            .timeout(timeout)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .no_proxy()
            .connection_verbose(false)
            .dns_resolver(addresses.clone())
            .build()
            .map_err(DeliveryError::Client)?;
        Ok(Self { client, addresses })
    }

    /// The addresses that it may call.
    #[must_use]
    pub fn addresses(&self) -> &PublicAddresses {
        &self.addresses
    }

    /// Sends an event once. Success is a status of 200 to 299; the body of the answer is not read.
    ///
    /// # Errors
    /// Why it was not accepted, without the address.
    pub async fn send(&self, event: &EventRequest<'_>, now: Timestamp) -> Result<(), String> {
        // A name is checked when it is resolved.
        if self.addresses.exclude(event.url) {
            return Err(
                "the address is neither public nor in event_webhooks.allowed_networks".to_owned(),
            );
        }
        let timestamp = now.unix_seconds().to_string();
        let signatures: Vec<String> = event
            .secrets
            .iter()
            .map(|secret| {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                signature(&key, event.id, &timestamp, event.body.as_bytes())
            })
            .collect();
        let response = self
            .client
            .post(event.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", event.id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signatures.join(" "))
            .body(event.body.to_owned())
            .send()
            .await
            .map_err(reason)?;
        if response.status().is_success() {
            Ok(())
        } else {
            Err(format!(
                "the endpoint responded with {}",
                response.status().as_u16()
            ))
        }
    }
}
